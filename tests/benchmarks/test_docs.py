"""Docs that quote figures: drawn from one file, and caught when they say anything else."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks import catalogue, docs, figures, render
from benchmarks.__main__ import merged, retold
from benchmarks.compute_units import table
from benchmarks.figures import Figures, Unit

ROOT = Path(__file__).resolve().parents[2]
README = "# x\n\n<!-- figures -->\nold\n<!-- /figures -->\n\nmore\n"


@pytest.fixture
def checkout(tmp_path: Path, known: Figures) -> Path:
    """A checkout whose docs have just been written."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "programs").mkdir()
    (tmp_path / "README.md").write_text(README)
    rows = known.results[0].measured.units
    for name, units in {
        "compute_units": {row.key: row.own for row in rows},
        "compute_units.0.29": {row.key: row.own_029 for row in rows},
        "compute_units.token": {row.key: row.token for row in rows if row.token},
        "compute_units.p_token.token": {row.key: row.p_token for row in rows if row.p_token},
    }.items():
        (tmp_path / "programs" / f"{name}.json").write_text(json.dumps(units))
    assert docs.write(tmp_path, known) == []
    return tmp_path


def test_docs_that_were_just_written_agree(checkout: Path) -> None:
    """Otherwise nobody could make the check pass."""
    assert docs.differences(checkout) == []


def test_writing_twice_changes_nothing(checkout: Path, known: Figures) -> None:
    """A table that grows a blank line at each run is a change in every commit."""
    before = (checkout / "README.md").read_text()
    docs.write(checkout, known)
    assert (checkout / "README.md").read_text() == before
    assert before.startswith("# x\n")
    assert before.endswith("\n\nmore\n")


@pytest.mark.parametrize(
    ("path", "old", "new", "complaint"),
    [
        ("docs/figures.md", "6,000/s", "9,000/s", "docs/figures.md"),
        ("README.md", "1,017 CU", "17 CU", "README.md"),
        ("README.md", "<!-- /figures -->", "", "README.md"),
        ("docs/figures.json", "1017", "1018", "docs/figures.md"),
        ("programs/compute_units.json", "113912", "113913", "compute_units.json"),
    ],
)
def test_a_figure_that_was_changed_by_hand_is_found(
    checkout: Path, path: str, old: str, new: str, complaint: str
) -> None:
    """A figure in the docs is one that somebody measured, not one that somebody liked."""
    text = (checkout / path).read_text()
    assert old in text
    (checkout / path).write_text(text.replace(old, new))
    assert any(complaint in fault for fault in docs.differences(checkout))


def test_missing_figures_are_found(checkout: Path) -> None:
    """Deleting the file must not make the check pass."""
    (checkout / "docs" / "figures.json").unlink()
    assert docs.differences(checkout) == ["docs/figures.json is missing; `make bench` writes it"]


def test_figures_that_are_no_figures_are_found(checkout: Path) -> None:
    """A merge conflict in the file is said, not raised."""
    (checkout / "docs" / "figures.json").write_text("<<<<<<< HEAD\n")
    assert "cannot be read" in docs.differences(checkout)[0]


@pytest.mark.parametrize("text", ["", "<!-- figures -->", "<!-- /figures --><!-- figures -->", README + README])
def test_markers_that_are_missing_or_double_are_refused(text: str, known: Figures) -> None:
    """With two places nobody knows which one was checked."""
    with pytest.raises(render.MarkersMissingError):
        render.with_figures(text, known, "README.md")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (399, Unit.RATIO, "0.399"),
        (1_041, Unit.RATIO, "1.041"),
        (41, Unit.RATIO, "0.041"),
        (6_123, Unit.PER_S, "6,123/s"),
        (12_349, Unit.US, "12.3 ms"),
        (12_350, Unit.US, "12.4 ms"),
        (20_480, Unit.KIB, "20.0 MiB"),
        (20_204, Unit.KIB, "19.7 MiB"),
        (7, Unit.CORE, "0.7 % of a core"),
        (1_017, Unit.COMPUTE_UNITS, "1,017 CU"),
    ],
)
def test_figures_are_shown_with_their_unit(value: int, unit: Unit, text: str) -> None:
    """A number without a unit is a guess."""
    assert render.number(value, unit) == text


def test_a_missed_aim_is_shown_as_missed(known: Figures) -> None:
    """The page must not be kinder than the figure."""
    assert "≥ 0.400: **missed**" in render.page(known)
    assert "≤ 20.0 MiB: reached" in render.page(known)


def test_readme_shows_headlines_alone(known: Figures) -> None:
    """Its first screen is for those who have a minute."""
    block = render.readme_block(known)
    assert "readings / floor" in block
    assert "memory" not in block


def test_units_of_the_token_program_stand_apart(known: Figures) -> None:
    """What we can make cheaper and what we cannot are two figures."""
    assert "| `trading.deposit_credit` | 1,686 | 1,686 | 4,645 | 76 | 6,331 | 1,762 |" in render.page(known)


def test_the_file_is_read_as_it_was_written(known: Figures) -> None:
    """Both ways from one value."""
    assert figures.decode(figures.encode(known)) == known


def test_results_of_another_machine_are_not_mixed(known: Figures) -> None:
    """A page speaks of one machine; half of it from a laptop would be a lie."""
    elsewhere = msgspec.structs.replace(known.machine, cpu="Another")
    assert merged(known, elsewhere, [known.results[1]]) is None
    whole = merged(known, elsewhere, list(known.results))
    assert whole is not None
    assert whole.machine == elsewhere
    assert merged(None, elsewhere, [known.results[1]]) is not None


def test_a_part_measured_again_replaces_its_old_figures(known: Figures) -> None:
    """And leaves the others, in the catalogue's order."""
    newer = msgspec.structs.replace(known.results[0], seconds=3)
    both = merged(known, known.machine, [newer])
    assert both is not None
    assert [(result.name, result.seconds) for result in both.results] == [("compute_units", 3), ("bridge", 61)]


def test_a_description_can_change_without_measuring_again(known: Figures) -> None:
    """Otherwise a typing error in it would stay until somebody has ten minutes."""
    again = retold(known)
    assert again.results[1].about == catalogue.named(["bridge"])[0].about
    assert again.results[1].measured == known.results[1].measured
    assert again.results[0].measured.units == table(ROOT / "programs")


def test_every_benchmark_says_what_it_does_not_measure() -> None:
    """A figure whose limits are not written down is quoted beyond them."""
    for benchmark in catalogue.BENCHMARKS:
        assert "Not measured" in benchmark.about or "Not counted" in benchmark.about, benchmark.name


def test_an_unknown_benchmark_is_refused() -> None:
    """A typing error must not measure everything for ten minutes."""
    assert [b.name for b in catalogue.named(["bridge"])] == ["bridge"]
    assert len(catalogue.named([])) == len(catalogue.BENCHMARKS)
    with pytest.raises(KeyError):
        catalogue.named(["brigde"])


def test_the_committed_table_of_compute_units_is_read_whole() -> None:
    """A case that the page leaves out could rise unseen."""
    rows = table(ROOT / "programs")
    assert {row.key: row.own for row in rows} == json.loads((ROOT / "programs" / "compute_units.json").read_text())
    assert any(row.token for row in rows)
    assert any(row.p_token for row in rows)


def test_docs_of_this_checkout_agree_with_what_was_measured() -> None:
    """The rule itself: what README and docs print is in docs/figures.json."""
    assert docs.differences(ROOT) == []
