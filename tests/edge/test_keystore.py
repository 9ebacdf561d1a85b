"""Keys in a PKCS#11 token: SoftHSM, as any other that speaks CKM_EDDSA."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey, VerifyKey

from edge.__main__ import main
from edge.errors import TokenError
from edge.keystore import KeyStore
from edge.settings import PREFIX, EdgeSettings
from gridkit.enrolment import AgentConfig, ConfiguredMeter, encode_config, read_enrolment
from gridkit.settings import SettingsError, load

_LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
LIBRARY = next((path for path in _LIBRARIES if os.path.exists(path)), "")
PIN = "5678"
needs_softhsm = pytest.mark.skipif(not LIBRARY or not shutil.which("softhsm2-util"), reason="needs SoftHSM")


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh token. SoftHSM reads its own settings once a process, so it is one for all these tests."""
    folder = tmp_path_factory.mktemp("hsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    command = ["softhsm2-util", "--init-token", "--free", "--label", "campusgrid", "--so-pin", "1234", "--pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "pin").write_text(PIN + "\n")
    return folder


def settings_file(tmp_path: Path, **more: Any) -> Path:
    path = tmp_path / "edge.toml"
    values = {"pkcs11_module": LIBRARY, "pkcs11_token": "campusgrid", **more}
    lines = "".join(f'{name} = "{value}"\n' for name, value in values.items() if value)
    path.write_text(
        f'[edge]\nagent = "e1"\nhome = "{tmp_path}"\nmqtt_port = 1883\nnetwork_tag = "01020304"\n{lines}'
        f'bridge_keys = ["{"ab" * 32}"]\nconfig_key = "{"cd" * 32}"\n'
        '[[edge.meters]]\nid = "M1"\nprofile = "abb-b23"\nhost = "h"\nkey_file = "pkcs11:M1"\n# end\n'
    )
    return path


def key_store(path: Path) -> KeyStore:
    return KeyStore(load(EdgeSettings, path, {}, PREFIX))


@needs_softhsm
def test_a_key_is_made_in_the_token_signs_there_and_never_leaves_it(token: Path, tmp_path: Path) -> None:
    """Whoever takes the card out of the Raspberry Pi has the readings, and not the meter."""
    path = settings_file(tmp_path, pkcs11_pin_file=token / "pin")
    store = key_store(path)
    name = Path("pkcs11:HOUSE-07")
    assert store.keys(name) == {}
    made = store.load_or_make(name, 0)
    again = key_store(path)
    assert set(again.keys(name)) == {0}
    assert bytes(again.load_or_make(name, 0).verify_key) == bytes(made.verify_key)
    signed = again.keys(name)[0].sign(b"core")
    VerifyKey(bytes(made.verify_key)).verify(b"core", signed.signature)
    store.load_or_make(name, 1)
    store.load_or_make(Path("pkcs11:HOUSE-07.b"), 0)
    assert set(store.keys(name)) == {0, 1}
    files = b"".join(p.read_bytes() for p in (token / "tokens").rglob("*") if p.is_file())
    assert files, "the token keeps it, sealed"


@needs_softhsm
def test_enrolment_proves_a_key_that_stays_in_the_token(token: Path, tmp_path: Path) -> None:
    """The registry cannot tell where a key lies, and need not."""
    path = settings_file(tmp_path, pkcs11_pin_file=token / "pin")
    arguments = ["enroll", "--config", str(path), "--meter", "M1", "--owner", "11" * 32, "--offline"]
    assert main(arguments) == 0
    made = read_enrolment(tmp_path / "M1.enrolment.json")
    assert made.public_key_bytes == bytes(key_store(path).keys(Path("pkcs11:M1"))[0].verify_key)


@needs_softhsm
def test_a_rotation_makes_the_next_key_in_the_token_and_a_start_wants_the_first(
    token: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent whose token has no key of its meter would poll for ever and sign nothing."""
    monkeypatch.setattr("edge.run.run", lambda settings: 0)
    operator = SigningKey(bytes([2]) * 32)
    path = settings_file(tmp_path, pkcs11_pin_file=token / "pin")
    path.write_text(path.read_text().replace("M1", "M2").replace("cd" * 32, bytes(operator.verify_key).hex()))
    assert main(["run", "--config", str(path)]) == 2
    told = capsys.readouterr().err
    assert f"{path}:15: meters[0].key_file: the token 'campusgrid' has no key 'M2'. Make it with" in told
    of_meter = ["--config", str(path), "--meter", "M2", "--owner", "11" * 32]
    assert main(["enroll", *of_meter, "--offline"]) == 0
    assert main(["run", "--config", str(path)]) == 0
    row = ConfiguredMeter(b"M2".ljust(16, b"\0"), 7, 1, 0, 0, 0)
    (tmp_path / "signed").write_bytes(encode_config(AgentConfig(bytes.fromhex("01020304"), 1, (row,)), operator))
    assert main(["config", "--config", str(path), "--take", str(tmp_path / "signed")]) == 0
    assert main(["rotate", *of_meter]) == 0
    keys = key_store(path).keys(Path("pkcs11:M2"))
    assert set(keys) == {0, 1}
    assert read_enrolment(tmp_path / "M2.rotation.json").public_key_bytes == bytes(keys[1].verify_key)


@needs_softhsm
@pytest.mark.parametrize("wrong", ["pin", "token"])
def test_a_wrong_pin_or_token_is_told(token: Path, tmp_path: Path, wrong: str) -> None:
    """At the start, with a sentence. In a process of its own: a login holds for the whole of one."""
    (tmp_path / "pin").write_text("0000" if wrong == "pin" else PIN)
    more = {"pkcs11_token": "other"} if wrong == "token" else {}
    path = settings_file(tmp_path, pkcs11_pin_file=tmp_path / "pin", **more)
    done = subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(path)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "PKCS#11 token" in done.stderr
    assert f"{path}:15: meters[0].key_file: " in done.stderr


def test_a_library_that_is_none_and_a_missing_setting_are_told(tmp_path: Path) -> None:
    """No token at all must not look like a meter without keys."""
    (tmp_path / "lib.so").write_text("no library")
    with pytest.raises(TokenError, match="token"):
        key_store(settings_file(tmp_path, pkcs11_module=tmp_path / "lib.so")).keys(Path("pkcs11:M1"))
    with pytest.raises(SettingsError) as caught:
        load(EdgeSettings, settings_file(tmp_path, pkcs11_module=""), {}, PREFIX)
    assert caught.value.field == "pkcs11_module"
