"""What all programs stand on: well-known addresses, record types, localnet keys, and the table of compute units."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from program_harness import (
    LOADER_V3,
    ROOT,
    SYSTEM,
    TOKEN,
    UnitTable,
    keypair,
    program_id,
)
from solders.pubkey import Pubkey

from gridkit.programs import (
    PROGRAM_IDS,
    PROGRAM_NAMES,
    PublicKeyError,
    base58,
    program_key,
    program_seed,
    public_seed,
    refuse_public_keys,
)

SDK = ROOT / "programs" / "sdk" / "src"


@pytest.mark.parametrize(
    ("file", "name", "address"),
    [("cpi.rs", "SYSTEM", SYSTEM), ("cpi.rs", "TOKEN", TOKEN), ("loader.rs", "LOADER_V3", LOADER_V3)],
)
def test_well_known_programs_are_at_their_addresses(file: str, name: str, address: Pubkey) -> None:
    """One wrong byte and our programs would call, or trust, a program of somebody else."""
    found = re.search(
        rf"pub const {name}: Address = Address::new_from_array\(\[([^;]*?)\]\);", (SDK / file).read_text()
    )
    repeated = re.search(
        rf"pub const {name}: Address = Address::new_from_array\(\[(\d+); 32\]\);", (SDK / file).read_text()
    )
    if repeated:
        assert bytes([int(repeated[1])] * 32) == bytes(address)
    else:
        assert found is not None
        text = re.sub(r"//.*", "", found[1])
        assert bytes(int(word) for word in re.findall(r"\d+", text)) == bytes(address)


@pytest.mark.parametrize("name", ["council", "meter", "user"])
def test_a_records_type_is_the_hash_of_its_name(name: str) -> None:
    """Readers in other programs and languages derive it; a different one and they refuse every account."""
    text = (SDK / "state" / f"{name}.rs").read_text()
    found = re.search(r"u64::from_le_bytes\(\[([\d, ]+)\]\)", text)
    assert found is not None
    wanted = hashlib.sha256(f"account:{name.capitalize()}".encode()).digest()[:8]
    assert bytes(int(word) for word in found[1].split(",")) == wanted


def test_unsafe_code_stays_in_the_sdk() -> None:
    """Each unsafe block is a promise; they are few, in one crate, and each says who keeps it."""
    for path in (ROOT / "programs").glob("*/src/**/*.rs"):
        text = path.read_text()
        if SDK not in path.parents:
            assert not re.search(r"\bunsafe\s*(\{|fn|impl)", text), path
        else:
            for number, line in enumerate(text.splitlines()):
                if re.search(r"\bunsafe\s*\{", line) and not line.lstrip().startswith("//"):
                    before = "\n".join(text.splitlines()[max(0, number - 14) : number])
                    assert "SAFETY" in before, f"{path.name}:{number + 1} has no SAFETY note"


# ------------------------------------------------------------------------------------------------------ localnet keys


def test_localnet_programs_have_the_same_ids_everywhere() -> None:
    """Lookup tables, recorded units and documents name these; a change of the derivation is a change of all of them."""
    assert PROGRAM_IDS == {
        "registry": "GEoL99reP9xLfmZVZNAC8Kvs4HtuFPyZJzAt1wsaMi62",
        "oracle": "2Btv9AQyppdaCBSVvpKQkregS1e8oNogm3tTm1tGiBLD",
        "energy_token": "9DX9NHv4gJawWXGL2R2ywQxyKrZzgBp74fadEgmjMsVx",
        "trading": "2Pfafob2TmRQ4N9zB5Ax7TYDAiu8X8roQJjoBMS2mpVs",
        "governance": "6fM8M2tHJdV3bm3LcERd5F88RE7NqoAGbuVH4cHUVQoP",
    }
    for name in PROGRAM_NAMES:
        assert bytes(program_id(name)) == program_key(name)
        assert str(program_id(name)) == PROGRAM_IDS[name]


def test_public_program_keys_are_refused_elsewhere() -> None:
    """Whoever reads the source could sign as the program's key pair and deploy in its place."""
    real = str(keypair("a real deployment").pubkey())
    refuse_public_keys({"registry": real})
    refuse_public_keys([real])
    with pytest.raises(PublicKeyError, match="trading") as caught:
        refuse_public_keys({"registry": real, "trading": PROGRAM_IDS["trading"]})
    assert caught.value.names == ["trading"]
    with pytest.raises(PublicKeyError):
        refuse_public_keys({"registry": PROGRAM_IDS["oracle"]})


def test_seeds_of_different_purposes_never_meet() -> None:
    """`a` + `bc` and `ab` + `c` are two keys."""
    assert public_seed("a", "bc") != public_seed("ab", "c")
    assert len(program_seed("oracle")) == 32
    with pytest.raises(ValueError, match="no program is called 'orakel'"):
        program_seed("orakel")


@pytest.mark.parametrize("data", [b"", bytes(32), b"\0\1", bytes(range(32)), b"\xff" * 32])
def test_base58_is_that_of_solana(data: bytes) -> None:
    """An address that reads differently here and in a wallet is a lost payment."""
    text = base58(data)
    if len(data) == 32:
        assert text == str(Pubkey.from_bytes(data))
    assert text.startswith("1" * (len(data) - len(data.lstrip(b"\0"))))


# ------------------------------------------------------------------------------------------------------ compute units


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    """A table with one instruction of 100 own units and 40 of the token program."""
    path = tmp_path / "units.json"
    recorder = UnitTable(path, recording=True)
    recorder.check("trading.deposit.first", 100, 40)
    recorder.check("registry.set_role", 7, 0)
    recorder.write()
    return path


def test_a_rise_of_one_unit_fails(table_file: Path) -> None:
    """Both sides of the edge, our own units and the token program's apart."""
    table = UnitTable(table_file)
    table.check("trading.deposit.first", 100, 40)
    table.check("trading.deposit.first", 99, 0)
    for own, token in ((101, 40), (100, 41)):
        with pytest.raises(AssertionError, match="recorded"):
            table.check("trading.deposit.first", own, token)
    with pytest.raises(AssertionError, match="token_program"):
        table.check("registry.set_role", 7, 1)


def test_an_instruction_without_a_record_fails(table_file: Path) -> None:
    """A case that was never measured cannot be said not to have risen."""
    with pytest.raises(AssertionError, match="none recorded"):
        UnitTable(table_file).check("trading.deposit.second", 1, 0)
    with pytest.raises(AssertionError, match="no program"):
        UnitTable(table_file).check("market.deposit", 1, 0)


def test_recording_keeps_what_others_measured(table_file: Path) -> None:
    """Each program's tests record for themselves into one file."""
    recorder = UnitTable(table_file, recording=True)
    recorder.check("oracle.post", 5, 0)
    recorder.write()
    table = json.loads(table_file.read_text())
    assert table["programs"] == {
        "oracle": {"post": 5},
        "registry": {"set_role": 7},
        "trading": {"deposit/first": 100},
    }
    assert table["token_program"] == {"trading": {"deposit/first": 40}}


def test_another_runtime_is_measured_but_not_judged(table_file: Path) -> None:
    """The table is the main environment's; other runtimes charge differently for calls and tokens."""
    UnitTable(table_file, enforcing=False).check("trading.deposit.first", 10**6, 10**6)


def test_the_committed_table_is_of_the_main_environment() -> None:
    """Numbers of another runtime in the file would make every comparison wrong."""
    table = json.loads((ROOT / "programs" / "compute_units.json").read_text())
    assert table["environment"]["solders"].startswith("0.26.")
    assert set(table["programs"]) <= set(PROGRAM_NAMES)


@pytest.mark.parametrize(
    ("program", "row", "target"),
    [
        ("governance", "emergency_stop", 600),
        ("governance", "approve", 900),
        ("governance", "execute/set_param", 1_200),
        ("registry", "register_user", 4_200),
    ],
)
def test_instructions_keep_their_targets(program: str, row: str, target: int) -> None:
    """The figures the design was chosen for."""
    table = json.loads((ROOT / "programs" / "compute_units.json").read_text())
    assert table["programs"][program][row] <= target
