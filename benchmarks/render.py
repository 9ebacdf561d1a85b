"""Draws docs/figures.md and README's table from docs/figures.json. Pure: the same figures give the same text, to the byte."""

from __future__ import annotations

from benchmarks.figures import Figure, Figures, Machine, Result, Unit, UnitsRow

_BEGIN = "<!-- figures -->"
_END = "<!-- /figures -->"


class MarkersMissingError(Exception):
    """A text has no place for the figures, or more than one."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where} needs the lines `{_BEGIN}` and `{_END}`, once and in this order")


def number(value: int, unit: Unit) -> str:
    """Return a figure as people read it; rounded to nearest where it loses digits (half up)."""
    if unit is Unit.RATIO:
        return f"{value // 1000}.{value % 1000:03}"
    if unit is Unit.US:
        tenths = (value + 50) // 100
        return f"{tenths // 10:,}.{tenths % 10} ms"
    if unit is Unit.KIB:
        tenths = (value * 10 + 512) // 1024
        return f"{tenths // 10:,}.{tenths % 10} MiB"
    if unit is Unit.CORE:
        return f"{value // 10}.{value % 10} % of a core"
    if unit is Unit.PER_S:
        return f"{value:,}/s"
    return f"{value:,} CU"


def spread(figure: Figure) -> str:
    """Return least and most, or a dash for a figure of one sample."""
    if figure.least is None or figure.most is None:
        return "–"
    return f"{number(figure.least, figure.unit)} – {number(figure.most, figure.unit)}"


def aim(figure: Figure) -> str:
    """Return what was aimed at and whether it is reached, or what the earlier system had, or a dash."""
    if figure.earlier is not None:
        return f"earlier system: {number(figure.earlier, figure.unit)}"
    if figure.aim_least is not None:
        sign, value = "≥", figure.aim_least
    elif figure.aim_most is not None:
        sign, value = "≤", figure.aim_most
    else:
        return "–"
    return f"{sign} {number(value, figure.unit)}: {'reached' if figure.reached else '**missed**'}"


def machine_line(machine: Machine) -> str:
    """Return the machine in one sentence."""
    return (
        f"{machine.cpu}, {machine.cores} core{'s' if machine.cores != 1 else ''}, "
        f"{machine.memory_mib // 1024} GiB, {machine.kernel}, Python {machine.python}"
    )


def page(figures: Figures) -> str:
    """Return docs/figures.md."""
    parts = [
        "# Figures",
        "Written by `make bench` from [`figures.json`](figures.json); do not edit. `python -m benchmarks --check-docs` fails when "
        "this page or README's table says anything else, `python -m benchmarks NAME` measures one of them again.",
        "Each benchmark is a run of whole processes: broker, local chain, bridge, agent or gateway as they ship. Whatever is "
        "compared was measured in the same run, in turns, so read the ratios first; absolute rates belong to the machine below. "
        "Median with the least and the most of the rounds; ratios are rounded down to thousandths.",
        f"**Machine:** {machine_line(figures.machine)}.",
        "Versions: " + ", ".join(f"{name} {text}" for name, text in sorted(figures.machine.versions.items())) + ".",
        "## Summary",
        _summary([f for result in figures.results for f in result.measured.figures if f.headline]),
    ]
    for result in figures.results:
        parts += _section(result)
    return "\n\n".join(parts) + "\n"


def _section(result: Result) -> list[str]:
    load = f"{result.load_before // 1000}.{result.load_before % 1000 // 10:02}"
    parts = [
        f"## {result.title}",
        result.about,
        f"`python -m benchmarks {result.name}`: {result.measured_at}, {result.seconds} s with its set-up; load average before it {load}.",
        _table(result.measured.figures),
    ]
    parts += [f"- {remark}" for remark in result.measured.remarks]
    if result.measured.units:
        parts.append(_units(result.measured.units))
    return parts


def _table(figures: tuple[Figure, ...]) -> str:
    lines = ["| figure | median | least – most | samples | aim |", "|---|---|---|---|---|"]
    for figure in figures:
        samples = f"{figure.samples} {figure.of}" if figure.samples > 1 else "exact" if figure.least is None else "1"
        cells = (figure.what, number(figure.median, figure.unit), spread(figure), samples, aim(figure))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _summary(figures: list[Figure]) -> str:
    lines = ["| | median | aim |", "|---|---|---|"]
    lines += [f"| {f.what} | {number(f.median, f.unit)} | {aim(f)} |" for f in figures]
    return "\n".join(lines)


def _units(rows: tuple[UnitsRow, ...]) -> str:
    lines = ["| instruction and case | own | own on 0.29 | SPL Token | p-token | own + SPL | own + p |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        units = (row.own, row.own_029, row.token, row.p_token, row.own + row.token, row.own + row.p_token)
        lines.append(f"| `{row.key}` | " + " | ".join(f"{n:,}" if n else "–" for n in units) + " |")
    return "\n".join(lines)


def readme_block(figures: Figures) -> str:
    """Return what stands between README's markers, without them."""
    headlines = [f for result in figures.results for f in result.measured.figures if f.headline]
    dates = sorted({result.measured_at[:10] for result in figures.results})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "never"
    return (
        f"{_summary(headlines)}\n\nMeasured {when} on {machine_line(figures.machine)}; medians. "
        "Spread, method and all the rest: [docs/figures.md](docs/figures.md)."
    )


def quoted(text: str, where: str) -> tuple[str, str, str]:
    """Return a text in three: up to the first marker, the figures, and from the second marker on.

    Raises:
        MarkersMissingError: The markers do not stand there once and in order.
    """
    before, begin, rest = text.partition(_BEGIN)
    inside, end, after = rest.partition(_END)
    if not begin or not end or _BEGIN in inside + after or _END in before + after:
        raise MarkersMissingError(where)
    return before + begin, inside, end + after


def with_figures(text: str, figures: Figures, where: str) -> str:
    """Return a text whose marked part shows the figures. Raises MarkersMissingError as `quoted` does."""
    before, _, after = quoted(text, where)
    return f"{before}\n{readme_block(figures)}\n{after}"
