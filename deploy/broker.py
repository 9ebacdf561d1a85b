"""Finds an MQTT broker program and writes its configuration: mosquitto where there is one, else amqtt in its own environment."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.processes import Process

_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")

# mosquitto's defaults drop QoS 1 messages of a slow subscriber beyond 1,000 and keep 20 in flight; both lose or stall a burst of readings.
_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {home}/
autosave_on_changes true
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


def broker_process(home: Path, host: str, port: int, checkout: Path) -> Process:
    """Return the broker of one box, configured to listen on `host`:`port` and to keep its store in `home`.

    Raises:
        NoBrokerError: No broker program was found; `make setup` installs one.
    """
    home.mkdir(parents=True, exist_ok=True)
    mosquitto = find_mosquitto()
    if mosquitto is not None:
        config = home / "mosquitto.conf"
        text = _MOSQUITTO.format(host=host, port=port, home=home.resolve())
        if _is_root():
            text += "user root\n"  # started as root, mosquitto would change to a user that cannot write its store
        config.write_text(text)
        return Process("broker", [mosquitto, "-c", str(config)], home / "broker.log")
    amqtt = checkout / ".venv-broker" / "bin" / "amqtt"
    if amqtt.exists():
        config = home / "amqtt.yaml"
        config.write_text(_AMQTT.format(host=host, port=port))
        return Process("broker", [str(amqtt), "-c", str(config)], home / "broker.log")
    raise NoBrokerError("no MQTT broker: install mosquitto, or run `make setup`")


def _is_root() -> bool:
    import os

    return os.geteuid() == 0
