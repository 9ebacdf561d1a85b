"""Decides what is counted of the chain's work, and how it reads at GET /metrics (Prometheus text)."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Counts since the start, by name and label value."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, name: str, label: str = "", value: str = "") -> None:
        """Count one of `name`, under label=value."""
        self._counts[name, label, value] += 1

    def total(self, name: str) -> int:
        """Return the count of a name over all its labels."""
        return sum(count for (counted, _, _), count in self._counts.items() if counted == name)

    def text(self, gauges: dict[str, int]) -> bytes:
        """Return everything as Prometheus text, `gauges` first."""
        lines = [f"campusgrid_localnet_{name} {value}" for name, value in gauges.items()]
        for (name, label, value), count in sorted(self._counts.items()):
            labels = f'{{{label}="{value}"}}' if label else ""
            lines.append(f"campusgrid_localnet_{name}_total{labels} {count}")
        return ("\n".join(lines) + "\n").encode()
