"""Finds an MQTT broker program and writes its configuration: mosquitto where there is one, else amqtt in its own environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deploy.processes import Process

_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")

# mosquitto's defaults drop QoS 1 messages of a slow subscriber beyond 1,000 and keep 20 in flight; both lose or stall a burst of readings.
# Its store is written once a second: with autosave_on_changes it would be written anew for every message, 100 readings/s in all.
_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {home}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages 1000
message_size_limit 65536
"""

_AMQTT = """\
listeners:
  default:
    type: tcp
    bind: {host}:{port}
auth:
  allow-anonymous: true
topic-check:
  enabled: false
"""


class NoBrokerError(Exception):
    """Neither mosquitto nor amqtt is to be found."""


def find_mosquitto() -> str | None:
    """Return the path of the mosquitto program, on PATH or where Debian puts it."""
    return shutil.which("mosquitto") or next((place for place in _PLACES if Path(place).exists()), None)


def find_amqtt(checkout: Path) -> str | None:
    """Return the path of the amqtt program in the environment that `make setup` makes for it."""
    path = checkout / ".venv-broker" / "bin" / "amqtt"
    return str(path) if path.exists() else None


def find_broker(checkout: Path) -> tuple[str, int]:
    """Return (program, MQTT protocol level 5 or 4): CAMPUSGRID_BROKER when it is set, else mosquitto, else amqtt.

    Raises:
        NoBrokerError: No broker program was found; `make setup` installs one.
    """
    program = os.environ.get("CAMPUSGRID_BROKER") or find_mosquitto() or find_amqtt(checkout)
    if program is None:
        raise NoBrokerError("no MQTT broker: install mosquitto, or run `make setup`")
    return program, 4 if Path(program).name == "amqtt" else 5


def broker_process(home: Path, host: str, port: int, program: str) -> Process:
    """Return the broker of one box, configured to listen on `host`:`port` and to keep its store in `home`.

    Args:
        program: Path of mosquitto or amqtt, from find_broker.
    """
    home.mkdir(parents=True, exist_ok=True)
    if Path(program).name == "amqtt":
        config = home / "amqtt.yaml"
        config.write_text(_AMQTT.format(host=host, port=port))
        return Process("broker", [program, "-c", str(config)], home / "broker.log")
    config = home / "mosquitto.conf"
    text = _MOSQUITTO.format(host=host, port=port, home=home.resolve())
    if os.geteuid() == 0:
        text += "user root\n"  # started as root, mosquitto would change to a user that cannot write its store
    config.write_text(text)
    return Process("broker", [program, "-c", str(config)], home / "broker.log")
