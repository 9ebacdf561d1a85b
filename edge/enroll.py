"""Decides how a meter gets its key and its enrolment file; the registry's answer comes back as signed configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge.errors import EnrolError
from edge.guard import Link
from edge.keystore import KeyStore
from edge.sample import PollPlan, PollRefused, Sample, poll
from edge.settings import Endpoint, MeterSettings
from gridkit.clock import UtcClock
from gridkit.enrolment import AgentConfig, Enrolment, make_enrolment, write_enrolment
from gridkit.keys import KeyFileError
from gridkit.profile import ProfileError, load_profile

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def parse_wallet(text: str) -> bytes:
    """Return the 32 bytes of a wallet address: base58 as Solana writes it, or 64 hex digits.

    Raises:
        EnrolError: Neither.
    """
    if len(text) == 64:
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    number = 0
    for character in text:
        digit = _ALPHABET.find(character)
        if digit < 0:
            raise EnrolError(f"wallet {text!r} is no base58 text")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    body = number.to_bytes((number.bit_length() + 7) // 8, "big")
    if zeros + len(body) != 32:
        raise EnrolError(
            f"wallet {text!r} is not 32 bytes; an address is 43 or 44 letters and digits, or 64 hex digits"
        )
    return bytes(zeros) + body


async def read_sample(meter: MeterSettings, endpoint: Endpoint, timeout_s: float) -> Sample:
    """Return what the device at a meter's place shows; whose serial it has is the caller's to judge.

    Raises:
        EnrolError: No answer, or it is not the meter that the profile describes.
    """
    link = Link(endpoint, timeout_s=timeout_s)
    try:
        sample = await poll(link, meter.unit, PollPlan(load_profile(meter.profile)), UtcClock())
    finally:
        await link.close()
    where = f"{endpoint} unit {meter.unit}"
    if isinstance(sample, PollRefused):
        why = f"{sample.reason} {sample.code or ''}".rstrip()
        remedy = "see that it is on, and that host or line, unit and baud are its own; `campusgrid edge probe` asks it"
        raise EnrolError(f"meter at {where} gave no reading ({why}): {remedy}")
    if sample.faults:
        raise EnrolError(f"meter at {where} is no {meter.profile}: {'; '.join(sample.faults)}")
    return sample


async def read_serial(meter: MeterSettings, endpoint: Endpoint, timeout_s: float) -> str:
    """Return the serial that the meter itself shows ("" if its family has none), once everything else fits too.

    Raises:
        EnrolError: No answer, not the meter that the profile describes, or another serial than the settings name.
    """
    sample = await read_sample(meter, endpoint, timeout_s)
    if meter.serial and sample.serial != meter.serial:
        raise EnrolError(
            f"meter at {endpoint} unit {meter.unit} has serial {sample.serial!r}, the settings say {meter.serial!r}"
        )
    return sample.serial


def enroll(
    meter: MeterSettings,
    keys: KeyStore,
    *,
    agent: str,
    network_tag: bytes,
    owner: bytes,
    out: Path,
    key_epoch: int = 0,
    ask_at: Endpoint | None = None,
    timeout_s: float = 2.0,
) -> Enrolment:
    """Make a meter's key (if there is none of this epoch yet), prove possession, and write the enrolment file.

    Args:
        meter: From the agent's settings.
        keys: Where its key lies, or is made.
        agent: Its id.
        network_tag: 4 bytes.
        owner: 32 bytes, the wallet that will own the meter.
        out: Where the file goes.
        key_epoch: 0 at enrolment, the next one for a rotation.
        ask_at: Read the serial from the meter there, and refuse if it is not the one that the settings name.
        timeout_s: For that question, wall s.

    Raises:
        EnrolError: The meter or a key is not as it should be.
    """
    try:
        load_profile(meter.profile)
        serial = meter.serial if ask_at is None else asyncio.run(read_serial(meter, ask_at, timeout_s))
        key = keys.load_or_make(meter.key_file, key_epoch)
        enrolment = make_enrolment(
            key,
            network_tag=network_tag,
            owner=owner,
            meter_id=meter.meter_id,
            serial=serial,
            agent=agent,
            profile=meter.profile,
        )
        write_enrolment(out, enrolment)
    except (ProfileError, KeyFileError, OSError) as error:
        raise EnrolError(str(error)) from error
    return enrolment


def next_key_epoch(meter: MeterSettings, keys: KeyStore, config: AgentConfig | None) -> int:
    """Return the key epoch that a rotation makes: one after the registry's, which a rotation under way already has a key for.

    Raises:
        EnrolError: The meter was never enrolled, or the key that the registry names is not here.
    """
    epochs = keys.keys(meter.key_file)
    row = None if config is None else config.meter(meter.meter_id)
    if not epochs:
        raise EnrolError(f"meter {meter.id} has no key yet; `campusgrid edge enroll` makes its first")
    if row is None:
        raise EnrolError(
            f"meter {meter.id} has no number yet: its first key must be registered before it can be rotated"
        )
    if row.key_epoch not in epochs:
        raise EnrolError(f"the registry has key epoch {row.key_epoch} for meter {meter.id}, and that key is not here")
    return row.key_epoch + 1
