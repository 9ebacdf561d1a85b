"""What one deployment is: genesis, program ids, zones and market, in `<home>/deployment.json`; and the addresses that follow from them."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import msgspec
from solders.pubkey import Pubkey

SYSTEM_PROGRAM = "11111111111111111111111111111111"
TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
ATA_PROGRAM = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
LOADER_V3 = "BPFLoaderUpgradeab1e11111111111111111111111"


class ZoneAddresses(msgspec.Struct, frozen=True):
    """Client-created accounts of one zone, base58."""

    slab: str
    roots: str
    ledger: str


class Deployment(msgspec.Struct, frozen=True):
    """One deployment of the five programs.

    Attributes:
        genesis_hash: Of the chain, base58.
        network_tag: 8 hex digits: first 4 bytes of SHA-256(`campusgrid` ‖ genesis hash ‖ oracle program id).
        programs: Program id in base58 by interface name.
        market: The market account.
        zones: By zone number in decimal.
        lookup_table: Address lookup table with the accounts that posting names, or empty.
        grid_mint, credit_mint: SPL mints of 6 decimals.
        auctions: The market's auctions, or empty: a deployment from before they were.
    """

    genesis_hash: str
    network_tag: str
    programs: dict[str, str]
    market: str
    zones: dict[str, ZoneAddresses]
    grid_mint: str
    credit_mint: str
    lookup_table: str = ""
    auctions: str = ""

    def pda(self, program: str, *seeds: bytes) -> str:
        """Return the program-derived address of `seeds` under one of the five programs, derived once."""
        return derive(self.programs[program], *seeds)

    def user(self, wallet: str) -> str:
        """Return the registry User of a wallet."""
        return self.pda("registry", b"user", _raw(wallet))

    def meter(self, meter_id: bytes) -> str:
        """Return the registry Meter of a 16-byte meter id."""
        return self.pda("registry", b"meter", meter_id)

    def zone_pda(self, program: str, zone: int) -> str:
        """Return the Zone account of registry, oracle or energy_token."""
        return self.pda(program, b"zone", zone.to_bytes(2, "little"))

    def row(self, zone: int, wallet: str) -> str:
        """Return the energy_token Row account of (zone, wallet)."""
        return self.pda("energy_token", b"row", zone.to_bytes(2, "little"), _raw(wallet))

    def seat_index(self, wallet: str) -> str:
        """Return the trading SeatIndex of a wallet."""
        return self.pda("trading", b"seat", _raw(wallet))

    @property
    def council(self) -> str:
        """Return the governance council."""
        return self.pda("governance", b"council")

    def config(self, program: str) -> str:
        """Return the Config account of a program."""
        return self.pda(program, b"config")


def network_programs(deployment: Deployment) -> dict[str, str]:
    """Return interface names by program id, as `idl.events_in` wants them."""
    return {address: name for name, address in deployment.programs.items()}


@functools.lru_cache(maxsize=65_536)
def derive(program_id: str, *seeds: bytes) -> str:
    """Return the program-derived address of `seeds`, base58."""
    return str(Pubkey.find_program_address(list(seeds), Pubkey.from_string(program_id))[0])


@functools.lru_cache(maxsize=65_536)
def associated_token_account(owner: str, mint: str) -> str:
    """Return the associated token account of (owner, mint) under the SPL Token program."""
    return derive(ATA_PROGRAM, _raw(owner), _raw(TOKEN_PROGRAM), _raw(mint))


@functools.lru_cache(maxsize=65_536)
def _raw(address: str) -> bytes:
    return bytes(Pubkey.from_string(address))


def load(path: Path) -> Deployment:
    """Return the deployment in a file.

    Raises:
        FileNotFoundError: The file is missing: nothing has been deployed into this home.
        msgspec.ValidationError: It is not a deployment file.
    """
    return msgspec.json.decode(path.read_bytes(), type=Deployment)


def save(path: Path, deployment: Deployment) -> None:
    """Write a deployment file whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(deployment), indent=2))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
