"""Decides what the agent's process leaves out of memory, so that it fits beside other things on a small computer.

Three means, all used by `edge run` alone, before anything else is imported:

- Modules that a library imports at its head and the agent never calls are put off until something of them is wanted:
  paho.mqtt's `urllib.request` (a web proxy for WebSockets; it brings http.client, email and tempfile), `inspect` (asyncio's and
  dataclasses' for their rare cases; it brings ast and dis) and urllib.parse's `ipaddress`. importlib.util.LazyLoader is of no use here: on
  Python 3.11 a second `import` of the same name already loads the module.
- The head of the package `pymodbus` is not run: it brings the messages of a server and a simulator of meters, and what is wanted of
  the package is its `transport` alone.
- One malloc arena for all threads, and the pages that starting up has freed go back to the system.

Measured together on Python 3.11: 4 MiB less of 17.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

PUT_OFF = ("inspect", "ipaddress", "urllib.request")
HEADLESS = "pymodbus"
_OPTIONAL = "typing_extensions"
"""msgspec takes it where it is installed; a bare install has none, and `typing` has all that is wanted of it."""

GARBAGE = 700
"""Objects made and not yet gone at which the youngest generation is looked through; Python's own figure."""

_M_ARENA_MAX = -8  # malloc.h


class _Later(ModuleType):
    """Stands for a module until an attribute of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        real = importlib.import_module(self.__name__)
        self.__dict__.update(real.__dict__)
        return getattr(real, name)


def begin() -> None:
    """Put off what can be; a module that somebody has imported already is left alone."""
    for name in PUT_OFF:
        if name in sys.modules:
            continue
        later = sys.modules[name] = _Later(name)
        package, _, leaf = name.rpartition(".")
        if package:
            setattr(importlib.import_module(package), leaf, later)
    _without_head(HEADLESS)
    if _OPTIONAL not in sys.modules:
        sys.modules[_OPTIONAL] = None  # type: ignore[assignment]
        importlib.import_module("msgspec")
        del sys.modules[_OPTIONAL]
    _libc("mallopt", _M_ARENA_MAX, 1)


def _without_head(name: str) -> None:
    """Enter a package whose modules can be imported and whose own `__init__.py` is not run."""
    spec = importlib.util.find_spec(name)
    if spec is not None and name not in sys.modules:
        sys.modules[name] = importlib.util.module_from_spec(spec)


def settle() -> None:
    """Once everything is set up: collect, keep the collector from what stays, and give freed pages back."""
    gc.collect()
    gc.freeze()
    # Again: the oldest generation is only looked through once a quarter as much is new as the last full collection left.
    gc.collect()
    # What is left to look through are a few thousand objects. By the usual thresholds (10, 10) the oldest generation is looked through
    # every few minutes here, and the cycles that connections and time-outs leave fill fresh pages until then.
    gc.set_threshold(GARBAGE, 2, 2)
    _libc("malloc_trim", 0)


def _libc(name: str, *arguments: int) -> None:
    """Call a glibc function; another C library simply has none."""
    try:
        getattr(ctypes.CDLL(None), name)(*arguments)
    except (OSError, AttributeError):
        return
