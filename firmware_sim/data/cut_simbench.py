"""Cuts the load and PV series that the simulator ships out of the PyPI package simbench 1.6.3.

Decides which series are kept and how they are packed; what they are used for is series.py's business.

    python -m venv /tmp/simbench && /tmp/simbench/bin/pip install --no-deps simbench==1.6.3
    /tmp/simbench/bin/python firmware_sim/data/cut_simbench.py [--check]

Reads two CSV files of the installed package (nothing of it is imported, so none of its dependencies are needed) and
writes `simbench_2016_quarter_hours.bin.gz` beside this script: one JSON line that names the series, then each series as
35,136 little-endian u16, in parts per 10,000 of its own peak. The output is the same bytes on every run; `--check`
compares instead of writing.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import json
import sys
from array import array
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

ROWS = 35_136  # quarter hours of the leap year 2016
PARTS = 10_000
OUTPUT = Path(__file__).with_name("simbench_2016_quarter_hours.bin.gz")
GRID = "networks/1-complete_data-mixed-all-0-sw"
SOURCES = {
    "LoadProfile.csv": "382a19641b27d304b469f4c06f6f7cce8a70e33227d2d76c9f571ce1a77432b8",
    "RESProfile.csv": "aa817cf34998e9d648cbad219824e5f4e7bdfa4bf6b386fd08bb6e9157f7cbeb",
}
# SimBench class -> column. Classes follow the German standard load profiles: G commerce, H households, L farms.
LOADS = {
    name: f"{name}_pload"
    for name in ("G0-A", "G0-M", "G1-A", "G1-B", "G1-C", "G2-A", "G3-A", "G4-A", "G5-A", "G6-A", "H0-A", "H0-C", "H0-G")
}
PLANTS = {name: name for name in ("PV1", "PV2", "PV3", "PV4", "PV5", "PV6", "PV7", "PV8")}


def find_package() -> Path:
    """Return the folder of the installed package without importing it."""
    spec = importlib.util.find_spec("simbench")
    if spec is None or spec.origin is None:
        sys.exit("simbench is not installed here: pip install --no-deps simbench==1.6.3")
    return Path(spec.origin).parent


def read_columns(path: Path, sha256: str, columns: dict[str, str]) -> dict[str, array[int]]:
    """Return each wanted column in parts per 10,000, in the file's order (time)."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        sys.exit(f"{path} is not the file of simbench 1.6.3")
    rows = csv.reader(content.decode("utf-8").splitlines(), delimiter=";")
    head = next(rows)
    at = {name: head.index(column) for name, column in columns.items()}
    series: dict[str, array[int]] = {name: array("H") for name in columns}
    for row in rows:
        for name, index in at.items():
            parts = (Decimal(row[index]) * PARTS).to_integral_value(ROUND_HALF_EVEN)
            series[name].append(max(0, int(parts)))
    for name, values in series.items():
        if len(values) != ROWS or max(values) > PARTS:
            sys.exit(f"{name}: {len(values)} rows, largest {max(values)}")
    return series


def pack(series: dict[str, array[int]]) -> bytes:
    """Return the file's bytes: a JSON line, then the series in its order."""
    head = {"rows": ROWS, "parts": PARTS, "series": list(series), "first_utc": "2015-12-31T23:00:00Z"}
    body = bytearray(json.dumps(head).encode() + b"\n")
    for values in series.values():
        if sys.byteorder == "big":
            values.byteswap()
        body += values.tobytes()
    return gzip.compress(bytes(body), compresslevel=9, mtime=0)


def main() -> int:
    """Write the file, or with --check compare it; 1 when it differs."""
    folder = find_package() / GRID
    series = read_columns(folder / "LoadProfile.csv", SOURCES["LoadProfile.csv"], LOADS)
    series |= read_columns(folder / "RESProfile.csv", SOURCES["RESProfile.csv"], PLANTS)
    packed = pack(series)
    if "--check" in sys.argv:
        # The deflate stream depends on the zlib version, so the contents are compared.
        same = gzip.decompress(OUTPUT.read_bytes()) == gzip.decompress(packed)
        print("same" if same else "differs")
        return 0 if same else 1
    OUTPUT.write_bytes(packed)
    print(f"{OUTPUT.name}: {len(series)} series, {len(packed)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
