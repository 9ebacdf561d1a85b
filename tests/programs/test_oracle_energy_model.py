"""Long random histories of meters, oracle and ledger against a small model of energy: whatever happens on the way, minted is
1,000 atoms for each watt-hour by which a register that its device signed has grown since enrolment.

The model knows devices and rules, and neither accounts nor programs. Meters lose readings, send them twice and out of order,
are swapped, rotate their keys; posters forge, oracle keys lie, the council corrects, and the ledger settles late.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from energy_token_world import MINT, ledger_address
from energy_token_world import World as Ledger
from nacl.signing import SigningKey
from oracle_world import (
    APPLIED,
    AT_TOLERANCE,
    BAD_SIGNATURE,
    ENTRY_FAULTED,
    EPOCH_SHIFT,
    LOWER,
    MASKED,
    MAX_WH,
    NETTED,
    OPENING,
    OVER_CAPACITY,
    STALE,
    TOLERANCE_S,
    VERIFIED,
    WRONG_EPOCH,
    DeviceKey,
    Meter,
    Reading,
    World,
)
from program_harness import Chain, expect_error, expect_ok
from proving import steps

GROSS, NET = 1, 2
ZONES = (GROSS, NET)
SLOTS = 3
OWNERS = ("ann", "ben")
STEPS = steps(2_000, prove=100_000)
ATTESTED = ("attested_import_wh", "attested_export_wh", "attested_interval", "flags")


@dataclass
class Device:
    """A meter on the wall: what its registers show, and what it has signed."""

    zone: int
    meter: Meter
    epoch: int = 0
    import_wh: int = 0
    export_wh: int = 0
    interval: int = 0
    signed: list[Reading] = field(default_factory=list)
    unsent: list[Reading] = field(default_factory=list)


@dataclass
class Energy:
    """What the rules say of one meter: last verified registers, and their growth since enrolment by register epoch, Wh."""

    net: bool
    epoch: int = 0
    approved: int = 0
    opened: bool = False
    interval: int = 0
    import_wh: int = 0
    export_wh: int = 0
    grown_import_wh: int = 0
    grown_export_wh: int = 0

    def take(self, reading: Reading, *, genuine: bool) -> tuple[int, int]:
        """Judge a reading sent with all its bytes; return (reason, record flags)."""
        signed_epoch = reading.register_epoch
        assert signed_epoch is not None
        if reading.next_epoch and self.approved <= self.epoch:
            return WRONG_EPOCH, 0
        opening = reading.next_epoch or not self.opened
        if reading.interval < self.interval + (not opening):
            return STALE, 0
        if reading.quality & 15:
            return MASKED, 0
        grown_import, grown_export = reading.import_wh - self.import_wh, reading.export_wh - self.export_wh
        span = reading.interval - self.interval
        if not opening:
            if min(grown_import, grown_export) < 0:
                return LOWER, 0
            if max(grown_import, grown_export) > MAX_WH * span:
                return OVER_CAPACITY, 0
        named = self.epoch < signed_epoch <= self.approved if reading.next_epoch else signed_epoch == self.epoch
        if not genuine or not named:
            return BAD_SIGNATURE, 0
        flags = VERIFIED
        if opening:
            flags |= OPENING
        else:
            if self.net and span == 1:
                flags |= NETTED
                both = min(grown_import, grown_export)
                grown_import, grown_export = grown_import - both, grown_export - both
            self.grown_import_wh += grown_import
            self.grown_export_wh += grown_export
        self.epoch, self.opened, self.interval = signed_epoch, True, reading.interval
        self.import_wh, self.export_wh = reading.import_wh, reading.export_wh
        return APPLIED, flags


class History:
    """One random history, on the chain and in the model."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        chain = Chain(["oracle", "energy_token"])
        self.ledger = Ledger(chain)
        self.ledger.put_council()
        self.oracle = World(chain, zones=())
        self.ledger.put_council()
        chain.patch(self.oracle.council, AT_TOLERANCE, TOLERANCE_S.to_bytes(8, "little"))
        self.chain = chain
        self.devices: list[Device] = []
        self.model: list[Energy] = []
        self.lies: list[tuple[Device, int, bytes]] = []
        self.count: Counter[str] = Counter()
        expect_ok(self.ledger.initialize())
        number = 0
        for zone in ZONES:
            expect_ok(self.oracle.create_zone(zone, net_mode=int(zone == NET)))
            self.ledger.put_blank_ledger(zone)
            expect_ok(chain.call("energy_token", "create_zone", self.ledger.create_zone_accounts(zone), zone=zone))
            for name in OWNERS:
                self.ledger.open_account(zone, name)
            for slot in range(SLOTS):
                number += 1
                owner = OWNERS[slot % len(OWNERS)]
                meter = self.oracle.meter(slot, number=number, zone=zone, owner=chain.wallet(owner))
                accounts = self.ledger.attach_meter_accounts(number, zone)
                expect_ok(chain.call("energy_token", "attach_meter", accounts, row=self.ledger.rows[zone, owner]))
                self.devices.append(Device(zone, meter, interval=self.oracle.now_interval()))
                self.model.append(Energy(net=zone == NET))
        for device in self.devices:
            self.install(device)

    # ---------------------------------------------------------------------------------------------------- what happens

    def step(self) -> None:
        """Let one thing happen on both sides."""
        actions = {
            self.measure: 30,
            self.deliver: 30,
            self.repeat: 8,
            self.forge: 5,
            self.mask: 2,
            self.overshoot: 2,
            self.lie: 8,
            self.challenge: 6,
            self.rotate: 3,
            self.swap: 2,
            self.sync: 3,
            self.settle: 8,
        }
        (action,) = self.random.choices(list(actions), weights=list(actions.values()))
        which = self.random.randrange(len(self.devices))
        action(which)
        self.count[action.__name__] += 1
        self.compare(which)

    def install(self, device: Device) -> None:
        """A device begins with whatever its registers show: years of somebody else's energy, or nothing."""
        pick = self.random.choice
        device.import_wh = pick([0, 7, self.random.randrange(2**40)])
        device.export_wh = pick([0, 7, self.random.randrange(2**40)])

    def measure(self, which: int) -> None:
        """A quarter hour passes; every device counts, and those that are awake sign their registers at its end."""
        self.chain.advance(900)
        for device in self.devices:
            device.interval += 1
            for name in ("import_wh", "export_wh"):
                grown = self.random.choice([0, 0, 1, MAX_WH, self.random.randint(0, MAX_WH)])
                setattr(device, name, getattr(device, name) + grown)
            if self.random.random() < 0.7:
                self.sign(device)

    def sign(self, device: Device) -> None:
        reading = Reading(
            device.meter,
            device.interval,
            device.import_wh,
            device.export_wh,
            key=self.key_of(device),
            register_epoch=device.epoch,
            slot=device.meter.slot,
        )
        device.signed = [*device.signed[-30:], reading]
        device.unsent = [*device.unsent[-30:], reading]

    def deliver(self, which: int) -> None:
        """Post some of a device's spool: mostly in order, sometimes not; now and then some of it is lost."""
        device = self.devices[which]
        some, device.unsent = device.unsent[:4], device.unsent[4:]
        if self.random.random() < 0.2:
            self.random.shuffle(some)
        if self.random.random() < 0.15:
            some = some[1:]
        self.post(which, [(reading, True) for reading in some])

    def repeat(self, which: int) -> None:
        """Post again what was signed at any time before, twice in one transaction as well."""
        known = self.devices[which].signed
        if known:
            some = [self.random.choice(known) for _ in range(self.random.randint(1, 3))]
            self.post(which, [(reading, True) for reading in [*some, some[0]]])

    def forge(self, which: int) -> None:
        """Post what the device has not signed: other registers, another interval, another meter's slot, or a stranger's word."""
        device = self.devices[which]
        if not device.signed:
            return
        real = self.random.choice(device.signed)
        signature = real.signed()
        forged = self.random.choice(
            [
                replace(real, import_wh=real.import_wh + 1, signature=signature),
                replace(real, export_wh=real.export_wh + self.random.randint(1, MAX_WH), signature=signature),
                replace(real, interval=device.interval, import_wh=real.import_wh + 9, signature=signature),
                replace(real, signature=SigningKey(b"\7" * 32).sign(real.core()).signature),
                replace(real, signature=bytes(64)),
            ]
        )
        self.post(which, [(forged, False)])

    def mask(self, which: int) -> None:
        """A device signs that its register is only estimated."""
        device = self.devices[which]
        if device.signed:
            quality = self.random.choice([1, 2, 4, 8])
            self.post(which, [(replace(device.signed[-1], quality=quality), True)])

    def overshoot(self, which: int) -> None:
        """A device's own key signs for more than the fuse lets through: one watt-hour more, or as much as it likes."""
        device, energy = self.devices[which], self.model[which]
        if device.signed and energy.opened and device.signed[-1].register_epoch == energy.epoch:
            span = max(device.interval - energy.interval, 1)
            more = self.random.choice([1, 10**9])
            greedy = replace(
                device.signed[-1], interval=device.interval, import_wh=energy.import_wh + MAX_WH * span + more
            )
            self.post(which, [(replace(greedy, key=self.key_of(device)), True)])

    @staticmethod
    def key_of(device: Device) -> DeviceKey:
        """The key by which a device signs now."""
        return next(key for key in device.meter.keys if key.first_interval <= device.interval)

    def post(self, which: int, readings: list[tuple[Reading, bool]]) -> None:
        """Post readings of one device; what becomes of each must be what the rules say."""
        if not readings:
            return
        device, energy = self.devices[which], self.model[which]
        # The poster says which readings open a later epoch; it counts from the epoch that it knows to be in force.
        epoch, sent = energy.epoch, []
        for reading, genuine in readings:
            signed_epoch = reading.register_epoch or 0
            sent.append((replace(reading, next_epoch=signed_epoch > epoch), genuine))
            epoch = max(epoch, signed_epoch)
        base = min(reading.interval for reading, _ in sent)
        results = self.oracle.results(*[reading for reading, _ in sent], base=base, zone=device.zone)
        for (reading, genuine), result in zip(sent, results, strict=True):
            wanted = energy.take(reading, genuine=genuine)
            assert (result["reason"], result["flags"]) == wanted, reading
            self.count[f"reason {wanted[0]}"] += 1

    def lie(self, which: int) -> None:
        """An oracle key attests anything at all about a meter, true or not."""
        device = self.devices[which]
        pick = self.random.choice
        registers = tuple(
            max(0, wh + pick([0, 1, 500, 5_000, -1, self.random.randint(-(2**24), 2**24)])) for wh in self.shown(device)
        )
        before = self.entries(device.zone)
        interval = device.interval - pick([0, 0, 1, 3])
        outcome = expect_ok(self.oracle.attest(interval, {device.meter.slot: registers}, zone=device.zone))
        after = self.entries(device.zone)
        for old, new in zip(before, after, strict=True):
            assert old | {name: new[name] for name in ATTESTED} == new, (
                "an attested reading may touch attested fields alone"
            )
        event = outcome.event("AttestedPosted")
        for item in event["records"]:
            record = struct.pack(
                "<HIHQQ", *(item[name] for name in ("slot", "interval", "flags", "import_wh", "export_wh"))
            )
            self.lies = [*self.lies[-5:], (device, event["seq"], record)]
            self.count["attested"] += 1

    def challenge(self, which: int) -> None:
        """Somebody holds the last lie against what the device has signed; if that proves it wrong, the council corrects."""
        if not self.lies:
            return
        device, seq, record = self.lies.pop()
        slot, interval, flags, import_wh, export_wh = struct.unpack("<HIHQQ", record)
        entry = self.oracle.entry(slot, device.zone)
        truths = [
            reading
            for reading in device.signed
            if (reading.register_epoch or 0) == flags >> EPOCH_SHIFT == entry["register_epoch"]
            and reading.signer.epoch == entry["key_epoch"] - (reading.interval < entry["switch_interval"])
        ]
        if not truths or self.oracle.next_seq(device.zone) - seq > 220:
            return
        truth = self.random.choice(truths)
        below = truth.import_wh < import_wh or truth.export_wh < export_wh
        above = truth.import_wh > import_wh or truth.export_wh > export_wh
        wrong = (truth.interval >= interval and below) or (truth.interval <= interval and above)
        accounts = {
            "payer": self.chain.payer,
            "config": self.oracle.config,
            "slab": self.oracle.slab(device.zone),
            "roots": self.oracle.roots(device.zone),
            "fault": self.oracle.fault(slot, device.zone),
        }
        proof = {"seq": seq, "record": 0, "batch_left": 0, "leaf": record, "batch_path": [], "mountain_path": []}
        outcome = self.chain.call(
            "oracle", "challenge_reading", accounts, core=truth.core(), signature=truth.signed(), **proof
        )
        if not wrong:
            expect_error(outcome, "oracle", "NoContradiction")
            return
        if not outcome.ok:
            expect_error(outcome, "oracle", "FaultCleared")
            self.count["cleared before"] += 1
            return
        self.count["proven wrong"] += 1
        assert self.oracle.entry(slot, device.zone)["flags"] & ENTRY_FAULTED
        named = {name: accounts[name] for name in ("config", "slab", "roots", "fault")}
        values = {"import_wh": entry["import_wh"] + 5, "export_wh": entry["export_wh"], "note_hash": bytes(32)}
        at = max(entry["attested_interval"], entry["last_interval"])
        expect_ok(self.oracle.decide("correct", named, slot=slot, interval=at, **values))

    def rotate(self, which: int) -> None:
        """A device gets a new key for the intervals to come; a second rotation waits until the first has passed."""
        device, energy = self.devices[which], self.model[which]
        newest = device.meter.keys[0]
        if newest.epoch and energy.interval + 1 < newest.first_interval:
            return
        first = device.interval + self.random.randint(1, 3)
        device.meter.rotate(f"{device.meter.number}.{newest.epoch + 1}", first)
        expect_ok(self.oracle.sync(device.meter, device.zone))
        energy.approved = device.meter.register_epoch

    def swap(self, which: int) -> None:
        """Another device takes the place, with other registers; the slab hears of it at once or later."""
        device = self.devices[which]
        device.meter.register_epoch += 1
        device.epoch = device.meter.register_epoch
        self.install(device)
        if self.random.random() < 0.5:
            self.sync(which)

    def sync(self, which: int) -> None:
        """Anybody brings the slot up to the registry."""
        device = self.devices[which]
        expect_ok(self.oracle.sync(device.meter, device.zone))
        self.model[which].approved = device.meter.register_epoch

    def settle(self, which: int) -> None:
        """Anybody settles any range of slots, late or twice."""
        first = self.random.randrange(SLOTS)
        count = self.random.choice([1, SLOTS - first, 128])
        expect_ok(self.ledger.settle(self.devices[which].zone, first, count))

    # ------------------------------------------------------------------------------------------------------- comparing

    def shown(self, device: Device) -> tuple[int, int]:
        """Registers near which an attested reading is believable: the slab's newest."""
        entry = self.oracle.entry(device.meter.slot, device.zone)
        return max(entry["import_wh"], entry["attested_import_wh"]), max(
            entry["export_wh"], entry["attested_export_wh"]
        )

    def entries(self, zone: int) -> list[dict[str, int]]:
        return [self.oracle.entry(slot, zone) for slot in range(SLOTS)]

    def compare(self, which: int) -> None:
        """The slot holds what the model says."""
        device, energy = self.devices[which], self.model[which]
        entry = self.oracle.entry(device.meter.slot, device.zone)
        wanted = {
            **{"acc_import_wh": energy.grown_import_wh, "acc_export_wh": energy.grown_export_wh},
            **{"register_epoch": energy.epoch, "last_interval": energy.interval},
            **{"import_wh": energy.import_wh, "export_wh": energy.export_wh},
        }
        assert {name: entry[name] for name in wanted} == wanted

    def compare_all(self) -> None:
        """Everything settled: the ledger minted and burned exactly the growth, and nothing else is GRID."""
        supply = 0
        for zone in ZONES:
            expect_ok(self.ledger.settle(zone))
            here = [index for index, device in enumerate(self.devices) if device.zone == zone]
            for index in here:
                self.compare(index)
            minted, burned, debt, _ = struct.unpack_from("<QQQQ", self.chain.data(ledger_address(zone)), 80)
            assert minted == 1_000 * sum(self.model[index].grown_export_wh for index in here)
            assert burned + debt == 1_000 * sum(self.model[index].grown_import_wh for index in here)
            supply += minted - burned
        self.ledger.assert_sound(ZONES, outside_atoms=0)
        assert supply == self.chain.supply(MINT)


@pytest.mark.prove_too
@pytest.mark.parametrize("seed", [20_261_127, 3])
def test_minted_is_what_signed_registers_have_grown(seed: int) -> None:
    """Each watt-hour once: none lost, none twice, none invented, in gross and in net zones."""
    history = History(seed)
    for step in range(STEPS // 2):
        history.step()
        if step % 97 == 0:
            history.compare_all()
    history.compare_all()
    # A history in which these did not happen would have tested little.
    count = history.count
    for reason in (APPLIED, STALE, LOWER, OVER_CAPACITY, BAD_SIGNATURE, MASKED, WRONG_EPOCH):
        assert count[f"reason {reason}"] > 0, (reason, count)
    assert count["attested"] > 15
    assert count["proven wrong"] > 2
    assert sum(energy.epoch for energy in history.model) >= 6
    assert sum(device.meter.keys[0].epoch for device in history.devices) >= 6
    for zone in ZONES:
        assert sum(energy.grown_export_wh for energy in history.model if energy.net == (zone == NET)) > 0
