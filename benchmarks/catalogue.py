"""The list of benchmarks, in the order in which they run and stand in the docs. What each measures is in its own file."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent


class Benchmark(msgspec.Struct, frozen=True):
    """One benchmark: its name is that of its module, which run as a process prints a `figures.Measured` as JSON."""

    name: str
    title: str

    @property
    def about(self) -> str:
        """The head of its source file: what is measured, how, and what is not."""
        source = (HERE / f"{self.name}.py").read_text(encoding="utf-8")
        return ast.get_docstring(ast.parse(source)) or ""


BENCHMARKS = (
    Benchmark("compute_units", "Compute units of every instruction"),
    Benchmark("bridge", "Readings through the bridge"),
    Benchmark("order_placements", "Order placements through the local chain"),
    Benchmark("token_transfers", "Token transfers through the local chain"),
    Benchmark("landed", "What lands on a real validator"),
    Benchmark("edge_agent", "The edge agent's processor time and memory"),
    Benchmark("edge_rival", "The edge agent beside thingsboard-gateway"),
    Benchmark("fleet", "A thousand simulated meters on one core"),
    Benchmark("gateway_orders", "Placing an order over HTTP"),
)


def named(names: list[str]) -> list[Benchmark]:
    """Return the benchmarks of these names in the catalogue's order; all for no names.

    Raises:
        KeyError: There is no such benchmark.
    """
    known = {benchmark.name for benchmark in BENCHMARKS}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return [benchmark for benchmark in BENCHMARKS if not names or benchmark.name in names]
