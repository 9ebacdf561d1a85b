"""One poll round: the right blocks, in the right order, and exactly what they say."""

from __future__ import annotations

from typing import Any

import pytest

from edge.frame import Refusal, Refused
from edge.sample import PollPlan, PollRefused, Sample, poll, read_energy
from gridkit.clock import UNKNOWN_ERROR_MS, FakeClock
from gridkit.profile import Block, encode_pattern, list_profiles, load_profile


async def read(link: Any, profile_id: str) -> Sample | PollRefused:
    return await poll(link, 1, PollPlan(load_profile(profile_id)), FakeClock(5_000_000_000), monotonic_ns=lambda: 77)


@pytest.mark.parametrize("profile_id", list_profiles())
async def test_every_family_is_read_exactly(fake_link: Any, profile_meter: Any, profile_id: str) -> None:
    """A family whose blocks miss a field would be silent, or worse."""
    profile = load_profile(profile_id)
    meter = profile_meter(profile_id, serial="42")
    meter.import_wh, meter.export_wh, meter.power_w = 1_230_000, 450_000, 1500
    fake_link.units[1] = meter
    sample = await read(fake_link, profile_id)
    assert isinstance(sample, Sample)
    assert (sample.read_ns, sample.monotonic_ns) == (5_000_000_000, 77)
    for counter, wh, direction in (
        (sample.import_raw, 1_230_000, "import"),
        (sample.export_raw, 450_000, "export"),
    ):
        if profile.energy_fields(direction):  # type: ignore[arg-type]
            assert counter is not None
            assert 0 <= wh - counter.exact_wh < counter.step_wh
        else:
            assert counter is None
    assert sample.faults == ()
    assert sample.serial == ("42" if profile.identity.serial else "")
    assert sample.measured[("power", 0)] == 1_500_000


def test_the_energy_block_is_asked_first() -> None:
    """Its instant is the boundary; thirty voltages before it would move it by seconds on a slow line."""
    for profile_id in list_profiles():
        plan = PollPlan(load_profile(profile_id))
        assert plan.energy_blocks >= 1
        names = plan.profile.energy_names
        for name in names:
            field = plan.profile.field(name)
            assert any(
                b.function_code == field.function_code and b.address <= field.address and field.end <= b.end
                for b in plan.blocks[: plan.energy_blocks]
            ), (profile_id, name)


async def test_one_refused_block_refuses_the_round(fake_link: Any, profile_meter: Any) -> None:
    """Registers of now with a serial of an hour ago would hide a swap."""
    fake_link.units[1] = profile_meter("abb-b23")
    plan = PollPlan(load_profile("abb-b23"))
    assert len(plan.blocks) >= 2
    count = 0

    def spoil(unit: int) -> None:
        nonlocal count
        count += 1
        if count == len(plan.blocks):
            fake_link.refusing[1] = Refused(Refusal.EXCEPTION, 4)

    fake_link.before_answer = spoil
    assert await poll(fake_link, 1, plan, FakeClock()) == PollRefused("exception", 4)


@pytest.mark.parametrize("at_boundary", [False, True])
async def test_a_clock_that_is_set_while_a_meter_is_read_vouches_for_nothing_before(
    fake_link: Any, profile_meter: Any, at_boundary: bool
) -> None:
    """Between a boundary's counters and the rest lie seconds. NTP comes in them, and an hour that nobody vouched for would be sworn to."""
    fake_link.units[1] = profile_meter("abb-b23")
    plan = PollPlan(load_profile("abb-b23"))
    clock = FakeClock(5_000_000_000, error_bound_ms=UNKNOWN_ERROR_MS)
    energy = await read_energy(fake_link, 1, plan, clock) if at_boundary else None
    assert not isinstance(energy, PollRefused)
    left = len(plan.blocks)

    def ntp_comes(unit: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            clock.set_ns(3_605_000_000_000)
            clock.set_error_bound_ms(20)

    fake_link.before_answer = ntp_comes
    sample = await poll(fake_link, 1, plan, clock, energy=energy)
    assert isinstance(sample, Sample)
    assert left <= 0
    assert (sample.read_ns, sample.clock_error_ms) == (5_000_000_000, UNKNOWN_ERROR_MS)
    sample = await poll(fake_link, 1, plan, clock)
    assert isinstance(sample, Sample)
    assert (sample.read_ns, sample.clock_error_ms) == (3_605_000_000_000, 20)


async def test_a_boundary_round_shows_the_counters_twice(fake_link: Any, profile_meter: Any) -> None:
    """The first are what is signed; the second say whether they were but a moment's."""
    meter = fake_link.units[1] = profile_meter("schneider-iem3155")
    plan, clock = PollPlan(meter.profile), FakeClock(5_000_000_000)
    meter.import_wh = 1_310
    energy = await read_energy(fake_link, 1, plan, clock)
    assert not isinstance(energy, PollRefused)
    meter.import_wh = 1_250
    sample = await poll(fake_link, 1, plan, clock, energy=energy)
    assert isinstance(sample, Sample)
    assert sample.import_raw is not None
    assert sample.again is not None
    assert sample.again.import_raw is not None
    assert (sample.import_raw.to_wh(), sample.again.import_raw.to_wh()) == (1_310, 1_250)


async def test_an_optional_register_that_is_not_there_is_asked_once(fake_link: Any, profile_meter: Any) -> None:
    """Exception 2 every few seconds floods the logs of meters of older make."""

    class Older(profile_meter):  # type: ignore[misc]
        asked = 0

        def words(self, block: Block) -> Any:
            if block in optional:
                self.asked += 1
                return Refused(Refusal.EXCEPTION, 2)
            return super().words(block)

    plan = PollPlan(load_profile("eastron-sdm630"))
    optional = list(plan.optional_blocks)
    assert optional
    meter = fake_link.units[1] = Older("eastron-sdm630")
    for _ in range(3):
        sample = await poll(fake_link, 1, plan, FakeClock())
        assert isinstance(sample, Sample)
    assert meter.asked == len(optional)


async def test_a_counter_that_shows_no_value_is_no_zero(fake_link: Any, profile_meter: Any) -> None:
    """Zero instead of "unavailable" books the whole counter."""
    meter = profile_meter("abb-b23")
    field = meter.profile.field("import_wh")

    class Silent(profile_meter):  # type: ignore[misc]
        def words(self, block: Block) -> Any:
            words = list(super().words(block))
            if block.function_code == field.function_code and block.address <= field.address < block.end:
                at = field.address - block.address
                words[at : at + field.width] = encode_pattern(field, field.not_available[0])
            return tuple(words)

    fake_link.units[1] = Silent("abb-b23")
    assert await read(fake_link, "abb-b23") == PollRefused("energy_not_available")


async def test_a_meter_of_another_family_is_told_apart(fake_link: Any, profile_meter: Any) -> None:
    """The electrician put another meter on the same address."""
    meter = profile_meter("abb-b23")
    meter.values[meter.profile.identity.model] = "C11 110-300"
    fake_link.units[1] = meter
    sample = await read(fake_link, "abb-b23")
    assert isinstance(sample, Sample)
    assert sample.faults
    assert sample.faults[0].startswith("model")


@pytest.mark.parametrize("profile_id", list_profiles())
async def test_who_the_meter_is_is_looked_at_in_every_round(
    fake_link: Any, profile_meter: Any, profile_id: str
) -> None:
    """It is worked out only when a word has changed; a swap or a changed set-up must not hide behind that."""
    profile = load_profile(profile_id)
    plan = PollPlan(profile)
    meter = fake_link.units[1] = profile_meter(profile_id, serial="41")
    meter.import_wh = meter.export_wh = 1_000_000

    async def seen() -> tuple[str, int]:
        sample = await poll(fake_link, 1, plan, FakeClock())
        assert isinstance(sample, Sample)
        return sample.serial, len(sample.faults)

    has_serial = bool(profile.identity.serial)
    for serial in ("41", "42", "41"):
        meter.set_serial(serial)
        assert await seen() == (serial if has_serial else "", 0)
    for field in profile.fields.values():
        if field.expect and isinstance(field.expect[0], int):
            right = meter.values[field.name]
            meter.values[field.name] = next(n for n in range(100) if n not in field.expect)
            assert (await seen())[1] == 1, field.name
            meter.values[field.name] = right
            assert (await seen())[1] == 0


async def test_the_wrap_point_moves_with_the_scale_factor(fake_link: Any, profile_meter: Any) -> None:
    """A SunSpec counter in tens of Wh wraps ten times later: taken for one of single Wh, its wrap was a reset to be approved."""
    meter = fake_link.units[1] = profile_meter("sunspec-203")
    meter.import_wh, meter.export_wh = 1_230_000, 450_000
    meter.values["energy_sf"] = 1
    sample = await read(fake_link, "sunspec-203")
    assert isinstance(sample, Sample)
    assert sample.wraps_wh == (10 * 2**32, 10 * 2**32)
    fake_link.units[1] = profile_meter("abb-b23")
    sample = await read(fake_link, "abb-b23")
    assert isinstance(sample, Sample)
    assert sample.wraps_wh is None
