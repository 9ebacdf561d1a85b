"""Ports: a taken one is named together with the setting that changes it."""

from __future__ import annotations

import socket

import pytest

from deploy.ports import Ports, PortTakenError, is_free

pytestmark = pytest.mark.integration


def test_a_taken_port_is_named_with_its_setting() -> None:
    """An operator must not guess which of nine ports clashes."""
    ports = Ports.free(8, 2)
    with socket.create_server(("127.0.0.1", ports.broker)), pytest.raises(PortTakenError) as taken:
        ports.check(8, 2)
    assert taken.value.port == ports.broker
    assert "--broker-port" in str(taken.value)


def test_every_meter_gets_a_port_that_is_checked() -> None:
    """The ninth meter's port was free on the author's machine; on the user's it is a printer."""
    ports = Ports.free(9, 2)
    with socket.create_server(("127.0.0.1", ports.meters + 8)):
        ports.check(8, 2)
        with pytest.raises(PortTakenError):
            ports.check(9, 2)


def test_a_demonstration_finds_ports_beside_another_one() -> None:
    """It must run while `up` holds the defaults."""
    first = Ports.free(8, 2)
    with socket.create_server(("127.0.0.1", first.gateway)):
        second = Ports.free(8, 2)
    assert second.gateway != first.gateway
    assert is_free(second.gateway)
