"""Turns the programs' interfaces into packers and readers: instruction bytes, account order, events, errors, layouts.

It decides how a value becomes bytes for a program and back. Addresses, transactions and sending are left to the other
files of `gridkit.chain`. Standard library only, so a tool without solders can encode and decode as well.

The bytes are Borsh behind an 8-byte Anchor discriminator. Public keys are 32 `bytes` here; anything whose `bytes()` gives
32 of them (a solders `Pubkey`) is taken as well.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import struct
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = ("governance", "registry", "oracle", "energy_token", "trading")
DISCRIMINATOR_SIZE = 8
_CUT = "Log truncated"
_SCALARS = {
    "u8": "B",
    "u16": "H",
    "u32": "I",
    "u64": "Q",
    "i8": "b",
    "i16": "h",
    "i32": "i",
    "i64": "q",
    "bool": "?",
}

Pack = Callable[[Any, bytearray], None]
Read = Callable[[bytes, int], tuple[Any, int]]


class InterfaceError(Exception):
    """Base of this file's errors:

    InterfaceError
    ├── UnknownInterfaceError   no such program, instruction, event, account or interface file
    ├── ArgumentError           a value does not fit its argument; carries `argument`
    └── DecodeError             bytes are too short, too long or of another type
    """


class UnknownInterfaceError(InterfaceError):
    """Nothing of that name is in the interface."""


class ArgumentError(InterfaceError):
    """A value does not fit; `argument` names it."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument


class DecodeError(InterfaceError):
    """Bytes are not what the interface says."""


@dataclass(frozen=True, slots=True)
class AccountMetaSpec:
    """One account of an instruction, in order."""

    name: str
    signer: bool
    writable: bool
    optional: bool
    address: str | None
    """Base58, when the interface fixes it (system program, token program)."""


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """A custom error of a program."""

    program: str
    code: int
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded event. `fields` holds ints, bools, bytes (keys and byte arrays), lists and nested dicts."""

    program: str
    name: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Type:
    size: int | None
    pack: Pack
    read: Read
    form: str = ""
    """Code of the struct module for it, where it has one."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `encode(**args)` gives its data, `metas` its accounts in order."""

    name: str
    discriminator: bytes
    metas: tuple[AccountMetaSpec, ...]
    args: tuple[tuple[str, _Type], ...]

    def encode(self, **values: Any) -> bytes:
        """Return the instruction data.

        Raises:
            ArgumentError: An argument is missing, unknown, out of range or of a wrong length.
        """
        out = bytearray(self.discriminator)
        for name, type_ in self.args:
            try:
                type_.pack(values[name], out)
            except KeyError:
                raise ArgumentError(name, f"{self.name} wants it") from None
            except (struct.error, TypeError, ValueError) as error:
                raise ArgumentError(name, str(error)) from error
        if len(values) != len(self.args):
            known = {name for name, _ in self.args}
            strange = next(name for name in values if name not in known)
            raise ArgumentError(strange, f"{self.name} does not take it")
        return bytes(out)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Return the arguments in instruction data, the inverse of `encode`.

        Raises:
            DecodeError: Another instruction, or a wrong length.
        """
        if data[:DISCRIMINATOR_SIZE] != self.discriminator:
            raise DecodeError(f"not {self.name}")
        return _read_fields(self.args, data, self.name)


@dataclass(frozen=True, slots=True)
class Layout:
    """One account type: its discriminator, size and the offset of each field."""

    name: str
    discriminator: bytes
    size: int
    fields: tuple[tuple[str, _Type], ...]
    offsets: Mapping[str, int]

    def check(self, data: bytes) -> None:
        """Raise DecodeError unless `data` is an account of this type and size."""
        if len(data) != self.size or data[:DISCRIMINATOR_SIZE] != self.discriminator:
            raise DecodeError(f"not a {self.name}: {len(data)} bytes, {data[:DISCRIMINATOR_SIZE].hex()}")

    def decode(self, data: bytes) -> dict[str, Any]:
        """Return every field but the pads, by name.

        Raises:
            DecodeError: Another type or size.
        """
        self.check(data)
        values = _read_fields(self.fields, data, self.name)
        return {name: value for name, value in values.items() if not name.startswith("pad_")}

    def read(self, data: bytes, name: str) -> Any:
        """Return one field without decoding the rest; the type must have been checked."""
        type_ = dict(self.fields)[name]
        return type_.read(data, self.offsets[name])[0]


@dataclass(frozen=True, slots=True)
class Interface:
    """One program's interface, compiled."""

    name: str
    instructions: Mapping[str, Instruction]
    accounts: Mapping[str, Layout]
    events: Mapping[bytes, tuple[str, tuple[tuple[str, _Type], ...]]]
    errors: Mapping[int, ErrorSpec]
    constants: Mapping[str, int | bytes | bool]

    def instruction(self, name: str) -> Instruction:
        """Return one instruction, or raise UnknownInterfaceError."""
        try:
            return self.instructions[name]
        except KeyError:
            raise UnknownInterfaceError(f"{self.name} has no instruction {name!r}") from None

    def encode(self, name: str, **values: Any) -> bytes:
        """Return the data of one instruction; see Instruction.encode."""
        return self.instruction(name).encode(**values)

    def layout(self, name: str) -> Layout:
        """Return one account type, or raise UnknownInterfaceError."""
        try:
            return self.accounts[name]
        except KeyError:
            raise UnknownInterfaceError(f"{self.name} has no account {name!r}") from None

    def identify(self, data: bytes) -> str | None:
        """Return the name of the account type that `data` begins with, or None."""
        head = bytes(data[:DISCRIMINATOR_SIZE])
        return next((name for name, layout in self.accounts.items() if layout.discriminator == head), None)

    def decode_event(self, data: bytes) -> Event | None:
        """Return the event in one `Program data` field, or None when it is not one of this program.

        Raises:
            DecodeError: The discriminator is known but the bytes do not fit.
        """
        found = self.events.get(bytes(data[:DISCRIMINATOR_SIZE]))
        if found is None:
            return None
        name, fields = found
        return Event(self.name, name, _read_fields(fields, data, name))


def interface(name: str) -> Interface:
    """Return the interface of a program by name, compiled once.

    Raises:
        UnknownInterfaceError: No interface file of that name is in the checkout or the package.
    """
    return _load(name)


def encode(program: str, instruction: str, **values: Any) -> bytes:
    """Return the data of one instruction of one program; see Instruction.encode."""
    return _load(program).instruction(instruction).encode(**values)


def error(program: str, code: int) -> ErrorSpec | None:
    """Return the custom error `code` of a program, or None when the program has none of that number."""
    return _load(program).errors.get(code)


def decode_account(program: str, account: str, data: bytes) -> dict[str, Any]:
    """Return the fields of an account; see Layout.decode."""
    return _load(program).layout(account).decode(data)


def events_in(logs: Iterable[str], programs: Mapping[str, str]) -> Iterator[Event]:
    """Yield the events in a transaction's logs, each of the program that really wrote it.

    A `Program data:` line is attributed to the program on top of the invoke stack, so another program that prints the same
    bytes is not believed. Behind a cut the runtime still writes lines that happen to be short enough, so who invoked whom is no
    longer certain there: nothing behind it is an event.

    Args:
        logs: `meta.logMessages` of a transaction, in order.
        programs: Program id in base58 → interface name.

    Raises:
        DecodeError: An event of a known program does not fit its interface.
    """
    stack: list[str] = []
    for line in logs:
        words = line.split(" ", 3)
        if line == _CUT:
            return
        if line.startswith("Program data: "):
            name = programs.get(stack[-1]) if stack else None
            data = _field(line[len("Program data: ") :])
            if name is not None and data is not None:
                event = _load(name).decode_event(data)
                if event is not None:
                    yield event
        elif len(words) >= 3 and words[0] == "Program" and words[2] == "invoke":
            stack.append(words[1])
        elif len(words) >= 3 and words[0] == "Program" and stack and words[1] == stack[-1]:
            if words[2] == "success" or words[2].startswith("failed"):
                stack.pop()


def logs_are_cut(logs: Container[str]) -> bool:
    """Return True when the runtime dropped log lines (10,000 bytes a transaction): events may be missing."""
    return _CUT in logs


def _field(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None  # Several fields in one line, or noise: none of our programs writes that.


@functools.cache
def _load(name: str) -> Interface:
    here = Path(__file__).resolve()
    folders = (here.parents[2] / "programs" / "idl", here.parent / "programs" / "idl")
    for folder in folders:
        path = folder / f"{name}.json"
        if path.is_file():
            return compile_idl(json.loads(path.read_text(encoding="utf-8")))
    raise UnknownInterfaceError(f"no {name}.json in {' or '.join(str(folder) for folder in folders)}")


def compile_idl(idl: Mapping[str, Any]) -> Interface:
    """Return the packers and readers of an Anchor IDL of spec 0.1.0, given as parsed JSON."""
    name = idl["metadata"]["name"]
    bodies: dict[str, tuple[tuple[str, _Type], ...]] = {}
    compiler = _Compiler({item["name"]: item["type"]["fields"] for item in idl["types"]}, bodies)
    return Interface(
        name=name,
        instructions={item["name"]: _instruction(item, compiler) for item in idl["instructions"]},
        accounts={item["name"]: _layout(item, compiler) for item in idl["accounts"]},
        events={bytes(item["discriminator"]): (item["name"], compiler.fields(item["name"])) for item in idl["events"]},
        errors={item["code"]: ErrorSpec(name, item["code"], item["name"], item["msg"]) for item in idl["errors"]},
        constants={item["name"]: _constant(item["type"], item["value"]) for item in idl["constants"]},
    )


def _constant(type_: str, text: str) -> int | bytes | bool:
    if type_ == "bytes":
        return bytes(json.loads(text))
    return text == "true" if type_ == "bool" else int(text)


def _instruction(item: Mapping[str, Any], compiler: _Compiler) -> Instruction:
    metas = tuple(
        AccountMetaSpec(
            meta["name"],
            bool(meta.get("signer")),
            bool(meta.get("writable")),
            bool(meta.get("optional")),
            meta.get("address"),
        )
        for meta in item["accounts"]
    )
    args = tuple((arg["name"], compiler.type(arg["type"])) for arg in item["args"])
    return Instruction(item["name"], bytes(item["discriminator"]), metas, args)


def _layout(item: Mapping[str, Any], compiler: _Compiler) -> Layout:
    fields = compiler.fields(item["name"])
    offset = DISCRIMINATOR_SIZE
    offsets = {}
    for name, type_ in fields:
        offsets[name] = offset
        assert type_.size is not None
        offset += type_.size
    return Layout(item["name"], bytes(item["discriminator"]), offset, fields, offsets)


def _read_fields(fields: Iterable[tuple[str, _Type]], data: bytes, what: str) -> dict[str, Any]:
    offset = DISCRIMINATOR_SIZE
    values = {}
    try:
        for name, type_ in fields:
            values[name], offset = type_.read(data, offset)
    except struct.error as error:
        raise DecodeError(f"{what}: {error}") from error
    if offset != len(data):
        raise DecodeError(f"{what}: {len(data)} bytes, {offset} wanted")
    return values


class _Compiler:
    """Builds one packer and one reader for each type, structs by name."""

    def __init__(
        self, structs: Mapping[str, list[dict[str, Any]]], done: dict[str, tuple[tuple[str, _Type], ...]]
    ) -> None:
        self._structs = structs
        self._done = done

    def fields(self, name: str) -> tuple[tuple[str, _Type], ...]:
        if name not in self._done:
            self._done[name] = tuple((item["name"], self.type(item["type"])) for item in self._structs[name])
        return self._done[name]

    def type(self, spec: Any) -> _Type:
        if isinstance(spec, str):
            if spec in _SCALARS:
                return _scalar(spec)
            return _byte_array(32) if spec == "pubkey" else _bytes()
        if "array" in spec:
            item, count = spec["array"]
            return _byte_array(count) if item == "u8" else _array(self.type(item), count)
        if "vec" in spec:
            return _vec(self.type(spec["vec"]))
        if "option" in spec:
            return _option(self.type(spec["option"]))
        return _struct(self.fields(spec["defined"]["name"]))


def _scalar(name: str) -> _Type:
    form = struct.Struct("<" + _SCALARS[name])
    to_bytes, unpack, size = form.pack, form.unpack_from, form.size

    def pack(value: Any, out: bytearray) -> None:
        if type(value) is not int and not (name == "bool" and type(value) is bool):
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise TypeError(f"{name} wants an integer, not {value!r}")
        out += to_bytes(value)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        return unpack(data, at)[0], at + size

    return _Type(size, pack, read, _SCALARS[name])


def _byte_array(size: int) -> _Type:
    def pack(value: Any, out: bytearray) -> None:
        raw = value if type(value) is bytes else bytes(value)
        if len(raw) != size or isinstance(value, int):
            raise ValueError(f"{size} bytes wanted, not {len(raw)}")
        out += raw

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(data):
            raise struct.error(f"{size} bytes wanted at {at}")
        return bytes(data[at:end]), end

    return _Type(size, pack, read, f"{size}s")


def _bytes() -> _Type:
    def pack(value: Any, out: bytearray) -> None:
        if isinstance(value, int):
            raise TypeError(f"bytes wanted, not {value!r}")
        raw = bytes(value)
        out += len(raw).to_bytes(4, "little")
        out += raw

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        (count,) = struct.unpack_from("<I", data, at)
        end = at + 4 + count
        if end > len(data):
            raise struct.error(f"{count} bytes wanted at {at + 4}")
        return bytes(data[at + 4 : end]), end

    return _Type(None, pack, read)


def _array(item: _Type, count: int) -> _Type:
    def pack(value: Any, out: bytearray) -> None:
        if len(value) != count:
            raise ValueError(f"{count} elements wanted, not {len(value)}")
        for part in value:
            item.pack(part, out)

    def read(data: bytes, at: int) -> tuple[list[Any], int]:
        return _read_many(item, data, at, count)

    return _Type(None if item.size is None else item.size * count, pack, read)


def _vec(item: _Type) -> _Type:
    def pack(value: Any, out: bytearray) -> None:
        out += len(value).to_bytes(4, "little")
        for part in value:
            item.pack(part, out)

    def read(data: bytes, at: int) -> tuple[list[Any], int]:
        (count,) = struct.unpack_from("<I", data, at)
        if item.size and count > (len(data) - at - 4) // item.size:
            raise struct.error(f"{count} elements do not fit")
        return _read_many(item, data, at + 4, count)

    return _Type(None, pack, read)


def _read_many(item: _Type, data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    values = []
    for _ in range(count):
        value, at = item.read(data, at)
        values.append(value)
    return values, at


def _option(item: _Type) -> _Type:
    def pack(value: Any, out: bytearray) -> None:
        out.append(0 if value is None else 1)
        if value is not None:
            item.pack(value, out)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        (tag,) = struct.unpack_from("<B", data, at)
        if tag > 1:
            raise struct.error(f"option tag {tag} at {at}")
        return item.read(data, at + 1) if tag else (None, at + 1)

    return _Type(None, pack, read)


def _struct(fields: tuple[tuple[str, _Type], ...]) -> _Type:
    sizes = [type_.size for _, type_ in fields]
    size = None if None in sizes else sum(size or 0 for size in sizes)

    def pack(value: Any, out: bytearray) -> None:
        if len(value) != len(fields):
            raise ValueError(f"fields wanted: {', '.join(name for name, _ in fields)}")
        for name, type_ in fields:
            type_.pack(value[name], out)

    def read(data: bytes, at: int) -> tuple[dict[str, Any], int]:
        values = {}
        for name, type_ in fields:
            values[name], at = type_.read(data, at)
        return values, at

    if size is None or not all(type_.form for _, type_ in fields):
        return _Type(size, pack, read)
    # All scalars and byte arrays: one unpacking instead of one for each field. Events carry dozens of these.
    form = "".join(type_.form for _, type_ in fields)
    unpack, names, length = struct.Struct("<" + form).unpack_from, tuple(name for name, _ in fields), size

    def read_at_once(data: bytes, at: int) -> tuple[dict[str, Any], int]:
        return dict(zip(names, unpack(data, at), strict=True)), at + length

    return _Type(size, pack, read_at_once)
