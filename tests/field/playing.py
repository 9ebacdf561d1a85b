"""Plays a scenario and judges what the agent made of it: false energy, and where it differs from the right diagnosis."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from field.campus import NS, START_NS, Campus
from field.stepped import run_stepped

from firmware_sim.scenario import Scenario


def played(scenario: Scenario, folder: Path) -> Campus:
    """Play a scenario from its start to its end; the agent's dice fall the same each time."""

    start_ns = START_NS + scenario.start_h * 3600 * NS
    certificate = authority = None
    if scenario.certificate_days is not None:
        certificate = make_certificate(folder, scenario.certificate_days)
        authority = make_certificate(folder, scenario.certificate_days + 3650, "authority.pem")

    async def play() -> Campus:
        async with Campus(
            folder,
            scenario.meters,
            poll_s=scenario.poll_s,
            start_ns=start_ns,
            certificate=certificate,
            authority=authority,
        ) as campus:
            await campus.play(scenario)
        return campus

    before = random.getstate()
    random.seed(1)
    try:
        return run_stepped(play())
    finally:
        random.setstate(before)


def make_certificate(folder: Path, days: int, name: str = "client.pem") -> Path:
    """Write a certificate that runs out in so many days and twelve hours."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "e1")])
    until = datetime.now(UTC) + timedelta(days=days, hours=12)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def misdiagnosis(scenario: Scenario, campus: Campus) -> list[str]:
    """Return where what the agent said differs from the right diagnosis."""
    expect = scenario.expect
    wrong = []
    for name, said, right in (
        ("flags", campus.flags(), expect.flags),
        ("refusals", set(campus.refusals), expect.refusals),
        ("diagnoses", campus.diagnoses, expect.diagnoses),
    ):
        if said != set(right):
            wrong.append(f"{name}: {sorted(said)} and not {sorted(right)}")
    exceptions = sum(place.port.counts.exceptions for place in campus.places)
    if expect.exceptions not in (-1, exceptions):
        wrong.append(f"exceptions: {exceptions} and not {expect.exceptions}")
    if expect.commits not in (-1, campus.commits):
        wrong.append(f"commits: {campus.commits} and not {expect.commits}")
    metrics = {name.removeprefix("campusgrid_edge_") for name in campus.metrics}
    for name, said, right in (
        ("outcomes", set(campus.outcomes), expect.outcomes),
        ("states", campus.states, expect.states),
        ("metrics", metrics, expect.metrics),
    ):
        if missing := set(right) - said:
            wrong.append(f"{name}: no {', '.join(sorted(missing))}")
    return wrong


def false_energy(scenario: Scenario, campus: Campus) -> list[str]:
    """Return everything in which the readings and the truth log differ, but for what the scenario says must be so."""
    wrong = campus.false_energy()
    if scenario.expect.forgets:
        wrong = [what for what in wrong if "does not begin where" not in what]
    if scenario.expect.unread and all(what.endswith("no measured reading") for what in wrong):
        wrong = [] if wrong else ["a reading was made"]
    if waiting := campus.waiting():
        wrong.append(f"{waiting} readings never receipted")
    return wrong
