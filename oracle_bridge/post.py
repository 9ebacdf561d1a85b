"""Brings one zone's stored readings onto the chain and their energy into the ledger: look, plan, send, follow, settle.

What each step means is decided in `plan.py` and `follow.py`; here it is done. Sending twice is harmless: the slab's watermark
lets every reading in once, so nothing about transactions under way is kept on disk.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction

from gridkit.chain import accounts, idl
from gridkit.chain.accounts import Ledger, Roots, Slab, SlabEntry
from gridkit.chain.deployment import TOKEN_PROGRAM, Deployment
from gridkit.chain.posting import USUAL_READINGS
from gridkit.chain.rpc import Rpc, RpcError
from gridkit.chain.sender import Build, Expired, Landed, Outcome, Refused, Sender
from gridkit.chain.tx import MAX_WIRE_BYTES, Signed, Signer, Template, instruction, pubkey, sign
from gridkit.log import get_logger
from gridkit.reading import core_digest
from oracle_bridge import plan as planning
from oracle_bridge.follow import Follower, Result
from oracle_bridge.metrics import Metrics
from oracle_bridge.notebook import Notebook
from oracle_bridge.plan import SKIP_NAMES, Answer, Plan, Shot
from oracle_bridge.registry import MeterCache, RegistryUnavailableError
from oracle_bridge.store import Key, Pending, State, Store

log = get_logger("bridge.post")

PENDING_MAX = 4_000
"""Most pending readings looked at in one step; the oldest come first, so the rest waits for the next step."""
IN_FLIGHT = 64
"""Transactions sent in one request and followed together. Working in the answers of one request while the next is on its way
was tried: no faster, and a twentieth more processor time."""
WAVE_READINGS = IN_FLIGHT * USUAL_READINGS
"""As many that wait are worth a step at once; for fewer the loop lingers, since every step looks at the whole zone."""
WAVES = 50
"""Most waves of one step: a step must come to an end, so that the registry, a pause and the other zones are seen."""
SYNC_PAUSE_S = 5.0
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_TABLE_HEADER = 56


class View(msgspec.Struct, frozen=True):
    """A zone as the chain confirmed it at one slot."""

    slab: Slab
    roots: Roots
    ledger: Ledger
    slot: int


class Step(msgspec.Struct, frozen=True):
    """What one step did. `busy` = there is more to do at once."""

    posted: int = 0
    settled: int = 0
    busy: bool = False


class ZoneWorker:
    """Posts and settles one zone. One thread at a time.

    Args:
        rpc, sender: The chain.
        deployment: Where everything is.
        zone: Zone number.
        poster: Registered oracle key; pays the fees.
        store: Readings and their outbox.
        meters: The registry.
        metrics: Counters.
        monotonic: Wall time, replaced in tests.
    """

    def __init__(
        self,
        rpc: Rpc,
        sender: Sender,
        deployment: Deployment,
        zone: int,
        poster: Signer,
        store: Store,
        meters: MeterCache,
        metrics: Metrics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpc, self._sender, self._on, self.zone = rpc, sender, deployment, zone
        self._poster, self._store, self._meters, self._metrics = poster, store, meters, metrics
        self._monotonic = monotonic
        self._addresses = deployment.zones[str(zone)]
        self._notebook = Notebook(store)
        self._follower = Follower(
            rpc,
            store,
            deployment.programs["oracle"],
            zone,
            self._addresses.roots,
            lambda: self._look().slab.entries,
            self._notebook,
        )
        self._absolute: set[Key] = set()
        self._synced_at_s: dict[int, float] = {}
        self._not_before_s = float("-inf")
        self._failures = 0
        self._tables: tuple[AddressLookupTableAccount, ...] | None = None
        self._template: Template | None = None
        self._capacity = 0
        self.next_seq = 0

    def step(self) -> Step:
        """Do what can be done now.

        Raises:
            gridkit.chain.rpc.RpcError: The chain does not answer; ask again later.
        """
        view = self._look()
        answers = self._follower.catch_up()
        del answers  # Whoever they were for has its state from the same events.
        complete = self._check_roots(view.roots)
        posted = 0
        pending = self._store.pending(self.zone, PENDING_MAX)
        try:
            if pending:
                self._notebook.hold()
                posted = self._post_all(pending, view, complete=complete)
            settled = self._settle()
        finally:
            self._notebook.drop()
        return Step(posted, settled, busy=bool(posted) and self._store.has_pending(self.zone, WAVE_READINGS))

    def _post_all(self, pending: Sequence[Pending], view: View, *, complete: bool) -> int:
        """Post in waves until nothing moves; return how many readings were applied.

        Between waves the slab is not read again: what the program's answers say has been applied is written into our copy.
        """
        entries = dict(view.slab.entries)
        plan = self._plan(pending, entries)
        if complete:
            self._conclude_passed(plan, view)
        for key, reason in plan.withheld:
            self._withhold(key, reason)
        if self._monotonic() < self._not_before_s:
            return 0
        self._copy_registry(plan)
        posted = 0
        queues = _queues(pending, plan)
        for _ in range(WAVES):
            applied = self._shoot(plan.shots)
            posted += len(applied)
            for reading in applied:
                entries[reading.slot] = planning.after(entries[reading.slot], reading)
                queues[reading.meter_number].remove(reading)
            heads = [reading for queue in queues.values() for reading in queue[:USUAL_READINGS]]
            if not applied or not heads:
                break
            plan = self._plan(heads, entries)
        return posted

    # Looking

    def _look(self) -> View:
        """Read slab, roots and ledger at one slot."""
        names = [self._addresses.slab, self._addresses.roots, self._addresses.ledger]
        slab, roots, ledger = self._rpc.accounts(names)
        if slab is None or roots is None or ledger is None:
            raise RpcError(f"zone {self.zone} is not on this chain: slab, roots or ledger is missing")
        found = View(
            accounts.decode_slab(slab.data),
            accounts.decode_roots(roots.data),
            accounts.decode_ledger(ledger.data),
            slab.slot,
        )
        self.next_seq = found.roots.next_seq
        return found

    def _check_roots(self, roots: Roots) -> bool:
        """Return whether every root that the chain had is known here, so that a missing record is missing on the chain or in doubt."""
        missing, wrong = self._follower.compare(roots)
        self._metrics.roots_missing.labels(str(self.zone)).set(max(0, missing))
        self._metrics.roots_unexplained.labels(str(self.zone)).set(self._follower.unexplained)
        self._metrics.roots_wrong.labels(str(self.zone)).set(int(wrong))
        if wrong:
            log.error("roots_differ", zone=self.zone, next_seq=roots.next_seq)
        elif missing > 0:
            log.warning("roots_missing", zone=self.zone, missing=missing)
        return missing <= 0 and not wrong

    def _plan(self, pending: Sequence[Pending], entries: Mapping[int, SlabEntry]) -> Plan:
        try:
            meters = self._meters.meters()
        except RegistryUnavailableError:
            meters = {}
        return planning.plan(pending, entries, meters, self._room(), frozenset(self._absolute))

    def _conclude_passed(self, plan: Plan, view: View) -> None:
        """Call superseded what the watermark has passed without it, but for readings that may be in the roots all the same."""
        if not plan.passed:
            return
        doubted = self._follower.in_doubt(plan.passed, view.roots)
        judged = [key for key in plan.passed if key not in doubted]
        entries = view.slab.entries.values()
        reached = {entry.meter_number: (entry.acc_import_wh, entry.acc_export_wh) for entry in entries}
        passed = self._store.claim(self.zone, judged, reached)
        done = self._store.conclude(self.zone, passed, State.SUPERSEDED)
        if done:
            log.info("readings_superseded", zone=self.zone, count=done)

    def _withhold(self, key: Key, reason: str) -> None:
        if self._store.conclude(self.zone, [key], State.WITHHELD, reason):
            log.warning(
                "reading_withheld",
                zone=self.zone,
                meter_number=key[0],
                register_epoch=key[1],
                interval=key[2],
                reason=reason,
            )

    # Copying the registry into the slab (anyone may; so a forgotten sync heals itself)

    def _copy_registry(self, plan: Plan) -> None:
        now_s = self._monotonic()
        wanted = [(number, "enroll_meter") for number in sorted(plan.enroll)]
        wanted += [(number, "sync_key") for number in sorted(plan.sync)]
        builds = []
        for number, name in wanted:
            address = self._meters.address(number)
            if address is None or now_s - self._synced_at_s.get(number, float("-inf")) < SYNC_PAUSE_S:
                continue
            self._synced_at_s[number] = now_s
            builds.append(self._build([self._oracle(name, {"slab": self._addresses.slab, "meter": address})]))
        for outcome in self._sender.send_all(builds) if builds else []:
            self._count(outcome, "oracle")

    # Posting

    def _shoot(self, shots: Sequence[Shot]) -> list[Pending]:
        """Send the transactions of one wave; return the readings that were applied."""
        applied: list[Pending] = []
        for at in range(0, len(shots), IN_FLIGHT):
            wave = shots[at : at + IN_FLIGHT]
            # Without simulation: these instructions have one shape, and a reading that fails is skipped, not reverted.
            outcomes = self._sender.send_all([self._posting(shot) for shot in wave], skip_preflight=True)
            expected = {
                core_digest(reading.core, reading.device_key): reading.key for shot in wave for reading in shot.items
            }
            answers = self._follower.catch_up(expected)
            for shot, outcome in zip(wave, outcomes, strict=True):
                self._count(outcome, "oracle")
                if isinstance(outcome, Landed) and outcome.error is None:
                    applied += self._answered(shot, answers.get(outcome.signature, []))
            if not any(isinstance(outcome, Landed) and outcome.error is None for outcome in outcomes):
                self._back_off()
                break
            self._failures = 0
        return applied

    def _answered(self, shot: Shot, results: Sequence[Result]) -> list[Pending]:
        applied: list[Pending] = []
        for reading, result in zip(shot.items, results, strict=False):
            what = planning.answer(result.reason, was_absolute=reading.key in self._absolute)
            if what is Answer.DONE:
                applied.append(reading)
                self._absolute.discard(reading.key)
                continue
            name = SKIP_NAMES.get(result.reason, str(result.reason))
            self._metrics.skipped(name)
            log.info(
                "reading_skipped",
                zone=self.zone,
                meter_number=reading.meter_number,
                interval=reading.interval,
                reason=name,
            )
            if what is Answer.WITHHOLD:
                self._absolute.discard(reading.key)
                self._withhold(reading.key, name)
            elif what is Answer.ABSOLUTE:
                self._absolute.add(reading.key)
            elif what is Answer.SYNC:
                self._sync_one(reading.meter_number)
        return applied

    def _sync_one(self, meter_number: int) -> None:
        address = self._meters.address(meter_number)
        if address is not None:
            accounts_ = {"slab": self._addresses.slab, "meter": address}
            self._count(self._sender.send(self._build([self._oracle("sync_key", accounts_)])), "oracle")

    def _back_off(self) -> None:
        pause_s = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        self._not_before_s = self._monotonic() + pause_s

    def _posting(self, shot: Shot) -> Build:
        if self._template is None:
            self._template = Template(self._post_instruction(0, b""), self._poster, self._lookup_tables())
        data = idl.encode("oracle", "post_verified", base_interval=shot.base_interval, readings=shot.data)
        return functools.partial(self._template.sign, data)

    def _post_instruction(self, base_interval: int, data: bytes) -> Instruction:
        named = {
            "poster": self._poster.address,
            "council": self._on.council,
            "config": self._on.config("oracle"),
            "slab": self._addresses.slab,
            "roots": self._addresses.roots,
        }
        return self._oracle("post_verified", named, base_interval=base_interval, readings=data)

    def _oracle(self, name: str, named: Mapping[str, str], **args: Any) -> Instruction:
        return instruction("oracle", self._on.programs["oracle"], name, named, **args)

    def _build(self, instructions: Sequence[Instruction]) -> Callable[[str, int], Signed]:
        tables = self._lookup_tables()

        def build(blockhash: str, last_valid_block_height: int) -> Signed:
            return sign(instructions, [self._poster], blockhash, last_valid_block_height, tables)

        return build

    def _room(self) -> int:
        """Return how many bytes of packed readings one transaction holds; measured once on an empty one."""
        if not self._capacity:
            # 600 zero bytes: the two-byte length prefix of a full transaction is then in the measure.
            empty = self._build([self._post_instruction(0, bytes(600))])(str(pubkey(self._on.council)), 0)
            self._capacity = MAX_WIRE_BYTES - (len(empty.wire) - 600)
        return self._capacity

    def _lookup_tables(self) -> tuple[AddressLookupTableAccount, ...]:
        if self._tables is None:
            self._tables = ()
            if self._on.lookup_table:
                account = self._rpc.account(self._on.lookup_table)
                if account is None:
                    log.warning("lookup_table_missing", address=self._on.lookup_table)
                else:
                    raw = account.data[_TABLE_HEADER:]
                    listed = [type(self._poster.pubkey).from_bytes(raw[at : at + 32]) for at in range(0, len(raw), 32)]
                    self._tables = (AddressLookupTableAccount(pubkey(self._on.lookup_table), listed),)
        return self._tables

    # Settling

    def _settle(self) -> int:
        view = self._look()
        ranges = settle_ranges(view.slab.entries, view.ledger)
        if ranges and self._monotonic() >= self._not_before_s:
            outcomes = self._sender.send_all([self._build([self._settle_instruction(*found)]) for found in ranges])
            for outcome in outcomes:
                self._count(outcome, "energy_token")
            if any(isinstance(outcome, Landed) and outcome.error is None for outcome in outcomes):
                view = self._look()
            else:
                self._back_off()
        totals = {meter.meter_number: meter for meter in view.ledger.meters.values() if meter.row != accounts.NO_ROW}

        def reached(meter_number: int, import_wh: int, export_wh: int) -> bool:
            meter = totals.get(meter_number)
            return meter is not None and meter.settled_import_wh >= import_wh and meter.settled_export_wh >= export_wh

        settled = self._notebook.write(
            self.zone, lambda applied: reached(applied.meter_number, applied.acc_import_wh, applied.acc_export_wh)
        )
        done = [key for key, *energy in self._store.unsettled(self.zone) if reached(key[0], *energy)]
        return settled + (self._store.settle(self.zone, done) if done else 0)

    def _settle_instruction(self, from_slot: int, count: int) -> Instruction:
        on = self._on
        named = {
            "council": on.council,
            "config": on.config("energy_token"),
            "slab": self._addresses.slab,
            "ledger": self._addresses.ledger,
            "mint": on.grid_mint,
            "vault": on.pda("energy_token", b"vault"),
            "authority": on.pda("energy_token", b"authority"),
            "token_program": TOKEN_PROGRAM,
        }
        return instruction(
            "energy_token", on.programs["energy_token"], "settle_range", named, from_slot=from_slot, count=count
        )

    # Outcomes

    def _count(self, outcome: Outcome, program: str) -> None:
        if isinstance(outcome, Landed):
            failed = outcome.error is not None
            self._metrics.transaction("failed" if failed else "landed")
            if failed:
                self._log_failure("transaction_failed", outcome.error, outcome.custom_code, program, outcome.signature)
        elif isinstance(outcome, Refused):
            self._metrics.transaction("refused")
            self._log_failure("transaction_refused", outcome.error or outcome.message, outcome.custom_code, program, "")
        elif isinstance(outcome, Expired):
            self._metrics.transaction("expired")
            log.warning("transaction_expired", zone=self.zone, signature=outcome.signature)
        else:
            self._metrics.transaction("unknown")
            log.warning("transaction_unknown", zone=self.zone, signature=outcome.signature)

    def _log_failure(self, event: str, error: Any, code: int | None, program: str, signature: str) -> None:
        known = idl.error(program, code) if code is not None else None
        name = known.name if known is not None else ""
        log.warning(event, zone=self.zone, error=error, code=code, name=name, program=program, signature=signature)


MAX_SETTLE_COUNT = 128
"""Most slots of one settle_range. Source: energy_token's interface."""


def settle_ranges(entries: Mapping[int, SlabEntry], ledger: Ledger) -> list[tuple[int, int]]:
    """Return (first slot, count) of the settle_range calls that would change something, each of at most 128 slots.

    A slot is worth a call when its meter is attached and has energy that is not settled, or when its row has both a debt
    and a balance to pay it from.
    """
    due = []
    for slot, meter in ledger.meters.items():
        entry = entries.get(slot)
        if entry is None or meter.row == accounts.NO_ROW or meter.meter_number != entry.meter_number:
            continue
        row = ledger.rows.get(meter.row)
        indebted = row is not None and row.debt_atoms > 0 and row.balance_atoms > 0
        grown = entry.acc_import_wh > meter.settled_import_wh or entry.acc_export_wh > meter.settled_export_wh
        if grown or indebted:
            due.append(slot)
    ranges: list[tuple[int, int]] = []
    for slot in sorted(due):
        if ranges and slot - ranges[-1][0] < MAX_SETTLE_COUNT:
            ranges[-1] = (ranges[-1][0], slot - ranges[-1][0] + 1)
        else:
            ranges.append((slot, 1))
    return ranges


def _queues(pending: Sequence[Pending], plan: Plan) -> dict[int, list[Pending]]:
    """Return what is left to post by meter, oldest first."""
    gone = {*plan.passed, *(key for key, _ in plan.withheld)}
    queues: dict[int, list[Pending]] = {}
    for reading in pending:
        if reading.key not in gone:
            queues.setdefault(reading.meter_number, []).append(reading)
    return queues
