"""A campus as a stranger meets it: two URLs, the published addresses and keypair files.

Decides how the tests of independent clients get a deployed campus and where its accounts are. Instructions are not built here:
each client builds its own. Nothing here uses the project's chain client.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from solders.keypair import Keypair
from solders.pubkey import Pubkey

CHECKOUT = Path(__file__).resolve().parents[2]
IDL_FOLDER = CHECKOUT / "programs" / "idl"
PROGRAMS = ("governance", "registry", "oracle", "energy_token", "trading")

SYSTEM = Pubkey.from_string("11111111111111111111111111111111")
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
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
        interval: The campus's present interval, when it was deployed.
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
    interval: int
    keys: Path

    def keypair(self, name: str) -> Keypair:
        """Return the key in a keypair file, a JSON list of 64 numbers."""
        return Keypair.from_bytes(bytes(json.loads((self.keys / f"{name}.json").read_text())))

    def idl(self, program: str, form: str) -> str:
        """Return the text of a program's IDL: `legacy` is the form of Anchor 0.29, `new` that of spec 0.1.0."""
        return (IDL_FOLDER / f"{program}{'.legacy' if form == 'legacy' else ''}.json").read_text()

    def error(self, program: str, name: str) -> tuple[int, str]:
        """Return (code, message) that the published IDL gives an error of that name."""
        listed = json.loads(self.idl(program, "legacy"))["errors"]
        return next((one["code"], one["msg"]) for one in listed if one["name"] == name)


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
