"""Turns a relocatable BPF object into an sBPF v0 shared object that a Solana loader accepts.

The loader maps one image from address 0 of its file (plus 2³² at run time), resolves system calls by name from
`.dynsym`, and rebases every other address by itself through `.rel.dyn`. So this file decides the layout and rewrites
three kinds of relocation; it decides nothing about the code.

Layout: ELF header, 3 program headers, .text, .rodata, .dynsym, .dynstr, .rel.dyn, .dynamic, .shstrtab, section headers.

Source: solana-sbpf 0.10, `src/elf.rs` (what the loader reads), `src/elf_parser/`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from programs.tools.objectfile import (
    EM_BPF,
    R_BPF_64_32,
    R_BPF_64_64,
    R_BPF_64_ABS64,
    SHF_ALLOC,
    SHF_EXECINSTR,
    ObjectFile,
    ObjectFileError,
    Relocation,
    Section,
    Symbol,
    parse,
)

R_BPF_64_RELATIVE: Final = 8
INSTRUCTION: Final = 8
_IMAGE_START: Final = 64 + 3 * 56
_READ_ONLY_PREFIXES: Final = (".rodata", ".data.rel.ro")


def pack(blob: bytes, entry: str = "entrypoint") -> bytes:
    """Return the sBPF v0 shared object made from the object in `blob`, entered at the function `entry`.

    Raises:
        ObjectFileError: a writable section, an unknown relocation, a symbol outside text and read-only data, or no entry.
    """
    source = parse(blob)
    try:
        return _Image(source).build(entry)
    except (struct.error, OverflowError) as error:
        raise ObjectFileError(f"an address or a distance does not fit its field: {error}") from error


@dataclass
class _Image:
    source: ObjectFile
    bytes_: bytearray = field(default_factory=lambda: bytearray(_IMAGE_START))
    base: dict[int, int] = field(default_factory=dict)
    syscalls: list[str] = field(default_factory=list)
    # (address, type, index in .dynsym): what the loader still has to resolve.
    dynamic: list[tuple[int, int, int]] = field(default_factory=list)

    def build(self, entry: str) -> bytes:
        text, rodata = self._place(entry)
        for section in self.source.sections:
            if section.index in self.base:
                for relocation in self.source.relocations.get(section.index, []):
                    self._relocate(section, relocation)
        symbol = self.source.symbol(entry)
        entry_address = self._address(symbol)
        if not text[0] <= entry_address < text[0] + text[1]:
            raise ObjectFileError(f"{entry} is not in the text")
        return self._finish(entry, entry_address, text, rodata)

    def _reached(self, entry: str) -> set[int]:
        """Return the sections that the entry's section leads to; llc puts each function into one of its own."""
        found: set[int] = set()
        ahead = [self.source.symbol(entry).section]
        while ahead:
            section = ahead.pop()
            if section not in found:
                found.add(section)
                ahead += [r.symbol.section for r in self.source.relocations.get(section, []) if r.symbol.section]
        return found

    def _place(self, entry: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """Copy the text and then the read-only data that is reached; return both spans as (address, length)."""
        reached = self._reached(entry)
        loaded = [s for s in self.source.sections if s.index in reached and s.flags & SHF_ALLOC and s.data]
        text = [s for s in loaded if s.flags & SHF_EXECINSTR]
        rest = [s for s in loaded if not s.flags & SHF_EXECINSTR]
        for section in rest:
            if not section.name.startswith(_READ_ONLY_PREFIXES):
                raise ObjectFileError(f"section {section.name} is writable data, which a program may not have")
        return self._append(text), self._append(rest)

    def _append(self, sections: list[Section]) -> tuple[int, int]:
        self._align(16)
        start = len(self.bytes_)
        for section in sections:
            self._align(max(INSTRUCTION, section.align))
            self.base[section.index] = len(self.bytes_)
            self.bytes_ += section.data
        return start, len(self.bytes_) - start

    def _align(self, boundary: int) -> None:
        self.bytes_ += bytes(-len(self.bytes_) % boundary)

    def _address(self, symbol: Symbol) -> int:
        if symbol.section not in self.base:
            raise ObjectFileError(f"{symbol.name or symbol} is neither in text nor in read-only data")
        return self.base[symbol.section] + symbol.value

    def _relocate(self, section: Section, relocation: Relocation) -> None:
        at = self.base[section.index] + relocation.offset
        symbol = relocation.symbol
        width = 2 * INSTRUCTION if relocation.kind == R_BPF_64_64 else INSTRUCTION
        if relocation.offset + width > len(section.data):
            raise ObjectFileError(f"{section.name}: a relocation lies behind the section's end")
        if relocation.kind == R_BPF_64_32:
            if symbol.section == 0:
                self._call_system(at, symbol.name)
            else:
                # The immediate holds the distance inside the target's section, in instructions, less one.
                (inside,) = struct.unpack_from("<i", self.bytes_, at + 4)
                target = self._address(symbol) + (inside + 1) * INSTRUCTION
                struct.pack_into("<i", self.bytes_, at + 4, (target - at) // INSTRUCTION - 1)
        elif relocation.kind == R_BPF_64_64:
            (addend,) = struct.unpack_from("<I", self.bytes_, at + 4)
            struct.pack_into("<I", self.bytes_, at + 4, self._address(symbol) + addend)
            struct.pack_into("<I", self.bytes_, at + 12, 0)
            self.dynamic.append((at, R_BPF_64_RELATIVE, 0))
        elif relocation.kind == R_BPF_64_ABS64:
            (addend,) = struct.unpack_from("<Q", self.bytes_, at)
            # Outside .text the v0 loader takes the address from the upper four bytes of the word.
            struct.pack_into("<II", self.bytes_, at, 0, self._address(symbol) + addend)
            self.dynamic.append((at, R_BPF_64_RELATIVE, 0))
        else:
            raise ObjectFileError(
                f"{section.name}+{relocation.offset:#x}: relocation type {relocation.kind} is unknown"
            )

    def _call_system(self, at: int, name: str) -> None:
        if name not in self.syscalls:
            self.syscalls.append(name)
        struct.pack_into("<i", self.bytes_, at + 4, -1)
        # .dynsym begins with the null symbol and the entry.
        self.dynamic.append((at, R_BPF_64_32, self.syscalls.index(name) + 2))

    def _finish(self, entry: str, entry_address: int, text: tuple[int, int], rodata: tuple[int, int]) -> bytes:
        dynstr, dynsym = b"\0", bytes(24)
        for name in [entry, *self.syscalls]:
            is_entry = name == entry
            # STT_FUNC global in .text for the entry, an undefined global for a system call.
            dynsym += struct.pack(
                "<IBBHQQ",
                len(dynstr),
                0x12 if is_entry else 0x10,
                0,
                int(is_entry),
                entry_address if is_entry else 0,
                0,
            )
            dynstr += name.encode() + b"\0"
        rel = b"".join(struct.pack("<QQ", at, (symbol << 32) | kind) for at, kind, symbol in self.dynamic)
        relative = sum(kind == R_BPF_64_RELATIVE for _, kind, _ in self.dynamic)

        dynsym_at = self._put(dynsym)
        dynstr_at = self._put(dynstr)
        rel_at = self._put(rel)
        relocations = [
            (17, rel_at),  # DT_REL
            (18, len(rel)),  # DT_RELSZ
            (19, 16),  # DT_RELENT
            (0x6FFFFFFA, relative),  # DT_RELCOUNT
        ]
        tags = [
            (30, 4),  # DT_FLAGS: DF_TEXTREL
            # The loader refuses a table that is announced and empty.
            *(relocations if rel else []),
            (6, dynsym_at),  # DT_SYMTAB
            (11, 24),  # DT_SYMENT
            (5, dynstr_at),  # DT_STRTAB
            (10, len(dynstr)),  # DT_STRSZ
            (22, 0),  # DT_TEXTREL
            (0, 0),
        ]
        dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
        dynamic_at = self._put(dynamic)
        # name, type, flags, address, size, linked section, info, align, entry size. The loader finds the symbol table by
        # its address, so an empty section, which shares its address with the next, is left out.
        rows = [
            (b".text", 1, 6, *text, b"", 0, 8, 0),
            (b".rodata", 1, 2, *rodata, b"", 0, 8, 0),
            (b".dynsym", 11, 2, dynsym_at, len(dynsym), b".dynstr", 1, 8, 24),
            (b".dynstr", 3, 2, dynstr_at, len(dynstr), b"", 0, 1, 0),
            (b".rel.dyn", 9, 2, rel_at, len(rel), b".dynsym", 0, 8, 16),
            (b".dynamic", 6, 3, dynamic_at, len(dynamic), b".dynstr", 0, 8, 16),
        ]
        rows = [row for row in rows if row[4]]
        place = {row[0]: index for index, row in enumerate(rows, start=1)} | {b"": 0}
        names = b"\0" + b"".join(row[0] + b"\0" for row in rows) + b".shstrtab\0"
        names_at = self._put(names, 1)
        table = bytes(64)
        for name, kind, flags, address, size, linked, info, align, entry_size in rows:
            at, link = names.index(b"\0" + name + b"\0") + 1, place[linked]
            table += struct.pack("<IIQQQQIIQQ", at, kind, flags, address, address, size, link, info, align, entry_size)
        table += struct.pack("<IIQQQQIIQQ", names.index(b".shstrtab"), 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
        table_at = self._put(table)

        loads = [
            (1, 5, text[0], rodata[0] + rodata[1] - text[0], 0x1000),
            (1, 4, dynsym_at, dynamic_at - dynsym_at, 0x1000),
            (2, 6, dynamic_at, len(dynamic), 8),
        ]
        sections = len(rows) + 2
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        # ET_DYN; e_flags 0 is sBPF v0, the version every loader in use accepts.
        header = (ident, 3, EM_BPF, 1, entry_address, 64, table_at, 0, 64, 56, len(loads), 64, sections, sections - 1)
        struct.pack_into("<16sHHIQQQIHHHHHH", self.bytes_, 0, *header)
        for i, (kind, flags, at, size, align) in enumerate(loads):
            struct.pack_into("<IIQQQQQQ", self.bytes_, 64 + 56 * i, kind, flags, at, at, at, size, size, align)
        return bytes(self.bytes_)

    def _put(self, data: bytes, boundary: int = 8) -> int:
        self._align(boundary)
        at = len(self.bytes_)
        self.bytes_ += data
        return at
