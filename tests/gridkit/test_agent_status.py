"""What a person is told of meters in trouble: which, since when, why, and what to do, in lines that can be read on a ladder."""

from __future__ import annotations

import socket

import msgspec
import pytest

from gridkit.agent_status import AgentSilentError, AgentStatus, MeterStatus, Trouble, ask, decode, silent, summary, told

NOON_MS = 1_779_624_000_000
"""2026-05-24 12:00 UTC."""


def status(**diagnoses: list[Trouble]) -> AgentStatus:
    meters = [MeterStatus(meter_id=name, expected_serial=f"70{name[1:]}", diagnosis=d) for name, d in diagnoses.items()]
    return AgentStatus(agent="e1", now_ms=NOON_MS, meters=meters)


def test_a_trouble_is_told_with_meter_beginning_reason_and_remedy() -> None:
    """Whoever has read it need ask nobody before going there."""
    trouble = Trouble(
        "no_answer", NOON_MS - 3 * 3_600_000, "it does not answer", "Check its power, and the wires. " * 4
    )
    lines = told(status(M1=[], M2=[trouble]), 70)
    assert lines[:2] == [
        "M2 (serial 702): no_answer, since 2026-05-24 09:00 UTC, for 3 h",
        "  why: it does not answer",
    ]
    assert any(line.startswith("  do:  Check its power") for line in lines)
    assert all(len(line) <= 70 for line in lines)
    assert summary([status(M1=[], M2=[trouble])]) == "2 meters, 1 in trouble"


def test_what_ails_all_meters_alike_is_told_once() -> None:
    """Thirty-two times "the broker cannot be reached" hides the one meter that is dead."""
    away = Trouble("broker_away", NOON_MS - 600_000, "no broker", "Look.")
    dead = Trouble("no_answer", NOON_MS - 60_000, "silent", "Go.")
    found = status(M1=[away], M2=[dead, msgspec.structs.replace(away, since_ms=NOON_MS - 900_000)], M3=[away])
    assert [line for line in told(found) if not line.startswith(" ")] == [
        "all 3 meters of e1: broker_away, since 2026-05-24 11:45 UTC, for 15 min",
        "M2 (serial 702): no_answer, since 2026-05-24 11:59 UTC, for 60 s",
    ]
    two = status(M1=[away], M2=[away], M3=[])
    assert told(two)[0].startswith("M1 (serial 701), M2 (serial 702): broker_away")


def test_where_all_is_well_nothing_is_told_but_how_many_meters_there_are() -> None:
    """An empty screen could be a command that did not look."""
    assert status(M1=[], M2=[]).is_well
    assert told(status(M1=[], M2=[])) == []
    assert summary([status(M1=[]), status(M2=[])]) == "2 meters, all is well"


@pytest.mark.parametrize(
    ("length_s", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_799, "47 h"), (172_800, "2 days")],
)  # fmt: skip
def test_a_length_is_told_in_the_unit_that_one_thinks_in(length_s: int, said: str) -> None:
    """ "For 262,800 s" is not read at three in the morning."""
    trouble = Trouble("x", NOON_MS - length_s * 1000, "w", "d")
    assert told(status(M1=[trouble]))[0].endswith(f", for {said}")


def test_a_beginning_that_nobody_knows_is_not_1970() -> None:
    """A serial that is not known and a beginning that is not known are said so."""
    lines = told(
        AgentStatus(
            agent="e1", now_ms=NOON_MS, meters=[MeterStatus(meter_id="M1", diagnosis=[Trouble("x", 0, "w", "d")])]
        )
    )
    assert lines[0] == "M1 (serial not known): x, nobody knows since when"


def test_a_silent_agent_is_a_trouble_of_each_of_its_meters() -> None:
    """The worst trouble must not look like none."""
    found = silent("e1", [MeterStatus(meter_id="M1"), MeterStatus(meter_id="M2")], NOON_MS, "nobody there")
    assert not found.is_well
    assert told(found)[0] == "all 2 meters of e1: agent_silent, nobody knows since when"
    assert "systemctl" in "".join(told(found))


@pytest.mark.integration
def test_an_agent_that_is_not_there_is_named_by_its_address() -> None:
    """A traceback says nothing about which box to look at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(AgentSilentError, match=str(port)):
        ask("127.0.0.1", port)


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html>", b'{"agent": 1}', b"[]"])
def test_what_another_program_answers_is_no_status(body: bytes) -> None:
    """Another service may have the port."""
    with pytest.raises(AgentSilentError, match="h:1"):
        decode(body, "h:1")
