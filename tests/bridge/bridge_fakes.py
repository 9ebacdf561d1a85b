"""A chain for the bridge's tests: JSON-RPC over real transactions and real account bytes, with the oracle's rules in Python.

It is a stand-in for a node with the programs deployed, not a second implementation of them: what the programs decide is
tested against the programs themselves. It can lose, delay and refuse transactions on request.
`serve` puts it behind HTTP for tests that kill the bridge.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nacl.signing import SigningKey
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from gridkit import reading
from gridkit.chain import accounts, deployment, idl, merkle, proof
from gridkit.chain.rpc import NodeUnreachableError, Rpc
from gridkit.interval import INTERVAL_S, is_acceptable
from gridkit.programs import base58
from gridkit.quality import NO_POST_MASK

PROGRAMS = ("governance", "registry", "oracle", "energy_token", "trading")
PAUSED = 7
BASE_INTERVAL = 1_992_960
MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"
LOG_LIMIT = 10_000
PADDING = 63
"""So many empty memos leave no room in the logs for anything else."""


def address(name: str) -> Pubkey:
    """Return a fixed address for a name."""
    return Pubkey.from_bytes(hashlib.sha256(name.encode()).digest())


GENESIS = str(address("genesis"))
IDS = {name: address(f"program {name}") for name in PROGRAMS}
PROXY = str(address("program proxy"))
TAG = reading.network_tag(bytes(address("genesis")), bytes(IDS["oracle"]))


def make_deployment(zones: tuple[int, ...] = (1,)) -> deployment.Deployment:
    """Return the deployment that FakeChain serves."""
    return deployment.Deployment(
        genesis_hash=GENESIS,
        network_tag=TAG.hex(),
        programs={name: str(key) for name, key in IDS.items()},
        market=str(address("market")),
        zones={
            str(zone): deployment.ZoneAddresses(
                slab=str(address(f"slab {zone}")),
                roots=str(address(f"roots {zone}")),
                ledger=str(address(f"ledger {zone}")),
            )
            for zone in zones
        },
        grid_mint=str(address("mint")),
        credit_mint=str(address("credit")),
    )


class FakeMeter:
    """A meter: its key, its registry record and the readings it signs."""

    def __init__(self, number: int, zone: int = 1, slot: int | None = None, max_wh_interval: int = 5_000) -> None:
        self.number, self.zone, self.slot = number, zone, number - 1 if slot is None else slot
        self.key = SigningKey(hashlib.sha256(f"meter {number}".encode()).digest())
        self.max_wh_interval = max_wh_interval
        self.status = accounts.STATUS_ACTIVE
        self.key_epoch = 0
        self.register_epoch = 0
        self.keys: list[tuple[bytes, int, int, int]] = [(bytes(self.key.verify_key), 0, 0, 0)]

    def rotate(self, first_interval: int) -> None:
        """Give the meter a new key from an interval on."""
        self.key_epoch += 1
        self.key = SigningKey(hashlib.sha256(f"meter {self.number} {self.key_epoch}".encode()).digest())
        self.keys.insert(0, (bytes(self.key.verify_key), first_interval, self.key_epoch, 0))

    def registry_account(self) -> bytes:
        """Return the 384 bytes of its registry account."""
        data = bytearray(accounts.METER_SIZE)
        data[:8] = accounts.discriminator("Meter")
        struct.pack_into(
            "<BBI16s32sHHIIHH",
            data,
            10,
            self.status,
            2,
            self.number,
            self.number.to_bytes(16, "big"),
            bytes(address(f"owner {self.number}")),
            self.zone,
            self.slot,
            self.max_wh_interval * 4,
            self.max_wh_interval,
            self.key_epoch,
            self.register_epoch,
        )
        for place, key in enumerate(self.keys[:4]):
            struct.pack_into("<32sIHH", data, 80 + 40 * place, *key)
        return bytes(data)

    def core(self, interval: int, import_wh: int, export_wh: int, **changes: Any) -> reading.Core:
        """Return the core of one of its readings."""
        fields: dict[str, Any] = {
            "network_tag": TAG,
            "meter_number": self.number,
            "key_epoch": self.key_epoch,
            "register_epoch": self.register_epoch,
            "interval": interval,
            "import_wh": import_wh,
            "export_wh": export_wh,
            "quality": 0,
            "clock_error_ms": 12,
            "detail_hash": reading.detail_hash(b""),
        }
        return reading.Core(**(fields | changes))

    def payload(self, interval: int, import_wh: int, export_wh: int = 0, **changes: Any) -> bytes:
        """Return one of its signed readings, with an empty detail."""
        key = changes.pop("signing_key", self.key)
        return reading.sign_reading(key, self.core(interval, import_wh, export_wh, **changes), b"")

    @property
    def topic(self) -> str:
        """Return where its readings are published."""
        return f"cg/v1/{self.zone}/{self.number}/reading"


class _Entry:
    def __init__(self) -> None:
        self.key_current = self.key_previous = bytes(32)
        self.import_wh = self.export_wh = self.acc_import_wh = self.acc_export_wh = 0
        self.meter_number = self.last_interval = self.switch_interval = self.max_wh_interval = self.applied_count = 0
        self.key_epoch = self.register_epoch = self.status = self.flags = 0

    def pack(self) -> bytes:
        return struct.pack(
            "<32s32s6Q6IHHBBH",
            self.key_current,
            self.key_previous,
            self.import_wh,
            self.export_wh,
            self.acc_import_wh,
            self.acc_export_wh,
            0,
            0,
            self.meter_number,
            self.last_interval,
            self.switch_interval,
            self.max_wh_interval,
            0,
            self.applied_count,
            self.key_epoch,
            self.register_epoch,
            self.status,
            2,
            self.flags,
        )


class _Zone:
    def __init__(self, zone: int) -> None:
        self.zone = zone
        self.entries = [_Entry() for _ in range(accounts.SLOT_COUNT)]
        self.roots: list[tuple[int, int, bytes]] = []
        self.records = 0
        self.settled = [[0, 0, 0, accounts.NO_ROW] for _ in range(accounts.SLOT_COUNT)]
        self.minted_atoms = 0

    def slab(self) -> bytes:
        head = struct.pack(
            "<8sBBHHBx4s4x32s32s32s40x",
            accounts.discriminator("MeterSlab"),
            1,
            0,
            self.zone,
            256,
            0,
            TAG,
            bytes(address(f"roots {self.zone}")),
            bytes(IDS["registry"]),
            bytes(32),
        )
        return head + b"".join(entry.pack() for entry in self.entries)

    def ring(self) -> bytes:
        data = bytearray(accounts.ROOTS_SIZE)
        data[:8] = accounts.discriminator("RootRing")
        struct.pack_into("<HH2xQ32sQ", data, 10, self.zone, 220, len(self.roots), bytes(32), self.records)
        for seq, (interval, count, root) in enumerate(self.roots):
            struct.pack_into("<IHH32s", data, 160 + 40 * (seq % 220), interval, count, 1, root)
        for height, peak in merkle.peaks([root for _, _, root in self.roots]).items():
            data[8960 + 32 * height : 8992 + 32 * height] = peak
        return bytes(data)

    def ledger(self) -> bytes:
        data = bytearray(accounts.LEDGER_SIZE)
        data[:8] = accounts.discriminator("Ledger")
        struct.pack_into("<HHH", data, 10, self.zone, 1, 512)
        struct.pack_into("<Q", data, 80, self.minted_atoms)
        for slot, row in enumerate(self.settled):
            struct.pack_into("<QQIH", data, 256 + 24 * slot, *row)
        return bytes(data)


class FakeChain:
    """The chain. Faults: `lost` transactions are accepted and never land; `paused` refuses post_verified; `away` is silent.

    Args:
        now_s: Returns campus time.
        zones: Zones that exist.
    """

    def __init__(self, now_s: Callable[[], int], zones: tuple[int, ...] = (1,)) -> None:
        self._now_s = now_s
        self.meters: dict[int, FakeMeter] = {}
        self.zones = {zone: _Zone(zone) for zone in zones}
        self.height = 100
        self.lost = 0
        self.paused = False
        self.away = False
        self.hold_transactions = False
        self.landed: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.sent: list[str] = []
        self.posted_readings = 0
        self._lock = threading.RLock()

    # Set-up

    def enrol(self, meter: FakeMeter, *, slab: bool = True) -> FakeMeter:
        """Put a meter into the registry, and into slab and ledger."""
        self.meters[meter.number] = meter
        if slab:
            self._enroll(meter)
        return meter

    def _enroll(self, meter: FakeMeter) -> None:
        entry = self.zones[meter.zone].entries[meter.slot]
        entry.meter_number = meter.number
        self._sync(meter)
        entry.register_epoch = meter.register_epoch
        self.zones[meter.zone].settled[meter.slot][2:] = [meter.number, 0]

    def _sync(self, meter: FakeMeter) -> None:
        entry = self.zones[meter.zone].entries[meter.slot]
        entry.key_current, entry.switch_interval, entry.key_epoch = meter.keys[0][:3]
        entry.key_previous = meter.keys[1][0] if len(meter.keys) > 1 and not meter.keys[1][3] else bytes(32)
        entry.status, entry.max_wh_interval = meter.status, meter.max_wh_interval
        if meter.register_epoch == entry.register_epoch + 1:
            entry.flags |= accounts.ENTRY_NEXT_EPOCH_APPROVED

    def meter_address(self, meter: FakeMeter) -> str:
        """Return where the meter's registry account stands."""
        return str(address(f"registry meter {meter.number}"))

    # JSON-RPC

    def handle(self, body: Any) -> Any:
        """Answer one request or a batch."""
        with self._lock:
            return [self._one(item) for item in body] if isinstance(body, list) else self._one(body)

    def _one(self, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer["result"] = getattr(self, "_rpc_" + request["method"])(*request.get("params", []))
        except _Refusal as refusal:
            answer["error"] = refusal.error
        return answer

    def _rpc_getGenesisHash(self) -> str:
        return GENESIS

    def _rpc_getBlockHeight(self, _options: Any = None) -> int:
        return self.height

    def _rpc_getLatestBlockhash(self, _options: Any = None) -> Any:
        blockhash = str(address(f"block {self.height}"))
        return {
            "context": {"slot": self.height},
            "value": {"blockhash": blockhash, "lastValidBlockHeight": self.height + 150},
        }

    def _rpc_getSignatureStatuses(self, signatures: list[str], _options: Any = None) -> Any:
        value = [
            {"slot": found["slot"], "err": found["meta"]["err"], "confirmationStatus": "confirmed", "confirmations": 1}
            if (found := self.landed.get(signature))
            else None
            for signature in signatures
        ]
        return {"context": {"slot": self.height}, "value": value}

    def _account(self, wanted: str) -> tuple[str, bytes] | None:
        for number, zone in self.zones.items():
            for name, program, content in (
                ("slab", "oracle", zone.slab),
                ("roots", "oracle", zone.ring),
                ("ledger", "energy_token", zone.ledger),
            ):
                if wanted == str(address(f"{name} {number}")):
                    return str(IDS[program]), content()
        return None

    def _value(self, wanted: str) -> Any:
        found = self._account(wanted)
        if found is None:
            return None
        owner, data = found
        return {
            "lamports": 1,
            "owner": owner,
            "data": [base64.b64encode(data).decode(), "base64"],
            "executable": False,
            "rentEpoch": 0,
        }

    def _rpc_getAccountInfo(self, wanted: str, _options: Any = None) -> Any:
        return {"context": {"slot": self.height}, "value": self._value(wanted)}

    def _rpc_getMultipleAccounts(self, wanted: list[str], _options: Any = None) -> Any:
        return {"context": {"slot": self.height}, "value": [self._value(item) for item in wanted]}

    def _rpc_getProgramAccounts(self, program: str, _options: Any = None) -> Any:
        assert program == str(IDS["registry"])
        return [
            {
                "pubkey": self.meter_address(meter),
                "account": {"data": [base64.b64encode(meter.registry_account()).decode(), "base64"]},
            }
            for meter in self.meters.values()
        ]

    def _rpc_getTransaction(self, signature: str, _options: Any = None) -> Any:
        return None if self.hold_transactions else self.landed.get(signature)

    def _rpc_getSignaturesForAddress(self, wanted: str, options: dict[str, Any]) -> Any:
        listed = [sig for sig in self.order if wanted in self._keys_of(sig)][::-1]
        if options.get("before") in listed:
            listed = listed[listed.index(options["before"]) + 1 :]
        if options.get("until") in listed:
            listed = listed[: listed.index(options["until"])]
        return [
            {"signature": sig, "slot": self.landed[sig]["slot"], "err": self.landed[sig]["meta"]["err"]}
            for sig in listed[: options.get("limit", 1000)]
        ]

    def _keys_of(self, signature: str) -> list[str]:
        return list(self.landed[signature]["transaction"]["message"]["accountKeys"])

    def _rpc_sendTransaction(self, wire: str, options: dict[str, Any]) -> str:
        raw = base64.b64decode(wire)
        assert len(raw) <= 1232, "a transaction is at most 1,232 bytes"
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.verify_and_hash_message()
        signature = str(transaction.signatures[0])
        self.sent.append(signature)
        if signature in self.landed:
            return signature
        if self.lost:
            self.lost -= 1
            return signature
        message = transaction.message
        keys = [str(key) for key in message.account_keys]
        logs: list[str] = []
        listed: list[dict[str, Any]] = []
        inner: list[dict[str, Any]] = []
        error: Any = None
        for place, instruction in enumerate(message.instructions):
            program, data = keys[instruction.program_id_index], bytes(instruction.data)
            shown = {"programIdIndex": instruction.program_id_index, "accounts": list(instruction.accounts)}
            shown["data"] = base58(data)
            listed.append(shown)
            logs.append(f"Program {program} invoke [1]")
            named = [keys[index] for index in instruction.accounts]
            try:
                if program == PROXY:  # Invokes the program that its last account names with its own data.
                    called = {"programIdIndex": instruction.accounts[-1], "accounts": shown["accounts"][:-1]}
                    inner.append({"index": place, "instructions": [called | {"data": shown["data"], "stackHeight": 2}]})
                    logs.append(f"Program {named[-1]} invoke [2]")
                    logs += self._execute(named[-1], named[:-1], data)
                    logs.append(f"Program {named[-1]} success")
                else:
                    logs += self._execute(program, named, data)
            except _Custom as failure:
                error = {"InstructionError": [place, {"Custom": failure.code}]}
                if not options.get("skipPreflight"):
                    raise _Refusal(
                        {"code": -32002, "message": "simulation failed", "data": {"err": error, "logs": cut(logs)}}
                    ) from failure
                break
            logs.append(f"Program {program} success")
        self.height += 1
        self.landed[signature] = {
            "slot": self.height,
            "transaction": {"message": {"accountKeys": keys, "instructions": listed}, "signatures": [signature]},
            "meta": {
                "err": error,
                "logMessages": cut(logs),
                "innerInstructions": inner,
                "loadedAddresses": {"writable": [], "readonly": []},
            },
        }
        self.order.append(signature)
        return signature

    # The programs

    def _execute(self, program: str, named: list[str], data: bytes) -> list[str]:
        if program == MEMO:
            return [
                f'Program log: Memo (len {len(data)}): "{data.decode()}"',
                f"Program {MEMO} consumed 519 of 199850 compute units",
            ]
        name = next(name for name, key in IDS.items() if str(key) == program)
        interface = idl.interface(name)
        instruction = next(item for item in interface.instructions.values() if item.discriminator == data[:8])
        args = instruction.decode(data)
        accounts_ = dict(zip([meta.name for meta in instruction.metas], named, strict=False))
        return getattr(self, "_do_" + instruction.name)(accounts_, args) or []

    def _zone_of(self, kind: str, wanted: str) -> _Zone:
        return next(zone for number, zone in self.zones.items() if wanted == str(address(f"{kind} {number}")))

    def _do_enroll_meter(self, named: dict[str, str], _args: dict[str, Any]) -> None:
        meter = next(meter for meter in self.meters.values() if self.meter_address(meter) == named["meter"])
        if meter.status != accounts.STATUS_ACTIVE:
            raise _Custom(15)
        self._enroll(meter)

    def _do_sync_key(self, named: dict[str, str], _args: dict[str, Any]) -> None:
        self._sync(next(meter for meter in self.meters.values() if self.meter_address(meter) == named["meter"]))

    def _do_settle_range(self, named: dict[str, str], args: dict[str, Any]) -> None:
        zone = self._zone_of("ledger", named["ledger"])
        for slot in range(args["from_slot"], args["from_slot"] + args["count"]):
            entry, row = zone.entries[slot], zone.settled[slot]
            if row[3] != accounts.NO_ROW:
                zone.minted_atoms += 1000 * (entry.acc_export_wh - row[1])
                row[:2] = [entry.acc_import_wh, entry.acc_export_wh]

    def _do_post_verified(self, named: dict[str, str], args: dict[str, Any]) -> list[str]:
        if self.paused:
            raise _Custom(PAUSED)
        zone = self._zone_of("slab", named["slab"])
        results = [self._apply(zone, *item) for item in split_readings(args["base_interval"], args["readings"])]
        applied = [item for item in results if item["reason"] == 0]
        self.posted_readings += len(applied)
        seq = 2**64 - 1
        if applied:
            seq = len(zone.roots)
            records = b"".join(
                proof.encode_record(proof.Record(item["slot"], item["interval"], item["flags"], item["digest"]))
                for item in applied
            )
            top = max(item["interval"] for item in applied)
            zone.roots.append((top, len(applied), merkle.batch_root(records)))
            zone.records += len(applied)
        event = hashlib.sha256(b"event:ReadingsPosted").digest()[:8]
        event += struct.pack("<HQ32sI", zone.zone, seq, bytes(Pubkey.from_string(named["poster"])), len(results))
        for item in results:
            event += struct.pack("<BBIH16sQQ", *item.values())
        return ["Program data: " + base64.b64encode(event).decode()]

    def attest(self, zone: int, records: list[dict[str, int]], *, memos: int = 0) -> None:
        """Land a post_batch of oracle keys, all of whose readings apply; with 63 memos its events are cut."""
        seq, packed = len(self.zones[zone].roots), [struct.pack("<HIHQQ", *record.values()) for record in records]
        event = struct.pack("<HQ32sBI", zone, seq, bytes(32), 1, len(packed)) + b"".join(packed)
        self._land_root(zone, "post_batch", "AttestedPosted", event, b"".join(packed), memos)

    def correct(self, zone: int, record: dict[str, int]) -> None:
        """Land a correction by the council."""
        seq = len(self.zones[zone].roots)
        slot, interval, flags, import_wh, export_wh = record.values()
        event = struct.pack("<HHIQIQQQQB32s", zone, slot, 1, seq, interval, 0, 0, import_wh, export_wh, 0, bytes(32))
        event += struct.pack("<H", flags)
        packed = struct.pack("<HIHQQ", *record.values())
        self._land_root(zone, "correct", "ReadingCorrected", event, packed, 0)

    def _land_root(self, zone: int, name: str, event_name: str, event: bytes, records: bytes, memos: int) -> None:
        held = self.zones[zone]
        held.roots.append((0, len(records) // merkle.RECORD_SIZE, merkle.batch_root(records)))
        described = idl.interface("oracle").instruction(name)
        oracle, roots = str(IDS["oracle"]), str(address(f"roots {zone}"))
        keys = [oracle, *(roots if meta.name == "roots" else str(address(meta.name)) for meta in described.metas)]
        data = hashlib.sha256(f"event:{event_name}".encode()).digest()[:8] + event
        logs = [f"Program {MEMO} invoke [1]", "Program log: " + "x" * 140, f"Program {MEMO} success"] * memos
        logs += [f"Program {oracle} invoke [1]", "Program data: " + base64.b64encode(data).decode()]
        self.height += 1
        signature = base58(hashlib.sha512(f"root {zone} {len(held.roots)}".encode()).digest())
        called = {"programIdIndex": 0, "accounts": list(range(1, len(keys))), "data": base58(described.discriminator)}
        self.landed[signature] = {
            "slot": self.height,
            "transaction": {"message": {"accountKeys": keys, "instructions": [called]}, "signatures": [signature]},
            "meta": {"err": None, "logMessages": cut([*logs, f"Program {oracle} success"]), "innerInstructions": []},
        }
        self.order.append(signature)

    def _apply(self, zone: _Zone, slot: int, interval: int, bits: int, fields: dict[str, Any]) -> dict[str, Any]:
        entry = zone.entries[slot]
        reason, flags, digest = self._try(entry, interval, bits, fields)
        return {
            "slot": slot,
            "reason": reason,
            "interval": interval,
            "flags": flags,
            "digest": digest,
            "acc_import_wh": entry.acc_import_wh,
            "acc_export_wh": entry.acc_export_wh,
        }

    def _try(self, entry: _Entry, interval: int, bits: int, fields: dict[str, Any]) -> tuple[int, int, bytes]:
        nothing = bytes(16)
        if not entry.meter_number:
            return 8, 0, nothing
        if entry.status != accounts.STATUS_ACTIVE:
            return 7, 0, nothing
        moves = bool(bits & 0x40)
        if moves and not entry.flags & accounts.ENTRY_NEXT_EPOCH_APPROVED:
            return 9, 0, nothing
        epoch = entry.register_epoch + moves
        if fields["quality"] & NO_POST_MASK:
            return 6, 0, nothing
        if (epoch, interval) <= (entry.register_epoch, entry.last_interval):
            return 1, 0, nothing
        if not is_acceptable(interval, self._now_s()):
            return 2, 0, nothing
        opening = moves or not entry.flags & accounts.ENTRY_OPENED
        stored = (0, 0) if moves else (entry.import_wh, entry.export_wh)
        import_wh, export_wh = (
            restore(low, base) for low, base in zip((fields["import"], fields["export"]), stored, strict=True)
        )
        if not opening:
            if import_wh < entry.import_wh or export_wh < entry.export_wh:
                return 3, 0, nothing
            bound = entry.max_wh_interval * (interval - entry.last_interval)
            if import_wh - entry.import_wh > bound or export_wh - entry.export_wh > bound:
                return 4, 0, nothing
        key = entry.key_current if interval >= entry.switch_interval else entry.key_previous
        key_epoch = entry.key_epoch if interval >= entry.switch_interval else entry.key_epoch - 1
        core = reading.encode_core(
            reading.Core(
                TAG,
                entry.meter_number,
                max(0, key_epoch),
                epoch,
                interval,
                import_wh,
                export_wh,
                fields["quality"],
                fields["clock"],
                fields["hash"],
            )
        )
        if not reading.verify_core(core, fields["signature"], key):
            return 5, 0, nothing
        if not opening:
            entry.acc_import_wh += import_wh - entry.import_wh
            entry.acc_export_wh += export_wh - entry.export_wh
        entry.import_wh, entry.export_wh, entry.last_interval = import_wh, export_wh, interval
        entry.flags |= accounts.ENTRY_OPENED
        if moves:
            entry.register_epoch, entry.flags = epoch, accounts.ENTRY_OPENED
        entry.applied_count += 1
        return 0, 1 | (2 if opening else 0), reading.core_digest(core, key)


def cut(lines: list[str]) -> list[str]:
    """Return what the runtime keeps of log lines: one that would pass 10,000 bytes is dropped, a later, shorter one is not."""
    kept: list[str] = []
    written = 0
    for line in lines:
        if written + len(line) < LOG_LIMIT:
            written += len(line)
            kept.append(line)
        elif "Log truncated" not in kept:
            kept.append("Log truncated")
    return kept


def split_readings(base_interval: int, data: bytes) -> list[tuple[int, int, int, dict[str, Any]]]:
    """Return (slot, interval, descriptor, fields) of each packed reading."""
    widths = (0, 2, 3, 8)
    found = []
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        assert at <= len(data), "the readings end too early"
        return data[at - count : at]

    while at < len(data):
        slot, bits = take(2)
        offset = int.from_bytes(take(2), "little") if bits & 0x80 else 0
        fields: dict[str, Any] = {"import": take(widths[bits & 3]), "export": take(widths[bits >> 2 & 3])}
        fields["quality"] = int.from_bytes(take(2), "little") if bits & 0x10 else 0
        fields["clock"] = int.from_bytes(take(2), "little") if bits & 0x20 else 0
        fields["hash"], fields["signature"] = take(8), take(64)
        found.append((slot, base_interval + offset, bits, fields))
    return found


def restore(low: bytes, stored: int) -> int:
    """Return the smallest register not below `stored` that ends in these bytes; 8 bytes are the register."""
    value = int.from_bytes(low, "little")
    if len(low) == 8:
        return value
    span = 1 << 8 * len(low)
    return stored + (value - stored) % span


class _Custom(Exception):
    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.code = 6000 + index


class _Refusal(Exception):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.error = error


class FakeRpc(Rpc):
    """The real client over a FakeChain in this process: no socket."""

    def __init__(self, chain: FakeChain) -> None:
        super().__init__("http://fake.invalid")
        self.chain = chain

    def _post(self, body: Any) -> Any:
        if self.chain.away:
            raise NodeUnreachableError("away")
        return json.loads(json.dumps(self.chain.handle(body)))


def serve(chain: FakeChain, port: int = 0) -> ThreadingHTTPServer:
    """Serve a chain over HTTP in a thread; returns the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps(chain.handle(body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def end_of(interval: int) -> int:
    """Return the campus second at which an interval has just ended."""
    return INTERVAL_S * (interval + 1)
