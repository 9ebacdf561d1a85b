"""The generator: what it refuses, and that the committed files are the ones it writes."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from anchorpy import Idl
from anchorpy.coder.coder import Coder
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "programs" / "tools" / "generate.py"

GOOD = """
[program]
name = "demo"
docs = "A program."

[[constant]]
name = "LIMIT"
type = "u8"
value = 12

[[type]]
name = "Pair"
fields = [{ name = "key", type = "pubkey" }, { name = "counts", type = "[u32;3]" }]

[[account]]
name = "Config"
size = 128
layout = [{ at = 10, name = "count", type = "u8" }, { at = 16, name = "pair", type = "Pair" }]

[[instruction]]
name = "set_up"
accounts = [
  { name = "payer", kind = "signer", signer = true, writable = true },
  { name = "system_program", kind = "program:system" },
  { name = "extra", kind = "any", optional = true },
]
args = [{ name = "pairs", type = "vec<Pair>" }, { name = "note", type = "bytes" }, { name = "limit", type = "option<u64>" }]
errors = ["TooMany"]
events = ["Done"]

[[error]]
name = "TooMany"
msg = "Too many"

[[event]]
name = "Done"
fields = [{ name = "count", type = "u16" }, { name = "pairs", type = "vec<Pair>" }]
"""


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), "--root", str(root), *words], capture_output=True, text=True, check=False
    )


def written(root: Path, text: str) -> subprocess.CompletedProcess[str]:
    folder = root / "programs" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "interface.toml").write_text(text)
    return run(root)


def test_the_committed_files_are_what_the_interfaces_say() -> None:
    """An interface changed without its generated code is a client that speaks another language than the program."""
    result = run(ROOT, "--check")
    assert result.returncode == 0, result.stdout + result.stderr


def test_all_outputs_are_written_and_check_notices_a_changed_one(tmp_path: Path) -> None:
    """A hand-edited generated file would be overwritten in silence by the next run."""
    assert written(tmp_path, GOOD).returncode == 0
    outputs = [
        tmp_path / "programs/demo/src/generated.rs",
        tmp_path / "programs/idl/demo.json",
        tmp_path / "programs/idl/demo.legacy.json",
        tmp_path / "docs/programs/demo.md",
    ]
    assert run(tmp_path, "--check").returncode == 0
    for path in outputs:
        original = path.read_text()
        path.write_text(original + " ")
        result = run(tmp_path, "--check")
        assert (result.returncode, path.name in result.stdout) == (1, True)
        path.write_text(original)


def test_both_idl_forms_say_the_same(tmp_path: Path) -> None:
    """anchorpy reads one, Anchor's TypeScript client the other; a user must not notice which."""
    written(tmp_path, GOOD)
    new = json.loads((tmp_path / "programs/idl/demo.json").read_text())
    legacy_text = (tmp_path / "programs/idl/demo.legacy.json").read_text()
    legacy = json.loads(legacy_text)
    Coder(Idl.from_json(legacy_text))
    assert new["instructions"][0]["discriminator"] == list(hashlib.sha256(b"global:set_up").digest()[:8])
    assert new["accounts"][0]["discriminator"] == list(hashlib.sha256(b"account:Config").digest()[:8])
    assert new["events"][0]["discriminator"] == list(hashlib.sha256(b"event:Done").digest()[:8])
    assert legacy["instructions"][0]["name"] == "setUp"
    assert new["instructions"][0]["accounts"][1]["address"] == "1" * 32
    assert legacy["instructions"][0]["accounts"][2]["isOptional"] is True
    assert new["errors"] == legacy["errors"] == [{"code": 6000, "name": "TooMany", "msg": "Too many"}]


PROGRAMS = ("registry", "oracle", "energy_token", "trading", "governance")
FIXED = {"bool": 1, "u8": 1, "i8": 1, "u16": 2, "u32": 4, "u64": 8, "i64": 8, "pubkey": 32}


def data_bytes(type_: Any) -> int:
    """Return the bytes of an argument of the newer interface form; lists are empty."""
    if isinstance(type_, str):
        return 4 if type_ == "bytes" else FIXED[type_]
    [(kind, item)] = type_.items()
    return item[1] * data_bytes(item[0]) if kind == "array" else {"vec": 4, "option": 1}[kind]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_bytes_on_the_page_are_those_of_a_real_transaction(program: str) -> None:
    """Whoever packs several calls into 1,232 bytes plans with these."""
    page = (ROOT / f"docs/programs/{program}.md").read_text(encoding="utf-8")
    idl = json.loads((ROOT / f"programs/idl/{program}.json").read_text(encoding="utf-8"))
    own = Pubkey.from_string(idl["address"])
    for call in idl["instructions"]:
        data = bytes(8 + sum(data_bytes(arg["type"]) for arg in call["args"]))
        metas = []
        for account in call["accounts"]:
            key = own if account.get("optional") else Pubkey.new_unique()
            signs = account.get("signer", False) and key != own
            metas.append(AccountMeta(key, signs, account.get("writable", False) and key != own))
        payer = next((meta.pubkey for meta in metas if meta.is_signer), Pubkey.new_unique())
        message = Message.new_with_blockhash([Instruction(own, data, metas)], payer, Hash.default())
        unsigned = Transaction.populate(message, [Signature.default()] * message.header.num_required_signatures)
        section = page.split(f"\n### {call['name']}\n")[1].split("\n### ")[0]
        found = re.search(
            r"^Bytes: (?:at least )?([\d,]+) of data, (?:at least )?([\d,]+) of transaction\.$", section, re.M
        )
        assert found is not None, call["name"]
        assert [int(text.replace(",", "")) for text in found.groups()] == [len(data), len(bytes(unsigned))], call[
            "name"
        ]


def test_an_account_is_covered_byte_for_byte(tmp_path: Path) -> None:
    """A Borsh reader has no offsets: pads must stand in the description or every later field is read wrongly."""
    written(tmp_path, GOOD)
    new = json.loads((tmp_path / "programs/idl/demo.json").read_text())
    config = next(item for item in new["types"] if item["name"] == "Config")
    assert [field["name"] for field in config["type"]["fields"]] == [
        "version",
        "bump",
        "count",
        "pad_11",
        "pair",
        "pad_60",
    ]
    rust = (tmp_path / "programs/demo/src/generated.rs").read_text()
    assert "pub const AT_PAIR: usize = 16;" in rust
    assert "pub const SIZE: usize = 128;" in rust


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "demo"', 'name = "other"', "differs from the folder"),
        ("value = 12", "value = 256", "does not fit u8"),
        ("value = 12", "value = 1.5", "wants an integer"),
        ("[u32;3]", "[u32;n]", "unknown type"),
        ("[u32;3]", "vec<u32>", "fixed widths only"),
        ("[u32;3]", "f64", "unknown type"),
        ("at = 16", "at = 10", "one offset"),
        ("at = 10,", "at = 15,", "no error"),
        ('at = 16, name = "pair"', 'at = 100, name = "pair"', "beyond size"),
        ("size = 128", "size = 50", "beyond size"),
        ('kind = "signer"', 'kind = "singer"', "kind 'singer'"),
        ("signer = true, writable", "singer = true, writable", "unknown singer"),
        ('errors = ["TooMany"]', 'errors = ["TooFew"]', "not defined"),
        ('events = ["Done"]', 'events = ["Undone"]', "not defined"),
        ('name = "set_up"', 'name = "setUp"', "must match"),
        ('name = "set_up"', 'name = "move"', "Rust keyword"),
        ('name = "Pair"', 'name = "Result"', "uses this name itself"),
        ('docs = "A program."', "docs = 5", "wants a string"),
        (
            '{ name = "count", type = "u16" }, { name = "pairs", type = "vec<Pair>" }',
            '{ name = "pairs", type = "vec<Pair>" }, { name = "count", type = "u16" }',
            "only the last field may vary",
        ),
        ('type = "option<u64>"', 'type = "option<vec<u64>>"', "nests something"),
        ("[program]", "[programm]", "missing program"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Five programs are written against this tool: a mistake that it swallows is found on the chain."""
    assert old in GOOD
    result = written(tmp_path, GOOD.replace(old, new))
    if says == "no error":
        assert result.returncode == 0, result.stderr
        return
    assert result.returncode == 1
    assert says in result.stderr
    assert "interface.toml" in result.stderr


def test_overlapping_fields_are_refused(tmp_path: Path) -> None:
    """Two fields in the same bytes: each write would change the other."""
    text = GOOD.replace('{ at = 10, name = "count", type = "u8" }', '{ at = 10, name = "count", type = "u64" }')
    result = written(tmp_path, text)
    assert result.returncode == 1
    assert "overlaps" in result.stderr
