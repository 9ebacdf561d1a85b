"""Writes the reference page of one program: instructions, accounts, events, errors, compute units where measured."""

from __future__ import annotations

from collections.abc import Iterator

from generate_interface import FIRST_ERROR_CODE, Account, Field, Instruction, Interface, Struct, Type, discriminator


def render(interface: Interface, compute_units: dict[str, int]) -> str:
    """Return the Markdown page. `compute_units` is the whole of compute_units.json; empty if it was never recorded."""
    return "\n".join(_lines(interface, compute_units)).rstrip() + "\n"


def _lines(interface: Interface, compute_units: dict[str, int]) -> Iterator[str]:
    yield f"# The {interface.name} program"
    yield ""
    yield f"<!-- Written by programs/tools/generate.py from programs/{interface.name}/interface.toml; do not edit. -->"
    yield ""
    yield interface.docs
    yield ""
    yield "Data of an instruction: 8 bytes of discriminator, then Borsh. All integers are little-endian. The bytes of a transaction are those"
    yield "of a legacy one with this instruction alone, paid for by its first signer (another one, where nobody signs), all accounts different"
    yield "and no optional one given; it may have 1,232."
    yield ""
    yield "## Instructions"
    yield ""
    for instruction in interface.instructions:
        yield from _instruction(interface, instruction, _units(compute_units, f"{interface.name}.{instruction.name}"))
    if interface.accounts:
        yield "## Accounts"
        yield ""
        for account in interface.accounts:
            yield from _account(interface, account)
    if interface.types:
        yield "## Types"
        yield ""
        for struct in interface.types.values():
            yield from _struct(interface, struct)
    if interface.events:
        yield "## Events"
        yield ""
        yield "One `Program data:` log line each: 8 bytes of discriminator, then Borsh."
        yield ""
        for event in interface.events:
            yield from _struct(interface, event, discriminator("event", event.name))
    if interface.errors:
        yield "## Errors"
        yield ""
        yield "| code | name | when |"
        yield "|---|---|---|"
        for index, (name, message) in enumerate(interface.errors):
            yield f"| {FIRST_ERROR_CODE + index} | {name} | {_cell(message)} |"
        yield ""
    if interface.constants:
        yield "## Constants"
        yield ""
        yield "| name | type | value | |"
        yield "|---|---|---|---|"
        for constant in interface.constants:
            yield f"| {constant.name} | {constant.type} | `{constant.value}` | {_cell(constant.docs)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _units(compute_units: dict[str, int], name: str) -> list[tuple[str, int]]:
    """Return (case, units) of the entries `name` and `name.case`."""
    rows = (
        (key.removeprefix(name).lstrip("."), units)
        for key, units in compute_units.items()
        if f"{key}.".startswith(f"{name}.")
    )
    return list(rows)


def _data_bytes(interface: Interface, type_: Type) -> tuple[int, bool]:
    """Return the least length of a value, bytes, and whether it can be longer."""
    size = interface.size_of(type_)
    if size is not None:
        return size, False
    if type_.kind == "struct":
        parts = [_data_bytes(interface, part.type) for part in interface.types[type_.name].fields]
        return sum(least for least, _ in parts), True
    return (1 if type_.kind == "option" else 4), True


def _compact(value: int) -> int:
    """Return the bytes of a compact-u16."""
    return 1 if value < 0x80 else 2 if value < 0x4000 else 3


def instruction_bytes(interface: Interface, instruction: Instruction) -> tuple[int, int, bool]:
    """Return the bytes of an instruction's data, those of a transaction with it alone, and whether they are the least that
    there can be (an argument has no fixed length)."""
    parts = [_data_bytes(interface, part.type) for part in instruction.args]
    data = 8 + sum(least for least, _ in parts)
    given = [meta for meta in instruction.accounts if not meta.optional]
    signers = sum(meta.signer for meta in given)
    keys = len(given) + 1 + (not signers)
    header = _compact(max(1, signers)) + 64 * max(1, signers) + 3 + _compact(keys) + 32 * keys + 32
    count = len(instruction.accounts)
    return data, header + 1 + 1 + _compact(count) + count + _compact(data) + data, any(more for _, more in parts)


def _bytes_line(interface: Interface, instruction: Instruction) -> str:
    data, transaction, is_least = instruction_bytes(interface, instruction)
    least = "at least " if is_least else ""
    return f"Bytes: {least}{data:,} of data, {least}{transaction:,} of transaction."


def _instruction(interface: Interface, instruction: Instruction, units: list[tuple[str, int]]) -> Iterator[str]:
    yield f"### {instruction.name}"
    yield ""
    if instruction.docs:
        yield instruction.docs
        yield ""
    yield f"Discriminator `{discriminator('global', instruction.name).hex()}`."
    if instruction.signers_docs:
        yield f"Who signs: {instruction.signers_docs}"
    if units:
        yield (
            "Compute units: "
            + ", ".join(f"{value:,}{' (' + case + ')' if case else ''}" for case, value in units)
            + "."
        )
    yield _bytes_line(interface, instruction)
    yield ""
    yield "| # | account | flags | kind | |"
    yield "|---|---|---|---|---|"
    for index, meta in enumerate(instruction.accounts):
        flags = " ".join(
            word
            for word, on in (("signer", meta.signer), ("writable", meta.writable), ("optional", meta.optional))
            if on
        )
        yield f"| {index} | {meta.name} | {flags or 'read'} | {_cell(meta.kind)} | {_cell(meta.docs)} |"
    yield ""
    if instruction.remaining:
        yield f"Further accounts: {instruction.remaining}"
        yield ""
    if instruction.args:
        yield "| argument | type | |"
        yield "|---|---|---|"
        for part in instruction.args:
            yield f"| {part.name} | `{part.type}` | {_cell(part.docs)} |"
        yield ""
    if instruction.errors:
        yield f"Errors: {', '.join(instruction.errors)}."
    if instruction.events:
        yield f"Events: {', '.join(instruction.events)}."
    if instruction.errors or instruction.events:
        yield ""


def _account(interface: Interface, account: Account) -> Iterator[str]:
    yield f"### {account.name}"
    yield ""
    if account.docs:
        yield account.docs
        yield ""
    yield f"{account.size:,} bytes, discriminator `{discriminator('account', account.name).hex()}`."
    if account.address:
        yield f"Address: `{account.address}`."
    yield ""
    yield "| at | bytes | field | type | |"
    yield "|---|---|---|---|---|"
    for part in account.fields:
        size = interface.size_of(part.type)
        yield f"| {part.at} | {size} | {part.name} | `{part.type}` | {_cell(_header_docs(part))} |"
    yield ""


def _header_docs(part: Field) -> str:
    if part.docs:
        return part.docs
    return {
        "disc": "Discriminator.",
        "version": "Layout version.",
        "bump": "Bump of the address; 0 where it is no PDA.",
    }.get(part.name, "")


def _struct(interface: Interface, struct: Struct, disc: bytes | None = None) -> Iterator[str]:
    yield f"### {struct.name}"
    yield ""
    if struct.docs:
        yield struct.docs
        yield ""
    if disc is not None:
        yield f"Discriminator `{disc.hex()}`."
        yield ""
    if not struct.fields:
        yield "No fields."
        yield ""
        return
    yield "| field | type | |"
    yield "|---|---|---|"
    for part in struct.fields:
        yield f"| {part.name} | `{part.type}` | {_cell(part.docs)} |"
    yield ""
