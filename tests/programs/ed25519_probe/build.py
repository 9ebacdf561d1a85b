"""Builds the fixture `ed25519_probe.so` from the sdk's signature check, with the programs' own tools.

    python tests/programs/ed25519_probe/build.py

Beside it stands `built_from.txt`, the hash of what it was made from; a test compares it, so the fixture cannot grow stale.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))

SO = HERE / "ed25519_probe.so"
BUILT_FROM = HERE / "built_from.txt"
SOURCES = (
    HERE / "src" / "lib.rs",
    ROOT / "programs" / "sdk" / "src" / "ed25519.rs",
    ROOT / "programs" / "sdk" / "src" / "sha512.rs",
)


def sources_sha256() -> str:
    """Return SHA-256 (hex) over the sources that decide a verdict."""
    digest = hashlib.sha256()
    for path in SOURCES:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def main() -> int:
    """Build, and write down from what."""
    from programs.tools import build
    from programs.tools.pack import pack

    environ = {
        **os.environ,
        "RUSTC_BOOTSTRAP": "1",
        "RUSTC": build.RUSTC,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(
            ("-Cpanic=abort", "-Crelocation-model=static", "-Zlocation-detail=none")
        ),
    }
    with tempfile.TemporaryDirectory() as scratch:
        ir, obj = Path(scratch) / "probe.ll", Path(scratch) / "probe.o"
        command = [build.CARGO, "rustc", "--quiet", "--locked", "--release", "--target", build.TARGET]
        command += ["-Zbuild-std=core", "--target-dir", scratch, "--lib", "--crate-type", "staticlib"]
        build._run([*command, "--", f"--emit=llvm-ir={ir}"], "cargo", cwd=HERE, environ=environ)
        build._run([build.LLC, *build.LLC_FLAGS, str(ir), "-o", str(obj)], "llc")
        SO.write_bytes(pack(obj.read_bytes()))
    BUILT_FROM.write_text(f"{sources_sha256()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
