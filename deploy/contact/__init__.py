"""Contract deployment: wait for a chain, build, deploy, verify and look after the five programs.

`main` is imported lazily by `campusgrid contact`; the parts are `chain.py` (sending), `steps.py` (what a deployment consists of), `local.py`
(terms of a local chain), `council.py` (decisions), `authority.py` (validators, and who upgrades programs) and `command.py` (the command line).
"""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Run `campusgrid contact …`; return its exit status."""
    from deploy.contact.command import main as run

    return run(argv)
