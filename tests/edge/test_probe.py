"""A box of meters without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.frame import Refusal, Refused
from edge.probe import LAYOUT, POSSIBLE, SAYS_SO, NobodyAnswersError, probe, render
from gridkit.profile import Block, list_profiles, load_profile


class OneMeter:
    """A meter that answers inside its family's ranges and nowhere else."""

    def __init__(self, served: Any) -> None:
        self.served = served
        self.codes: set[int] = set()

    async def read(self, unit: int, block: Block, **_: Any) -> Any:
        self.codes.add(block.function_code)
        profile = self.served.profile
        codes = {block.function_code}
        if block.function_code in profile.access.also_function_codes:
            codes.add(profile.access.function_code)
        fits = block.quantity <= profile.access.block_limit and any(
            r.function_code in codes and r.first <= block.address and block.end - 1 <= r.last for r in profile.ranges
        )
        return self.served.words(block) if fits else Refused(Refusal.EXCEPTION, 2)

    async def close(self) -> None:
        """Nothing."""


def meter(profile_meter: Any, profile_id: str) -> OneMeter:
    served = profile_meter(profile_id)
    served.import_wh, served.export_wh, served.power_w = 1_234_000, 5_000, 1500
    for name, value in (("voltage_l1_v", 230), ("frequency_hz", 50)):
        if name in served.values:
            served.values[name] = value
    if "voltage_sf" in served.values:
        served.values |= {"voltage_l1_v": 230}
    return OneMeter(served)


@pytest.mark.parametrize("profile_id", list_profiles())
async def test_every_family_is_named(profile_meter: Any, profile_id: str) -> None:
    """Another family's map on a real meter is a bill for somebody."""
    link = meter(profile_meter, profile_id)
    matches = await probe(link, 1)
    assert matches[0].profile_id == profile_id, [(m.profile_id, m.strength) for m in matches]
    profile = load_profile(profile_id)
    shown = {line.name: line for line in matches[0].lines}
    assert set(shown) == set(profile.fields)
    for name, field in profile.fields.items():
        assert (shown[name].function_code, shown[name].address) == (field.function_code, field.address)
    if profile.energy.import_:
        assert shown[profile.energy.import_[0]].value.startswith(("1234000.", "1233999.", "1234"))
    assert profile_id in render(matches, "h:502", 1)
    assert link.codes <= {3, 4}


async def test_a_meter_that_is_set_up_otherwise_is_named_and_warned_of(profile_meter: Any) -> None:
    """An SDM630 that counts in MWh would be read a thousand times too small."""
    link = meter(profile_meter, "eastron-sdm630")
    link.served.values["energy_prefix"] = 1
    best, *_ = await probe(link, 1)
    assert (best.profile_id, best.strength) == ("eastron-sdm630", SAYS_SO)
    assert "energy_prefix" in best.faults[0]
    assert "NOT SET UP" in render([best], "h:502", 1)


async def test_how_sure_it_is_is_told(profile_meter: Any) -> None:
    """A guess must not look like a fact."""
    assert (await probe(meter(profile_meter, "sunspec-213"), 1))[0].strength == LAYOUT
    assert (await probe(meter(profile_meter, "eastron-sdm230"), 1))[0].strength == POSSIBLE


async def test_silence_and_strangers_are_told_apart(profile_meter: Any, fake_link: Any) -> None:
    """Swapped wires and an unknown meter want different remedies."""
    fake_link.refusing[1] = Refused(Refusal.TIMEOUT)
    with pytest.raises(NobodyAnswersError, match="A and B swapped"):
        await probe(fake_link, 1)
    assert len(fake_link.asked) <= 6
    fake_link.refusing[1] = Refused(Refusal.EXCEPTION, 2)
    assert await probe(fake_link, 1) == []
    assert "no family known" in render([], "h:502", 1)
    assert "not as abb-b23 does" in render([], "h:502", 1, "abb-b23")


@pytest.mark.parametrize(
    ("refused", "on_line", "says"),
    [
        (Refused(Refusal.TIMEOUT), True, "A and B swapped"),
        (Refused(Refusal.TIMEOUT), False, "--framing"),
        (Refused(Refusal.CONNECT), True, "plugged in"),
        (Refused(Refusal.CONNECT), False, "its address"),
        (Refused(Refusal.CLOSED), False, "only connection"),
        (Refused(Refusal.GARBAGE), False, "no Modbus"),
        (Refused(Refusal.WRONG_UNIT), True, "two meters have this unit number"),
        (Refused(Refusal.EXCEPTION, 11), False, "a gateway answers and no meter"),
    ],
)
@pytest.mark.parametrize("families", [None, ["abb-b23"]])
async def test_each_silence_has_its_remedy(
    fake_link: Any, refused: Refused, on_line: bool, says: str, families: list[str] | None
) -> None:
    """Who is sent to swap A and B of a network cable has lost his morning; who is told that a login prompt is an unknown meter, too."""
    fake_link.refusing[1] = refused
    with pytest.raises(NobodyAnswersError, match=says):
        await probe(fake_link, 1, families, "somewhere", on_line=on_line)
    assert len(fake_link.asked) <= 12


@pytest.mark.parametrize(
    "wrong",
    [
        ["--port", "99999"],
        ["--port", "0"],
        ["--unit", "256"],
        ["--unit", "-1"],
        ["--baud", "17"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--host", "tcp://127.0.0.1"],
        ["--host", ""],
        ["--device", ""],
    ],
)
def test_an_argument_that_cannot_work_is_named(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the thumb on a phone's keyboard ends with a sentence, not with a traceback or a search for the wire."""
    where = [] if wrong[0] in ("--host", "--device") else ["--host", "127.0.0.1"]
    with pytest.raises(SystemExit) as ended:
        main(["probe", *where, *wrong])
    assert ended.value.code == 2
    assert f"argument {wrong[0]}" in capsys.readouterr().err


@pytest.mark.integration
def test_the_command_ends_with_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The electrician stands on a ladder."""
    assert main(["probe", "--host", "127.0.0.1", "--port", "1", "--timeout", "0.2"]) == 2
    assert "nobody answers at 127.0.0.1:1" in capsys.readouterr().err
    assert main(["probe", "--device", str(tmp_path / "ttyUSB9"), "--timeout", "0.2"]) == 2
    assert "no port at" in capsys.readouterr().err


@pytest.mark.integration
async def test_the_command_reads_a_meter_over_the_wire(
    modbus: Any, profile_meter: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the shell to the register and back."""
    import asyncio

    modbus.behave = modbus.good = meter(profile_meter, "abb-b23").served.answer
    arguments = ["probe", "--host", "127.0.0.1", "--port", str(modbus.port), "--profile", "abb-b23"]
    assert await asyncio.to_thread(main, arguments) == 0
    shown = capsys.readouterr().out
    assert "ABB" in shown
    assert "1234000.000 Wh" in shown
    assert await asyncio.to_thread(main, [*arguments, "--json"]) == 0
    assert '"profile_id":"abb-b23"' in capsys.readouterr().out
