"""Writes `generated.rs`: what a program knows of its own interface, as constants and zero-copy readers.

It decides the shape of the Rust code (no_std, no allocator, no text, no 128-bit integers, no variable memcpy, nothing
passed by a hidden pointer) and leaves every check of accounts and amounts to the program.
"""

from __future__ import annotations

from collections.abc import Iterator

from generate_interface import (
    FIRST_ERROR_CODE,
    INT_SIZES,
    Account,
    Constant,
    Field,
    Instruction,
    Interface,
    Struct,
    Type,
    discriminator,
)

PRELUDE = """\
/// First `N` bytes at `at`. The callers' offsets are constants below the array's length, so the check folds away.
#[inline(always)]
fn part<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    match bytes[at..].first_chunk::<N>() {
        Some(chunk) => chunk,
        None => unreachable!(),
    }
}

/// Reads Borsh bytes front to back; what is left over is an error, so one value has one encoding.
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next `N` bytes, or None when fewer are left.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.left.split_first_chunk::<N>()?;
        self.left = rest;
        Some(head)
    }

    /// The next `len` bytes, or None when fewer are left.
    #[inline(always)]
    pub fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        if len > self.left.len() {
            return None;
        }
        let (head, rest) = self.left.split_at(len);
        self.left = rest;
        Some(head)
    }

    /// Bytes after a u32 length.
    #[inline(always)]
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_le_bytes(*self.take::<4>()?) as usize;
        self.slice(len)
    }

    /// `vec<T>` of elements that take `SIZE` bytes each, after a u32 count.
    #[inline(always)]
    pub fn list<const SIZE: usize>(&mut self) -> Option<List<'a, SIZE>> {
        let count = u32::from_le_bytes(*self.take::<4>()?) as usize;
        if count > self.left.len() / SIZE {
            return None;
        }
        Some(List { bytes: self.slice(count * SIZE)? })
    }

    /// A bool: exactly 0 or 1.
    #[inline(always)]
    pub fn flag(&mut self) -> Option<bool> {
        match *self.take::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.left.is_empty()
    }
}

/// Elements of `SIZE` bytes each, in place in the instruction's data.
#[derive(Clone, Copy)]
pub struct List<'a, const SIZE: usize> {
    pub bytes: &'a [u8],
}

impl<'a, const SIZE: usize> List<'a, SIZE> {
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.bytes.len() / SIZE
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Element `index`, or None beyond the end.
    #[inline(always)]
    pub fn at(&self, index: usize) -> Option<&'a [u8; SIZE]> {
        self.bytes.get(index.checked_mul(SIZE)?..)?.first_chunk::<SIZE>()
    }
}
"""


def render(interface: Interface) -> str:
    """Return the whole text of `generated.rs`."""
    return "\n".join(_lines(interface)).rstrip() + "\n"


def _lines(interface: Interface) -> Iterator[str]:
    yield f"//! Interface of the {interface.name} program."
    yield "//! Written by programs/tools/generate.py from interface.toml; do not edit."
    yield "#![allow(dead_code, clippy::all)]"
    yield ""
    yield PRELUDE
    for constant in interface.constants:
        yield from _constant(constant)
    yield ""
    yield from _instruction_ids(interface)
    for instruction in interface.instructions:
        yield from _account_indices(instruction)
    for account in interface.accounts:
        yield from _layout(interface, account)
    yield from _errors(interface)
    for struct in interface.types.values():
        yield from _struct(interface, struct)
    for instruction in interface.instructions:
        yield from _args(interface, instruction)
    for event in interface.events:
        yield from _event(interface, event)


def camel(name: str) -> str:
    """Return CamelCase of a snake_case name."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _docs(text: str, indent: str = "") -> Iterator[str]:
    for line in text.splitlines():
        yield f"{indent}/// {line}".rstrip()


def _bytes_literal(data: bytes) -> str:
    return "[" + ", ".join(f"0x{byte:02x}" for byte in data) + "]"


def _disc_u64(data: bytes) -> str:
    return f"0x{int.from_bytes(data, 'little'):016x}"


def _constant(constant: Constant) -> Iterator[str]:
    yield from _docs(constant.docs)
    if constant.type == "bytes":
        text = str(constant.value).replace("\\", "\\\\").replace('"', '\\"')
        yield f'pub const {constant.name}: &[u8] = b"{text}";'
    else:
        value = str(constant.value).lower() if constant.type == "bool" else constant.value
        yield f"pub const {constant.name}: {constant.type} = {value};"


def _instruction_ids(interface: Interface) -> Iterator[str]:
    yield "/// Instruction discriminators: the first 8 bytes of the data, read as a little-endian u64."
    yield "pub mod ix {"
    for instruction in interface.instructions:
        yield f"    pub const {instruction.name.upper()}: u64 = {_disc_u64(discriminator('global', instruction.name))};"
    yield "}"
    yield ""
    yield "/// Split instruction data into its discriminator and its arguments; None below 8 bytes."
    yield "#[inline(always)]"
    yield "pub fn split_data(data: &[u8]) -> Option<(u64, &[u8])> {"
    yield "    let (head, rest) = data.split_first_chunk::<8>()?;"
    yield "    Some((u64::from_le_bytes(*head), rest))"
    yield "}"
    yield ""


def _account_indices(instruction: Instruction) -> Iterator[str]:
    metas = instruction.accounts
    required = len(metas)
    while required and metas[required - 1].optional:
        required -= 1
    yield f"/// Accounts of `{instruction.name}`. An optional account that is not given holds the program's own id."
    yield f"pub mod {instruction.name}_accounts {{"
    for index, meta in enumerate(metas):
        flags = ", ".join(
            word
            for word, on in (("signer", meta.signer), ("writable", meta.writable), ("optional", meta.optional))
            if on
        )
        yield from _docs(f"{meta.kind}{'; ' + flags if flags else ''}{'. ' + meta.docs if meta.docs else ''}", "    ")
        yield f"    pub const {meta.name.upper()}: usize = {index};"
    yield f"    pub const COUNT: usize = {len(metas)};"
    yield "    /// Accounts before the trailing optional ones."
    yield f"    pub const REQUIRED: usize = {required};"
    yield "    /// Bit i: account i signs."
    yield f"    pub const SIGNERS: u64 = {sum(1 << i for i, m in enumerate(metas) if m.signer):#b};"
    yield "    /// Bit i: account i is written."
    yield f"    pub const WRITABLE: u64 = {sum(1 << i for i, m in enumerate(metas) if m.writable):#b};"
    yield "}"
    yield ""


def _layout(interface: Interface, account: Account) -> Iterator[str]:
    yield from _docs(f"Byte offsets of {account.name}. {account.docs}")
    yield f"pub mod {_snake(account.name)}_layout {{"
    disc = discriminator("account", account.name)
    yield f"    pub const SIZE: usize = {account.size};"
    yield f"    pub const DISC: [u8; 8] = {_bytes_literal(disc)};"
    yield f"    pub const DISC_U64: u64 = {_disc_u64(disc)};"
    for part in account.fields:
        if part.name.startswith("pad_") or part.name == "disc":
            continue
        yield from _docs(f"{part.type}{': ' + part.docs if part.docs else ''}", "    ")
        yield f"    pub const AT_{part.name.upper()}: usize = {part.at};"
    yield "}"
    yield ""


def _snake(name: str) -> str:
    return "".join(("_" + c.lower() if c.isupper() and i else c.lower()) for i, c in enumerate(name))


def _errors(interface: Interface) -> Iterator[str]:
    if not interface.errors:
        return
    name = camel(interface.name) + "Error"
    yield f"/// Custom errors of the program; the code is {FIRST_ERROR_CODE} + position and is never renumbered."
    yield "#[derive(Clone, Copy, PartialEq, Eq)]"
    yield "#[repr(u32)]"
    yield f"pub enum {name} {{"
    for index, (error, message) in enumerate(interface.errors):
        yield from _docs(message, "    ")
        yield f"    {error} = {FIRST_ERROR_CODE + index},"
    yield "}"
    yield ""
    yield f"impl {name} {{"
    yield "    /// The value an entrypoint returns for this error."
    yield "    #[inline(always)]"
    yield "    pub const fn code(self) -> u64 {"
    yield "        self as u32 as u64"
    yield "    }"
    yield "}"
    yield ""
    for target in ("u32", "u64"):
        yield f"impl From<{name}> for {target} {{"
        yield "    #[inline(always)]"
        yield f"    fn from(error: {name}) -> {target} {{"
        yield f"        error as u32{'' if target == 'u32' else ' as u64'}"
        yield "    }"
        yield "}"
        yield ""


def _borrows(interface: Interface, type_: Type) -> bool:
    if type_.kind in ("pubkey", "bytes", "vec"):
        return True
    if type_.kind == "array":
        assert type_.item is not None
        return type_.item.kind not in INT_SIZES or type_.item.kind == "u8"
    if type_.kind == "option":
        assert type_.item is not None
        return _borrows(interface, type_.item)
    if type_.kind == "struct":
        return any(_borrows(interface, part.type) for part in interface.types[type_.name].fields)
    return False


def _rust_type(interface: Interface, type_: Type) -> str:
    if type_.kind in INT_SIZES or type_.kind == "bool":
        return type_.kind
    if type_.kind == "pubkey":
        return "&'a [u8; 32]"
    if type_.kind == "bytes":
        return "&'a [u8]"
    if type_.kind == "struct":
        return type_.name + ("<'a>" if _borrows(interface, type_) else "")
    assert type_.item is not None
    if type_.kind == "option":
        return f"Option<{_rust_type(interface, type_.item)}>"
    if type_.kind == "vec":
        return f"List<'a, {interface.size_of(type_.item)}>"
    if type_.item.kind == "u8":
        return f"&'a [u8; {type_.count}]"
    if type_.item.kind in INT_SIZES:
        return f"[{type_.item.kind}; {type_.count}]"
    return f"List<'a, {interface.size_of(type_.item)}>"


def _member(interface: Interface, part: Field) -> Iterator[str]:
    yield from _docs(part.docs, "    ")
    if part.type.kind == "vec" or (part.type.kind == "array" and _rust_type(interface, part.type).startswith("List")):
        yield f"    /// Elements: {part.type.item}."
    yield f"    pub {part.name}: {_rust_type(interface, part.type)},"


def _at_expr(interface: Interface, type_: Type, source: str, at: int) -> str:
    """Return the expression that reads a fixed-width type at a constant offset of the array `source`."""
    if type_.kind in INT_SIZES:
        return f"{type_.kind}::from_le_bytes(*part::<{INT_SIZES[type_.kind]}>({source}, {at}))"
    if type_.kind == "bool":
        return f"{source}[{at}] != 0"
    if type_.kind == "pubkey":
        return f"part::<32>({source}, {at})"
    if type_.kind == "struct":
        return f"{type_.name}::read(part::<{interface.size_of(type_)}>({source}, {at}))"
    assert type_.kind == "array"
    assert type_.item is not None
    size = interface.size_of(type_.item)
    assert size is not None
    if type_.item.kind == "u8":
        return f"part::<{type_.count}>({source}, {at})"
    if type_.item.kind in INT_SIZES:
        return "[" + ", ".join(_at_expr(interface, type_.item, source, at + i * size) for i in range(type_.count)) + "]"
    return f"List {{ bytes: part::<{size * type_.count}>({source}, {at}) }}"


def _write(interface: Interface, type_: Type, value: str, at: int) -> Iterator[str]:
    """Yield statements that write `value` at a constant offset of `out`; all lengths are constants."""
    size = interface.size_of(type_)
    assert size is not None
    target = f"out[{at}..{at + size}]"
    if type_.kind == "bool":
        yield f"out[{at}] = {value} as u8;"
    elif type_.kind in INT_SIZES:
        yield f"{target}.copy_from_slice(&{value}.to_le_bytes());" if size > 1 else f"out[{at}] = {value} as u8;"
    elif type_.kind == "pubkey" or (type_.kind == "array" and type_.item is not None and type_.item.kind == "u8"):
        yield f"{target}.copy_from_slice({value});"
    elif type_.kind == "struct":
        offset = at
        for part in interface.types[type_.name].fields:
            yield from _write(interface, part.type, f"{value}.{part.name}", offset)
            offset += interface.size_of(part.type) or 0
    else:
        assert type_.item is not None
        step = interface.size_of(type_.item) or 0
        for index in range(type_.count):
            if type_.item.kind in INT_SIZES:
                yield from _write(interface, type_.item, f"{value}[{index}]", at + index * step)
            else:
                here = at + index * step
                source = f"part::<{step}>({value}.bytes, {index * step})"
                yield f"out[{here}..{here + step}].copy_from_slice({source});"


def _struct(interface: Interface, struct: Struct) -> Iterator[str]:
    borrowed = any(_borrows(interface, part.type) for part in struct.fields)
    life = "<'a>" if borrowed else ""
    size = sum(interface.size_of(part.type) or 0 for part in struct.fields)
    yield from _docs(struct.docs)
    yield "#[derive(Clone, Copy)]"
    yield f"pub struct {struct.name}{life} {{"
    for part in struct.fields:
        yield from _member(interface, part)
    yield "}"
    yield ""
    yield f"impl{life} {struct.name}{life} {{"
    yield f"    pub const SIZE: usize = {size};"
    yield ""
    yield "    /// Read one from its bytes, for instance from `List::at`."
    yield "    #[inline(always)]"
    yield f"    pub fn read(bytes: &{chr(39) + 'a ' if borrowed else ''}[u8; {size}]) -> Self {{"
    yield "        Self {"
    offset = 0
    for part in struct.fields:
        yield f"            {part.name}: {_at_expr(interface, part.type, 'bytes', offset)},"
        offset += interface.size_of(part.type) or 0
    yield "        }"
    yield "    }"
    yield ""
    yield "    /// Write it as Borsh does."
    yield "    #[inline(always)]"
    yield f"    pub fn write(&self, out: &mut [u8; {size}]) {{"
    for line in _write(interface, Type("struct", name=struct.name), "self", 0):
        yield f"        {line}"
    yield "    }"
    yield "}"
    yield ""


def _take(interface: Interface, type_: Type) -> str:
    """Return the expression that takes a type from the reader `r`, with `?` on shortage."""
    if type_.kind in INT_SIZES:
        return f"{type_.kind}::from_le_bytes(*r.take::<{INT_SIZES[type_.kind]}>()?)"
    if type_.kind == "bool":
        return "r.flag()?"
    if type_.kind == "pubkey":
        return "r.take::<32>()?"
    if type_.kind == "bytes":
        return "r.bytes()?"
    if type_.kind == "struct":
        return f"{type_.name}::read(r.take::<{interface.size_of(type_)}>()?)"
    assert type_.item is not None
    size = interface.size_of(type_.item)
    if type_.kind == "vec":
        return f"r.list::<{size}>()?"
    if type_.kind == "option":
        return f"if r.flag()? {{ Some({_take(interface, type_.item)}) }} else {{ None }}"
    total = interface.size_of(type_)
    if type_.item.kind == "u8":
        return f"r.take::<{total}>()?"
    if type_.item.kind in INT_SIZES:
        items = ", ".join(_at_expr(interface, type_.item, "raw", i * (size or 0)) for i in range(type_.count))
        return f"{{ let raw = r.take::<{total}>()?; [{items}] }}"
    return f"List {{ bytes: r.take::<{total}>()? }}"


def _args(interface: Interface, instruction: Instruction) -> Iterator[str]:
    name = camel(instruction.name) + "Args"
    borrowed = any(_borrows(interface, part.type) for part in instruction.args)
    life = "<'a>" if borrowed else ""
    yield from _docs(f"Arguments of `{instruction.name}`. {instruction.docs}")
    yield f"pub struct {name}{life} {{"
    for part in instruction.args:
        yield from _member(interface, part)
    yield "}"
    yield ""
    yield f"impl{life} {name}{life} {{"
    yield "    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool."
    yield "    #[inline(always)]"
    yield f"    pub fn parse(data: &{chr(39) + 'a ' if borrowed else ''}[u8]) -> Option<Self> {{"
    sizes = [interface.size_of(part.type) for part in instruction.args]
    fixed = None if None in sizes else sum(size or 0 for size in sizes)
    if fixed is not None:
        yield f"        if data.len() != {fixed} {{"
        yield "            return None;"
        yield "        }"
    if instruction.args:
        yield "        let mut r = Reader::new(data);"
        for part in instruction.args:
            yield f"        let {part.name} = {_take(interface, part.type)};"
        if fixed is None:
            yield "        if !r.is_done() {"
            yield "            return None;"
            yield "        }"
    yield "        Some(Self { " + ", ".join(part.name for part in instruction.args) + " })"
    yield "    }"
    yield "}"
    yield ""


def _event(interface: Interface, event: Struct) -> Iterator[str]:
    disc = discriminator("event", event.name)
    fixed = [part for part in event.fields if interface.size_of(part.type) is not None]
    tail = event.fields[-1] if event.fields and interface.size_of(event.fields[-1].type) is None else None
    borrowed = any(_borrows(interface, part.type) for part in fixed)
    life = "<'a>" if borrowed else ""
    head = 8 + sum(interface.size_of(part.type) or 0 for part in fixed)
    yield from _docs(f"Event. {event.docs}")
    yield f"pub struct {event.name}{life} {{"
    for part in fixed:
        yield from _member(interface, part)
    yield "}"
    yield ""
    yield f"impl{life} {event.name}{life} {{"
    yield f"    pub const DISC: [u8; 8] = {_bytes_literal(disc)};"
    if tail is None:
        yield "    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field."
        yield f"    pub const SIZE: usize = {head};"
        yield ""
        yield "    #[inline(always)]"
        yield f"    pub fn encode(&self, out: &mut [u8; {head}]) {{"
        yield "        out[0..8].copy_from_slice(&Self::DISC);"
        yield from _head(interface, fixed)
        yield "    }"
        yield "}"
        yield ""
        return
    listed = tail.type.kind == "vec"
    item = interface.size_of(tail.type.item) if listed and tail.type.item is not None else 1
    yield f"    /// Bytes before the elements of `{tail.name}`, the u32 count included."
    yield f"    pub const HEAD: usize = {head + 4};"
    yield f"    /// Bytes of one element of `{tail.name}`."
    yield f"    pub const ITEM: usize = {item};"
    yield ""
    yield "    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`."
    yield "    #[inline(always)]"
    yield f"    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<{event.name}Writer<'b>> {{"
    yield f"        if out.len() < {head + 4} {{"
    yield "            return None;"
    yield "        }"
    yield "        out[0..8].copy_from_slice(&Self::DISC);"
    yield from _head(interface, fixed)
    yield f"        Some({event.name}Writer {{ out, len: {head + 4}, count: 0 }})"
    yield "    }"
    yield "}"
    yield ""
    yield f"/// Appends to the `{tail.name}` of {event.name}."
    yield f"pub struct {event.name}Writer<'b> {{"
    yield "    out: &'b mut [u8],"
    yield "    len: usize,"
    yield "    count: u32,"
    yield "}"
    yield ""
    yield f"impl<'b> {event.name}Writer<'b> {{"
    if listed:
        assert tail.type.item is not None
        yield f"    /// Room for one more element of {item} bytes ({tail.type.item}); None when the buffer is full."
        yield "    #[inline(always)]"
        yield f"    pub fn next(&mut self) -> Option<&mut [u8; {item}]> {{"
        yield f"        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<{item}>()?;"
        yield f"        self.len += {item};"
        yield "        self.count += 1;"
        yield "        Some(room)"
        yield "    }"
        if tail.type.item.kind == "struct":
            life = "<'_>" if _borrows(interface, tail.type.item) else ""
            yield ""
            yield "    /// Append one element; false when the buffer is full."
            yield "    #[inline(always)]"
            yield f"    pub fn push(&mut self, item: &{tail.type.item.name}{life}) -> bool {{"
            yield "        match self.next() {"
            yield "            Some(room) => {"
            yield "                item.write(room);"
            yield "                true"
            yield "            }"
            yield "            None => false,"
            yield "        }"
            yield "    }"
    else:
        yield "    /// Room for `len` more bytes, to be filled by the caller; None when the buffer is full."
        yield "    #[inline(always)]"
        yield "    pub fn room(&mut self, len: usize) -> Option<&mut [u8]> {"
        yield "        let end = self.len.checked_add(len)?;"
        yield "        let room = self.out.get_mut(self.len..end)?;"
        yield "        self.len = end;"
        yield "        self.count += len as u32;"
        yield "        Some(room)"
        yield "    }"
    yield ""
    yield "    /// Write the count and return the event's bytes, for sol_log_data as one field."
    yield "    #[inline(always)]"
    yield "    pub fn finish(self) -> &'b [u8] {"
    yield f"        if let Some(room) = self.out.get_mut({head}..{head + 4}) {{"
    yield "            room.copy_from_slice(&self.count.to_le_bytes());"
    yield "        }"
    yield "        match self.out.get(..self.len) {"
    yield "            Some(bytes) => bytes,"
    yield "            None => &[],"
    yield "        }"
    yield "    }"
    yield "}"
    yield ""


def _head(interface: Interface, fixed: list[Field]) -> Iterator[str]:
    offset = 8
    for part in fixed:
        for line in _write(interface, part.type, f"self.{part.name}", offset):
            yield f"        {line}"
        offset += interface.size_of(part.type) or 0
