"""An enrolment file of an agent that no home knows goes to registry, oracle and ledger, and its agent hears its number."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import paho.mqtt.client as paho
import pytest
from broker_here import NEEDS_BROKER
from nacl.signing import SigningKey
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from client_chains import localnet

from deploy import population
from deploy.broker import broker_process, find_broker
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.enroll import main
from deploy.ports import Ports
from deploy.site import CHECKOUT, HOST, Site
from deploy.stack import _answers
from gridkit.chain import accounts
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer
from gridkit.enrolment import Enrolment, make_enrolment, parse_meter_id, verify_config, write_enrolment
from gridkit.keys import create_key
from gridkit.topics import agent_config_topic

DEVICE, OTHER = (SigningKey(bytes([n]) * 32) for n in (41, 42))
METER = parse_meter_id("HOUSE-07")


pytestmark = [pytest.mark.integration, NEEDS_BROKER]


class Box(NamedTuple):
    """A home with one meter of its own, and the key file of an owner that it does not know."""

    site: Site
    on: Deployment
    owner: Signer
    owner_file: Path

    def file(self, folder: Path, key: SigningKey = DEVICE, **change: str) -> Path:
        """What `edge enroll` writes, with other fields on request (the proof fits what it says)."""
        told = {"network_tag": self.on.network_tag, "owner": bytes(self.owner.pubkey).hex(), **change}
        made: Enrolment = make_enrolment(
            key,
            network_tag=bytes.fromhex(told["network_tag"]),
            owner=bytes.fromhex(told["owner"]),
            meter_id=METER,
            serial="22110017",
            agent="edge-7",
            profile="eastron-sdm630",
        )
        path = folder / "HOUSE-07.enrolment.json"
        write_enrolment(path, made)
        return path

    def run(self, path: Path, *words: str) -> int:
        ports = self.site.ports
        where = ["--home", str(self.site.home), "--meters", "1", "--owner", str(self.owner_file)]
        where += ["--rpc-port", str(ports.rpc), "--broker-port", str(ports.broker)]
        return main([str(path), "--zone", "1", "--capacity-w", "70000", *where, *words])

    def meter(self) -> accounts.Meter | None:
        found = Rpc(self.site.rpc_url).account(self.on.meter(METER))
        return None if found is None else accounts.decode_meter(found.data)

    def told(self, agent: str) -> Any:
        """The configuration that the broker keeps for an agent."""
        came, payloads = threading.Event(), []

        def take(client: Any, data: Any, message: Any) -> None:
            payloads.append(bytes(message.payload))
            came.set()

        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="looker")
        client.on_message = take
        client.on_connect = lambda c, *_: c.subscribe(agent_config_topic(agent), 1)
        client.connect(HOST, self.site.ports.broker)
        client.loop_start()
        assert came.wait(20)
        client.disconnect()
        client.loop_stop()
        key = bytes(self.site.key("operator").verify_key)
        return verify_config(payloads[0], key, bytes.fromhex(self.on.network_tag))


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Chain, broker, the home's own meter; the tests go on from one another."""
    folder = tmp_path_factory.mktemp("enroll")
    with localnet(folder / "home", speed=1) as site:
        site.ports = msgspec.structs.replace(site.ports, broker=Ports.free(1, 1).broker)
        program, _ = find_broker(CHECKOUT)
        broker = broker_process(site.home / "broker", HOST, site.ports.broker, program)
        broker.start()
        try:
            broker.wait_ready(lambda: _answers(site.ports.broker))
            chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
            on = deploy_local(chain, site, lambda said: None)
            population.enrol_all(chain, site, on, lambda said: None)
            owner = create_key(folder / "owner.json")
            yield Box(site, on, Signer(owner), folder / "owner.json")
        finally:
            broker.stop()


def test_a_file_that_does_not_fit_is_refused_and_nothing_is_sent(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of another network or owner, into a zone that is none, or with a proof that is not its key's."""
    for words, change, why in (
        ((), {"network_tag": "00000000"}, "network"),
        ((), {"owner": "11" * 32}, "not the owner"),
        (("--zone", "99"), {}, "no zone 99"),
    ):
        assert box.run(box.file(tmp_path, **change), *words) == 1
        assert why in capsys.readouterr().err
    path = box.file(tmp_path)
    path.write_text(path.read_text().replace("22110017", "22110018").replace("edge-7", "edge-8"))
    text = path.read_text()
    path.write_text(text.replace(bytes(DEVICE.verify_key).hex(), bytes(OTHER.verify_key).hex()))
    assert box.run(path) == 1
    assert "proof of possession" in capsys.readouterr().err
    assert box.meter() is None


def test_a_meter_gets_number_slot_and_ledger_row_and_its_agent_hears_of_it(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The electrician sends a file, and the meter's number comes back over the broker; given twice it is enrolled once."""
    path = box.file(tmp_path)
    assert box.run(path, "--kind", "prosumer") == 0
    meter = box.meter()
    assert meter is not None
    assert f"number {meter.meter_number} in zone 1; edge-7 is told" in capsys.readouterr().out
    assert (meter.keys[0].key, meter.owner) == (bytes(DEVICE.verify_key), bytes(box.owner.pubkey))
    assert (meter.status, meter.capacity_w, meter.max_wh_interval) == (accounts.STATUS_ACTIVE, 70_000, 21_000)
    rpc, zone = Rpc(box.site.rpc_url), box.on.zones["1"]
    slab, ledger = rpc.account(zone.slab), rpc.account(zone.ledger)
    assert slab is not None and ledger is not None  # noqa: PT018 - both are there or the box is none
    entry = accounts.decode_slab(slab.data).entries[meter.slot]
    assert (entry.meter_number, entry.key_current) == (meter.meter_number, bytes(DEVICE.verify_key))
    assert meter.slot in accounts.decode_ledger(ledger.data).meters
    [row] = box.told("edge-7").meters
    assert (row.meter_id, row.number, row.zone, row.key_epoch) == (METER, meter.meter_number, 1, 0)
    assert len(box.told("edge-1").meters) == 1, "the home's own agent keeps its meter"
    first = box.told("edge-7").version
    assert box.run(path) == 0
    assert box.meter() == meter
    assert box.told("edge-7").version > first


def test_another_key_or_zone_for_an_enrolled_meter_is_refused(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second agent with the same meter id would take its place."""
    before = box.meter()
    if before is None:
        assert box.run(box.file(tmp_path)) == 0
        before = box.meter()
    assert box.run(box.file(tmp_path, OTHER)) == 1
    assert "edge rotate" in capsys.readouterr().err
    assert box.run(box.file(tmp_path), "--zone", "2") == 1
    assert "zone" in capsys.readouterr().err
    assert box.meter() == before
