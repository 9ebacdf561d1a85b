"""Writes everything that is derived from `programs/<name>/interface.toml`, or with --check says what is stale.

For each program: `programs/<name>/src/generated.rs`, `programs/idl/<name>.json` (Anchor spec 0.1.0),
`programs/idl/<name>.legacy.json` (the 0.29 form) and `docs/programs/<name>.md`. Standard library only, so a machine
without Rust or Solana tools can check that the committed files belong to the interfaces.

    python programs/tools/generate.py [--check] [NAME ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate_docs
import generate_idl
import generate_rust
from generate_interface import InterfaceError, load

ROOT = Path(__file__).resolve().parents[2]


def main(argv: list[str]) -> int:
    """Return 0 when all is written or current, 1 on an error or, with --check, on a difference."""
    parser = argparse.ArgumentParser(description="Write generated.rs, both IDL forms and the page of each program.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to work in")
    parser.add_argument("names", nargs="*", help="programs; all with an interface.toml by default")
    options = parser.parse_args(argv)
    names = options.names or sorted(path.parent.name for path in options.root.glob("programs/*/interface.toml"))
    stale: list[Path] = []
    failed = False
    for name in names:
        try:
            outputs = render(options.root, name)
        except InterfaceError as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
            continue
        for path, text in outputs.items():
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            stale.append(path)
            if not options.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if options.check else 'wrote'} {path.relative_to(options.root)}")
    return 1 if failed or (options.check and stale) else 0


def render(root: Path, name: str) -> dict[Path, str]:
    """Return the text of every file derived from one interface, by path."""
    interface = load(root / "programs" / name / "interface.toml")
    address = _addresses(root).get(name)
    return {
        root / "programs" / name / "src" / "generated.rs": generate_rust.render(interface),
        root / "programs" / "idl" / f"{name}.json": _json(generate_idl.render(interface, address)),
        root / "programs" / "idl" / f"{name}.legacy.json": _json(generate_idl.render_legacy(interface, address)),
        root / "docs" / "programs" / f"{name}.md": generate_docs.render(interface, _compute_units(root)),
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _compute_units(root: Path) -> dict[str, int]:
    path = root / "programs" / "compute_units.json"
    table: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return table


def _addresses(root: Path) -> dict[str, str]:
    """Return the localnet's program ids by name.

    They are derived by gridkit/programs.py, which needs PyNaCl. Without it (a bare Python that only checks) the ids in
    the present files stand: they change only with that module, and its tests name them.
    """
    path = root / "gridkit" / "programs.py"
    spec = importlib.util.spec_from_file_location("_campusgrid_programs", path)
    if not path.is_file() or spec is None or spec.loader is None:
        return {}
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError:
        return _present_addresses(root)
    return {str(key): str(value) for key, value in module.PROGRAM_IDS.items()}


def _present_addresses(root: Path) -> dict[str, str]:
    found = (json.loads(file.read_text(encoding="utf-8")) for file in root.glob("programs/idl/*.json"))
    return {idl["metadata"]["name"]: idl["address"] for idl in found if idl.get("address")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
