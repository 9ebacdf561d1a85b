"""`python -m benchmarks [NAME...]` measures and writes the docs; `--check-docs` compares them without measuring.

Each benchmark runs as a process of its own, one after the other, so that none inherits what another left behind. Results of
the benchmarks that were not asked for are kept, as long as they are of the same machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks import compute_units, docs, figures, machine, render
from benchmarks.catalogue import BENCHMARKS, Benchmark, named
from benchmarks.figures import Figures, Machine, Measured, Result

ROOT = Path(__file__).resolve().parents[1]
_LONGEST_S = 600


class BenchmarkFailedError(Exception):
    """A benchmark ended without figures."""


def run(benchmark: Benchmark) -> Result:
    """Run one benchmark in a process of its own.

    Raises:
        BenchmarkFailedError: It did not end well, or took more than ten minutes.
    """
    load, began = machine.load_average(), time.monotonic()
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    command = [sys.executable, "-m", f"benchmarks.{benchmark.name}"]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=_LONGEST_S, check=True)
        measured = msgspec.json.decode(done.stdout, type=Measured)
    except (subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise BenchmarkFailedError(f"{benchmark.name}: {error}") from error
    return Result(
        name=benchmark.name,
        title=benchmark.title,
        about=benchmark.about,
        measured_at=when,
        seconds=round(time.monotonic() - began),
        load_before=load,
        measured=measured,
    )


def merged(known: Figures | None, here: Machine, results: list[Result]) -> Figures | None:
    """Return the new results with those kept of earlier runs, in the catalogue's order.

    None when some would have to be kept of another machine or other versions: a table speaks of one machine.
    """
    new = {result.name: result for result in results}
    kept = {} if known is None else {result.name: result for result in known.results if result.name not in new}
    if known is not None and kept and known.machine != here:
        return None
    both = kept | new
    return Figures(machine=here, results=tuple(both[b.name] for b in BENCHMARKS if b.name in both))


def retold(known: Figures) -> Figures:
    """Return the same figures with the titles and descriptions that the sources have now.

    Compute units come anew from their tables: they are those of every machine.
    """
    now = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    results = (
        msgspec.structs.replace(
            result,
            title=now[result.name].title,
            about=now[result.name].about,
            measured=compute_units.measure() if result.name == "compute_units" else result.measured,
        )
        for result in known.results
        if result.name in now
    )
    return Figures(machine=known.machine, results=tuple(results))


def _known() -> Figures | None:
    try:
        return figures.decode((ROOT / docs.FIGURES).read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def main(argv: list[str]) -> int:
    """Run; return 0, or 1 when a benchmark failed or the docs differ. A missed aim is shown, it is no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(b.name for b in BENCHMARKS))
    parser.add_argument(
        "--check-docs", action="store_true", help="fail if the docs say anything else than figures.json"
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="write the docs anew from figures.json, measuring nothing"
    )
    words = parser.parse_args(argv)
    if words.check_docs:
        return _told(docs.differences(ROOT))
    if words.write_docs:
        known = _known()
        if known is None:
            return _told([f"{docs.FIGURES} is missing or unreadable"])
        return _told(docs.write(ROOT, retold(known)))
    try:
        chosen = named(words.names)
    except KeyError as error:
        parser.error(f"no benchmark is called {error}")
    here, known, results, failures = machine.describe(), _known(), [], []
    print(render.machine_line(here))
    for benchmark in chosen:
        print(f"\n{benchmark.name}: {benchmark.title}", flush=True)
        try:
            result = run(benchmark)
        except BenchmarkFailedError as error:
            failures.append(str(error))
            continue
        results.append(result)
        for figure in result.measured.figures:
            shown = render.number(figure.median, figure.unit)
            print(f"  {shown:>18}  {figure.what}  [{render.spread(figure)}]  {render.aim(figure)}")
        for remark in result.measured.remarks:
            print(f"  {remark}")
    if results:
        whole = merged(known, here, results)
        if whole is None:
            failures.append(
                f"{docs.FIGURES} is of another machine or other versions; nothing written: measure all of them"
            )
        else:
            failures += docs.write(ROOT, whole)
    return _told(failures)


def _told(faults: list[str]) -> int:
    for fault in faults:
        print(f"benchmarks: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
