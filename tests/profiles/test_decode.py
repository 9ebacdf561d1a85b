"""Registers to numbers: known bytes of real meters, every family both ways, and the traps of the maps."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.profile import (
    Field,
    NotAvailable,
    RawCounter,
    Refusal,
    Registers,
    Thousandths,
    decode,
    encode,
    energy_values,
    identity_faults,
    list_profiles,
    load_profile,
    plan_blocks,
    read_counter,
    read_model,
    read_serial,
    read_value,
    read_wrap_wh,
)

ALL = list_profiles()
FLOAT_FAMILIES = [p for p in ALL if load_profile(p).energy_fields("export")[0].type in ("f32", "f64")]


def registers_of(content: dict[int, int], function_code: int = 3) -> Registers:
    registers = Registers()
    for address, word in content.items():
        registers.add((function_code, address, 1), [word])
    return registers


# Registers of an iEM3255 on a real site, as kept by the SolarNetwork project (facts only).
IEM3255 = {
    49: 0x6945, 50: 0x4D33, 51: 0x3235, 52: 0x3520, 53: 0x2020, 54: 0x2020, 55: 0x2020, 56: 0x2020, 57: 0x2020,
    58: 0x2020, 59: 0x2020, 60: 0x2020, 61: 0x2020, 62: 0x2020, 63: 0x2020, 64: 0x2020, 65: 0x2020, 66: 0x2020,
    67: 0x2020, 68: 0x2020,
    129: 0x00F7, 130: 0xB24F,
    3059: 0xBF1B, 3060: 0x6208,
    3061: 0xFFC0, 3062: 0x0000,
}  # fmt: skip
IEM3255 |= {
    3083: 0xBF03, 3084: 0xB774, 3109: 0x4248, 3110: 0x4329,
    3203: 0x0000, 3204: 0x0000, 3205: 0x04F0, 3206: 0x8803,
    3207: 0x0000, 3208: 0x0000, 3209: 0x000F, 3210: 0xEA9C,
    3517: 0x0000, 3518: 0x0000, 3519: 0x01CF, 3520: 0xF111,
    3521: 0x0000, 3522: 0x0000, 3523: 0x0251, 3524: 0x40BE,
    3525: 0x0000, 3526: 0x0000, 3527: 0x00F2, 3528: 0x66C9,
}  # fmt: skip

# A Veris E51C2 (SunSpec 203) from the same project. Its common model is 65 long, so everything from the meter model on
# lies one register lower than in our profile: the test moves it up by one.
VERIS_MODEL_203 = [
    0x00CB, 0x0069, 0x14E4, 0x0A79, 0x0A6B, 0x0000, 0xFFFE, 0x0334, 0x04CE, 0x04CD, 0x0002, 0x0667, 0x099B, 0x04CC,
    0x04CE, 0xFFFF, 0x1771, 0xFFFE, 0x028E, 0x0148, 0x0146, 0x0000, 0x0001, 0x0293, 0x014A, 0x0148, 0x0000, 0x0001,
    0xFFB1, 0xFFD9, 0xFFD9, 0x0000, 0x0001, 0x26C5, 0x26CA, 0x26CA, 0x2710, 0xFFFC, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0001, 0x6227, 0x0000, 0xB190, 0x0000, 0x007D, 0x0000, 0x0000, 0x0001,
]  # fmt: skip


def test_real_iem3255_decodes_to_its_published_values() -> None:
    """A dump of a real meter settles address base, width and power unit; a wrong profile would bill another register."""
    profile = load_profile("schneider-iem3155")
    registers = registers_of(IEM3255)
    imported = read_counter(profile, "import", registers)
    exported = read_counter(profile, "export", registers)
    assert isinstance(imported, RawCounter)
    assert isinstance(exported, RawCounter)
    assert imported.to_wh() == 82_872_323
    assert imported.step_wh == 1
    assert exported.to_wh() == 0x000FEA9C
    power = read_value(profile, "power_w", registers)
    frequency = read_value(profile, "frequency_hz", registers)
    assert isinstance(power, Fraction)
    assert isinstance(frequency, Fraction)
    assert round(power) == -607
    assert round(frequency, 2) == Fraction("50.07")
    assert read_serial(profile, registers) == str(0x00F7B24F)
    assert read_model(profile, registers) == "iEM3255"
    assert identity_faults(profile, registers) == []
    phases = [read_value(profile, f"import_l{n}_wh", registers) for n in (1, 2, 3)]
    # The total balances the phases before it counts, so three phases of which one exports add up to more.
    assert sum(p.to_wh() for p in phases if isinstance(p, RawCounter)) == 85_170_328


def test_real_sunspec_203_meter_decodes_to_its_published_values() -> None:
    """Scale factors come from other registers; forgetting one makes a meter count ten times too little."""
    profile = load_profile("sunspec-203")
    registers = registers_of({40070 + i: w for i, w in enumerate(VERIS_MODEL_203)})
    imported = read_counter(profile, "import", registers)
    assert isinstance(imported, RawCounter)
    assert imported.to_wh() == 906_630
    assert imported.step_wh == 10
    assert read_value(profile, "power_w", registers) == 6540
    assert read_value(profile, "power_l1_w", registers) == 3280
    assert read_value(profile, "current_l1_a", registers) == Fraction("26.81")
    assert read_value(profile, "voltage_l2_v", registers) == Fraction("122.9")
    assert read_value(profile, "frequency_hz", registers) == Fraction("60.01")
    exported = read_counter(profile, "export", registers)
    assert isinstance(exported, NotAvailable), "acc32 zero means that the point is not implemented"
    assert exported.reason is Refusal.NOT_AVAILABLE


def test_example_of_the_eastron_document_decodes() -> None:
    """Eastron's own protocol document shows 43 66 33 34 as 230.2 V; high word first."""
    value = decode(load_profile("eastron-sdm630"), "voltage_l1_v", (0x4366, 0x3334))
    assert isinstance(value, Fraction)
    assert round(value, 1) == Fraction("230.2")


def test_carlo_gavazzi_sends_the_low_word_first() -> None:
    """Read the other way round, 1.2 MWh would be 51 GWh."""
    counter = decode(load_profile("gavazzi-em340"), "import_wh", (12_345 & 0xFFFF, 0))
    assert isinstance(counter, RawCounter)
    assert counter.to_wh() == 1_234_500
    assert counter.step_wh == 100


def test_total_of_a_pac_is_both_tariffs() -> None:
    """Tariff 1 alone loses the night."""
    profile = load_profile("siemens-pac2200")
    registers = Registers()
    registers.add((3, 801, 16), struct.unpack(">16H", struct.pack(">4d", 1_000.5, 2_000.25, 30.0, 4.0)))
    values = energy_values(profile, registers)
    imported, exported = values["import"], values["export"]
    assert isinstance(imported, RawCounter)
    assert isinstance(exported, RawCounter)
    assert imported.exact_wh == Fraction("3000.75")
    assert imported.to_wh() == 3000
    assert exported.to_wh() == 34


def test_half_of_a_sum_is_no_counter() -> None:
    """A tariff register that was not read must not turn the total into the other tariff."""
    registers = Registers()
    registers.add((3, 801, 4), struct.unpack(">4H", struct.pack(">d", 1_000.5)))
    counter = read_counter(load_profile("siemens-pac2200"), "import", registers)
    assert isinstance(counter, NotAvailable)
    assert counter.reason is Refusal.MISSING


@pytest.mark.parametrize("profile_id", ALL)
def test_every_not_available_pattern_is_refused_by_name(profile_id: str) -> None:
    """A meter's way of saying "I do not know" taken as a number has booked whole counters as consumption."""
    profile = load_profile(profile_id)
    for field in profile.fields.values():
        for pattern in field.not_available:
            words = [pattern >> 16 * (field.width - 1 - i) & 0xFFFF for i in range(field.width)]
            words = words if field.order == "high" else words[::-1]
            answer = decode(profile, field, words)
            assert isinstance(answer, NotAvailable)
            assert answer.reason is Refusal.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((0x7FC0, 0x0000), Refusal.NOT_A_NUMBER),
        ((0xFFFF, 0xFFFF), Refusal.NOT_A_NUMBER),
        ((0x7F80, 0x0000), Refusal.INFINITE),
        ((0xBF80, 0x0000), Refusal.NEGATIVE_ENERGY),
        ((0x4974, 0x2400), Refusal.BEYOND_WRAP),  # 1 000 000 kWh on a six-digit counter
    ],
)
def test_float_counter_that_is_no_counter_is_refused(words: tuple[int, int], reason: Refusal) -> None:
    """NaN, infinity, a negative total or one beyond the display must never become a baseline."""
    answer = decode(load_profile("eastron-sdm630"), "import_wh", words)
    assert isinstance(answer, NotAvailable)
    assert answer.reason is reason


def test_largest_counter_below_the_wrap_point_is_a_counter() -> None:
    """The other side of the edge: 999 999.9375 kWh is still shown."""
    answer = decode(load_profile("eastron-sdm630"), "import_wh", (0x4974, 0x23FF))
    assert isinstance(answer, RawCounter)
    assert answer.exact_wh == Fraction("999999937.5")
    assert answer.step_wh == Fraction("62.5")


@pytest.mark.parametrize("profile_id", ALL)
@given(data=st.data())
def test_energy_written_by_a_meter_reads_back_within_one_step(profile_id: str, data: st.DataObject) -> None:
    """The simulator's truth and the edge's reading meet here; a rounding up would invent energy."""
    profile = load_profile(profile_id)
    for field in profile.energy_fields("import") + profile.energy_fields("export"):
        true_wh = Fraction(data.draw(st.integers(1000, 1000 * (field.wrap_wh - 1))), 1000)
        counter = decode(profile, field, encode(profile, field, true_wh))
        if isinstance(counter, NotAvailable):
            assert counter.reason is Refusal.NOT_AVAILABLE  # SunSpec: below one Wh reads as not implemented
            assert true_wh < 1000
            continue
        assert isinstance(counter, RawCounter)
        assert counter.exact_wh <= true_wh < counter.exact_wh + counter.step_wh
        assert encode(profile, field, counter) == encode(profile, field, true_wh)


@pytest.mark.parametrize("profile_id", ALL)
def test_counter_wraps_where_the_profile_says(profile_id: str) -> None:
    """The register shows what is left over; the edge must be able to see exactly that fall."""
    profile = load_profile(profile_id)
    for field in profile.energy_fields("import") + profile.energy_fields("export"):
        over = encode(profile, field, field.wrap_wh + 1_000_000)
        assert over == encode(profile, field, 1_000_000)


@pytest.mark.parametrize("profile_id", FLOAT_FAMILIES)
@given(data=st.data())
def test_float_decoding_agrees_with_the_machine(profile_id: str, data: st.DataObject) -> None:
    """An independent reader (struct) and our bit-by-bit one must see the same number."""
    profile = load_profile(profile_id)
    field = profile.energy_fields("export")[0]
    size, code = (4, "f") if field.type == "f32" else (8, "d")
    content = data.draw(st.binary(min_size=size, max_size=size))
    machine = struct.unpack(">" + code, content)[0]
    words = struct.unpack(f">{size // 2}H", content)
    counter = decode(profile, field, words)
    if isinstance(counter, RawCounter):
        assert counter.exact_wh == Fraction(machine) * field.scale_ratio
    else:
        assert not 0 <= machine * float(field.scale_ratio) < field.wrap_wh


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_encoding_agrees_with_the_machine(value: float) -> None:
    """What the simulator puts on the bus is IEEE 754, not something that only our decoder understands."""
    field = Field(name="x", address=0, type="f32", function_code=3)
    words = encode(load_profile("eastron-sdm630"), field, Fraction(value))
    assert struct.unpack(">f", struct.pack(">2H", *words))[0] == value


@pytest.mark.parametrize("profile_id", ALL)
@given(data=st.data())
def test_every_field_round_trips(profile_id: str, data: st.DataObject) -> None:
    """Any words that decode to a value encode to words of the same value, in every type and word order."""
    profile = load_profile(profile_id)
    field = profile.field(data.draw(st.sampled_from(sorted(profile.fields))))
    words = tuple(data.draw(st.lists(st.integers(0, 0xFFFF), min_size=field.width, max_size=field.width)))
    exponent = data.draw(st.integers(-4, 4)) if field.scale_field else 0
    value = decode(profile, field, words, exponent=exponent)
    if not isinstance(value, NotAvailable):
        again = encode(profile, field, value, exponent=exponent)
        assert decode(profile, field, again, exponent=exponent) == value


@pytest.mark.parametrize("profile_id", ALL)
@given(data=st.data())
def test_thousandths_are_the_value_rounded_half_up(profile_id: str, data: st.DataObject) -> None:
    """What every poll reads in integers is what the exact decoder says, to the last thousandth, for any words."""
    profile = load_profile(profile_id)
    field = profile.field(
        data.draw(st.sampled_from([n for n in profile.measured_names if profile.field(n).type != "text"]))
    )
    scale = profile.field(field.scale_field) if field.scale_field else None
    patterns = st.integers(0, (1 << 16 * field.width) - 1) | st.sampled_from(field.not_available or (0,))
    pattern = data.draw(patterns)
    words = tuple(pattern >> 16 * at & 0xFFFF for at in reversed(range(field.width)))
    registers = Registers()
    if scale is not None:
        factor = data.draw(st.integers(-12, 12))
        registers.add((scale.function_code, scale.address, 1), [factor & 0xFFFF])
    assert Thousandths(profile, field.name).read(registers) is None, "nothing was read yet"
    registers.add((field.function_code, field.address, field.width), words)
    exact = read_value(profile, field.name, registers)
    expected = None
    if isinstance(exact, int | Fraction):
        expected = int((1000 * exact + Fraction(1, 2)) // 1)
    assert Thousandths(profile, field.name).read(registers) == expected


def test_of_two_replies_the_later_one_counts() -> None:
    """Counters of the boundary are laid over what was read a moment before."""
    field = Field(name="x", address=11, type="u64", function_code=3)
    registers = Registers()
    registers.add((3, 10, 4), [1, 2, 3, 4])
    assert registers.words(field) is None, "its last word was not read"
    registers.add((4, 11, 4), [9, 9, 9, 9])
    assert registers.words(field) is None, "another function's registers are others"
    registers.add((3, 14, 2), [5, 6])
    assert registers.words(field) == (2, 3, 4, 5)
    registers.add((3, 12, 1), [7])
    assert registers.words(field) == (2, 7, 4, 5)
    registers.add((3, 11, 4), [11, 12, 13, 14])
    assert registers.words(field) == (11, 12, 13, 14)


def test_wrong_number_of_words_is_a_programming_error() -> None:
    """Three registers for a four-register counter must stop here, not shift every later value by one."""
    with pytest.raises(ValueError, match="4 registers wide"):
        decode(load_profile("abb-b23"), "import_wh", (1, 2, 3))
    with pytest.raises(ValueError, match="asked for 4"):
        Registers().add((3, 0, 4), [1, 2, 3])


def test_easy_connection_mode_is_an_identity_fault() -> None:
    """An EM340 in easy mode counts export as import: it must not mint until someone sets it right."""
    profile = load_profile("gavazzi-em340")
    registers = Registers()
    registers.add((4, 0x0B, 1), [341])
    registers.add((4, 0x1103, 1), [0])
    assert len(identity_faults(profile, registers)) == 1
    registers.add((4, 0x1103, 1), [1])
    assert identity_faults(profile, registers) == []


def test_engineering_sample_with_the_other_word_order_is_refused() -> None:
    """Codes 330 and 340 send the high word first: the same register would read as nonsense."""
    profile = load_profile("gavazzi-em340")
    registers = Registers()
    registers.add((4, 0x0B, 1), [340])
    registers.add((4, 0x1103, 1), [1])
    assert "340" in identity_faults(profile, registers)[0]


def test_megawatt_hour_prefix_is_an_identity_fault() -> None:
    """An SDM630 switched to MWh reads a thousand times too small; it must be seen before the next quarter hour."""
    profile = load_profile("eastron-sdm630")
    registers = Registers()
    registers.add((3, 0xFC02, 1), [0x70])
    registers.add((3, 0x1E, 2), struct.unpack(">2H", struct.pack(">f", 1.0)))
    assert "energy_prefix" in identity_faults(profile, registers)[0]


@pytest.mark.parametrize("profile_id", ALL)
def test_plan_covers_every_field_within_the_device_limits(profile_id: str) -> None:
    """A request that the device refuses costs a poll; a cut value is a wrong number."""
    profile = load_profile(profile_id)
    blocks = plan_blocks(profile, profile.fields)
    for block in blocks:
        assert 1 <= block.quantity <= profile.access.block_limit
        assert any(
            r.function_code == block.function_code and r.first <= block.address and block.end <= r.last + 1
            for r in profile.ranges
        )
    for field in profile.fields.values():
        holders = [
            b
            for b in blocks
            if b.function_code == field.function_code and b.address <= field.address and field.end <= b.end
        ]
        assert len(holders) == 1, field.name


@pytest.mark.parametrize("profile_id", ALL)
def test_import_and_export_come_from_one_reply(profile_id: str) -> None:
    """Two reads a second apart would tear a reading: energy counted in neither or in both directions."""
    profile = load_profile(profile_id)
    everything = plan_blocks(profile, (*profile.measured_names, *profile.energy_names))
    counters = profile.energy_fields("import") + profile.energy_fields("export")
    assert any(all(b.address <= f.address and f.end <= b.end for f in counters) for b in everything)


def test_pac_identity_is_asked_as_the_whole_block() -> None:
    """The manual: I&M data only as 27 registers from 64001; anything else is an error reply."""
    profile = load_profile("siemens-pac2200")
    assert plan_blocks(profile, [profile.identity.serial]) == [(3, 64001, 27)]


def test_wrap_point_moves_with_the_scale_factor() -> None:
    """A SunSpec counter in tens of Wh wraps ten times later; the wrong wrap point would book the difference."""
    profile = load_profile("sunspec-203")
    registers = registers_of({40070 + i: w for i, w in enumerate(VERIS_MODEL_203)})
    assert read_wrap_wh(profile, "import", registers) == 10 * 2**32
    assert read_wrap_wh(load_profile("eastron-sdm630"), "export", Registers()) == 10**9
    assert isinstance(read_wrap_wh(profile, "import", Registers()), NotAvailable)
    assert read_wrap_wh(load_profile("sunspec-103"), "import", Registers()) == 0


@pytest.mark.parametrize("half", [0x002A, 0x002C])
def test_two_sdm630_that_share_half_a_serial_number_are_two(half: int) -> None:
    """Hi and Lo are two registers; a meter exchanged for one of its own batch shares one of them, and must not pass for it."""
    profile = load_profile("eastron-sdm630")
    content = {0x002A: 0x44A1, 0x002B: 0xE000, 0x002C: 0x4350, 0x002D: 0x0000}
    other = content | {half: content[half] + 1}
    assert read_serial(profile, registers_of(content)) != read_serial(profile, registers_of(other))
    assert any(b.address <= 0x002A and b.end >= 0x002E for b in plan_blocks(profile, profile.identity_names))
