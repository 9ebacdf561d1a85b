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
    units_files,
)
from solders.pubkey import Pubkey

from gridkit.chain import idl
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

ENVIRONMENTS = ("", "0.29", "p_token")
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
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A table with one instruction of 100 own units and 40 of the token program."""
    paths = units_files("", tmp_path / "units.json")
    recorder = UnitTable(*paths, recording=True)
    recorder.check("trading.deposit.first", 100, 40)
    recorder.check("registry.set_role", 7, 0)
    recorder.write()
    return paths


def test_another_unit_fails(files: tuple[Path, Path]) -> None:
    """Both sides of the edge, our own units and the token program's apart; a fall left unrecorded hides the next rise."""
    table = UnitTable(*files)
    table.check("trading.deposit.first", 100, 40)
    for own, token in ((101, 40), (99, 40), (100, 41), (100, 39)):
        with pytest.raises(AssertionError, match="recorded"):
            table.check("trading.deposit.first", own, token)
    with pytest.raises(AssertionError, match=r"token\.json"):
        table.check("registry.set_role", 7, 1)


def test_an_instruction_without_a_record_fails(files: tuple[Path, Path]) -> None:
    """A case that was never measured cannot be said not to have risen."""
    with pytest.raises(AssertionError, match="None recorded"):
        UnitTable(*files).check("trading.deposit.second", 1, 0)
    with pytest.raises(AssertionError, match="no program"):
        UnitTable(*files).check("market.deposit", 1, 0)


def test_recording_keeps_what_others_measured(files: tuple[Path, Path]) -> None:
    """Each program's tests record for themselves into one pair of files."""
    recorder = UnitTable(*files, recording=True)
    recorder.check("oracle.post", 5, 0)
    recorder.check("trading.deposit.first", 99, 0)
    recorder.write()
    own, token = (json.loads(path.read_text()) for path in files)
    assert own == {"oracle.post": 5, "registry.set_role": 7, "trading.deposit.first": 99}
    assert token == {}


def test_each_environment_has_files_of_its_own() -> None:
    """Numbers of one runtime in the table of another would make every comparison wrong."""
    names = [path.name for environment in ENVIRONMENTS for path in units_files(environment)]
    assert names[:2] == ["compute_units.json", "compute_units.token.json"]
    assert len(set(names)) == 6
    for name in names:
        assert all(type(units) is int and units > 0 for units in _table(name).values()), name


def test_own_units_do_not_depend_on_the_token_program() -> None:
    """Otherwise some of what we call ours is the token program's."""
    assert _table("compute_units.p_token.json") == _table("compute_units.json"), "`make units`"


def test_own_units_fall_on_the_newer_runtime_by_its_cheaper_calls_alone() -> None:
    """Agave 4.1 takes 946 units for a call to another program where 2.2 takes 1,000, and 1 for every 3 accounts of it."""
    main, newer = _table("compute_units.json"), _table("compute_units.0.29.json")
    assert main.keys() == newer.keys(), "`make units`"
    falls = {key: main[key] - newer[key] for key in main}
    assert all(50 * calls <= fall <= 54 * calls for fall in falls.values() for calls in [-(-fall // 54)]), falls


def test_every_instruction_has_an_entry() -> None:
    """A promise about compute units that leaves an instruction out is none."""
    measured = {".".join(key.split(".")[:2]) for key in _table("compute_units.json")}
    assert measured == {f"{name}.{item}" for name in PROGRAM_NAMES for item in idl.interface(name).instructions}


@pytest.mark.parametrize(
    "key",
    [
        "oracle.post_verified.10",
        "oracle.post_batch.149",
        "energy_token.settle_range.64",
        "trading.place_order.rests",
        "trading.place_order.fills_10",
        "trading.cancel_order",
        "trading.clear_auction.512",
        "governance.emergency_stop",
    ],
)
def test_the_cases_that_others_compare_with_are_in_the_table(key: str) -> None:
    """Whoever quotes a figure finds it under the same name in every release."""
    program, name = key.split(".")[:2]
    assert key in _table("compute_units.json") or name not in idl.interface(program).instructions


def _table(name: str) -> dict[str, int]:
    table: dict[str, int] = json.loads((ROOT / "programs" / name).read_text())
    return table


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("governance.emergency_stop", 600),
        ("governance.approve", 900),
        ("governance.execute.set_param", 1_200),
        ("registry.register_user", 4_200),
        ("oracle.post_batch.149", 149 * 250),
        ("oracle.post_batch.149.two_keys", 149 * 250),
        ("oracle.post_verified.10", 10 * 12_500),
        ("oracle.post_verified.12", 12 * 12_500),
        ("oracle.verify_reading.old", 16_000),
        ("oracle.verify_reading.attested", 16_000),
    ],
)
def test_instructions_keep_their_targets(key: str, target: int) -> None:
    """The figures the design was chosen for."""
    assert _table("compute_units.json")[key] <= target
