"""Reads `programs/<name>/interface.toml` into values and refuses what does not hold together.

It decides what a valid interface is: names, types, sizes, account layouts. Turning one into Rust, IDL or a page is left
to `generate_rust.py`, `generate_idl.py` and `generate_docs.py`. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

INT_SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
SCALAR_SIZES = {**INT_SIZES, "bool": 1, "pubkey": 32}
FIRST_ERROR_CODE = 6000
HEADER = (("disc", 0, "[u8;8]"), ("version", 8, "u8"), ("bump", 9, "u8"))
KINDS = (
    "signer",
    "wallet",
    "state:",
    "pda:",
    "program:",
    "mint",
    "token_account",
    "programdata",
    "new",
    "sysvar:",
    "any",
)
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*\Z")
FIELD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
UPPER = re.compile(r"[A-Z][A-Z0-9_]*\Z")
TAKEN_NAMES = frozenset({"Reader", "List", "Option", "Result", "Some", "None", "Self", "Ok", "Err"})
RUST_WORDS = frozenset(
    re.findall(
        r"\w+",
        """as break const continue crate else enum extern false fn for if impl in let loop match mod move mut pub ref
        return self static struct super trait true type unsafe use where while async await dyn abstract become box do
        final macro override priv typeof unsized virtual yield try""",
    )
)


class InterfaceError(Exception):
    """An interface.toml breaks a rule; the message names the file, the place and the remedy."""


@dataclass(frozen=True)
class Type:
    """One Borsh type. kind: a scalar name, `bytes`, `array`, `vec`, `option` or `struct`."""

    kind: str
    item: Type | None = None
    count: int = 0
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "array":
            return f"[{self.item};{self.count}]"
        if self.kind in ("vec", "option"):
            return f"{self.kind}<{self.item}>"
        return self.name if self.kind == "struct" else self.kind


@dataclass(frozen=True)
class Field:
    name: str
    type: Type
    docs: str
    at: int | None = None


@dataclass(frozen=True)
class Struct:
    name: str
    docs: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Constant:
    name: str
    type: str
    value: object
    docs: str


@dataclass(frozen=True)
class Account:
    """An account type. `fields` start at byte 0 and cover `size` bytes without a gap (pads are made explicit)."""

    name: str
    docs: str
    size: int
    address: str
    fields: tuple[Field, ...]
    table: tuple[Field, ...]


@dataclass(frozen=True)
class Meta:
    name: str
    docs: str
    signer: bool
    writable: bool
    optional: bool
    kind: str


@dataclass(frozen=True)
class Instruction:
    name: str
    docs: str
    accounts: tuple[Meta, ...]
    args: tuple[Field, ...]
    errors: tuple[str, ...]
    events: tuple[str, ...]
    remaining: str
    signers_docs: str


@dataclass(frozen=True)
class Interface:
    name: str
    docs: str
    constants: tuple[Constant, ...]
    types: dict[str, Struct]
    accounts: tuple[Account, ...]
    instructions: tuple[Instruction, ...]
    errors: tuple[tuple[str, str], ...]
    events: tuple[Struct, ...]
    sizes: dict[str, int] = field(default_factory=dict)

    def size_of(self, type_: Type) -> int | None:
        """Return the byte length of a type, or None when it depends on the value."""
        if type_.kind in SCALAR_SIZES:
            return SCALAR_SIZES[type_.kind]
        if type_.kind == "array":
            assert type_.item is not None
            inner = self.size_of(type_.item)
            return None if inner is None else inner * type_.count
        if type_.kind == "struct":
            total = 0
            for part in self.types[type_.name].fields:
                size = self.size_of(part.type)
                if size is None:
                    return None
                total += size
            return total
        return None


def discriminator(kind: str, name: str) -> bytes:
    """Return the 8-byte Anchor discriminator: the head of SHA-256(`<kind>:<name>`), kind global, account or event."""
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()[:8]


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = ""

    def fail(self, message: str) -> InterfaceError:
        return InterfaceError(f"{self.path}: {self.where}: {message}")

    def keys(self, table: object, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, object]:
        if not isinstance(table, dict):
            raise self.fail(f"a table is wanted, not {table!r}")
        missing = [key for key in required if key not in table]
        unknown = [key for key in table if key not in required + optional]
        if missing:
            raise self.fail(f"missing {', '.join(missing)}")
        if unknown:
            raise self.fail(f"unknown {', '.join(unknown)}; allowed: {', '.join(required + optional)}")
        return table

    def text(self, table: dict[str, object], key: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.fail(f"{key} wants a string, not {value!r}")
        if key in ("msg", "signers_docs", "remaining"):
            return " ".join(value.split())
        return "\n".join(line.rstrip() for line in value.strip().splitlines()) if key == "docs" else value

    def flag(self, table: dict[str, object], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self.fail(f"{key} wants true or false, not {value!r}")
        return value

    def name(self, text: str, pattern: re.Pattern[str], what: str) -> str:
        if not pattern.match(text):
            raise self.fail(f"{what} {text!r} must match {pattern.pattern}")
        if text in RUST_WORDS:
            raise self.fail(f"{what} {text!r} is a Rust keyword; choose another word")
        return text

    def type(self, text: str, known: set[str]) -> Type:
        text = text.replace(" ", "")
        if text in SCALAR_SIZES or text == "bytes":
            return Type(text)
        if text == "vec<u8>":
            return Type("bytes")
        if match := re.fullmatch(r"\[(.+);(\d+)\]", text):
            return Type("array", self.type(match[1], known), int(match[2]))
        if match := re.fullmatch(r"(vec|option)<(.+)>", text):
            return Type(match[1], self.type(match[2], known))
        if text in known:
            return Type("struct", name=text)
        raise self.fail(
            f"unknown type {text!r}; {', '.join(SCALAR_SIZES)}, bytes, [T;N], vec<T>, option<T> or a [[type]] above it"
        )

    def fields(self, rows: object, known: set[str], *, placed: bool = False) -> tuple[Field, ...]:
        if not isinstance(rows, list):
            raise self.fail("a list of { name, type, docs } is wanted")
        out: list[Field] = []
        base = self.where
        for row in rows:
            entry = self.keys(row, ("at", "name", "type") if placed else ("name", "type"), ("docs",))
            name = self.name(self.text(entry, "name"), FIELD, "field")
            self.where = f"{base}.{name}"
            at = entry.get("at")
            if placed and (not isinstance(at, int) or isinstance(at, bool)):
                raise self.fail("`at` wants the byte offset as an integer")
            out.append(
                Field(
                    name,
                    self.type(self.text(entry, "type"), known),
                    self.text(entry, "docs", ""),
                    at if isinstance(at, int) else None,
                )
            )
        self.where = base
        names = [item.name for item in out]
        if len(set(names)) != len(names):
            raise self.fail(f"a field name stands twice: {names}")
        return tuple(out)


def load(path: Path) -> Interface:
    """Return the interface in `path`.

    Raises:
        InterfaceError: Anything in the file is unknown, missing, misplaced or unfit for a program without an allocator.
    """
    reader = _Reader(path)
    reader.where = "file"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise reader.fail(str(error)) from error
    sections = ("constant", "type", "account", "instruction", "error", "event")
    reader.keys(document, ("program",), sections)
    for section in sections:
        if not isinstance(document.get(section, []), list):
            raise reader.fail(f"write [[{section}]], not [{section}]")
    reader.where = "program"
    program = reader.keys(document["program"], ("name", "docs"), ())
    name = reader.name(reader.text(program, "name"), SNAKE, "program")
    if name != path.parent.name:
        raise reader.fail(f"name {name!r} differs from the folder {path.parent.name!r}")

    types = _types(reader, document.get("type", []))
    known = set(types)
    interface = Interface(
        name, reader.text(program, "docs"), _constants(reader, document.get("constant", [])), types, (), (), (), ()
    )
    errors = _errors(reader, document.get("error", []))
    events = _events(reader, interface, document.get("event", []), known)
    accounts = _accounts(reader, interface, document.get("account", []), known)
    instructions = _instructions(
        reader,
        interface,
        document.get("instruction", []),
        known,
        {item for item, _ in errors},
        {item.name for item in events},
    )
    taken = [*types, *(item.name for item in events), *(item.name for item in accounts)]
    twice = {item for item in taken if taken.count(item) > 1}
    if twice:
        reader.where = "names"
        raise reader.fail(f"types, events and accounts share one name space; twice: {', '.join(sorted(twice))}")
    return Interface(name, interface.docs, interface.constants, types, accounts, instructions, errors, events)


def _unique(reader: _Reader, names: list[str], what: str) -> None:
    twice = sorted({item for item in names if names.count(item) > 1})
    if twice:
        reader.where = what
        raise reader.fail(f"defined twice: {', '.join(twice)}")


def _types(reader: _Reader, rows: list[object]) -> dict[str, Struct]:
    types: dict[str, Struct] = {}
    for row in rows:
        reader.where = "type"
        entry = reader.keys(row, ("name", "fields"), ("kind", "docs"))
        name = reader.name(reader.text(entry, "name"), CAMEL, "type")
        reader.where = f"type {name}"
        if reader.text(entry, "kind", "struct") != "struct":
            raise reader.fail('kind must be "struct"')
        if name in types:
            raise reader.fail("defined twice")
        if name in TAKEN_NAMES:
            raise reader.fail(f"the generated code uses this name itself; taken: {', '.join(sorted(TAKEN_NAMES))}")
        fields = reader.fields(entry["fields"], set(types))
        if not fields:
            raise reader.fail("a type without fields")
        for part in fields:
            if not _fixed(part.type, types):
                raise reader.fail(f"field {part.name}: a type holds fixed widths only, not {part.type}")
        types[name] = Struct(name, reader.text(entry, "docs", ""), fields)
    return types


def _fixed(type_: Type, types: dict[str, Struct]) -> bool:
    if type_.kind in SCALAR_SIZES or type_.kind == "struct":
        return True
    return type_.kind == "array" and type_.item is not None and _fixed(type_.item, types)


def _constants(reader: _Reader, rows: list[object]) -> tuple[Constant, ...]:
    out = []
    for row in rows:
        reader.where = "constant"
        entry = reader.keys(row, ("name", "type", "value"), ("docs",))
        name = reader.name(reader.text(entry, "name"), UPPER, "constant")
        reader.where = f"constant {name}"
        type_ = reader.text(entry, "type")
        value = entry["value"]
        if type_ in INT_SIZES or type_ == "usize":
            if isinstance(value, str):
                try:
                    value = int(value.replace("_", ""), 0)
                except ValueError:
                    raise reader.fail(f"{value!r} is no integer") from None
            if not isinstance(value, int) or isinstance(value, bool):
                raise reader.fail(f"{type_} wants an integer, not {value!r}")
            bits = 8 * INT_SIZES.get(type_, 8)
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if type_[0] == "i" else (0, (1 << bits) - 1)
            if not low <= value <= high:
                raise reader.fail(f"{value} does not fit {type_}")
        elif type_ == "bytes":
            if not isinstance(value, str) or not value.isascii():
                raise reader.fail("bytes wants an ASCII string")
        elif type_ == "bool":
            if not isinstance(value, bool):
                raise reader.fail("bool wants true or false")
        else:
            raise reader.fail(f"type {type_!r}: integers, usize, bool and bytes only")
        out.append(Constant(name, type_, value, reader.text(entry, "docs", "")))
    _unique(reader, [item.name for item in out], "constant")
    return tuple(out)


def _errors(reader: _Reader, rows: list[object]) -> tuple[tuple[str, str], ...]:
    out = []
    for row in rows:
        reader.where = "error"
        entry = reader.keys(row, ("name", "msg"), ())
        out.append((reader.name(reader.text(entry, "name"), CAMEL, "error"), reader.text(entry, "msg")))
    _unique(reader, [name for name, _ in out], "error")
    return tuple(out)


def _events(reader: _Reader, interface: Interface, rows: list[object], known: set[str]) -> tuple[Struct, ...]:
    out = []
    for row in rows:
        reader.where = "event"
        entry = reader.keys(row, ("name", "fields"), ("docs",))
        name = reader.name(reader.text(entry, "name"), CAMEL, "event")
        reader.where = f"event {name}"
        fields = reader.fields(entry["fields"], known)
        for index, part in enumerate(fields):
            if interface.size_of(part.type) is not None:
                continue
            last = index == len(fields) - 1
            listed = (
                part.type.kind == "vec" and part.type.item is not None and interface.size_of(part.type.item) is not None
            )
            if not last or not (listed or part.type.kind == "bytes"):
                raise reader.fail(
                    f"field {part.name}: only the last field may vary, as bytes or vec of a fixed type, not {part.type}"
                )
        out.append(Struct(name, reader.text(entry, "docs", ""), fields))
    _unique(reader, [item.name for item in out], "event")
    return tuple(out)


def _accounts(reader: _Reader, interface: Interface, rows: list[object], known: set[str]) -> tuple[Account, ...]:
    out = []
    for row in rows:
        reader.where = "account"
        entry = reader.keys(row, ("name", "size", "layout"), ("docs", "seeds"))
        name = reader.name(reader.text(entry, "name"), CAMEL, "account")
        reader.where = f"account {name}"
        size = entry["size"]
        if not isinstance(size, int) or isinstance(size, bool) or size < 16:
            raise reader.fail("size wants the byte length as an integer, at least 16")
        table = reader.fields(entry["layout"], known, placed=True)
        fields = _covered(reader, interface, table, size)
        out.append(
            Account(name, reader.text(entry, "docs", ""), size, _address(reader, entry.get("seeds")), fields, table)
        )
    _unique(reader, [item.name for item in out], "account")
    return tuple(out)


def _address(reader: _Reader, seeds: object) -> str:
    if seeds is None:
        return ""
    if isinstance(seeds, str):
        return seeds
    if isinstance(seeds, list) and all(isinstance(seed, str) for seed in seeds):
        return ", ".join(seeds)
    raise reader.fail("seeds wants a list of strings or one string")


def _covered(reader: _Reader, interface: Interface, table: tuple[Field, ...], size: int) -> tuple[Field, ...]:
    """Return fields from byte 0 to `size` without a gap: the common header and explicit pads are added."""
    placed = {item.at: item for item in table}
    if len(placed) != len(table):
        raise reader.fail("two fields stand at one offset")
    for name, at, _ in HEADER:
        named = [item for item in table if item.name == name]
        if named and named[0].at != at and at in (8, 9) and name in ("version", "bump"):
            raise reader.fail(f"{name} stands at {at} in every account, not at {named[0].at}")
    for name, at, text in HEADER:
        if at not in placed:
            placed[at] = Field(name, reader.type(text, set()), "", at)
    out: list[Field] = []
    offset = 0
    for at in sorted(placed):
        item = placed[at]
        length = interface.size_of(item.type)
        if length is None:
            raise reader.fail(f"field {item.name}: {item.type} has no fixed width")
        if at < offset:
            raise reader.fail(f"field {item.name} at {at} overlaps the one before it, which ends at {offset}")
        if at > offset:
            out.append(Field(f"pad_{offset}", Type("array", Type("u8"), at - offset), "Padding.", offset))
        out.append(item)
        offset = at + length
    if offset > size:
        raise reader.fail(f"the layout ends at {offset}, beyond size {size}")
    if offset < size:
        out.append(Field(f"pad_{offset}", Type("array", Type("u8"), size - offset), "Padding.", offset))
    if out[0].at != 0 or out[0].type != Type("array", Type("u8"), 8):
        raise reader.fail("bytes 0..8 are the discriminator; leave them out or write [u8;8]")
    return tuple(out)


def _instructions(
    reader: _Reader, interface: Interface, rows: list[object], known: set[str], errors: set[str], events: set[str]
) -> tuple[Instruction, ...]:
    out = []
    for row in rows:
        reader.where = "instruction"
        entry = reader.keys(
            row, ("name", "accounts"), ("docs", "args", "errors", "events", "signers_docs", "remaining")
        )
        name = reader.name(reader.text(entry, "name"), SNAKE, "instruction")
        reader.where = f"instruction {name}"
        args = reader.fields(entry.get("args", []), known)
        for part in args:
            _check_arg(reader, interface, part)
        for key, allowed in (("errors", errors), ("events", events)):
            listed = entry.get(key, [])
            if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
                raise reader.fail(f"{key} wants a list of names")
            strange = [item for item in listed if item not in allowed]
            if strange:
                raise reader.fail(f"{key} names what is not defined: {', '.join(strange)}")
        metas = entry["accounts"]
        if not isinstance(metas, list):
            raise reader.fail("accounts wants a list")
        out.append(
            Instruction(
                name,
                reader.text(entry, "docs", ""),
                tuple(_meta(reader, meta) for meta in metas),
                args,
                tuple(entry.get("errors", [])),  # type: ignore[arg-type]
                tuple(entry.get("events", [])),  # type: ignore[arg-type]
                reader.text(entry, "remaining", ""),
                reader.text(entry, "signers_docs", ""),
            )
        )
        _unique(reader, [meta.name for meta in out[-1].accounts], f"instruction {name} accounts")
    _unique(reader, [item.name for item in out], "instruction")
    return tuple(out)


def _check_arg(reader: _Reader, interface: Interface, part: Field) -> None:
    type_ = part.type
    if type_.kind in ("vec", "option"):
        assert type_.item is not None
        if interface.size_of(type_.item) is None and not (type_.kind == "option" and type_.item.kind == "bytes"):
            raise reader.fail(f"argument {part.name}: {type_} nests something of varying width")
    elif type_.kind != "bytes" and interface.size_of(type_) is None:
        raise reader.fail(f"argument {part.name}: {type_} has no fixed width")


def _meta(reader: _Reader, row: object) -> Meta:
    entry = reader.keys(row, ("name", "kind"), ("docs", "signer", "writable", "optional"))
    name = reader.name(reader.text(entry, "name"), SNAKE, "account")
    kind = reader.text(entry, "kind")
    if not any(kind == known or (known.endswith(":") and kind.startswith(known)) for known in KINDS):
        raise reader.fail(f"account {name}: kind {kind!r}; allowed: {', '.join(KINDS)}")
    return Meta(
        name,
        reader.text(entry, "docs", ""),
        reader.flag(entry, "signer"),
        reader.flag(entry, "writable"),
        reader.flag(entry, "optional"),
        kind,
    )
