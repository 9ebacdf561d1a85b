"""Decides how systemd hears that the agent is ready and still polling; silent where there is no systemd."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Send one line to systemd, like "READY=1" or "WATCHDOG=1". Source: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(message.encode(), address)
    except OSError:
        return  # A notification that cannot be delivered must not stop metering.


def watchdog_period_s() -> float | None:
    """Return how often systemd wants to hear WATCHDOG=1, half its limit; None when it does not watch."""
    try:
        limit_us = int(os.environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return limit_us / 2_000_000 if limit_us > 0 else None
