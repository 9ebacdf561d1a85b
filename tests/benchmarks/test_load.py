"""The tools of the measurements: packets, processes and the market's contents."""

from __future__ import annotations

import struct

import pytest

from benchmarks import mqtt_wire, order_placements
from benchmarks.process import cores, parse_private_kib, parse_processor_ticks, parse_written_bytes
from gridkit.chain import idl


def test_processor_time_is_read_behind_a_name_with_spaces() -> None:
    """A thread called `a) b 9` would otherwise shift every field."""
    stat = "42 (a) b 9) S 1 42 42 0 -1 4194304 100 0 0 0 1500 250 7 8 20 0 3 0 100 1 1"
    assert parse_processor_ticks(stat) == 1_750


def test_private_memory_is_clean_and_dirty_and_nothing_else() -> None:
    """Shared libraries are not the agent's to give back."""
    rollup = "Rss: 30000 kB\nShared_Clean: 5000 kB\nPrivate_Clean:   400 kB\nPrivate_Dirty: 20000 kB\nSwap: 1 kB\n"
    assert parse_private_kib(rollup) == 20_400


def test_the_measured_process_has_a_core_that_the_others_leave_alone() -> None:
    """On a machine with one core there is nothing to leave."""
    core, others = cores()
    assert others
    assert core not in others or others == {core}


@pytest.mark.parametrize(
    ("size", "prefix"), [(0, "00"), (127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001")]
)
def test_packet_lengths_are_those_of_the_standard(size: int, prefix: str) -> None:
    """MQTT 3.1.1, table 2.4: digits of 7 bits, least significant first."""
    made = mqtt_wire.packet(0x30, bytes(size))
    assert made[1 : -size or None].hex() == prefix
    assert list(mqtt_wire.Packets().feed(made)) == [(3, bytes(size))]


def test_packets_are_cut_however_the_bytes_arrive() -> None:
    """TCP gives no packets: one byte at a time and all at once must mean the same."""
    stream = mqtt_wire.packet(0x40, b"\0\1") + mqtt_wire.packet(0x30, mqtt_wire.text("t") + b"p" * 300)
    wanted = [(4, b"\0\1"), (3, b"\0\1t" + b"p" * 300)]
    packets = mqtt_wire.Packets()
    assert [p for n in range(len(stream)) for p in packets.feed(stream[n : n + 1])] == wanted
    assert list(mqtt_wire.Packets().feed(stream)) == wanted


def test_a_packet_length_without_end_is_refused() -> None:
    """Five continued digits are no length; waiting for more would wait for ever."""
    with pytest.raises(ValueError):
        list(mqtt_wire.Packets().feed(b"\x30\xff\xff\xff\xff\x01"))


def test_a_publication_carries_topic_id_and_payload() -> None:
    """These bytes are what mosquitto expects for QoS 1."""
    assert mqtt_wire.publication("a/b", b"xy", 258).hex() == "32090003612f6201027879"
    assert mqtt_wire.payload_of(mqtt_wire.text("a/b") + b"xy") == b"xy"


def market(orders: list[tuple[int, int, int]], link: int) -> bytes:
    """Return a market with orders of (slot, id, lots) and some link in a level and a seat."""
    layout = idl.interface("trading").layout("Market")
    data = bytearray(layout.size)
    at = layout.offsets
    struct.pack_into("<HHHHQ", data, at["bid_levels"], link, link, len(orders), 0, sum(lots for *_, lots in orders))
    struct.pack_into("<H", data, at["seats"] + 72, link)
    for slot, order_id, lots in orders:
        struct.pack_into("<QQI", data, at["orders"] + 48 * slot, order_id, 5, lots)
    return bytes(data)


def test_the_same_orders_in_another_sequence_are_the_same_book() -> None:
    """Four connections race; that must not fail a run."""
    one, other = market([(0, 11, 7), (1, 12, 9)], 1), market([(0, 11, 9), (1, 12, 7)], 2)
    assert order_placements.book(one) == order_placements.book(other)


@pytest.mark.parametrize("orders", [[(0, 11, 7)], [(0, 11, 7), (1, 12, 8)]])
def test_other_orders_are_another_book(orders: list[tuple[int, int, int]]) -> None:
    """A lost or changed order must fail the run: it would have been cheaper."""
    assert order_placements.book(market([(0, 11, 7), (1, 12, 9)], 1)) != order_placements.book(market(orders, 1))


@pytest.mark.parametrize(("batched", "connections"), [(True, 3), (False, 32)])
def test_every_order_is_sent_once(*, batched: bool, connections: int) -> None:
    """Spread over connections, none twice and none left out."""
    queue = [bytes([n % 256, n // 256]) * 60 for n in range(300)]
    parts = order_placements.bodies(queue, batched=batched)
    assert len(parts) == connections
    assert sum(body.count(b'"sendTransaction"') for part in parts for body in part) == 300


def test_bytes_written_are_those_that_reached_a_disk() -> None:
    """wchar counts pipes and sockets, too; a page that was dropped before it was written is no saving for a card's life."""
    io = "rchar: 9\nwchar: 70000\nsyscr: 1\nsyscw: 5\nread_bytes: 0\nwrite_bytes: 40960\ncancelled_write_bytes: 4096\n"
    assert parse_written_bytes(io) == 40_960
