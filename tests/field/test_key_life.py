"""Keys and meters change while everything runs: real agent, broker, bridge, chain and meter, killed and cut off at each step."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
import tomli_w
from broker_here import NEEDS_BROKER
from field.whole_box import HOST, Stored, WholeBox
from paho.mqtt.enums import CallbackAPIVersion

from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import CHECKOUT, Site, python
from firmware_sim.truth import TruthReader
from gridkit.keys import create_key, load_key
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import detail_hash, encode_core, encode_detail, sign_reading
from gridkit.receipt import payload_sha256
from gridkit.swap import read_swap
from gridkit.topics import reading_topic

SPEED = 240
"""A quarter hour in 3.75 s of wall time; a boundary sample may lie 240 campus seconds (1 s) off."""


pytestmark = [pytest.mark.integration, NEEDS_BROKER]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeBox]:
    """Started once; each test goes on from where the keys and registers are."""
    site = Site(tmp_path_factory.mktemp("key-life") / "home", Ports.free(1, 1), 1, SPEED)
    box = WholeBox(site, lambda said: None)
    box.start()
    try:
        yield box
    finally:
        box.stop()


def measured(stored: list[Stored]) -> list[Stored]:
    """Those that may be posted."""
    return [one for one in stored if not one.core.quality & NO_POST_MASK]


def telescopes(stored: list[Stored]) -> None:
    """Each measured reading of one register epoch begins where the one before ended; each names the core before it."""
    for (before, _, _), (_, detail, _) in itertools.pairwise(measured(stored)):
        assert (detail.opening_interval, detail.opening_import_wh, detail.opening_export_wh) == (
            before.interval,
            before.import_wh,
            before.export_wh,
        )
    for (before, _, _), (_, detail, _) in itertools.pairwise(stored):
        assert detail.previous_core_hash == payload_sha256(encode_core(before))


def is_the_truth(box: WholeBox, stored: list[Stored]) -> None:
    """Every measured reading shows what the meter truly served, to the Wh; so does the chain, whose register is the last one's."""
    truth = TruthReader(box.site.home / "sim")
    for core, detail, _ in measured(stored):
        served = truth.served(detail.meter_serial, core.import_wh, core.export_wh)
        assert served is not None, core
        assert not served.strays()


def all_arrives(box: WholeBox, through: int) -> list[Stored]:
    """Wait until the bridge has and the chain knows a measured reading of an interval from `through` on; return what the bridge has."""
    box.until(lambda: any(one.core.interval >= through for one in measured(box.stored())))
    box.until(lambda: box.entry().last_interval >= through)
    return box.stored()


def rotated(box: WholeBox, *words: str) -> int:
    """Submit the rotation file as the operator does; return the first interval of the new key."""
    file = box.site.agent_home(1) / "keys" / f"{box.name}.rotation.json"
    said = box.campusgrid("rotate", str(file), *words)
    newest = box.meter().keys[0]
    assert f"key epoch {newest.epoch} from interval {newest.first_interval} " in said
    return newest.first_interval


def test_two_rotations_lose_no_reading_and_have_none_refused(box: WholeBox) -> None:
    """The agent is killed at every step of the first; at the second it hears of the switch long after it."""
    box.until(lambda: len(box.stored()) >= 2)
    box.edge("rotate", "--owner", box.owner)
    box.restart()
    first = rotated(box)
    box.restart()
    box.until(lambda: box.present >= first)
    box.restart()
    all_arrives(box, first + 1)
    assert box.quarantined() == 0

    box.relay.cut()
    box.until(lambda: len(box.spooled()) >= 1)  # Signed before anybody thought of a second rotation.
    box.edge("rotate", "--owner", box.owner)
    second = rotated(box, "--ahead", "1")
    box.restart()
    box.until(lambda: sum(core.interval >= second for core in box.spooled()) >= 2)
    waiting = box.spooled()
    assert {core.key_epoch for core in waiting} == {1}, "it cannot know yet"
    assert any(core.interval < second for core in waiting)
    box.kill()
    box.relay.join()
    box.restart()
    stored = all_arrives(box, max(waiting, key=lambda core: core.interval).interval + 1)

    assert box.quarantined() == 0
    assert [box.refused(reason) for reason in ("wrong_key_epoch", "key_revoked", "bad_signature", "conflict")] == [
        0
    ] * 4
    epochs = {core.interval: core.key_epoch for core, _, _ in stored}
    for interval, epoch in epochs.items():
        assert epoch == (0 if interval < first else 1 if interval < second else 2)
    posted = {1, 2}  # Or settled since; one that the chain had passed over would be superseded, 3.
    late = {core.interval for core in waiting}
    box.until(lambda: {one.state for one in measured(box.stored()) if one.core.interval in late} <= posted)
    assert late <= set(epochs)
    assert set(epochs.values()) == {0, 1, 2}
    telescopes(stored)
    is_the_truth(box, stored)


def test_an_old_key_after_its_end_is_refused_and_seen(box: WholeBox) -> None:
    """Whoever finds the first card in the workshop can sign with it, and nobody counts it."""
    newest = box.meter().keys[0]
    if newest.epoch == 0:
        box.edge("rotate", "--owner", box.owner)
        all_arrives(box, rotated(box))
        newest = box.meter().keys[0]
    last = measured(all_arrives(box, newest.first_interval))[-1]
    key = load_key(box.site.device_key_file(box.enrolled.meter))
    forged_wh = last.core.import_wh + 1
    detail = encode_detail(last.detail)
    before = {reason: box.refused(reason) for reason in ("wrong_key_epoch", "bad_signature")}
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="thief")
    client.connect(HOST, box.site.ports.broker)
    client.loop_start()
    for epoch in (0, newest.epoch):
        core = msgspec.structs.replace(last.core, key_epoch=epoch, import_wh=forged_wh, detail_hash=detail_hash(detail))
        topic = reading_topic(box.enrolled.zone, core.meter_number)
        client.publish(topic, sign_reading(key, core, detail), qos=1).wait_for_publish(10)
    box.until(lambda: all(box.refused(reason) > count for reason, count in before.items()))
    client.disconnect()
    client.loop_stop()
    [kept] = [one for one in box.stored(last.core.register_epoch) if one.core.interval == last.core.interval]
    assert kept.core == last.core


def test_a_meter_is_swapped_and_its_energy_is_exact(box: WholeBox) -> None:
    """From the file of two registers over two approvals to the opening reading: what neither device metered is in no bill."""
    epoch = box.meter().register_epoch
    box.until(lambda: len(measured(box.stored(epoch))) >= 2)
    old = box.stored(epoch)[-1].detail.meter_serial
    box.exchange_meter("22059999")
    box.until(lambda: box.stored(epoch)[-1].core.quality & Quality.QUESTIONABLE)
    box.edge("swap")
    file = read_swap(box.site.agent_home(1) / "keys" / f"{box.name}.swap.json")
    closing = measured(box.stored(epoch))[-1].core
    assert (file.old_serial, file.new_serial, file.register_epoch) == (old, "22059999", epoch + 1)
    assert (file.closing_import_wh, file.closing_export_wh) == (closing.import_wh, closing.export_wh)
    box.restart()
    box.campusgrid("swap", str(box.site.agent_home(1) / "keys" / f"{box.name}.swap.json"))
    box.restart()
    box.until(lambda: len(measured(box.stored(epoch + 1))) >= 3)
    through = measured(box.stored(epoch + 1))[2].core.interval
    all_arrives(box, through)

    assert box.quarantined() == 0
    known = box.meter()
    assert (known.closing_import_wh, known.closing_export_wh) == (closing.import_wh, closing.export_wh)
    assert (known.opening_import_wh, known.opening_export_wh) == (file.opening_import_wh, file.opening_export_wh)
    before, after = box.stored(epoch), box.stored(epoch + 1)
    assert all(one.core.quality & NO_POST_MASK for one in before if one.core.interval > closing.interval)
    opening = measured(after)[0]
    assert opening.core.quality & Quality.SWAP
    assert opening.detail.opening_interval == 0
    assert opening.core.import_wh >= file.opening_import_wh
    assert {one.detail.meter_serial for one in measured(after)} == {"22059999"}
    for stored in (before, after):
        telescopes(stored)
        is_the_truth(box, stored)
    entry, last = box.entry(), measured(after)
    assert entry.register_epoch == epoch + 1
    on_chain = next(one.core for one in last if one.core.interval == entry.last_interval)
    assert (entry.import_wh, entry.export_wh) == (on_chain.import_wh, on_chain.export_wh)


def test_a_meter_that_an_electrician_brings_is_enrolled_and_metered(box: WholeBox, tmp_path: Path) -> None:
    """By the page alone: settings, key and file on the new box, the operator's word on the campus, then the first signed reading."""
    settings = tomllib.loads(box.edge_toml.read_text())["edge"]
    [meter] = settings["meters"]
    meter |= {"id": "HOUSE-07", "serial": "", "key_file": str(tmp_path / "keys" / "HOUSE-07.json")}
    settings |= {
        "agent": "edge-7",
        "home": str(tmp_path / "home"),
        "metrics_port": 0,
        "mqtt_port": box.site.ports.broker,
    }
    toml = tmp_path / "edge.toml"
    toml.write_text(tomli_w.dumps({"edge": settings}) + "# end\n")
    owner = create_key(tmp_path / "owner.json")
    box.edge_at(toml, "HOUSE-07", "enroll", "--owner", bytes(owner.verify_key).hex())
    command = [python(), "-m", "edge", "run", "--config", str(toml)]
    agent = Process("edge-7", command, tmp_path / "edge-7.log", {"PYTHONPATH": str(CHECKOUT)})
    agent.start()
    try:
        agent.wait_ready()
        file = str(tmp_path / "keys" / "HOUSE-07.enrolment.json")
        words = ["--zone", "1", "--capacity-w", "60000", "--kind", "prosumer", "--owner", str(tmp_path / "owner.json")]
        said = box.campusgrid("enroll", file, *words)
        number = int(said.split("has number ")[1].split()[0])
        assert number != box.enrolled.number
        box.until(lambda: len(measured(box.stored(number=number))) >= 3)
        stored = box.stored(number=number)
        last = measured(stored)[-1].core.interval
        box.until(lambda: box.entry(number).last_interval >= last)
    finally:
        agent.stop()
    telescopes(stored)
    is_the_truth(box, stored)
    assert {core.key_epoch for core, _, _ in stored} == {0}
