"""`campusgrid localnet …`: hands over to the local chain's own environment, whose SVM is newer than the clients' pins allow."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def main(argv: list[str]) -> int:
    """Replace this process by the local chain; return 1 when its environment is missing."""
    path = Path(os.environ.get("CAMPUSGRID_LOCALNET_PYTHON", CHECKOUT / ".venv-localnet" / "bin" / "python"))
    if not path.exists():
        print(f"campusgrid localnet: {path} is missing; run `make setup`, or name one in CAMPUSGRID_LOCALNET_PYTHON")
        return 1
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    os.execve(path, [str(path), "-m", "deploy.localnet", *argv], environment)
