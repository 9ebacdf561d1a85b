"""Decides what makes one chain differ from every other: a random genesis hash, drawn once per home, and its two keys.

The identity is what getIdentity shows and what produces every block; the faucet holds the lamports of requestAirdrop.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from nacl.signing import SigningKey
from solders.hash import Hash
from solders.pubkey import Pubkey

from gridkit.durable import write_durably
from gridkit.keys import load_or_create


class Genesis(msgspec.Struct, frozen=True):
    """The beginning of a chain.

    Attributes:
        hash: 32 random bytes; readings are bound to it through their network tag.
        identity: Address of the one block producer.
        faucet: Address of the faucet.
        faucet_key: The faucet's secret.
        created_unix_s: Campus time of slot 0, epoch seconds.
    """

    hash: Hash
    identity: Pubkey
    faucet: Pubkey
    faucet_key: SigningKey
    created_unix_s: int


class _File(msgspec.Struct):
    version: int
    genesis_hash: str
    created_unix_s: int


def load_or_make(folder: Path, now_unix_s: int) -> Genesis:
    """Return the genesis of a chain folder, drawn now if there is none.

    Args:
        folder: The chain's folder; made if missing.
        now_unix_s: Campus time, kept as the time of slot 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "genesis.json"
    if not path.exists():
        made = _File(version=1, genesis_hash=str(Hash.from_bytes(os.urandom(32))), created_unix_s=now_unix_s)
        write_durably(path, msgspec.json.encode(made) + b"\n")
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    identity, faucet = load_or_create(folder / "identity.json"), load_or_create(folder / "faucet.json")
    return Genesis(
        hash=Hash.from_string(file.genesis_hash),
        identity=Pubkey.from_bytes(bytes(identity.verify_key)),
        faucet=Pubkey.from_bytes(bytes(faucet.verify_key)),
        faucet_key=faucet,
        created_unix_s=file.created_unix_s,
    )
