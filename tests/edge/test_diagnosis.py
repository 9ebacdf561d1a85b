"""What the electrician is told: which trouble, since when, why, and what to do."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

from edge.certificate import DAY_S, CertificateError, authority_days_left, days_left, valid_until_s
from edge.checks import Check
from edge.diagnosis import BACKLOG_INTERVALS, PATIENCE_S, ROOM_DAYS, Box, Diary
from edge.direction import WRONG_WAY, is_wrong_way
from edge.meter import PASSES, Meter, rules_for
from edge.rounds import DEAD_AFTER
from edge.sample import Sample
from edge.settings import MeterSettings
from edge.track import CONFIRM_SAMPLES, Outcome, TrackState
from edge.troubles import TROUBLES, markdown
from gridkit.enrolment import ConfiguredMeter
from gridkit.interval import INTERVAL_NS
from gridkit.profile import RawCounter, load_profile
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import Core, decode_core

S = 1_000_000_000
WH = 1000 * 3600 * S
NOON = 1_977_360
"""2026-05-24 from 12:00 UTC; at midnight the sun is 20 degrees below the horizon of the site."""
MIDNIGHT = NOON + 48
SITE = (49.0, 10.0)
WELL = Box("", True, None)


def meter_of(*, pv: bool = True) -> Meter:
    settings = MeterSettings(id="M1", profile="abb-b23", key_file=Path("k"), host="h", max_power_w=60_000, pv=pv)
    rules = rules_for(settings, load_profile("abb-b23"), speed=1, poll_interval_s=60, clock_limit_ms=5_000, site=SITE)
    meter = Meter(settings, load_profile("abb-b23"), rules, {0: SigningKey(bytes(32))}, b"abcd")
    meter.row = ConfiguredMeter(meter.meter_id, 7, 1, 0, 0, 0)
    return meter


class Life:
    """A meter that is polled each minute, or oftener, from a quarter hour on; its registers count what the story says."""

    def __init__(self, interval: int, *, pv: bool = True, poll_s: int = 60) -> None:
        self.poll_s = poll_s
        self.meter = meter_of(pv=pv)
        self.at_ns = interval * INTERVAL_NS
        self.drawn_mwns = self.fed_mwns = 0
        self.cores: list[Core] = []
        self.go(1, 0)

    def go(self, minutes: int, power_w: int, *, shown_w: int | None = None, frozen: bool = False) -> None:
        """Let it draw (negative: feed in) so much, and show that or another power; each sample is judged as the agent does."""
        for _ in range(minutes * 60 // self.poll_s):
            sample = Sample(
                self.at_ns, self.at_ns, 5, self._counter(self.drawn_mwns), self._counter(self.fed_mwns), "A", (),
                {("power", 0): (power_w if shown_w is None else shown_w) * 1000},
            )  # fmt: skip
            made = self.meter.make(sample)
            self.cores += [decode_core(payload[:47]) for _, _, payload in made.readings]
            self.meter.kept(made)
            self.at_ns += self.poll_s * S
            if not frozen:
                self.drawn_mwns += max(0, power_w) * self.poll_s * 1000 * S
                self.fed_mwns += max(0, -power_w) * self.poll_s * 1000 * S

    def _counter(self, mwns: int) -> RawCounter:
        return RawCounter(1_000_000 + mwns // (1000 * 3600 * S), 1, 1, 1, 1)

    def posted(self) -> list[Core]:
        return [core for core in self.cores if not core.quality & NO_POST_MASK]


@pytest.mark.parametrize(
    ("interval", "power_w", "wrong"),
    [
        (NOON, -30_000, False),
        (NOON, 30_000, True),
        (NOON, 1_000, False),  # below a fiftieth of 60 kW
        (NOON, 1_300, True),
        (MIDNIGHT, 100, False),
        (MIDNIGHT, -100, True),
        (MIDNIGHT, -5, False),
        (MIDNIGHT, 2_000, True),
    ],
)
def test_a_roof_alone_neither_draws_by_day_nor_feeds_in_by_night(interval: int, power_w: int, wrong: bool) -> None:
    """A meter the wrong way round bills the owner for what the roof gave, and mints what its inverter drew."""
    life = Life(interval)
    life.go(60, power_w)
    assert (life.meter.outcome is Outcome.CONFIRMED) is wrong
    assert len(life.posted()) == (1 if wrong else 5), "the opening alone, which credits nothing"
    if wrong:
        assert life.posted()[0].import_wh + life.posted()[0].export_wh <= 2_000_000
        assert life.cores[-1].quality & Quality.QUESTIONABLE
        assert [d.code for d in troubles(life.meter)] == ["wrong_way"]


def test_a_meter_of_which_nobody_said_that_it_is_a_roofs_may_do_either() -> None:
    """A house draws by day, and a battery feeds in by night."""
    for interval, power_w in ((NOON, 30_000), (MIDNIGHT, -5_000)):
        life = Life(interval, pv=False)
        life.go(60, power_w)
        assert life.meter.outcome is Outcome.TRUSTED
        assert not troubles(life.meter)


def test_once_turned_round_and_approved_it_begins_anew() -> None:
    """What was counted the wrong way must be in no reading that counts, not even in the first after the repair."""
    life = Life(NOON)
    life.go(40, 30_000)
    wrong_wh = life.drawn_mwns // (1000 * 3600 * S)
    life.go(10, -30_000)
    assert life.meter.outcome is Outcome.CONFIRMED, "until somebody has approved it"
    assert life.meter.row is not None
    life.meter.row = msgspec.structs.replace(life.meter.row, register_epoch=1)
    life.go(60, -30_000)
    opening, *rest = [core for core in life.posted() if core.register_epoch == 1]
    assert opening.import_wh >= 1_000_000 + wrong_wh
    assert rest[-1].import_wh == opening.import_wh
    assert rest[-1].export_wh > opening.export_wh
    assert not troubles(life.meter)


def test_a_roof_that_was_unread_for_a_day_is_judged_by_its_draw_alone() -> None:
    """Both ends lie in the dark, and the sun shone between them."""
    life = Life(MIDNIGHT)
    fed = RawCounter(1_300_000, 1, 1, 1, 1)
    before = TrackState(
        measured_interval=MIDNIGHT, measured_import_wh=1_000_000, measured_export_wh=1_000_000, measured_read_ms=life.at_ns // 1_000_000
    )  # fmt: skip
    later = Sample(life.at_ns + 86_400 * S, 0, 5, RawCounter(1_000_100, 1, 1, 1, 1), fed, "A", (), {})
    assert not is_wrong_way(before, later, life.meter.rules)
    soon = later._replace(read_ns=life.at_ns + 600 * S)
    assert is_wrong_way(before, soon, life.meter.rules)


# --- what is told -----------------------------------------------------------------------------------------------------


def troubles(meter: Meter, box: Box = WELL, *, waiting: int = 0, quarantined: int = 0, now_ms: int = 7_000) -> Any:
    diary = Diary()
    diary.of(meter, box, waiting, quarantined, now_ms, 0)
    return diary.of(meter, box, waiting, quarantined, now_ms + int(PATIENCE_S * 1000), PATIENCE_S)


@pytest.mark.parametrize(
    ("reason", "code", "do"),
    [
        ("timeout", "no_answer", "A and B"),
        ("connect", "unreachable", "address"),
        ("closed", "hangs_up", "another program"),
        ("exception", "refuses", "edge probe"),
        ("garbage", "disturbed", "120 Ω"),
        ("short", "disturbed", "two meters of one unit number"),
        ("energy_not_available", "no_value", "display"),
    ],
)
def test_a_silent_meter_is_told_with_its_reason_and_the_remedy(reason: str, code: str, do: str) -> None:
    """ "Dead" sends somebody to the cellar without the right tool."""
    meter = meter_of()
    meter.failures, meter.last_refusal = DEAD_AFTER, reason
    meter.state = TrackState(sample_ns=5_000 * 1_000_000)
    (found,) = troubles(meter)
    assert found.code == code
    assert do in found.remedy
    assert found.since_ms == 5_000, "since it last spoke, not since we lost patience"
    meter.failures = DEAD_AFTER - 1
    assert not troubles(meter), "one refused poll is no trouble yet"


@pytest.mark.parametrize(
    ("box", "more", "code"),
    [
        (Box("disk is full", True, None), {}, "spool_failed"),
        (Box("", False, None), {}, "broker_away"),
        (Box("", True, None), {"waiting": BACKLOG_INTERVALS}, "not_receipted"),
        (Box("", True, None), {"quarantined": 1}, "refused_for_good"),
        (Box("", True, None, "spool.db.damaged-1"), {}, "card_damaged"),
        (Box("", True, None, "", ROOM_DAYS - 1), {}, "card_fills"),
        (Box("disk is full", True, None, "", 0), {}, "spool_failed"),
        (Box("", True, 29), {}, "certificate_expires"),
        (Box("", True, -3), {}, "certificate_expires"),
        (Box("", True, None, authority_days=29), {}, "authority_expires"),
        (Box("", True, 400, authority_days=-1), {}, "authority_expires"),
    ],
)
def test_what_ails_the_box_is_told_too(box: Box, more: dict[str, int], code: str) -> None:
    """A meter that is well and whose readings reach nobody is not well."""
    assert [d.code for d in troubles(meter_of(), box, **more)] == [code]


def test_what_is_no_trouble_is_not_told() -> None:
    """An alarm for nothing is the last one that is read."""
    assert not troubles(meter_of(), Box("", True, 30, authority_days=30), waiting=BACKLOG_INTERVALS - 1)


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (Check.POWER, "power_mismatch"),
        (Check.STANDSTILL, "standstill"),
        (Check.PHASES, "phases_differ"),
        (Check.PARTS, "parts_differ"),
    ],
)
def test_a_failed_check_of_the_last_reading_is_told(check: Check, code: str) -> None:
    """It stands in the signed detail, where no electrician looks."""
    meter = meter_of()
    meter.failed_checks = {check: 0}
    assert [d.code for d in troubles(meter)] == [code]


def test_counters_that_stand_still_are_told_as_that_alone() -> None:
    """Told to look for a transformer's ratio, nobody looks at the display."""
    meter = meter_of()
    meter.failed_checks = {Check.POWER: 0, Check.STANDSTILL: 0}
    assert [d.code for d in troubles(meter)] == ["standstill"]


def test_a_trouble_lasts_since_it_began_and_begins_anew_after_it_was_over() -> None:
    """ "Since when" decides whose shift it was."""
    diary, meter = Diary(), meter_of()
    full = Box("disk is full", True, None)
    assert diary.of(meter, full, 0, 0, 1_000, 1)[0].since_ms == 1_000
    assert diary.of(meter, full, 0, 0, 9_000, 9)[0].since_ms == 1_000
    assert diary.of(meter, WELL, 0, 0, 9_500, 9.5) == []
    assert diary.of(meter, full, 0, 0, 128_000, 128)[0].since_ms == 1_000, "it was over for less than two minutes"
    assert diary.of(meter, WELL, 0, 0, 248_000, 248) == []
    assert diary.of(meter, full, 0, 0, 249_000, 249)[0].since_ms == 249_000


def test_what_every_start_brings_for_a_moment_is_told_when_it_lasts() -> None:
    """A clock that was wrong by years must neither hasten nor delay it."""
    diary, meter = Diary(), meter_of()
    away = Box("", False, None)
    assert diary.of(meter, away, 0, 0, 1_000, 0) == []
    assert diary.of(meter, away, 0, 0, 10**12, PATIENCE_S - 1) == []
    assert [d.since_ms for d in diary.of(meter, away, 0, 0, 10**12, PATIENCE_S)] == [10**12 - 119_000]


def test_a_beginning_moves_with_a_clock_that_is_set() -> None:
    """A box without a clock battery starts in 1970: its broker has not been away for half a century. A fast clock is never set."""
    diary, meter = Diary(), meter_of()
    full = Box("disk is full", True, None)
    assert diary.of(meter, full, 0, 0, 5_000, 0)[0].since_ms == 5_000
    assert diary.of(meter, full, 0, 0, 16_900, 10)[0].since_ms == 5_000, "by less than any clock is set"
    assert diary.of(meter, full, 0, 0, 10**12, 20)[0].since_ms == 10**12 - 20_000 - 1_900
    fast = Diary()
    assert fast.of(meter, full, 0, 0, 5_000, 0, speed=60)[0].since_ms == 5_000
    assert fast.of(meter, full, 0, 0, 10**6, 16, speed=60)[0].since_ms == 5_000


def told_at(diary: Diary, life: Life) -> dict[str, int]:
    """What is told of it now, and since when in minutes before now."""
    now_ms = life.at_ns // 1_000_000
    return {d.code: (now_ms - d.since_ms) // 60_000 for d in diary.of(life.meter, WELL, 0, 0, now_ms, now_ms / 1000)}


def test_a_failed_check_is_told_until_it_has_passed_for_an_hour() -> None:
    """A transformer that is off by a tenth is off in the night too, when no load shows it; and near the limit it would come and go."""
    diary, life = Diary(), Life(NOON, pv=False, poll_s=20)
    life.go(71, 10_000, shown_w=11_000)
    began = told_at(diary, life)
    assert began.keys() == {"power_mismatch"}
    life.go(300, 0)
    assert told_at(diary, life) == {"power_mismatch": began["power_mismatch"] + 300}, "what no load shows is not over"
    life.go(43, 10_000)
    assert life.meter.failed_checks == {Check.POWER: PASSES - 2}
    life.go(15, 10_000, shown_w=11_000)
    assert life.meter.failed_checks == {Check.POWER: 0}, "it counts from the beginning"
    life.go(51, 10_000)
    assert told_at(diary, life) == {"power_mismatch": began["power_mismatch"] + 300 + 43 + 15 + 51}
    life.go(15, 10_000)
    assert told_at(diary, life) == {}


def test_a_counter_stands_still_since_it_last_moved_and_until_it_moves() -> None:
    """The quarter hour in which it was found out is not the one in which it broke."""
    diary, life = Diary(), Life(NOON, pv=False)
    life.go(70, 10_000)
    life.go(41, 10_000, frozen=True)
    assert told_at(diary, life)["standstill"] == 41
    life.go(15, 10_000)
    assert "standstill" not in told_at(diary, life)


def test_an_exchanged_meter_does_not_inherit_what_was_found_in_the_old_one() -> None:
    """The new one would be sent back."""
    life = Life(NOON, pv=False, poll_s=20)
    life.go(61, 10_000, shown_w=11_000)
    assert life.meter.failed_checks
    assert life.meter.row is not None
    life.meter.row = msgspec.structs.replace(life.meter.row, register_epoch=1)
    life.drawn_mwns -= 100_000 * WH
    life.go(30, 10_000)
    assert life.meter.state.register_epoch == 1
    assert not life.meter.failed_checks


def test_an_open_question_is_told_without_a_break_since_the_meter_was_last_believed() -> None:
    """A single sample that fits does not end it; an alarm that comes and goes with each poll is switched off."""
    diary, life = Diary(), Life(NOON, pv=False)
    life.go(61, 1_000)
    life.drawn_mwns -= 100_000 * WH
    life.go(10, 1_000)
    assert told_at(diary, life) == {"register_jumped": 11}
    life.drawn_mwns += 100_000 * WH
    for n in range(CONFIRM_SAMPLES - 1):
        life.go(1, 1_000)
        assert life.meter.outcome is Outcome.QUESTION
        assert told_at(diary, life) == {"register_jumped": 12 + n}
    life.go(1, 1_000)
    assert told_at(diary, life) == {}


def test_a_restart_does_not_make_a_doubted_meter_well() -> None:
    """The agent is started anew while somebody looks: a reset nobody has approved is one still, and since when it was."""
    life = Life(NOON, pv=False)
    life.go(61, 1_000)
    life.drawn_mwns -= 100_000 * WH
    life.go(10, 1_000)
    state, life.meter = life.meter.state, meter_of(pv=False)
    life.meter.state = state
    assert told_at(Diary(), life) == {"register_jumped": 11}


def test_what_a_question_is_about_does_not_change_with_a_sample_that_fits() -> None:
    """Another meter answers, and once in between the old one: that was no jump of a register."""
    diary, life = Diary(), Life(NOON, pv=False)
    life.go(61, 1_000)
    sample = life.meter.last_sample
    assert sample is not None
    other = sample._replace(serial="B", import_raw=RawCounter(500, 1, 1, 1, 1))
    for n in range(6):
        life.meter.kept(life.meter.make(other._replace(read_ns=sample.read_ns + (n + 1) * S)))
    assert told_at(diary, life).keys() == {"other_meter"}
    life.go(1, 1_000)
    assert life.meter.outcome is Outcome.QUESTION
    assert told_at(diary, life).keys() == {"other_meter"}


def test_moments_of_waiting_do_not_add_up_to_a_trouble() -> None:
    """At sixty times the speed of day three readings wait for a moment in every minute."""
    diary, meter = Diary(), meter_of()
    for now_s in range(0, 600, 10):
        waiting = BACKLOG_INTERVALS if now_s % 30 == 0 else 0
        assert diary.of(meter, WELL, waiting, 0, now_s * 1000, now_s) == []


def test_the_docs_list_every_trouble_with_its_texts() -> None:
    """A code in an alarm at night wants a page to look it up, and one truth."""
    page = (Path(__file__).parents[2] / "docs" / "edge.md").read_text()
    table = page.partition("| code | why | what to do |\n|---|---|---|\n")[2].partition("\n\n")[0] + "\n"
    assert table == markdown(), "run: python -m edge.troubles, and put it in docs/edge.md"
    assert len(table.splitlines()) == len(TROUBLES)


def test_another_meter_and_another_set_up_are_told_apart() -> None:
    """One wants two signatures, the other a screwdriver."""
    life = Life(NOON, pv=False)
    life.go(20, -1_000)
    sample = life.meter.last_sample
    assert sample is not None
    for changed, codes in (
        (sample._replace(serial="B"), ["other_meter"]),
        (sample._replace(serial="B", import_raw=RawCounter(5, 1, 1, 1, 1)), ["other_meter"]),
        (sample._replace(faults=("measurement_mode reads 0",)), ["set_up_otherwise"]),
        (sample._replace(faults=("model reads '236', expected 112|0",), serial="15466732"), ["other_device"]),
        (sample._replace(faults=(WRONG_WAY,)), ["wrong_way"]),
        (sample._replace(import_raw=RawCounter(5, 1, 1, 1, 1)), ["register_jumped"]),
    ):
        meter = life.meter
        state = meter.state
        for _ in range(5):
            meter.kept(meter.make(changed))
        assert [d.code for d in troubles(meter)] == codes
        meter.state, meter.outcome = state, None


# --- certificates -----------------------------------------------------------------------------------------------------


def made(folder: Path, days: int, kind: str) -> Path:
    path = folder / "client.pem"
    key = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
    words = ["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", str(days), "-subj", "/CN=e1"]
    subprocess.run([*words, "-keyout", str(folder / "key.pem"), "-out", str(path)], check=True, capture_output=True)
    return path


@pytest.mark.integration
@pytest.mark.parametrize(("days", "kind"), [(10, "ec"), (400, "rsa"), (20_000, "ec")])
def test_a_certificates_end_is_read_as_openssl_wrote_it(tmp_path: Path, days: int, kind: str) -> None:
    """Certificates that run out silently have stopped whole fleets; after 2049 the date has another form."""
    path = made(tmp_path, days, kind)
    said = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", str(path)], check=True, capture_output=True, text=True)  # fmt: skip
    until = datetime.strptime(said.stdout.strip().removeprefix("notAfter="), "%b %d %H:%M:%S %Y GMT").replace(
        tzinfo=UTC
    )
    assert valid_until_s(path) == int(until.timestamp())
    assert days_left(path, until.timestamp() - 3 * DAY_S - 5) == 3
    assert days_left(path, until.timestamp() + 5) == -1


@pytest.mark.integration
def test_authorities_end_with_the_last_of_their_file(tmp_path: Path) -> None:
    """When the authority ends every agent is cut off in one minute; while it is renewed the file holds the old one and the new one."""
    old, new = (made(tmp_path, days, "ec").read_text() for days in (3, 300))
    path = tmp_path / "ca.pem"
    for content, days in ((old, 2), (old + new, 299), (new + "# the old one:\n" + old, 299)):
        path.write_text(content)
        assert authority_days_left(path, time.time()) == days
    path.write_text(new + old[: len(old) // 2])
    with pytest.raises(CertificateError, match=r"ca\.pem"):
        authority_days_left(path, time.time())


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "\xff"])
def test_a_file_without_a_certificate_is_named(tmp_path: Path, content: str) -> None:
    """A wrong path must not look like a certificate that is good for ever."""
    path = tmp_path / "client.pem"
    path.write_text(content)
    with pytest.raises(CertificateError, match=r"client\.pem"):
        valid_until_s(path)
