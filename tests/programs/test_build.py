"""The build: what is committed belongs together, and the driver says so in its exit status."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from object_writer import ALLOC, EXEC, EXIT, ObjectWriter
from program_harness import ROOT, SO

from programs.tools import build

VERSIONS = {"rustc": "rustc 1.96.0", "llc": "Debian LLVM version 22.1.8"}


def test_every_program_is_built_and_listed() -> None:
    """A fresh machine without Rust runs the committed files, so each must be there."""
    listed = build.read_checksums()["programs"]
    assert sorted(listed) == sorted(build.NAMES)
    assert sorted(path.stem for path in SO.glob("*.so")) == sorted(build.NAMES)


@pytest.mark.parametrize("name", build.NAMES)
def test_the_built_file_is_the_one_its_checksum_names(name: str) -> None:
    """Whoever exchanges a .so must also exchange the line that people compare."""
    line = build.read_checksums()["programs"][name]
    image = (SO / f"{name}.so").read_bytes()
    assert hashlib.sha256(image).hexdigest() == line["sha256"]
    assert len(image) == line["size"]
    assert line["largest_frame"] <= build.FRAME_LIMIT_BYTES


@pytest.mark.parametrize("name", build.NAMES)
def test_the_built_file_belongs_to_the_committed_sources(name: str) -> None:
    """A source changed without a rebuild is a program nobody reviewed: `python -m programs.tools.build`."""
    assert build.read_checksums()["programs"][name]["sources_sha256"] == build.sources_sha256(name)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tools' world in a temporary folder, with compiler and llc replaced."""
    programs = tmp_path / "programs"
    for part in ("registry", "sdk"):
        (programs / part / "src").mkdir(parents=True)
        (programs / part / "Cargo.toml").write_text("[package]\n")
        (programs / part / "src" / "lib.rs").write_text("//! Nothing.\n")
    (programs / "tools").mkdir()
    for name in ("build.py", "objectfile.py", "pack.py"):
        (programs / "tools" / name).write_text("")
    for name in ("Cargo.toml", "Cargo.lock"):
        (programs / name).write_text("")
    monkeypatch.setattr(build, "PROGRAMS", programs)
    monkeypatch.setattr(build, "SO", programs / "so")
    monkeypatch.setattr(build, "tool_versions", lambda: dict(VERSIONS))
    fake_compiler(monkeypatch, 16)
    return programs


def fake_compiler(monkeypatch: pytest.MonkeyPatch, frame: int) -> None:
    """Let the compiler write a program whose one function has a frame of that many bytes."""

    def compile_(name: str, target_dir: Path, ir: Path) -> None:
        ir.write_text("")

    def run(command: list[str], step: str, **_: object) -> None:
        writer = ObjectWriter()
        text = writer.section(".text", ALLOC | EXEC, EXIT)
        entry = writer.symbol("entrypoint", text)
        sizes = writer.section(".stack_sizes", 0, bytes(8) + bytes([frame & 0x7F | 0x80, frame >> 7]))
        writer.relocate(sizes, 0, 2, entry)
        Path(command[-1]).write_bytes(writer.bytes())

    monkeypatch.setattr(build, "_compile", compile_)
    monkeypatch.setattr(build, "_run", run)


def test_a_build_is_recorded_and_checks_as_equal(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The way it is meant: build, commit, and anybody's check agrees."""
    assert build.main(["--program", "registry"]) == 0
    line = json.loads((workshop / "so" / "checksums.json").read_text())["programs"]["registry"]
    assert line["sha256"] == hashlib.sha256((workshop / "so" / "registry.so").read_bytes()).hexdigest()
    assert {key: line[key] for key in VERSIONS} == VERSIONS
    assert "16 B  entrypoint" in capsys.readouterr().out
    assert build.main(["--program", "registry", "--check"]) == 0


def test_a_changed_file_checks_as_different(workshop: Path) -> None:
    """The reason for the check: a .so that its sources do not give."""
    assert build.main(["--program", "registry"]) == 0
    with (workshop / "so" / "registry.so").open("ab") as file:
        file.write(b"\0")
    assert build.main(["--program", "registry", "--check"]) == 1


def test_other_tool_versions_are_not_comparable(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another compiler gives other bytes for good reason; crying wolf would teach people to ignore the check."""
    assert build.main(["--program", "registry"]) == 0
    monkeypatch.setattr(build, "tool_versions", lambda: VERSIONS | {"rustc": "rustc 1.97.0"})
    assert build.main(["--program", "registry", "--check"]) == 3
    assert "not comparable" in capsys.readouterr().out


def test_a_program_never_recorded_checks_as_different(workshop: Path) -> None:
    """Nothing to compare with is not agreement."""
    assert build.main(["--program", "registry", "--check"]) == 1


@pytest.mark.parametrize(("frame", "status"), [(3_500, 0), (3_501, 1)])
def test_a_frame_above_the_limit_fails_the_build(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, frame: int, status: int
) -> None:
    """Both sides of the edge; a frame that overruns shows only on the path that uses it, on the day it is used."""
    fake_compiler(monkeypatch, frame)
    assert build.main(["--program", "registry"]) == status
    assert (workshop / "so" / "registry.so").exists() == (status == 0)


def test_the_sources_hash_sees_every_input(workshop: Path) -> None:
    """The lock file, the packer and the sdk make the bytes as much as the program's own files."""
    seen = {build.sources_sha256("registry")}
    for name in ("Cargo.lock", "Cargo.toml", "tools/pack.py", "sdk/src/lib.rs", "registry/src/lib.rs"):
        (workshop / name).write_text(f"changed {name}")
        digest = build.sources_sha256("registry")
        assert digest not in seen, name
        seen.add(digest)
    (workshop / "registry" / "src" / "more.rs").write_text("")
    assert build.sources_sha256("registry") not in seen


def test_a_missing_tool_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever builds for the first time reads which packages to install."""
    monkeypatch.setattr(build, "LLC", "llc-that-is-not-here")
    monkeypatch.setattr(build, "RUSTC", sys.executable)
    assert build.main(["--program", "registry"]) == 1
    assert "apt-get install" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("symbol", "readable"),
    [
        ("entrypoint", "entrypoint"),
        ("_RNvNtNtCsbW2YF8BGaOH_10governance9processor7propose7propose", "governance::processor::propose::propose"),
        ("_RNvNtCsbkNZncn3lCe_14campusgrid_sdk3cpi6create", "campusgrid_sdk::cpi::create"),
    ],
)
def test_frames_are_listed_under_readable_names(symbol: str, readable: str) -> None:
    """A list of mangled names is read by nobody."""
    assert build._readable(symbol) == readable


@pytest.mark.soak
def test_two_clones_in_two_homes_give_equal_bytes(tmp_path: Path) -> None:
    """Otherwise nobody but the builder could prove what a chain runs. Wants rustc-web, cargo-web and llvm-22."""
    digests = set()
    registry = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "registry"
    for clone in ("a", "b/deeper"):
        checkout, home = tmp_path / clone / "checkout", tmp_path / clone / "home"
        shutil.copytree(ROOT / "programs", checkout / "programs", ignore=shutil.ignore_patterns("target", "so"))
        if registry.is_dir():
            shutil.copytree(registry, home / ".cargo" / "registry")
        environ = {key: value for key, value in os.environ.items() if key != "CARGO_HOME"} | {"HOME": str(home)}
        command = [sys.executable, "-m", "programs.tools.build", "--program", "governance", "--quiet"]
        subprocess.run(command, cwd=checkout, env=environ, check=True)
        digests.add(hashlib.sha256((checkout / "programs" / "so" / "governance.so").read_bytes()).hexdigest())
    assert len(digests) == 1
