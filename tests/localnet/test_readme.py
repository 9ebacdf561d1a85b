"""What the local chain's page says of itself is so."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from localnet_process import CHECKOUT, PATIENCE_S, PYTHON

pytestmark = pytest.mark.integration


def test_the_page_lists_exactly_the_methods_that_are_served() -> None:
    """Somebody plans his client by this list."""
    page = (CHECKOUT / "deploy/localnet/README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\w+", page.split("<!-- methods -->")[1].split("<!-- /methods -->")[0])
    script = "import json; from deploy.localnet.dispatch import METHODS; print(json.dumps(sorted(METHODS)))"
    done = subprocess.run(
        [str(PYTHON), "-c", script], cwd=CHECKOUT, capture_output=True, check=True, timeout=PATIENCE_S
    )
    assert listed == json.loads(done.stdout)


def test_every_setting_is_named_on_the_page() -> None:
    """A setting that nobody knows of is a constant."""
    page = (CHECKOUT / "deploy/localnet/README.md").read_text(encoding="utf-8")
    script = "import json; from deploy.localnet.settings import LocalnetSettings as S; print(json.dumps(S.__struct_fields__))"
    done = subprocess.run(
        [str(PYTHON), "-c", script], cwd=CHECKOUT, capture_output=True, check=True, timeout=PATIENCE_S
    )
    assert [name for name in json.loads(done.stdout) if f"`{name}`" not in page] == []
