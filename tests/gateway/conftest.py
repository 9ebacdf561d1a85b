"""A gateway on a real local chain with the five programs, people and meters enrolled; no broker and no meters run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy import population
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import Site
from deploy.stack import Stack
from gateway.ledger import Ledger
from gridkit import keys
from gridkit.chain import accounts, deployment
from gridkit.chain.deployment import TOKEN_PROGRAM
from gridkit.chain.posting import pack_reading
from gridkit.chain.rpc import Rpc
from gridkit.chain.sender import Landed
from gridkit.chain.tx import Instruction, Signer, instruction, pubkey
from gridkit.interval import interval_at
from gridkit.reading import Core, detail_hash, sign_reading, split_payload
from oracle_bridge.store import open_engine

METERS = 8
MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"
_ENROLLED_BEFORE = 10  # intervals, so that readings can be posted without waiting for an interval to end


class Campus:
    """A running gateway and those who use it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._passwords: dict[str, str] = json.loads((site.home / "accounts.json").read_text())
        self._tokens: dict[str, str] = {}

    def client(self, name: str | None) -> httpx.Client:
        """Return an HTTP client signed in as `name`, or an anonymous one."""
        headers = {}
        if name is not None:
            if name not in self._tokens:
                self._tokens[name] = self.sign_in(name)["access_token"]
            headers["authorization"] = f"Bearer {self._tokens[name]}"
        return httpx.Client(base_url=self.site.api_url, headers=headers, timeout=120)

    def password(self, name: str) -> str:
        """Return somebody's password."""
        return self._passwords[name]

    def sign_in(self, name: str) -> dict[str, Any]:
        """Return a fresh token pair."""
        body = {"username": name, "password": self._passwords[name]}
        answer = httpx.post(f"{self.site.api_url}/auth/login", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ledger(self) -> Ledger:
        """Return a ledger like the gateway's own."""
        return Ledger(Rpc(self.site.rpc_url), deployment.load(self.site.deployment), self.site.key("gateway-payer"))

    def send(self, instructions: list[Instruction], *, signer: Signer, memos: int = 0) -> Landed:
        """Land a transaction by hand, with empty memos in front: 63 of them make the runtime cut what the rest logs."""
        padding = [Instruction(pubkey(MEMO), b"", []) for _ in range(memos)]
        chain = Chain(Rpc(self.site.rpc_url), self.site.signer("gateway-payer"))
        return chain.send("by hand", [*padding, *instructions], [signer])

    def place(self, name: str, *, memos: int = 0, **change: int) -> Landed:
        """Place an order of `name` by hand, from what is free in the seat."""
        ledger, signer = self.ledger(), self.site.signer(f"user-{name}")
        on = ledger.deployment
        args = {"side": 0, "kind": 0, "tick": 30, "lots": 100, "client_id": 1} | change
        named = {"wallet": signer.address, "council": on.council, "market": on.market}
        rest = {"seat": ledger.seat_of(signer.address), "expires_interval": 0, "self_trade": 1, "max_fills": 64}
        made = instruction("trading", on.programs["trading"], "place_order", named, (), **args, **rest)
        return self.send([made], signer=signer, memos=memos)

    def give_grid(self, owner: str, amount_wh: int) -> None:
        """Post two readings of the owner's meter and settle them, so that the owner's row holds GRID."""
        site, on = self.site, self.ledger().deployment
        meter = next(one for one in site.fleet if one.owner == owner)
        chain, poster = Chain(Rpc(site.rpc_url), site.signer("poster")), site.signer("poster")
        account = chain.rpc.account(on.meter(site.meter_id(meter)))
        assert account is not None
        known = accounts.decode_meter(account.data)
        key, packed = keys.load_key(site.device_key_file(meter)), b""
        first = int.from_bytes(account.data[112:116], "little")
        for offset, export_wh in ((0, 1_000), (1, 1_000 + amount_wh)):
            core = Core(
                network_tag=bytes.fromhex(on.network_tag),
                meter_number=int.from_bytes(account.data[12:16], "little"),
                key_epoch=0,
                register_epoch=0,
                interval=first + offset,
                import_wh=0,
                export_wh=export_wh,
                quality=0,
                clock_error_ms=0,
                detail_hash=detail_hash(b""),
            )
            signature = split_payload(sign_reading(key, core, b"")).signature
            stored = {"stored_import_wh": 0, "stored_export_wh": 0, "next_epoch": False, "absolute": True}
            packed += pack_reading(known.slot, first, core, signature, **stored)
        zone = on.zones[str(known.zone)]
        oracle = {"poster": poster.address, "council": on.council, "config": on.config("oracle")}
        oracle |= {"slab": zone.slab, "roots": zone.roots}
        token = {"council": on.council, "config": on.config("energy_token"), "slab": zone.slab, "ledger": zone.ledger}
        token |= {"mint": on.grid_mint, "token_program": TOKEN_PROGRAM}
        token |= {name: on.pda("energy_token", name.encode()) for name in ("vault", "authority")}
        post = {"base_interval": first, "readings": packed}
        settle = {"from_slot": known.slot, "count": 1}
        chain.send(
            "post and settle",
            [
                instruction("oracle", on.programs["oracle"], "post_verified", oracle, (), **post),
                instruction("energy_token", on.programs["energy_token"], "settle_range", token, (), **settle),
            ],
        )


@pytest.fixture(scope="session")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    site = Site(tmp_path_factory.mktemp("campus"), Ports.free(METERS, 2), METERS, 60)
    stack = Stack(site, print)
    started: list[Process] = []
    try:
        for name in ("localnet", "gateway"):
            if name == "gateway":
                chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
                deployed = deploy_local(chain, site, print)
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(population, "interval_at", lambda time_s: interval_at(time_s) - _ENROLLED_BEFORE)
                    population.enrol_all(chain, site, deployed, print)
                (site.home / "bridge").mkdir()
                open_engine(site.bridge_store).dispose()
                population.make_accounts(site)
            process = stack.build(name)
            started.append(process)
            process.start()
            process.wait_ready()
        yield Campus(site)
    finally:
        for process in reversed(started):
            process.stop()
