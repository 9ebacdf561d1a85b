"""Compares what the docs say with docs/figures.json, and writes them from it. How they look is decided in `render.py`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks import figures, render
from benchmarks.compute_units import table

FIGURES = Path("docs") / "figures.json"
PAGE = Path("docs") / "figures.md"
README = Path("README.md")
COMPUTE_UNITS = Path("programs")


def differences(root: Path) -> list[str]:
    """Return every way in which the docs differ from what was measured, as sentences; empty when they agree.

    Args:
        root: The checkout.
    """
    try:
        known = figures.decode((root / FIGURES).read_bytes())
    except FileNotFoundError:
        return [f"{FIGURES} is missing; `make bench` writes it"]
    except msgspec.MsgspecError as error:
        return [f"{FIGURES} cannot be read: {error}"]
    found = []
    if _text(root / PAGE) != render.page(known):
        found.append(f"{PAGE} is not what {FIGURES} says; `python -m benchmarks --write-docs` writes it anew")
    readme = _text(root / README)
    try:
        if render.with_figures(readme, known, str(README)) != readme:
            found.append(
                f"{README} quotes other figures than {FIGURES}; `python -m benchmarks --write-docs` writes them"
            )
    except render.MarkersMissingError as error:
        found.append(str(error))
    units = {row for result in known.results for row in result.measured.units}
    if units != set(table(root / COMPUTE_UNITS)):
        found.append(
            f"{FIGURES} has other compute units than {COMPUTE_UNITS}/compute_units.json; `python -m benchmarks --write-docs` takes them over"
        )
    return found


def write(root: Path, known: figures.Figures) -> list[str]:
    """Write figures.json, figures.md and README's marked part; return what could not be written, as sentences."""
    (root / FIGURES).write_bytes(figures.encode(known))
    (root / PAGE).write_text(render.page(known), encoding="utf-8")
    readme = root / README
    text = _text(readme)
    try:
        shown = render.with_figures(text, known, str(README))
    except render.MarkersMissingError as error:
        return [str(error)]
    if shown != text:
        readme.write_text(shown, encoding="utf-8")
    return []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
