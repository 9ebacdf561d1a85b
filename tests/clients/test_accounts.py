"""What stands at the published addresses has the size and version that the interface files describe, to anchorpy's eyes."""

from __future__ import annotations

import struct

import pytest
from anchorpy import Idl, Program, Provider, Wallet
from client_campus import PROGRAMS, Campus
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.keypair import Keypair
from solders.pubkey import Pubkey

pytestmark = pytest.mark.integration


async def test_every_account_has_the_size_that_the_idl_describes(campus: Campus) -> None:
    """A field too many or too few in the description shifts every later one, and a balance is read from a hash."""
    zone = struct.pack("<H", campus.zone)
    listed = [
        ("governance", "Council", [b"council"]),
        ("registry", "User", [b"user", bytes(campus.keypair("deployer").pubkey())]),
        *((name, "Config", [b"config"]) for name in PROGRAMS if name != "governance"),
        *((name, "Zone", [b"zone", zone]) for name in ("registry", "oracle", "energy_token")),
    ]
    addresses = {
        (program, account): Pubkey.find_program_address(seeds, campus.programs[program])[0]
        for program, account, seeds in listed
    }
    addresses |= {("oracle", "MeterSlab"): campus.slab, ("oracle", "RootRing"): campus.roots}
    addresses |= {("energy_token", "Ledger"): campus.ledger, ("trading", "Market"): campus.market}
    async with AsyncClient(campus.rpc_url, commitment=Confirmed) as connection:
        provider = Provider(connection, Wallet(Keypair()))
        programs = {
            name: Program(Idl.from_json(campus.idl(name, "legacy")), campus.programs[name], provider)
            for name in PROGRAMS
        }
        for (program, account), address in addresses.items():
            found = (await connection.get_account_info(address)).value
            assert found is not None, (program, account)
            assert len(found.data) == programs[program].account[account].size, (program, account)
            decoded = await programs[program].account[account].fetch(address)
            assert decoded.version == 1, (program, account)
        [zone_found] = await programs["registry"].account["Zone"].all()
        assert zone_found.public_key == addresses["registry", "Zone"]
