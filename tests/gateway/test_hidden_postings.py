"""Readings whose posting their owner hid, on the real chain with the real programs: the bridge's states, its roots, and proofs over the gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from deploy import proof as proof_command
from deploy import verify as verify_command
from gridkit import keys
from gridkit.chain import accounts, hidden, proof
from gridkit.chain.anchor import read_anchor
from gridkit.chain.posting import pack_reading
from gridkit.chain.rpc import Rpc
from gridkit.chain.sender import Sender
from gridkit.chain.tx import instruction
from gridkit.clock import open_clock
from gridkit.reading import Core, detail_hash, sign_reading, split_payload
from oracle_bridge.intake import Intake, Message
from oracle_bridge.metrics import Metrics
from oracle_bridge.post import ZoneWorker
from oracle_bridge.registry import MeterCache
from oracle_bridge.store import Store, open_engine

pytestmark = pytest.mark.integration
PADDING = 63


class Bench:
    """The bridge's parts on the campus' chain and store, worked by hand, and the owners' own postings."""

    def __init__(self, campus: Any) -> None:
        self.campus, self.site = campus, campus.site
        self.on = campus.ledger().deployment
        self.rpc = Rpc(self.site.rpc_url)
        self.metrics = Metrics()
        self.engine = open_engine(self.site.bridge_store)
        store = Store(self.engine)
        meters = MeterCache(self.rpc, self.on.programs["registry"])
        clock = open_clock(self.site.clock)
        tag = bytes.fromhex(self.on.network_tag)
        self.intake = Intake(store, meters, clock, tag, self.site.key("receipts"), self.metrics)
        self.fleet = self.two_of_a_zone()
        self.zone = self.record(0).zone
        poster = self.site.signer("poster")
        self.worker = ZoneWorker(self.rpc, Sender(self.rpc), self.on, self.zone, poster, store, meters, self.metrics)

    def two_of_a_zone(self) -> list[Any]:
        """Return two meters of one zone that nobody has posted for, of other owners than the market tests use."""
        free = [meter for meter in self.site.fleet if meter.owner != "offices"]
        return next([a, b] for a in free for b in free if a.zone == b.zone and a.label < b.label)

    def record(self, which: int) -> accounts.Meter:
        account = self.rpc.account(self.on.meter(self.site.meter_id(self.fleet[which])))
        assert account is not None
        return accounts.decode_meter(account.data)

    def signed(self, which: int, offset: int) -> tuple[Core, bytes]:
        """Return the reading of the meter's n-th interval: core and payload."""
        known = self.record(which)
        core = Core(
            network_tag=bytes.fromhex(self.on.network_tag),
            meter_number=known.meter_number,
            key_epoch=0,
            register_epoch=0,
            interval=known.keys[0].first_interval + offset,
            import_wh=5_000 + 40 * offset,
            export_wh=700 + 90 * offset,
            quality=0,
            clock_error_ms=3,
            detail_hash=detail_hash(b""),
        )
        key = keys.load_key(self.site.device_key_file(self.fleet[which]))
        return core, sign_reading(key, core, b"")

    def store(self, which: int, *offsets: int) -> None:
        number = self.record(which).meter_number
        made = [self.signed(which, offset)[1] for offset in offsets]
        self.intake.process([Message(f"cg/v1/{self.zone}/{number}/reading", payload) for payload in made])

    def hide(self, which: int, *offsets: int) -> str:
        """Post readings as the meter's owner, with 63 empty memos in front."""
        known, meter = self.record(which), self.fleet[which]
        owner, on = self.site.signer(f"user-{meter.owner}"), self.on
        base, packed = self.signed(which, offsets[0])[0].interval, b""
        for offset in offsets:
            core, payload = self.signed(which, offset)
            stored = {"stored_import_wh": 0, "stored_export_wh": 0, "next_epoch": False, "absolute": True}
            packed += pack_reading(known.slot, base, core, split_payload(payload).signature, **stored)
        zone = on.zones[str(self.zone)]
        named = {"poster": owner.address, "council": on.council, "config": on.config("oracle"), "slab": zone.slab}
        named |= {"roots": zone.roots, "meter": on.meter(self.site.meter_id(meter))}
        made = instruction(
            "oracle", on.programs["oracle"], "post_verified", named, (), base_interval=base, readings=packed
        )
        landed = self.campus.send([made], signer=owner, memos=PADDING)
        transaction = self.rpc.transaction(landed.signature)
        assert transaction is not None
        assert not hidden.logs_are_whole(transaction), "the padding hides the event"
        return str(landed.signature)

    def states(self) -> dict[str, int]:
        query = sa.text("SELECT state, count(*) FROM readings_view WHERE zone=:z GROUP BY state")
        with self.engine.connect() as db:
            return {str(state): int(count) for state, count in db.execute(query, {"z": self.zone})}

    def missing(self) -> float:
        return float(self.metrics.roots_missing.labels(str(self.zone))._value.get())

    def applied(self) -> int:
        account = self.rpc.account(self.on.zones[str(self.zone)].slab)
        assert account is not None
        entries = accounts.decode_slab(account.data).entries.values()
        numbers = {self.record(which).meter_number for which in range(2)}
        return sum(entry.applied_count for entry in entries if entry.meter_number in numbers)

    def reading_id(self, which: int, offset: int) -> str:
        core, _ = self.signed(which, offset)
        return f"{core.meter_number}-0-{core.interval}"


@pytest.fixture(scope="module")
def bench(campus: Any) -> Any:
    return Bench(campus)


def test_a_posting_that_the_owner_hid_is_posted_and_proven(bench: Any, tmp_path: Path) -> None:
    """The owner's own posting counts like any other: states, books and proofs hold over it, on the real programs."""
    bench.store(0, 0, 1)
    bench.store(1, 0)
    signature = bench.hide(0, 0, 1)
    for _ in range(3):
        bench.worker.step()
    assert bench.states() == {"settled": 3}
    assert (bench.missing(), bench.applied()) == (0, 3)

    bench.store(1, 3)
    bench.worker.step()
    bench.store(1, 2)
    for _ in range(2):
        bench.worker.step()
    assert bench.states() == {"settled": 4, "superseded": 1}
    assert (bench.missing(), bench.applied()) == (0, 4)

    anchor = read_anchor(bench.rpc, bench.on)
    with bench.campus.client("auditor") as auditor:
        shown = auditor.get(f"/readings/{bench.reading_id(0, 1)}").json()
        assert (shown["state"], shown["signature"]) == ("settled", signature)
        for which, offset in ((0, 0), (0, 1), (1, 0), (1, 3)):
            answer = auditor.get(f"/readings/{bench.reading_id(which, offset)}/proof")
            assert answer.status_code == 200, answer.text
            made = msgspec.convert(answer.json(), proof.ReadingProof)
            proven = proof.verify(proof.decode_proof(proof.encode(made)), anchor)
            assert proven.anchored

    (tmp_path / "anchor.json").write_bytes(proof.encode(anchor))
    where = ["--home", str(bench.site.home), "--rpc", bench.site.rpc_url, "--store", bench.site.bridge_store]
    for which, offset in ((0, 1), (1, 3)):
        out = str(tmp_path / "proof.json")
        assert proof_command.main([bench.reading_id(which, offset), *where, "--out", out]) == 0
        assert verify_command.main([out, "--anchor", str(tmp_path / "anchor.json")]) == verify_command.PROVEN


def test_a_hidden_posting_of_a_reading_that_nobody_else_has_hinders_nothing(
    bench: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bridge cannot say what stands there; everything else of the zone is judged and proven, and the rest is refused clearly."""
    before = bench.states()
    bench.hide(0, 4)
    bench.store(1, 5)
    bench.worker.step()
    bench.store(1, 4)
    bench.worker.step()
    gained = {state: count - before.get(state, 0) for state, count in bench.states().items()}
    assert (gained["settled"], gained["superseded"]) == (1, 1)
    assert bench.missing() == 0
    where = ["--home", str(bench.site.home), "--rpc", bench.site.rpc_url, "--store", bench.site.bridge_store]
    with bench.campus.client("auditor") as auditor:
        assert auditor.get(f"/readings/{bench.reading_id(1, 5)}/proof").status_code == 200

        bench.store(0, 4)  # now it comes, and the root says that it is the one
        for _ in range(2):
            bench.worker.step()
        assert auditor.get(f"/readings/{bench.reading_id(0, 4)}/proof").status_code == 200
        assert proof_command.main([bench.reading_id(0, 4), *where, "--out", str(tmp_path / "p.json")]) == 0

        one = {"z": bench.zone, "n": max(_batches(bench)) - 1}
        with bench.engine.begin() as db:  # as if the ring had passed the root before anybody looked
            kept = db.execute(sa.text("SELECT * FROM batches WHERE zone=:z AND seq=:n"), one).one()
            db.execute(sa.text("UPDATE batches SET root=x'', records=x'' WHERE zone=:z AND seq=:n"), one)
        answers = [auditor.get(f"/readings/{bench.reading_id(*place)}/proof") for place in ((0, 4), (1, 5), (1, 3))]
        refused = [answer.json() for answer in answers if answer.status_code != 200]
        assert refused
        assert {(one["status"], one["code"]) for one in refused} == {(409, "not_provable")}
        with bench.engine.begin() as db:
            put = sa.text("UPDATE batches SET root=:r, records=:c WHERE zone=:z AND seq=:n")
            db.execute(put, {"r": kept.root, "c": kept.records, "z": kept.zone, "n": kept.seq})
    capsys.readouterr()
    assert proof_command.main(["1-0-1", *where]) == 1
    assert "has no reading" in capsys.readouterr().err


def _batches(bench: Any) -> list[int]:
    with bench.engine.connect() as db:
        return [int(row[0]) for row in db.execute(sa.text("SELECT seq FROM batches WHERE zone=:z"), {"z": bench.zone})]
