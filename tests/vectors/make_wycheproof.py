"""Cuts `wycheproof_ed25519.json` out of Project Wycheproof's `ed25519_test.json`: what a signature check needs, unchanged.

    python tests/vectors/make_wycheproof.py PATH/ed25519_test.json

Source: crate `wycheproof` 0.6.0, `src/data/ed25519_test.json` (generator version 0.9rc5), licence Apache-2.0. Left out of each
test are the other encodings of the same key (DER, PEM, JWK).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(source: Path) -> int:
    """Write the cut file."""
    whole = json.loads(source.read_text())
    cases = [
        {
            "id": test["tcId"],
            "comment": test["comment"],
            "flags": test["flags"],
            "public_key": group["publicKey"]["pk"],
            "message": test["msg"],
            "signature": test["sig"],
            "valid": {"valid": True, "invalid": False}[test["result"]],
        }
        for group in whole["testGroups"]
        for test in group["tests"]
    ]
    cut = {
        "source": "Project Wycheproof, ed25519_test.json of the crate wycheproof 0.6.0; cut by make_wycheproof.py",
        "license": "Apache-2.0",
        "generator_version": whole["generatorVersion"],
        "number_of_tests": whole["numberOfTests"],
        "cases": cases,
    }
    text = json.dumps(cut, indent=1, ensure_ascii=True) + "\n"
    Path(__file__).with_name("wycheproof_ed25519.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
