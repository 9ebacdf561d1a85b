"""`campusgrid doctor`: what this machine lacks or has wrong, with the remedy beside each. It changes nothing."""

from __future__ import annotations

import argparse
import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from deploy.broker import NoBrokerError, find_broker

CHECKOUT = Path(__file__).resolve().parent.parent


class Finding(NamedTuple):
    """One thing looked at; `remedy` is empty when it is well."""

    what: str
    seen: str
    remedy: str = ""


def main(argv: list[str]) -> int:
    """Print every finding; return 1 when something needs a remedy."""
    argparse.ArgumentParser(prog="campusgrid doctor", description=__doc__).parse_args(argv)
    findings = [_python(), *_packages(), _localnet(), _broker(), *_programs(), *_ports(), _disk()]
    for finding in findings:
        print(f"{'ok  ' if not finding.remedy else 'FIX '} {finding.what}: {finding.seen}")
        if finding.remedy:
            print(f"     -> {finding.remedy}")
    return 1 if any(finding.remedy for finding in findings) else 0


def _python() -> Finding:
    seen = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding("Python", seen, "" if good else "use Python 3.11 or 3.12")


def _packages() -> list[Finding]:
    findings = []
    for package, needed_by in (
        ("msgspec", "everything"),
        ("pymodbus", "edge"),
        ("solders", "chain"),
        ("fastapi", "gateway"),
    ):
        try:
            findings.append(Finding(package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(package, f"missing (needed by {needed_by})", "make setup"))
    return findings


def _localnet() -> Finding:
    path = CHECKOUT / ".venv-localnet" / "bin" / "python"
    if not path.exists():
        return Finding("local chain's environment", "missing", "make setup")
    query = "import importlib.metadata as m; print(m.version('solders'))"
    seen = subprocess.run(
        [str(path), "-c", query], capture_output=True, text=True, timeout=30, check=False
    ).stdout.strip()
    return Finding("local chain's environment", f"solders {seen}", "" if seen.startswith("0.29.") else "make setup")


def _broker() -> Finding:
    try:
        program, level = find_broker(CHECKOUT)
    except NoBrokerError as error:
        return Finding("MQTT broker", "none", str(error))
    return Finding("MQTT broker", f"{program}{' (MQTT 3.1.1)' if level == 4 else ''}")


def _programs() -> list[Finding]:
    import hashlib
    import json

    folder = CHECKOUT / "programs" / "so"
    listed = folder / "checksums.json"
    if not listed.exists():
        return [Finding("built programs", "no checksum file", "git checkout programs/so")]
    findings = []
    recorded = json.loads(listed.read_text())
    for name, facts in sorted(recorded.get("programs", recorded).items()):
        if not isinstance(facts, dict) or "sha256" not in facts:
            continue
        path = folder / f"{name}.so"
        seen = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
        good = seen == facts["sha256"]
        findings.append(
            Finding(f"program {name}", seen[:16], "" if good else "git checkout programs/so, or make programs")
        )
    return findings


def _ports() -> list[Finding]:
    try:
        from deploy.ports import Ports, is_free
    except ModuleNotFoundError:
        return []
    taken = [(port, setting) for port, setting in Ports().needed(8, 2) if not is_free(port)]
    if not taken:
        return [Finding("ports", "all free")]
    return [
        Finding(
            f"port {port}", "in use (by campusgrid, or by another program)", f"if by another: choose with {setting}"
        )
        for port, setting in taken
    ]


def _disk() -> Finding:
    free_gib = shutil.disk_usage(CHECKOUT).free // 2**30
    return Finding("free disk", f"{free_gib} GiB", "" if free_gib >= 1 else "free at least 1 GiB")
