"""Builds the programs: stock rustc and llc, then our packer; records in `so/checksums.json` what was built from what.

    python -m programs.tools.build [--program NAME]...   build into programs/so/
    python -m programs.tools.build --check               rebuild elsewhere and compare

Exit status: 0 built, or equal; 1 failed, or different; 3 not comparable (other tool versions than recorded).
The bytes depend on the sources, on the versions of rustc and llc and on nothing else: paths are remapped, so two
clones in two homes agree. On a machine with the Solana tools `cargo build-sbf` builds the same sources (to other bytes).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from programs.tools.objectfile import ObjectFileError, parse
from programs.tools.pack import pack

PROGRAMS: Final = Path(__file__).resolve().parent.parent
SO: Final = PROGRAMS / "so"
NAMES: Final = ("registry", "oracle", "energy_token", "trading", "governance")
# The runtime's frame is 4,096 bytes; a write below it ends the transaction, so keep a margin.
FRAME_LIMIT_BYTES: Final = 3_500
TARGET: Final = "bpfel-unknown-none"
# rustup shadows Debian's rustc on PATH and has no rust-src of its own, so the build names the full paths.
RUSTC: Final = os.environ.get("CAMPUSGRID_RUSTC", "/usr/bin/rustc")
CARGO: Final = os.environ.get("CAMPUSGRID_CARGO", "/usr/bin/cargo")
LLC: Final = os.environ.get("CAMPUSGRID_LLC", "llc-22")
LLC_FLAGS: Final = (
    "-O2",
    "-march=bpfel",
    "-mcpu=v2",
    "-bpf-stack-size=4096",
    "-mattr=+allows-misaligned-mem-access",
    "--stack-size-section",
    # One section for each function, so that the packer can leave out those nothing calls.
    "--function-sections",
    "-filetype=obj",
)


class BuildError(Exception):
    """A program could not be built; the message says which step and why."""


@dataclass(frozen=True)
class Built:
    """One built program: its bytes and the stack bytes of each of its functions."""

    name: str
    image: bytes
    frames: dict[str, int]

    @property
    def sha256(self) -> str:
        """SHA-256 of the image, hex."""
        return hashlib.sha256(self.image).hexdigest()


def tool_versions() -> dict[str, str]:
    """Return the versions of rustc and llc the bytes depend on, as the tools state them.

    Raises:
        BuildError: a tool is missing.
    """
    rustc = _output([RUSTC, "--version"]).strip()
    llc = next((line.strip() for line in _output([LLC, "--version"]).splitlines() if "LLVM version" in line), "unknown")
    return {"rustc": rustc, "llc": llc}


def sources_sha256(name: str) -> str:
    """Return SHA-256 (hex) over everything the bytes of program `name` are made from: names and contents of its
    sources, of the sdk, of the workspace's manifest and lock file, and of the packer."""
    files = [PROGRAMS / "Cargo.toml", PROGRAMS / "Cargo.lock"]
    files += [PROGRAMS / "tools" / tool for tool in ("build.py", "objectfile.py", "pack.py")]
    for part in (name, "sdk"):
        files.append(PROGRAMS / part / "Cargo.toml")
        files += (PROGRAMS / part / "src").rglob("*.rs")
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.relative_to(PROGRAMS).as_posix()):
        body = path.read_bytes()
        digest.update(f"{path.relative_to(PROGRAMS).as_posix()}\0{len(body)}\0".encode())
        digest.update(body)
    return digest.hexdigest()


def build(name: str, target_dir: Path, *, quiet: bool = False) -> Built:
    """Build one program in `target_dir`, which no other build uses at the same time (cargo locks it).

    Raises:
        BuildError: a tool is missing or refuses the code, or a stack frame is above FRAME_LIMIT_BYTES.
    """
    target_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=target_dir) as scratch:
        ir, obj = Path(scratch) / f"{name}.ll", Path(scratch) / f"{name}.o"
        _compile(name, target_dir, ir)
        _run([LLC, *LLC_FLAGS, str(ir), "-o", str(obj)], "llc")
        blob = obj.read_bytes()
    try:
        frames = parse(blob).stack_frames()
        image = pack(blob)
    except ObjectFileError as error:
        raise BuildError(f"{name}: {error}") from error
    if not quiet:
        for function, size in sorted(frames.items(), key=lambda item: -item[1]):
            print(f"  {size:>5} B  {_readable(function)}")
    too_large = {f: size for f, size in frames.items() if size > FRAME_LIMIT_BYTES}
    if too_large:
        worst = ", ".join(f"{_readable(f)} {size} B" for f, size in too_large.items())
        raise BuildError(f"{name}: stack frames above {FRAME_LIMIT_BYTES} B: {worst}")
    return Built(name, image, frames)


def _compile(name: str, target_dir: Path, ir: Path) -> None:
    """Compile to one file of LLVM text. The file of the last run is kept by cargo, so an unchanged program is cheap."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    flags = [
        "-Cpanic=abort",
        "-Crelocation-model=static",
        "-Zlocation-detail=none",
        f"--remap-path-prefix={PROGRAMS}=/campusgrid/programs",
        f"--remap-path-prefix={cargo_home}/registry/src=/registry",
    ]
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("CARGO_BUILD_", "CARGO_PROFILE_", "RUSTFLAGS"))},
        "RUSTC_BOOTSTRAP": "1",
        "RUSTC": RUSTC,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        "CARGO_TARGET_DIR": str(target_dir),
        "CARGO_TERM_COLOR": "never",
    }
    kept = target_dir / f"{name}.ll"
    command = [CARGO, "rustc", "--quiet", "--locked", "--release", "--target", TARGET, "-Zbuild-std=core"]
    command += ["-p", f"campusgrid-{name.replace('_', '-')}", "--lib", "--crate-type", "staticlib"]
    command += ["--", f"--emit=llvm-ir={kept}"]
    if not kept.exists():
        # Cargo does not know of the file and would think the crate fresh.
        for stamp in target_dir.glob(f"{TARGET}/release/.fingerprint/campusgrid-{name.replace('_', '-')}-*"):
            shutil.rmtree(stamp, ignore_errors=True)
    _run(command, "cargo", cwd=PROGRAMS, environ=environ)
    shutil.copyfile(kept, ir)


def _run(command: list[str], step: str, *, cwd: Path | None = None, environ: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError(_missing(command[0])) from None
    if done.stderr:
        sys.stderr.write(done.stderr)
    if done.returncode != 0:
        raise BuildError(f"{step} failed with status {done.returncode}")


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise BuildError(_missing(command[0])) from None


def _missing(tool: str) -> str:
    return f"{tool} is missing; on Debian: apt-get install rustc-web rust-web-src cargo-web llvm-22"


def _readable(symbol: str) -> str:
    """Return the names in a mangled Rust symbol (v0: decimal length, perhaps `_`, name), without crate hashes."""
    if not symbol.startswith(("_R", "_ZN")):
        return symbol
    names, at = [], 2
    while at < len(symbol):
        number = re.compile(r"[1-9]\d*").match(symbol, at)
        # A length follows a tag of the grammar; digits inside a base-62 number (`s…_`, `B…_`) do not count.
        base62 = re.compile(r"[sBC]s?[0-9a-zA-Z]*_").match(symbol, at)
        if base62:
            at = base62.end()
        elif number:
            start = number.end() + (symbol[number.end() : number.end() + 1] == "_")
            at = start + int(number[0])
            names.append(symbol[start:at])
        else:
            at += 1
    return "::".join(name for name in names if name) or symbol


def read_checksums() -> dict[str, Any]:
    """Return `so/checksums.json`: {"version": 1, "programs": {name: {sha256, size, sources_sha256, rustc, llc, …}}}."""
    path = SO / "checksums.json"
    if not path.exists():
        return {"version": 1, "programs": {}}
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _store(built: Built, versions: dict[str, str], sources: str) -> None:
    """Put the image and its line of the checksum file in place, each by an atomic rename."""
    with _locked(PROGRAMS / "target" / "checksums.lock"):
        checksums = read_checksums()
        checksums["programs"][built.name] = {
            "sha256": built.sha256,
            "size": len(built.image),
            "sources_sha256": sources,
            "largest_frame": max(built.frames.values(), default=0),
            **versions,
        }
        checksums["programs"] = dict(sorted(checksums["programs"].items()))
        _replace(SO / f"{built.name}.so", built.image)
        _replace(SO / "checksums.json", (json.dumps(checksums, indent=2) + "\n").encode())


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    scratch.write_bytes(data)
    scratch.replace(path)


def _build_all(names: list[str], *, quiet: bool) -> int:
    versions = tool_versions()
    for name in names:
        sources = sources_sha256(name)
        built = build(name, PROGRAMS / "target" / name, quiet=quiet)
        _store(built, versions, sources)
        frame = max(built.frames.values(), default=0)
        print(f"{name}.so  {len(built.image)} bytes  largest frame {frame} B  sha256 {built.sha256}")
    return 0


def _check_all(names: list[str]) -> int:
    recorded = read_checksums()["programs"]
    versions = tool_versions()
    status = 0
    with tempfile.TemporaryDirectory(prefix="campusgrid-programs-") as scratch:
        for name in names:
            line = recorded.get(name)
            if line is None:
                print(f"{name}: no checksum recorded")
                status = 1
                continue
            theirs = {tool: line[tool] for tool in versions}
            if theirs != versions:
                print(f"{name}: not comparable: built with {theirs}, here is {versions}")
                status = status or 3
                continue
            digest = build(name, Path(scratch) / name, quiet=True).sha256
            on_disk = hashlib.sha256((SO / f"{name}.so").read_bytes()).hexdigest()
            same = digest == line["sha256"] == on_disk
            print(
                f"{name}: equal"
                if same
                else f"{name}: DIFFERENT: rebuilt {digest}, recorded {line['sha256']}, file {on_disk}"
            )
            status = status if same else 1
    return status


def main(argv: list[str] | None = None) -> int:
    """Command line; see the module's docstring for the exit status."""
    parser = argparse.ArgumentParser(prog="programs.tools.build", description=__doc__.splitlines()[0])
    parser.add_argument("--program", action="append", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--check", action="store_true", help="rebuild into a temporary folder and compare")
    parser.add_argument("--quiet", action="store_true", help="do not list every stack frame")
    arguments = parser.parse_args(argv)
    names = arguments.program or [name for name in NAMES if (PROGRAMS / name / "src").is_dir()]
    try:
        return _check_all(names) if arguments.check else _build_all(names, quiet=arguments.quiet)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
