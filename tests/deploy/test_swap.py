"""A swap file goes to the registry with two approvals, on a local chain with the five programs."""

from __future__ import annotations

import hashlib
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
from deploy.contact.chain import Chain, TransactionFailedError
from deploy.contact.local import deploy_local
from deploy.site import Site
from deploy.swap import SwapRefusedError, main, submit_swap
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer
from gridkit.keys import load_key
from gridkit.swap import Swap, sign_swap, write_swap


class Box(NamedTuple):
    """One enrolled meter on a local chain."""

    site: Site
    chain: Chain
    on: Deployment
    enrolled: population.Enrolled
    device: SigningKey

    @property
    def two(self) -> tuple[Signer, Signer]:
        """The two who may approve."""
        return self.site.signer("deployer"), self.site.signer("operator")

    def swap(self, key: SigningKey | None = None, **change: object) -> Swap:
        """A signed swap to the next register epoch."""
        now = population.enrolled_meters(self.chain, self.site, self.on)[0]
        fields = {
            "network_tag": self.on.network_tag,
            "meter_id": self.site.meter_id(self.enrolled.meter).hex(),
            "public_key": "",
            "agent": "edge-1",
            "profile": self.enrolled.meter.settings.profile,
            "register_epoch": now.register_epoch + 1,
            "old_serial": "OLD",
            "new_serial": "NEW",
            "closing_import_wh": 123_456,
            "closing_export_wh": 7,
            "closing_read_ms": 1,
            "opening_import_wh": 42,
            "opening_export_wh": 3,
            "opening_read_ms": 2,
        }
        return sign_swap(Swap(**{**fields, **change}), key or self.device)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Deployed and enrolled once; each test opens further epochs."""
    with localnet(tmp_path_factory.mktemp("swap") / "home", speed=60) as site:
        chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
        on = deploy_local(chain, site, lambda said: None)
        [enrolled] = population.enrol_all(chain, site, on, lambda said: None)
        yield Box(site, chain, on, enrolled, load_key(site.device_key_file(enrolled.meter)))


def test_two_approvals_open_the_next_register_epoch_and_keep_both_registers(box: Box) -> None:
    """Years later somebody asks where the old meter ended; the answer is in the registry, and nothing was minted by it."""
    before = population.enrolled_meters(box.chain, box.site, box.on)[0].register_epoch
    meter = submit_swap(box.chain, box.on, box.swap(), box.two)
    assert meter.register_epoch == before + 1
    assert (meter.closing_import_wh, meter.closing_export_wh) == (123_456, 7)
    assert (meter.opening_import_wh, meter.opening_export_wh) == (42, 3)
    assert meter.serial_hash == hashlib.sha256(b"NEW").digest()
    assert population.enrolled_meters(box.chain, box.site, box.on)[0].register_epoch == before + 1


def test_a_swap_that_does_not_fit_the_registry_is_refused_before_it_is_sent(box: Box) -> None:
    """The file of the meter next door, of another network, of yesterday, of a thief's key, or with one person's two approvals."""
    before = population.enrolled_meters(box.chain, box.site, box.on)[0].register_epoch
    refused = [
        (box.swap(network_tag="00000000"), box.two, "network"),
        (box.swap(meter_id="00" * 16), box.two, "not in the registry"),
        (box.swap(register_epoch=before), box.two, "submitted before"),
        (box.swap(register_epoch=before + 2), box.two, "missing in between"),
        (box.swap(SigningKey(bytes(32))), box.two, "device key"),
        (box.swap(), (box.two[0], box.two[0]), "two people"),
    ]
    for swap, approvers, why in refused:
        with pytest.raises(SwapRefusedError, match=why):
            submit_swap(box.chain, box.on, swap, approvers)
    with pytest.raises(TransactionFailedError, match=r"Unauthorized|user"):
        submit_swap(box.chain, box.on, box.swap(), (box.two[0], box.site.signer(f"user-{box.enrolled.meter.owner}")))
    assert population.enrolled_meters(box.chain, box.site, box.on)[0].register_epoch == before


def test_a_file_that_was_changed_or_is_none_ends_with_a_sentence(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody corrects a closing register in an editor: the device has not signed that."""
    path = tmp_path / "swap.json"
    home = ["--home", str(box.site.home), "--meters", "1", "--rpc-port", str(box.site.ports.rpc)]
    write_swap(path, msgspec.structs.replace(box.swap(), closing_import_wh=999))
    assert main([str(path), *home]) == 1
    assert "has not signed" in capsys.readouterr().err
    path.write_text("{")
    assert main([str(path), *home]) == 1
    assert "no swap file" in capsys.readouterr().err
    assert main([str(tmp_path / "none.json"), *home]) == 1
    assert "none.json" in capsys.readouterr().err
