"""A gateway on a real local chain with the five programs, people and meters enrolled; no broker and no meters run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy import enrol
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import Site
from deploy.stack import Stack
from gridkit.chain.rpc import Rpc
from oracle_bridge.store import open_engine

METERS = 8


class Campus:
    """A running gateway and those who use it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._passwords: dict[str, str] = json.loads((site.home / "accounts.json").read_text())
        self._tokens: dict[str, str] = {}

    def client(self, name: str | None) -> httpx.Client:
        """Return an HTTP client signed in as `name`, or an anonymous one."""
        headers = {}
        if name is not None:
            if name not in self._tokens:
                self._tokens[name] = self.sign_in(name)["access_token"]
            headers["authorization"] = f"Bearer {self._tokens[name]}"
        return httpx.Client(base_url=self.site.api_url, headers=headers, timeout=30)

    def password(self, name: str) -> str:
        """Return somebody's password."""
        return self._passwords[name]

    def sign_in(self, name: str) -> dict[str, Any]:
        """Return a fresh token pair."""
        body = {"username": name, "password": self._passwords[name]}
        answer = httpx.post(f"{self.site.api_url}/auth/login", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="session")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    site = Site(tmp_path_factory.mktemp("campus"), Ports.free(METERS, 2), METERS, 60)
    stack = Stack(site, print)
    started: list[Process] = []
    try:
        for name in ("localnet", "gateway"):
            if name == "gateway":
                chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
                deployment = deploy_local(chain, site, print)
                enrol.enrol_all(chain, site, deployment, print)
                (site.home / "bridge").mkdir()
                open_engine(site.bridge_store).dispose()
                enrol.make_accounts(site)
            process = stack.build(name)
            started.append(process)
            process.start()
            process.wait_ready()
        yield Campus(site)
    finally:
        for process in reversed(started):
            process.stop()
