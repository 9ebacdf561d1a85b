"""Decides how a process logs: one JSON object a line, a constant event name and its facts; nothing but stdlib.

{"time":"2026-05-04T10:15:00.123Z","level":"info","service":"edge","logger":"edge.poll","event":"poll_failed",...}
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from typing import Any, TextIO

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Sink:
    def __init__(self) -> None:
        self.service = "campusgrid"
        self.threshold = LEVELS["info"]
        self.stream: TextIO | None = None
        self.lock = threading.Lock()


_sink = _Sink()


def configure(service: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Set where this process's lines go.

    Args:
        service: Name in every line.
        level: "debug", "info", "warning" or "error"; lower lines are dropped.
        stream: Default: standard error, looked up at each line.

    Raises:
        ValueError: No such level.
    """
    if level not in LEVELS:
        raise ValueError(f"log level {level!r} is none of {', '.join(LEVELS)}")
    _sink.service = service
    _sink.threshold = LEVELS[level]
    _sink.stream = stream


class Logger:
    """Writes events of one part of a process. `bind` makes one with standing facts."""

    def __init__(self, name: str, facts: dict[str, Any] | None = None) -> None:
        self._name = name
        self._facts = facts or {}

    def bind(self, **facts: Any) -> Logger:
        """Return a logger that adds these facts to each of its lines."""
        return Logger(self._name, {**self._facts, **facts})

    def debug(self, event: str, /, **facts: Any) -> None:
        """Log what only a developer asks for."""
        self._write("debug", event, facts)

    def info(self, event: str, /, **facts: Any) -> None:
        """Log what happened as it should."""
        self._write("info", event, facts)

    def warning(self, event: str, /, **facts: Any) -> None:
        """Log what somebody should look at one day."""
        self._write("warning", event, facts)

    def error(self, event: str, /, **facts: Any) -> None:
        """Log what somebody should look at now."""
        self._write("error", event, facts)

    def exception(self, event: str, /, **facts: Any) -> None:
        """Log an error with the traceback of the exception being handled."""
        self._write("error", event, {**facts, "traceback": traceback.format_exc()})

    def _write(self, level: str, event: str, facts: dict[str, Any]) -> None:
        if LEVELS[level] < _sink.threshold:
            return
        now_ns = time.time_ns()
        seconds, milliseconds = divmod(now_ns // 1_000_000, 1000)
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03d}Z",
            "level": level,
            "service": _sink.service,
            "logger": self._name,
            "event": event,
        }
        line.update(self._facts)
        line.update(facts)
        text = json.dumps(line, default=_text, ensure_ascii=False, separators=(",", ":"))
        with _sink.lock:
            stream = _sink.stream or sys.stderr
            stream.write(text + "\n")
            stream.flush()


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


def get_logger(name: str) -> Logger:
    """Return the logger of a part, named like its module."""
    return Logger(name)
