"""The packer: what it makes runs on the real loader, and what it cannot make it refuses by name."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from object_writer import ALLOC, EXEC, EXIT, WRITE, ObjectWriter, call, lddw, load, mov
from program_harness import Chain, program_id
from solders.instruction import Instruction

from programs.tools.objectfile import (
    R_BPF_64_32,
    R_BPF_64_64,
    R_BPF_64_ABS64,
    ObjectFileError,
    parse,
)
from programs.tools.pack import pack


def hello() -> ObjectWriter:
    """A program that logs a text, calls a function of another section, and returns what that reads through a pointer."""
    writer = ObjectWriter()
    entry = lddw(1) + mov(2, 5) + call() + call() + EXIT
    text = writer.section(".text.entrypoint", ALLOC | EXEC, entry)
    # The helper begins one instruction into its section, as a second function of it would.
    helper = writer.section(".text.helper", ALLOC | EXEC, EXIT + lddw(1) + load(1, 1) + load(0, 1) + EXIT)
    dead = writer.section(".text.dead", ALLOC | EXEC, call() + EXIT)
    rodata = writer.section(".rodata.text", ALLOC, b"..hello world")
    answer = writer.section(".rodata.cst8", ALLOC, (6_042).to_bytes(8, "little"))
    pointer = writer.section(".data.rel.ro.p", ALLOC | WRITE, bytes(8))
    writer.symbol("entrypoint", text)
    log = writer.symbol("sol_log_", 0)
    gone = writer.symbol("sol_no_such_syscall", 0)
    sections = {index: writer.symbol(f"section {index}", index) for index in (helper, rodata, answer, pointer)}
    writer.relocate(text, 0, R_BPF_64_64, writer.symbol("message", rodata, 2))
    writer.relocate(text, 24, R_BPF_64_32, log)
    writer.relocate(text, 32, R_BPF_64_32, writer.symbol("helper", helper, 8))
    writer.relocate(helper, 8, R_BPF_64_64, sections[pointer])
    writer.relocate(pointer, 0, R_BPF_64_ABS64, sections[answer])
    writer.relocate(dead, 0, R_BPF_64_32, gone)
    return writer


def run(image: bytes) -> tuple[int | None, list[str]]:
    """Load an image at the registry's id and call it: (custom error, logs)."""
    chain = Chain([])
    chain.load("registry", image)
    outcome = chain.send(Instruction(program_id("registry"), b"", []))
    return outcome.code, outcome.logs


def test_a_packed_program_runs_on_the_real_loader() -> None:
    """System call, call across sections, address in text and pointer in data: one wrong kind and programs misbehave."""
    code, logs = run(pack(hello().bytes()))
    assert code == 6_042
    assert any(line.endswith("log: hello") for line in logs), logs


def test_what_nothing_calls_is_left_out() -> None:
    """A dead function may call what the runtime does not have, and then the whole program would not load."""
    image = pack(hello().bytes())
    assert b"sol_no_such_syscall" not in image
    assert b"sol_log_" in image


def test_a_program_without_data_or_system_calls_loads() -> None:
    """The loader refuses an empty relocation table and takes an empty section for the symbol table at its address."""
    writer = ObjectWriter()
    writer.symbol("entrypoint", writer.section(".text", ALLOC | EXEC, mov(0, 6_001) + EXIT))
    assert run(pack(writer.bytes()))[0] == 6_001


def test_a_call_inside_a_section_keeps_its_distance() -> None:
    """llc leaves the distance inside the target section in the instruction; losing it would call the wrong function."""
    writer = ObjectWriter()
    text = writer.section(".text", ALLOC | EXEC, call(0) + EXIT)
    helper = writer.section(".text.helper", ALLOC | EXEC, mov(0, 1) + mov(0, 6_007) + EXIT)
    writer.symbol("entrypoint", text)
    writer.relocate(text, 0, R_BPF_64_32, writer.symbol("", helper))
    # Distance 0 names the instruction after the first of the section.
    assert run(pack(writer.bytes()))[0] == 6_007


def test_packing_twice_gives_equal_bytes() -> None:
    """The checksums rest on it."""
    assert pack(hello().bytes()) == pack(hello().bytes())


def broken(change: str) -> ObjectWriter:
    """Return an object with one thing wrong."""
    writer = ObjectWriter()
    text = writer.section(".text", ALLOC | EXEC, lddw(1) + call() + EXIT)
    data = writer.section(".data" if change == "writable data" else ".rodata", ALLOC | WRITE, bytes(8))
    writer.symbol("main" if change == "no entry" else "entrypoint", data if change == "entry in data" else text)
    target = writer.symbol("thing", 0 if change == "undefined address" else data)
    kind = 11 if change == "unknown relocation" else R_BPF_64_64
    writer.relocate(text, 24 if change == "relocation behind the end" else 0, kind, target)
    return writer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("writable data", r"\.data is writable data"),
        ("no entry", "no symbol 'entrypoint'"),
        ("entry in data", "entrypoint is not in the text"),
        ("undefined address", "thing is neither in text nor in read-only data"),
        ("unknown relocation", "relocation type 11 is unknown"),
        ("relocation behind the end", "behind the section's end"),
    ],
)
def test_what_cannot_become_a_program_is_refused_by_name(change: str, words: str) -> None:
    """A program that silently lost its data would load, run and corrupt."""
    with pytest.raises(ObjectFileError, match=words):
        pack(broken(change).bytes())


@pytest.mark.parametrize(
    "blob", [b"", b"\x7fELF", b"\x7fELF\x01\x01\x01" + bytes(57), b"\x7fELF\x02\x01\x01" + bytes(57)]
)
def test_what_is_no_bpf_object_is_refused(blob: bytes) -> None:
    """A wrong file name on the command line is an error, not a traceback."""
    with pytest.raises(ObjectFileError):
        pack(blob)


def test_an_object_cut_short_anywhere_is_refused() -> None:
    """A disk that filled up while llc wrote must not give a program."""
    blob = hello().bytes()
    for length in range(len(blob)):
        with pytest.raises(ObjectFileError):
            pack(blob[:length])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
@example([(47, 128)])  # The section table lies beyond what an offset can say.
def test_damage_is_refused_or_packed_but_never_a_crash(damage: list[tuple[int, int]]) -> None:
    """Flipped bytes give an image or an ObjectFileError, whatever they say about sizes and offsets."""
    blob = bytearray(hello().bytes())
    for at, value in damage:
        blob[at % len(blob)] = value
    try:
        assert pack(bytes(blob))[:4] == b"\x7fELF"
    except ObjectFileError:
        pass


def with_frames(table: bytes, *relocated: int) -> ObjectWriter:
    """Return an object with a .stack_sizes section whose entries name functions at the given offsets."""
    writer = ObjectWriter()
    text = writer.section(".text", ALLOC | EXEC, EXIT * 3)
    for index in range(3):
        writer.symbol(f"function {index}", text, 8 * index)
    sizes = writer.section(".stack_sizes", 0, table)
    start = writer.symbol("start of text", text)
    for at in relocated:
        writer.relocate(sizes, at, R_BPF_64_ABS64, start)
    return writer


def test_stack_frames_are_read_by_function() -> None:
    """The check against the 4,096-byte frame stands on these numbers; 300 and 4,096 take two bytes each."""
    table = struct.pack("<QB", 8, 16) + struct.pack("<Q", 16) + b"\xac\x02" + struct.pack("<Q", 0) + b"\x80\x20"
    frames = parse(with_frames(table, 0, 9, 19).bytes()).stack_frames()
    assert frames["function 1"] == 16
    assert frames["function 2"] == 300
    assert 4_096 in frames.values()


def test_frames_that_nobody_wrote_down_are_an_error() -> None:
    """Without the section the check would pass whatever the program does."""
    with pytest.raises(ObjectFileError, match="stack_sizes"):
        parse(hello().bytes()).stack_frames()
    with pytest.raises(ObjectFileError, match="no relocation"):
        parse(with_frames(struct.pack("<QB", 8, 16)).bytes()).stack_frames()
