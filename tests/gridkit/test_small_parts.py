"""Units, intervals, quality codes, topics, keys, log lines and settings."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit import interval, keys, log, quality, settings, topics, units


@given(st.integers(-(10**24), 10**24), st.integers(0, 9))
def test_decimal_text_and_number_are_the_same_thing(value: int, decimals: int) -> None:
    """A client that reads its balance and sends it back must not gain or lose an atom."""
    assert units.parse_decimal(units.format_decimal(value, decimals), decimals) == value


@pytest.mark.parametrize(
    ("text", "decimals", "value"), [("1.5", 3, 1500), ("-0.01", 2, -1), ("7", 0, 7), ("1.500", 1, 15)]
)
def test_decimal_text_means_what_it_says(text: str, decimals: int, value: int) -> None:
    """Trailing zeros are no precision that could be lost."""
    assert units.parse_decimal(text, decimals) == value


@pytest.mark.parametrize("text", ["", ".5", "5.", "1e3", "+1", " 1", "1,5", "١", "nan", "1.2345"])
def test_text_that_is_no_plain_decimal_or_would_round_is_refused(text: str) -> None:
    """Rounding a price in somebody's favour is theft, a little at a time."""
    with pytest.raises(units.DecimalFormatError):
        units.parse_decimal(text, 3)


@pytest.mark.parametrize("value", [1.5, 2.0, True, None])
def test_floats_are_refused(value: Any) -> None:
    """0.1 + 0.2 is not money."""
    for call in (
        lambda: units.parse_decimal(value, 2),
        lambda: units.format_decimal(value, 2),
        lambda: units.trade_value_ucredit(value, 1),
        lambda: units.trade_value_ucredit(1, value),
    ):
        with pytest.raises(TypeError):
            call()


def test_a_kilowatt_hour_at_one_credit_costs_one_credit() -> None:
    """1,000 lots at 100 ticks: the constant that ties energy to money."""
    assert units.trade_value_ucredit(1000, 100) == units.UCREDIT_PER_CREDIT
    assert units.ATOMS_PER_WH * units.WH_PER_KWH == units.ATOMS_PER_GRID


def test_an_interval_is_named_by_its_start_and_is_half_open() -> None:
    """An instant on the boundary that belonged to both quarter hours would be paid twice."""
    assert interval.interval_at(899) == 0
    assert interval.interval_at(900) == 1
    assert (interval.start_s(1), interval.end_s(1)) == (900, 1800)
    assert interval.interval_end(0) == datetime(1970, 1, 1, 0, 15, tzinfo=UTC)
    assert interval.interval_start(1) == interval.interval_end(0)
    assert interval.interval_at_ns(interval.end_ns(7)) == 8
    assert interval.interval_at_ns(interval.end_ns(7) - 1) == 7


def test_future_tolerance_has_three_zones() -> None:
    """Sixty seconds are a clock's error; one interval more is a late bridge; beyond that a clock is wrong."""
    end = interval.end_s(10)
    assert interval.is_acceptable(10, end - 60)
    assert not interval.is_acceptable(10, end - 61)
    assert interval.is_slightly_ahead(10, end - 61)
    assert interval.is_slightly_ahead(10, end - 960)
    assert not interval.is_slightly_ahead(10, end - 961)
    assert not interval.is_slightly_ahead(10, end)


def test_the_quality_table_has_each_bit_once_and_its_agreed_place() -> None:
    """A moved bit would post estimates and withhold measurements."""
    order = ["estimated", "derived", "questionable", "clock_invalid", "power_failure", "partial", "catch_up"]
    order += ["clock_adjusted", "wrap", "reset", "swap", "identity_changed", "jitter_held", "glitch_rejected"]
    order += ["unit_changed"]
    assert [(int(code.bit), code.label) for code in quality.CODES] == [(1 << i, name) for i, name in enumerate(order)]


@given(st.integers(0, 0x7FFF))
def test_masked_readings_never_look_validated_outside(flags: int) -> None:
    """An export that calls an estimate measured gets the campus sued."""
    assert quality.is_postable(flags) == (flags & 15 == 0)
    if not quality.is_postable(flags):
        assert quality.espi_code(flags) != quality.ESPI_VALIDATED
        assert quality.ieee_2030_5_flags(flags) & 1 == 0
        assert quality.iec_61968_9_codes(flags) != ("3.0.0",)
    assert len(quality.labels(flags)) == flags.bit_count()


def test_clean_reading_is_valid_everywhere() -> None:
    """The ordinary case."""
    assert (quality.espi_code(0), quality.ieee_2030_5_flags(0), quality.iec_61968_9_codes(0)) == (17, 1, ("3.0.0",))


@given(st.integers(0, 0xFFFF), st.integers(1, 0xFFFF_FFFF))
def test_topics_parse_back(zone: int, number: int) -> None:
    """A receipt on a topic that the edge reads as another meter's never frees its row."""
    assert topics.parse_topic(topics.reading_topic(zone, number)) == (zone, number, topics.Leaf.READING)
    assert topics.parse_topic(topics.receipt_topic(zone, number)) == (zone, number, topics.Leaf.RECEIPT)
    assert topics.parse_topic(topics.status_topic(zone, number)) == (zone, number, topics.Leaf.STATUS)


def test_agent_topics_parse_back_and_strange_ones_are_nobodys() -> None:
    """A wildcard or slash in an agent's id would give it the whole tree."""
    assert topics.parse_topic(topics.agent_config_topic("pi-7")) == ("pi-7", topics.Leaf.CONFIG)
    assert topics.parse_topic(topics.agent_status_topic("pi-7")) == ("pi-7", topics.Leaf.STATUS)
    for agent in ("", "+", "#", "a/b", "x" * 65, "-a", "ä"):
        with pytest.raises(ValueError):
            topics.agent_config_topic(agent)
    for topic in (
        "cg/v1/1/2/config",
        "cg/v1/1/0/reading",
        "cg/v1/65536/1/reading",
        "cg/v1/01/1/reading",
        "cg/v1/1/4294967296/reading",
        "cg/v1/agent/x/reading",
        "cg/v2/1/1/reading",
        "cg/v1/1/1",
    ):
        assert topics.parse_topic(topic) is None, topic


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """A second start that made a second key would orphan the meter on the chain."""
    path = tmp_path / "keys" / "meter.json"
    key = keys.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(path.read_text())) == 64
    assert bytes(keys.load_or_create(path)) == bytes(key)
    with pytest.raises(keys.KeyFileExistsError):
        keys.create_key(path)
    assert sorted(p.name for p in path.parent.iterdir()) == ["meter.json"]


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """Whoever read it can sign readings for ever."""
    path = tmp_path / "meter.json"
    keys.create_key(path)
    for mode in (0o640, 0o604, 0o620):
        os.chmod(path, mode)
        with pytest.raises(keys.KeyFileModeError):
            keys.load_key(path)


@pytest.mark.parametrize("content", ["", "[1,2]", "[300]", json.dumps([0] * 64), '{"a":1}'])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    """A half-written key file must be an error, not a key of zeros."""
    path = tmp_path / "meter.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(keys.MalformedKeyFileError):
        keys.load_key(path)


def test_a_log_line_is_one_json_object() -> None:
    """A newline in a meter's serial must not forge a second line."""
    stream = io.StringIO()
    log.configure("edge", "info", stream)
    try:
        logger = log.get_logger("edge.poll").bind(meter_id="m1")
        logger.debug("not_shown")
        logger.info("poll_failed", serial="a\nb", key=b"\x01", path=Path("/x"))
        try:
            raise RuntimeError("inside")
        except RuntimeError:
            logger.exception("loop_failed")
    finally:
        log.configure("campusgrid")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["service"], first["level"], first["meter_id"]) == (
        "poll_failed",
        "edge",
        "info",
        "m1",
    )
    assert (first["serial"], first["key"], first["path"]) == ("a\nb", "01", "/x")
    assert "RuntimeError: inside" in second["traceback"]
    with pytest.raises(ValueError):
        log.configure("edge", "loud")


class Inner(msgspec.Struct):
    """A table."""

    id: str
    unit: int = 1


class Outer(msgspec.Struct):
    """Settings of a process."""

    agent: str
    port: int
    home: Path = Path("var")
    limit_s: int | None = None
    meters: list[Inner] = []
    broker: Inner | None = None


def write(tmp_path: Path, text: str) -> Path:
    """A settings file."""
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return path


GOOD = '[edge]\nagent = "a"\nport = 1\nhome = "/srv"\n[[edge.meters]]\nid = "m"\nunit = 2\n'


def test_settings_come_from_the_file_and_variables_lie_over_it(tmp_path: Path) -> None:
    """Compose sets what differs from box to box by variable."""
    path = write(tmp_path, GOOD)
    plain = settings.load(Outer, path, {}, "CAMPUSGRID_EDGE_")
    assert plain == Outer("a", 1, Path("/srv"), None, [Inner("m", 2)])
    over = settings.load(
        Outer,
        path,
        {
            "CAMPUSGRID_EDGE_PORT": "5",
            "CAMPUSGRID_EDGE_METERS": '[{"id": "z"}]',
            "CAMPUSGRID_EDGE_BROKER__ID": "b",
            "CAMPUSGRID_EDGE_LIMIT_S": "9",
            "OTHER": "x",
        },
        "CAMPUSGRID_EDGE_",
    )
    assert over == Outer("a", 5, Path("/srv"), 9, [Inner("z")], Inner("b"))
    assert settings.load(Outer, None, {"X_AGENT": "e", "X_PORT": "3"}, "X_").port == 3


@pytest.mark.parametrize(
    ("text", "environ", "line", "field"),
    [
        (GOOD.replace("port = 1", 'port = "x"'), {}, 3, "port"),
        (GOOD.replace("port = 1\n", ""), {}, 1, "port"),
        (GOOD.replace("port = 1", "port = 1\nprot = 2"), {}, 4, "prot"),
        (GOOD.replace("unit = 2", "unti = 2"), {}, 7, "meters[0].unti"),
        (GOOD.replace("port = 1", "port = "), {}, 3, "port"),
        (GOOD.replace("unit = 2", "unit = 2 3"), {}, 7, "meters[0].unit"),
        (GOOD, {"CAMPUSGRID_EDGE_PROT": "1"}, None, "CAMPUSGRID_EDGE_PROT"),
        (GOOD, {"CAMPUSGRID_EDGE_PORT": "x"}, None, "CAMPUSGRID_EDGE_PORT"),
        (GOOD, {"CAMPUSGRID_EDGE_METERS": '[{"id": 1}]'}, None, "CAMPUSGRID_EDGE_METERS"),
        (GOOD, {"CAMPUSGRID_EDGE_METERS": "[x"}, None, "CAMPUSGRID_EDGE_METERS"),
    ],
)
def test_a_mistake_in_the_settings_is_named_with_its_place(
    tmp_path: Path, text: str, environ: dict[str, str], line: int | None, field: str
) -> None:
    """A typo that is silently ignored runs the default until somebody looks at the bill."""
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(Outer, write(tmp_path, text), environ, "CAMPUSGRID_EDGE_")
    assert (caught.value.line, caught.value.field) == (line, field)
    assert caught.value.remedy


@pytest.mark.parametrize("wrong", ["prot", "unti"])
def test_a_slip_of_the_keyboard_is_answered_with_the_right_word(tmp_path: Path, wrong: str) -> None:
    """In a list of forty known settings nobody finds the one that he meant."""
    right = {"prot": "port", "unti": "unit"}[wrong]
    with pytest.raises(settings.SettingsError, match=f"Did you mean `{right}`"):
        settings.load(Outer, write(tmp_path, GOOD.replace(right, wrong)), {}, "CAMPUSGRID_EDGE_")


def test_a_slip_in_the_section_is_answered_with_the_right_word(tmp_path: Path) -> None:
    """The whole file is taken for the table then, and each of its lines would be wrong."""
    with pytest.raises(settings.SettingsError, match=r":1: egde: is no setting. Did you mean \[edge\]"):
        settings.load(Outer, write(tmp_path, GOOD.replace("edge", "egde")), {}, "CAMPUSGRID_EDGE_")


def test_another_services_table_may_stand_beside(tmp_path: Path) -> None:
    """One file for the box: what another process reads is none of this one's business."""
    path = write(tmp_path, GOOD + "[bridge]\nport = 2\n")
    assert settings.load(Outer, path, {}, "CAMPUSGRID_EDGE_").port == 1


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_names_the_line(tmp_path: Path, encoding: str) -> None:
    """An editor of another age; the path is right, and its remedy is to save it otherwise."""
    path = tmp_path / "edge.toml"
    path.write_bytes(GOOD.replace('"a"', '"Küche"').encode(encoding))
    with pytest.raises(settings.SettingsError, match="UTF-8") as caught:
        settings.load(Outer, path, {}, "CAMPUSGRID_EDGE_")
    assert (caught.value.line, caught.value.field) == ((2, "agent") if encoding == "latin-1" else (1, ""))


@pytest.mark.parametrize("what", ["pipe", "device", "folder", "large", "loop"])
@pytest.mark.timeout(20)
def test_what_is_no_settings_file_is_refused_at_once(tmp_path: Path, what: str) -> None:
    """A pipe would be waited for, and a device read, until the watchdog or the memory ends it."""
    path = tmp_path / "edge.toml"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path = Path("/dev/zero")
    elif what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path)
    else:
        with path.open("wb") as file:
            file.truncate(settings.LARGEST + 1)
    with pytest.raises(settings.SettingsError, match="--config"):
        settings.load(Outer, path, {}, "CAMPUSGRID_EDGE_")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Starting on defaults because a path was mistyped reads nobody's meters."""
    with pytest.raises(settings.SettingsError, match=r"nowhere\.toml"):
        settings.load(Outer, tmp_path / "nowhere.toml", {}, "CAMPUSGRID_EDGE_")
