"""What is decided about the connection without a socket."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from oracle_bridge.mqtt import Outgoing


def joined() -> tuple[Outgoing, SimpleNamespace, list[bytes]]:
    written: list[bytes] = []
    protocol = SimpleNamespace(write_data=written.append)
    outgoing = Outgoing.of(SimpleNamespace(_connection=SimpleNamespace(_protocol=protocol)))
    assert outgoing is not None
    return outgoing, protocol, written


async def test_packets_of_one_turn_go_out_in_one_write_and_in_order() -> None:
    """A system call for each acknowledgement and each receipt was a third of the connection's cost."""
    _, protocol, written = joined()
    for packet in (b"a", b"b", b"c"):
        protocol.write_data(packet)
    assert written == []
    await asyncio.sleep(0)
    assert written == [b"abc"]
    protocol.write_data(b"d")
    await asyncio.sleep(0)
    assert written == [b"abc", b"d"]


async def test_nothing_is_left_behind_at_the_end() -> None:
    """The farewell to the broker must leave before the socket is closed."""
    outgoing, protocol, written = joined()
    protocol.write_data(b"a")
    outgoing.end()
    protocol.write_data(b"bye")
    assert written == [b"a", b"bye"]


def test_a_client_with_other_insides_works_as_before() -> None:
    """A later gmqtt must cost speed at most."""
    assert Outgoing.of(SimpleNamespace()) is None
    assert Outgoing.of(SimpleNamespace(_connection=None)) is None
