"""Reads the relocatable ELF object that llc writes for a BPF program; what becomes of it is left to `pack`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

EM_BPF: Final = 247
MAX_ALIGN: Final = 4_096
SHT_SYMTAB: Final = 2
SHT_REL: Final = 9
SHF_WRITE: Final = 0x1
SHF_ALLOC: Final = 0x2
SHF_EXECINSTR: Final = 0x4
# Relocation types of the BPF psABI (llvm/BinaryFormat/ELFRelocs/BPF.def).
R_BPF_64_64: Final = 1  # the 64-bit immediate of an `lddw`
R_BPF_64_ABS64: Final = 2  # a pointer in data
R_BPF_64_32: Final = 10  # the target of a `call`

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_SHDR = struct.Struct("<IIQQQQIIQQ")
_SYM = struct.Struct("<IBBHQQ")
_REL = struct.Struct("<QQ")


class ObjectFileError(Exception):
    """The object cannot become a program; the message names the file's part and the reason."""


@dataclass(frozen=True)
class Section:
    """One section: its place in the table, header fields and bytes (none for a section without file contents)."""

    index: int
    name: str
    kind: int
    flags: int
    align: int
    link: int
    info: int
    data: bytes


@dataclass(frozen=True)
class Symbol:
    """One symbol. `section` is 0 when the symbol is undefined: a system call."""

    name: str
    section: int
    value: int


@dataclass(frozen=True)
class Relocation:
    """A place at `offset` of a section whose bytes depend on where `symbol` ends up."""

    offset: int
    kind: int
    symbol: Symbol


@dataclass
class ObjectFile:
    """A parsed object: `sections` in file order, `relocations` by the index of the section they change."""

    sections: list[Section]
    symbols: list[Symbol]
    relocations: dict[int, list[Relocation]] = field(default_factory=dict)

    def symbol(self, name: str) -> Symbol:
        """Return the defined symbol of that name.

        Raises:
            ObjectFileError: there is none.
        """
        for symbol in self.symbols:
            if symbol.name == name and symbol.section:
                return symbol
        raise ObjectFileError(f"the object defines no symbol {name!r}")

    def stack_frames(self) -> dict[str, int]:
        """Return the stack bytes of each function, by symbol name, from the section `llc --stack-size-section` writes.

        Raises:
            ObjectFileError: the section is missing, so the frames are unknown.
        """
        tables = [s for s in self.sections if s.name == ".stack_sizes"]
        if not tables:
            raise ObjectFileError("no .stack_sizes section; llc must run with --stack-size-section")
        functions = {(s.section, s.value): s.name for s in self.symbols if s.section and s.name}
        frames: dict[str, int] = {}
        for table in tables:
            targets = {r.offset: r for r in self.relocations.get(table.index, [])}
            at = 0
            while at < len(table.data):
                target = targets.get(at)
                if target is None:
                    raise ObjectFileError(f".stack_sizes entry at {at} has no relocation")
                (addend,) = struct.unpack_from("<Q", table.data, at)
                key = (target.symbol.section, target.symbol.value + addend)
                size, at = _uleb128(table.data, at + 8)
                frames[functions.get(key, f"section {key[0]} at {key[1]:#x}")] = size
        return frames


def parse(blob: bytes) -> ObjectFile:
    """Parse a relocatable little-endian 64-bit BPF object.

    Raises:
        ObjectFileError: not such an object, or cut short.
    """
    try:
        return _parse(blob)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise ObjectFileError(f"the object is cut short or damaged: {error}") from error


def _parse(blob: bytes) -> ObjectFile:
    if blob[:7] != b"\x7fELF\x02\x01\x01":
        raise ObjectFileError("not a little-endian 64-bit ELF file")
    header = _EHDR.unpack_from(blob)
    if header[1] != 1 or header[2] != EM_BPF:
        raise ObjectFileError("not a relocatable BPF object")
    table_at, count, names_at = header[6], header[12], header[13]
    raw = [_SHDR.unpack_from(blob, table_at + i * _SHDR.size) for i in range(count)]

    def contents(row: tuple[int, ...]) -> bytes:
        if row[1] == 8:  # SHT_NOBITS: zeroes that are not in the file; nobody asks how many
            return b"\0" if row[5] else b""
        if row[4] + row[5] > len(blob):
            raise ObjectFileError("a section reaches past the end of the file")
        return blob[row[4] : row[4] + row[5]]

    names = contents(raw[names_at])
    sections = [
        Section(i, _string(names, row[0]), row[1], row[2], max(row[8], 1), row[6], row[7], contents(row))
        for i, row in enumerate(raw)
    ]
    if any(section.align > MAX_ALIGN for section in sections):
        raise ObjectFileError(f"a section wants more than {MAX_ALIGN} bytes of alignment")
    tables = [s for s in sections if s.kind == SHT_SYMTAB]
    if len(tables) != 1:
        raise ObjectFileError("the object has no single symbol table")
    strings = sections[tables[0].link].data
    symbols = []
    for name, _info, _other, section, value, _size in _SYM.iter_unpack(tables[0].data):
        symbols.append(Symbol(_string(strings, name), section, value))
    parsed = ObjectFile(sections, symbols)
    for section in sections:
        if section.kind == SHT_REL:
            rows = [
                Relocation(at, info & 0xFFFFFFFF, symbols[info >> 32]) for at, info in _REL.iter_unpack(section.data)
            ]
            parsed.relocations.setdefault(section.info, []).extend(rows)
        elif section.kind == 4 and sections[section.info].flags & SHF_ALLOC:
            raise ObjectFileError(f"{section.name}: relocations with addends are not what llc writes for BPF")
    return parsed


def _string(table: bytes, at: int) -> str:
    return table[at : table.index(b"\0", at)].decode()


def _uleb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
