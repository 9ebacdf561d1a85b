"""Writes relocatable BPF objects as llc would, or with something wrong in them, for the tests of the packer."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

EXIT = struct.pack("<BBhi", 0x95, 0, 0, 0)
ALLOC, WRITE, EXEC = 2, 1, 4


def mov(register: int, value: int) -> bytes:
    """Return `register = value`."""
    return struct.pack("<BBhi", 0xB7, register, 0, value)


def lddw(register: int, value: int = 0) -> bytes:
    """Return the two-slot load of a 64-bit immediate, which a relocation completes."""
    return struct.pack("<BBhi", 0x18, register, 0, value) + struct.pack("<BBhi", 0, 0, 0, 0)


def load(target: int, source: int, offset: int = 0) -> bytes:
    """Return `target = *(u64 *)(source + offset)`."""
    return struct.pack("<BBhi", 0x79, target | source << 4, offset, 0)


def call(distance: int = -1) -> bytes:
    """Return a relative call, which a relocation completes."""
    return struct.pack("<BBhi", 0x85, 0x10, 0, distance)


@dataclass
class ObjectWriter:
    """Writes a relocatable BPF object as llc would, or with something wrong in it."""

    sections: list[tuple[str, int, int, bytes, int]] = field(default_factory=list)
    symbols: list[tuple[str, int, int]] = field(default_factory=lambda: [("", 0, 0)])
    relocations: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)

    def section(self, name: str, flags: int, data: bytes, *, kind: int = 1, align: int = 8) -> int:
        """Add a section; returns its index."""
        self.sections.append((name, kind, flags, data, align))
        return len(self.sections)

    def symbol(self, name: str, section: int, value: int = 0) -> int:
        """Add a symbol; section 0 is undefined."""
        self.symbols.append((name, section, value))
        return len(self.symbols) - 1

    def relocate(self, section: int, at: int, kind: int, symbol: int) -> None:
        """Add a relocation."""
        self.relocations.setdefault(section, []).append((at, kind, symbol))

    def bytes(self) -> bytes:
        """Return the file."""
        rows = [("", 0, 0, b"", 0, 0, 0, 0)]
        rows += [(name, kind, flags, data, 0, 0, align, 0) for name, kind, flags, data, align in self.sections]
        strings, table = b"\0", b""
        for name, section, value in self.symbols:
            table += struct.pack("<IBBHQQ", len(strings) if name else 0, 0x12, 0, section, value, 0)
            strings += name.encode() + b"\0" if name else b""
        symtab = len(rows)
        rows.append((".symtab", 2, 0, table, symtab + 1, 1, 8, 24))
        rows.append((".strtab", 3, 0, strings, 0, 0, 1, 0))
        for section, entries in self.relocations.items():
            data = b"".join(struct.pack("<QQ", at, symbol << 32 | kind) for at, kind, symbol in entries)
            rows.append((".rel", 9, 0, data, symtab, section, 8, 16))
        names = b"\0" + b"".join(row[0].encode() + b"\0" for row in rows) + b".shstrtab\0"
        rows.append((".shstrtab", 3, 0, names, 0, 0, 1, 0))
        body, headers = b"", b""
        for name, kind, flags, data, link, info, align, size in rows:
            at = 64 + len(body)
            offset = names.index(b"\0" + name.encode() + b"\0") + 1 if name else 0
            headers += struct.pack("<IIQQQQIIQQ", offset, kind, flags, 0, at, len(data), link, info, align, size)
            body += data
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        counts = (64, 0, 0, 64, len(rows), len(rows) - 1)
        head = struct.pack("<16sHHIQQQIHHHHHH", ident, 1, 247, 1, 0, 0, 64 + len(body), 0, *counts)
        return head + body + headers
