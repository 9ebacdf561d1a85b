"""A campus as a stranger meets it: two URLs, the published addresses, keypair files, and one meter of one's own.

Decides how the tests of independent clients get a deployed campus and where its accounts are. Instructions are not built here:
each client builds its own. Nothing here uses the project's chain client.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from nacl.signing import SigningKey
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridkit.enrolment import sign_proof
from gridkit.reading import Core, detail_hash, encode_detail, sign_reading, split_payload
from gridkit.reading import Detail as ReadingDetail

CHECKOUT = Path(__file__).resolve().parents[2]
IDL_FOLDER = CHECKOUT / "programs" / "idl"
PROGRAMS = ("governance", "registry", "oracle", "energy_token", "trading")

SYSTEM = Pubkey.from_string("11111111111111111111111111111111")
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
ATA = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")

SOL = 1_000_000_000
CREDIT = 1_000_000
"""ucredit in one CREDIT."""
INTERVAL_S = 900


@dataclass(frozen=True)
class Campus:
    """One deployed campus; what an operator would publish, and the folder of the keys that a local one keeps.

    Attributes:
        rpc_url, ws_url: The node; the WebSocket is at the RPC port + 1.
        programs: Program id by name.
        market, slab, roots, ledger: Accounts that no seed gives.
        zone: The zone of the three above.
        network_tag: 4 bytes that every reading carries.
        keys: Folder of keypair files: `deployer` is the admin, `poster` an oracle key, `council-1` to `council-3` the council.
    """

    rpc_url: str
    ws_url: str
    programs: dict[str, Pubkey]
    market: Pubkey
    zone: int
    slab: Pubkey
    roots: Pubkey
    ledger: Pubkey
    network_tag: bytes
    keys: Path

    def keypair(self, name: str) -> Keypair:
        """Return the key in a keypair file, a JSON list of 64 numbers."""
        return Keypair.from_bytes(bytes(json.loads((self.keys / f"{name}.json").read_text())))

    def pda(self, program: str, *seeds: bytes) -> Pubkey:
        """Return the address that `seeds` give under a program."""
        return Pubkey.find_program_address(list(seeds), self.programs[program])[0]

    def user(self, wallet: Pubkey) -> Pubkey:
        """Return a wallet's registry user."""
        return self.pda("registry", b"user", bytes(wallet))

    def zone_of(self, program: str) -> Pubkey:
        """Return the Zone account of registry, oracle or energy_token."""
        return self.pda(program, b"zone", struct.pack("<H", self.zone))

    def row(self, wallet: Pubkey) -> Pubkey:
        """Return a wallet's Row account in the zone."""
        return self.pda("energy_token", b"row", struct.pack("<H", self.zone), bytes(wallet))

    def seat_index(self, wallet: Pubkey) -> Pubkey:
        """Return a wallet's SeatIndex."""
        return self.pda("trading", b"seat", bytes(wallet))

    def proposal(self, number: int) -> Pubkey:
        """Return the account of a proposal."""
        return self.pda("governance", b"proposal", struct.pack("<Q", number))

    def credit_account(self, wallet: Pubkey) -> Pubkey:
        """Return a wallet's associated token account for CREDIT."""
        return Pubkey.find_program_address([bytes(wallet), bytes(TOKEN), bytes(self.credit_mint)], ATA)[0]

    @property
    def council(self) -> Pubkey:
        """The governance council."""
        return self.pda("governance", b"council")

    @property
    def credit_mint(self) -> Pubkey:
        """The CREDIT mint."""
        return self.pda("governance", b"credit")

    @property
    def grid_mint(self) -> Pubkey:
        """The GRID mint."""
        return self.pda("energy_token", b"mint")

    def config(self, program: str) -> Pubkey:
        """Return a program's Config."""
        return self.pda(program, b"config")

    def legacy_idl(self, program: str) -> str:
        """Return the text of a program's IDL in the form of Anchor 0.29."""
        return (IDL_FOLDER / f"{program}.legacy.json").read_text()

    def error(self, program: str, name: str) -> tuple[int, str]:
        """Return (code, message) that the published IDL gives an error of that name."""
        listed = json.loads(self.legacy_idl(program))["errors"]
        return next((one["code"], one["msg"]) for one in listed if one["name"] == name)


class Device:
    """A meter with a key of its own, which signs real readings.

    Args:
        campus: Whose network tag the readings carry.
        label: Up to 16 ASCII letters; the meter id.
    """

    def __init__(self, campus: Campus, label: str) -> None:
        self._campus, self._key = campus, SigningKey.generate()
        self.meter_id = label.encode().ljust(16, b"\0")
        self.serial_hash = hashlib.sha256(label.encode()).digest()

    @property
    def public_key(self) -> bytes:
        """The device key, 32 bytes."""
        return bytes(self._key.verify_key)

    @property
    def account(self) -> Pubkey:
        """The registry's Meter."""
        return self._campus.pda("registry", b"meter", self.meter_id)

    def proof(self, owner: Pubkey) -> bytes:
        """Return the proof that this device holds its key, 64 bytes."""
        return sign_proof(self._key, self._campus.network_tag, bytes(owner), self.meter_id)

    def posted(
        self, *, meter_number: int, slot: int, offset: int, interval: int, import_wh: int, export_wh: int
    ) -> bytes:
        """Return one signed reading as post_verified takes it, both registers with all their bytes.

        Args:
            meter_number, slot: From the registry.
            offset: Intervals above the instruction's base interval.
            interval: Of the reading.
            import_wh, export_wh: Registers at its end, Wh.
        """
        detail = encode_detail(
            ReadingDetail(
                version=1,
                meter_serial="",
                profile_id="hand",
                profile_hash=bytes(8),
                agent_version="0",
                opening_interval=0,
                opening_import_wh=import_wh,
                opening_export_wh=export_wh,
                opening_read_ms=0,
                closing_read_ms=0,
                sample_count=1,
                frequency_mhz=None,
                phases=(),
                checks=(),
                previous_core_hash=b"",
            )
        )
        core = Core(
            network_tag=self._campus.network_tag,
            meter_number=meter_number,
            key_epoch=0,
            register_epoch=0,
            interval=interval,
            import_wh=import_wh,
            export_wh=export_wh,
            quality=0,
            clock_error_ms=0,
            detail_hash=detail_hash(detail),
        )
        signature = split_payload(sign_reading(self._key, core, detail)).signature
        absolute_with_offset = 3 | 3 << 2 | 0x80
        head = struct.pack("<BBHQQ", slot, absolute_with_offset, offset, import_wh, export_wh)
        return head + core.detail_hash + signature


def free_pair() -> int:
    """Return a port that is free together with the next one: a node's WebSocket is at its RPC port + 1."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
