"""The linter: what it lets pass is shipped, so each of its rules must bite."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gridkit.profile import (
    PROFILE_DIR,
    ProfileError,
    catalogue_markdown,
    lint_profile,
    list_profiles,
    load_profile,
    main,
    parse_profile,
)

CATALOGUE = Path(__file__).parents[2] / "docs" / "meters.md"


def changed(profile_id: str, pattern: str, replacement: str) -> list[str]:
    content = (PROFILE_DIR / f"{profile_id}.toml").read_text()
    edited = re.sub(pattern, replacement, content, count=1, flags=re.S)
    assert edited != content
    return lint_profile(parse_profile(edited.encode(), profile_id))


@pytest.mark.parametrize("profile_id", list_profiles())
def test_shipped_profile_is_clean(profile_id: str) -> None:
    """Every family in the package keeps every rule."""
    profile = load_profile(profile_id)
    assert profile.id == profile_id
    assert lint_profile(profile) == []


@pytest.mark.parametrize("profile_id", list_profiles())
def test_family_cites_two_sources(profile_id: str) -> None:
    """Maps copied from one place have billed partial counters and swapped directions."""
    assert len({s.where for s in load_profile(profile_id).sources}) >= 2


@pytest.mark.parametrize(
    ("pattern", "replacement", "complaint"),
    [
        (r"address = 0x0048", "address = 30073", "outside every readable range"),
        (r"wrap_wh = \d+", "wrap_wh = 0", "wrap_wh: missing"),
        (r"wrap_note = \"[^\"]*\"", 'wrap_note = ""', "wrap_note: missing"),
        (r"block_limit = 80", "block_limit = 126", "block_limit"),
        (r"name = \"power_w\"", 'name = "power_kw"', "unit says"),
        (r"address = 0x004A", "address = 0x0049", "overlaps"),
        (r"serial = \"serial\"", 'serial = ""', "serial_note"),
        (r"model_typical = \"112\"", 'model_typical = "7"', "model_typical"),
        (r"\"export_wh\"\]", '"power_w"]', "no field in Wh"),
        (r"export = \[[^\]]*\]", "export = []", "missing_note"),
        (r"scale = 1000", "scale = -1000", "scale: must be positive"),
        (r"block_limit_note = \"[^\"]*\"", 'block_limit_note = ""', "block_limit_note: missing"),
        (r"pause_ms = 20", "pause_ms = 20000", "access.pause_ms"),
        (r"pause_ms = 20", "pause_ms = 20\nconnect_pause_ms = -1", "access.connect_pause_ms"),
        (r"function_code = 4", "function_code = 4\nalso_function_codes = [4]", "holds the family's own"),
        (r"expect = \[0\]", "expect = [1]", "typical: is none"),
        (r"(\[\[sources\]\].*?)\n\[\[sources\]\].*(\n\[access\])", r"\1\2", "two different ones"),
    ],
)
def test_each_rule_bites(pattern: str, replacement: str, complaint: str) -> None:
    """A rule that never complains protects nobody."""
    assert any(complaint in problem for problem in changed("eastron-sdm630", pattern, replacement))


@pytest.mark.parametrize(
    ("pattern", "replacement", "complaint"),
    [
        (r"(import_wh\"\naddress.*?)not_available = \[0x7FFFFFFF\]\n", r"\1", "import_wh.not_available: missing"),
        (r"(power_factor\"\naddress = 0x0031\ntype = \"s16\")", r'\1\norder = "low"', "one word has no order"),
    ],
)
def test_each_rule_for_integers_bites(pattern: str, replacement: str, complaint: str) -> None:
    """The overflow mark of a counter, taken for a number, is 214 GWh."""
    assert any(complaint in problem for problem in changed("gavazzi-em340", pattern, replacement))


def test_integer_counter_cannot_wrap_above_its_type() -> None:
    """A wrap point that the register never reaches would hide every real wrap."""
    problems = changed("gavazzi-em340", r"wrap_wh = \d+", "wrap_wh = 900000000000")
    assert any("what s32 can hold" in p for p in problems)


def test_misspelt_key_is_refused_with_its_name() -> None:
    """A typing error in a profile must not fall back to a default silently."""
    content = (PROFILE_DIR / "abb-b23.toml").read_text().replace("block_limit", "block_limits", 1)
    with pytest.raises(ProfileError, match="block_limits"):
        parse_profile(content.encode(), "abb-b23")


def test_unknown_family_names_the_known_ones() -> None:
    """An operator who mistypes a family sees what there is."""
    with pytest.raises(ProfileError, match="eastron-sdm630"):
        load_profile("eastron-sdm999")
    with pytest.raises(ProfileError):
        load_profile("../secret")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("scale = 100\n", "sclae = 100\n", 192, "field import_wh.sclae: is no key here; did you mean scale?"),
        ("[[range]]", "[[ranges]]", 39, "ranges: is no key here; did you mean range?"),
        ("pause_ms", "puase_ms", 26, "access.puase_ms: is no key here; did you mean pause_ms?"),
        (
            'order = "low"',
            'order = "little"',
            69,
            "field voltage_l1_v.order: Invalid enum value 'little'; it is one of high, low",
        ),
        ("block_limit = 50", "block_limit = 0", 24, "access.block_limit: 0 is not 2..125; take"),
        ("max_hole = 24", "max_hole = -1", 25, "access.max_hole: -1 is not 0..125; "),
        ("wrap_wh = 214748364700", "wrap_wh = 99", 193, "field import_wh.wrap_wh: 99 Wh lies below"),
        ('scale = "1/10"', 'scale = "1/0"', 71, "field voltage_l1_v.scale: '1/0' is no ratio; write"),
        ('scale = "1/10"', "scale = 0.1", 71, "field voltage_l1_v.scale: Expected `int | str`, got `float`; "),
        ('"341|345|346"', '"341("', 36, "identity.model_pattern: is no regular expression"),
        (
            'export = ["export_wh"]',
            'export = ["import_wh"]',
            31,
            "energy.export: import_wh is import as well; one register",
        ),
        (
            '"import_wh"\n',
            '"import_wh"\nfunction_code = 6\n',
            187,
            "field import_wh.function_code: 6 does not read; it is 3 or 4",
        ),
        ("[0x7FFFFFFF]", "[-1]", 70, "field voltage_l1_v.not_available: -0x1 does not fit"),
        ("address = 0x004E", "address = 0x0035", 198, "field export_wh.address: overlaps import_wh at 53; correct"),
        ("address = 0x0000\ntype", "type", 64, "field voltage_l1_v.address: is missing; "),
        ('name = "voltage_l2_v"', 'name = "voltage_l1_v"', 74, "field voltage_l1_v.name: two fields are called"),
        ('unit = "V"', 'unit = "V', 68, "no TOML: "),
        (
            'id = "gavazzi-em340"',
            'id = "gavazzi-em341"',
            3,
            "id: is gavazzi-em341, and the file is called gavazzi-em340.toml; give",
        ),
        ("first = 0x0000", "first = 0x000B", 39, "range[0]: 11..10 is not inside"),
    ],
)
def test_a_broken_profile_is_told_with_file_line_key_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, line: int, says: str
) -> None:
    """Two hundred lines of a new family, and one of them is wrong."""
    text = (PROFILE_DIR / "gavazzi-em340.toml").read_text()
    path = tmp_path / "gavazzi-em340.toml"
    path.write_text(text.replace(old, new, 1))
    assert main(["lint", str(path)]) == 1
    assert f"{path}:{line}: {says}" in capsys.readouterr().out
    path.write_text(text)
    assert main(["lint", str(path)]) == 0


def test_a_file_that_is_no_profile_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The wrong path, and an editor that saves in another encoding."""
    path = tmp_path / "a.toml"
    assert main(["lint", str(path)]) == 1
    path.write_bytes("schema = 1\nvendor = 'Küche'".encode("latin-1"))
    assert main(["lint", str(path)]) == 1
    said = capsys.readouterr().out
    assert f"{path}: cannot be read (No such file or directory); give the path" in said
    assert f"{path}:2: byte 0xFC is no UTF-8 text; save" in said


def test_lint_command_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m gridkit.profile lint` is what CI and contributors run."""
    assert main(["lint"]) == 0
    assert "0 problems" in capsys.readouterr().out
    assert main(["nonsense"]) == 2


def test_catalogue_page_is_current() -> None:
    """docs/meters.md is made from the profiles; a page that lags behind them sends people to wrong registers."""
    assert CATALOGUE.read_text() == catalogue_markdown(), "run: python -m gridkit.profile markdown > docs/meters.md"
