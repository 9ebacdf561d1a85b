"""A rotation file goes to the registry and the oracle, on a local chain with the five programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from nacl.signing import SigningKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from client_chains import localnet

from deploy import population
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.rotate import Rotated, RotationRefusedError, check_rotation, main, submit_rotation
from deploy.site import Site
from gridkit.chain import accounts
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer
from gridkit.clock import open_clock
from gridkit.enrolment import Enrolment, make_enrolment, write_enrolment
from gridkit.interval import interval_at

FIRST, SECOND, THIRD = (SigningKey(bytes([n]) * 32) for n in (31, 32, 33))


class Box(NamedTuple):
    """One enrolled meter on a local chain."""

    site: Site
    chain: Chain
    on: Deployment
    enrolled: population.Enrolled

    @property
    def owner(self) -> Signer:
        return self.site.signer(f"user-{self.enrolled.meter.owner}")

    @property
    def present(self) -> int:
        return interval_at(open_clock(self.site.clock).now_ns() // 1_000_000_000)

    def file(self, key: SigningKey, **change: str) -> Enrolment:
        """What `edge rotate` writes, with other fields on request."""
        made = make_enrolment(
            key,
            network_tag=bytes.fromhex(self.on.network_tag),
            owner=bytes(self.owner.pubkey),
            meter_id=self.site.meter_id(self.enrolled.meter),
            serial=self.enrolled.meter.settings.serial,
            agent="edge-1",
            profile=self.enrolled.meter.settings.profile,
        )
        return msgspec.structs.replace(made, **change)

    def rotate(self, file: Enrolment, first_interval: int, **more: bool) -> Rotated:
        return submit_rotation(
            self.chain, self.on, file, self.site.signer("operator"), self.owner, self.present, first_interval, **more
        )

    def meter(self) -> accounts.Meter:
        found = self.chain.rpc.account(self.on.meter(self.site.meter_id(self.enrolled.meter)))
        assert found is not None
        return accounts.decode_meter(found.data)

    def entry(self) -> accounts.SlabEntry:
        found = self.chain.rpc.account(self.on.zones[str(self.enrolled.zone)].slab)
        assert found is not None
        return accounts.decode_slab(found.data).entries[self.enrolled.slot]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Deployed and enrolled once; the tests go on from one another's keys, in their order."""
    with localnet(tmp_path_factory.mktemp("rotate") / "home", speed=1) as site:
        chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
        on = deploy_local(chain, site, lambda said: None)
        [enrolled] = population.enrol_all(chain, site, on, lambda said: None)
        yield Box(site, chain, on, enrolled)


def test_a_rotation_that_does_not_fit_the_chain_is_refused_before_it_is_sent(box: Box) -> None:
    """The file of the meter next door, of another network or owner, or a thief's who owns nothing."""
    before = box.meter()
    for change, why in (
        ({"network_tag": "00000000"}, "network"),
        ({"meter_id": "00" * 16}, "not in the registry"),
        ({"owner": "11" * 32}, "names the owner"),
    ):
        with pytest.raises(RotationRefusedError, match=why):
            box.rotate(box.file(FIRST, **change), box.present + 2)
    with pytest.raises(RotationRefusedError, match="not the owner"):
        submit_rotation(
            box.chain, box.on, box.file(FIRST), box.site.signer("operator"), box.site.signer("deployer"), box.present, 1
        )
    assert box.meter() == before


def test_a_rotation_is_registered_once_and_copied_to_the_oracle(box: Box) -> None:
    """The operator's terminal dies after the first transaction; the same command again finds what is left to do."""
    switch = box.present + 3
    done = box.rotate(box.file(FIRST), switch)
    assert (done.was_done, done.meter.key_epoch) == (False, 1)
    newest, before = done.meter.keys[:2]
    assert (newest.key, newest.first_interval) == (bytes(FIRST.verify_key), switch)
    entry = box.entry()
    assert (entry.key_current, entry.key_previous) == (newest.key, before.key)
    assert (entry.switch_interval, entry.key_epoch) == (switch, 1)
    again = box.rotate(box.file(FIRST), switch + 5)
    assert again == (done.meter, True)


def test_a_second_rotation_waits_for_the_first_and_for_the_readings_before_it(box: Box) -> None:
    """The slab keeps two keys: a third would make readings worthless that the first has signed."""
    meter, entry, tag = box.meter(), box.entry(), box.on.network_tag
    switch = meter.keys[0].first_interval
    with pytest.raises(RotationRefusedError, match=f"begins with interval {switch}"):
        box.rotate(box.file(SECOND), switch + 1)
    with pytest.raises(RotationRefusedError, match="still on their way"):
        check_rotation(box.file(SECOND), meter, entry, tag, switch)
    arrived = entry._replace(last_interval=switch - 1)
    assert check_rotation(box.file(SECOND), meter, arrived, tag, switch) is False
    retired = msgspec.structs.replace(meter, status=accounts.STATUS_RETIRED)
    with pytest.raises(RotationRefusedError, match="retired"):
        check_rotation(box.file(SECOND), retired, arrived, tag, switch)


def test_a_stolen_key_is_revoked_at_once_and_never_comes_back(box: Box) -> None:
    """Whoever took the card signs until somebody says so."""
    done = box.rotate(box.file(THIRD), box.present + 1, compromised=True)
    assert done.meter.key_epoch == 2
    assert done.meter.keys[1].flags & accounts.KEY_COMPROMISED
    entry = box.entry()
    assert (entry.key_current, entry.key_previous) == (bytes(THIRD.verify_key), bytes(32))
    with pytest.raises(RotationRefusedError, match="never comes back"):
        box.rotate(box.file(FIRST), box.present + 5, compromised=True)


def test_the_command_ends_with_a_sentence(box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, a changed one, a stranger's owner key: one line each, and nothing sent."""
    before = box.meter()
    path = tmp_path / "r.json"
    home = ["--home", str(box.site.home), "--meters", "1", "--rpc-port", str(box.site.ports.rpc)]
    assert main([str(path), *home]) == 1
    assert "r.json" in capsys.readouterr().err
    write_enrolment(path, box.file(SECOND, owner="11" * 32))
    assert main([str(path), *home]) == 1
    assert "proof of possession" in capsys.readouterr().err
    stranger = make_enrolment(
        SECOND, network_tag=bytes(4), owner=bytes(32), meter_id=bytes(16), serial="", agent="e", profile="p"
    )
    write_enrolment(path, stranger)
    assert main([str(path), *home]) == 1
    assert "--owner" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(path), *home, "--ahead", "0"])
    assert box.meter() == before


def test_two_changes_within_a_second_both_reach_the_agents(tmp_path: Path) -> None:
    """A version that is not newer is ignored: the second meter's new key would never be used."""
    path = tmp_path / "config-version"
    first = population._next_version(path)
    assert [population._next_version(path) for _ in range(3)] == [first + 1, first + 2, first + 3]
    path.write_text("4000000000\n")
    assert population._next_version(path) == 4_000_000_001
