"""Agave's own validator on this machine: `build.sh` builds it once (`make validator`), `node.py` runs one on loopback with a ledger of its own.

The next size up from the local chain. It is not needed to run the project on one box.
"""
