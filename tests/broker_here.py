"""Says whether a broker can be started here, for tests that need one."""

from __future__ import annotations

import pytest

from deploy.broker import NoBrokerError, find_broker
from deploy.site import CHECKOUT


def _is_here() -> bool:
    try:
        find_broker(CHECKOUT)
    except NoBrokerError:
        return False
    return True


NEEDS_BROKER = pytest.mark.skipif(not _is_here(), reason="needs a broker")
