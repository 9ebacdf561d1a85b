"""Rotation, swap and configuration from the shell."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

from edge.__main__ import main
from edge.spool import Spool
from edge.track import TrackState
from gridkit.enrolment import AgentConfig, ConfiguredMeter, encode_config, read_enrolment
from gridkit.keys import create_key, load_key
from gridkit.swap import SwapError, read_swap

TAG = b"\x01\x02\x03\x04"
OPERATOR = SigningKey(bytes([2]) * 32)
METER = b"M1".ljust(16, b"\0")
WALLET = "11" * 32


class Home:
    """An agent's files."""

    def __init__(self, folder: Path, port: int = 1) -> None:
        self.folder = folder
        self.key = folder / "M1.json"
        self.toml = folder / "edge.toml"
        create_key(self.key)
        self.toml.write_text(
            f'[edge]\nagent = "e1"\nhome = "{folder}"\nmqtt_port = 1883\nnetwork_tag = "{TAG.hex()}"\n'
            f'bridge_keys = ["{"ab" * 32}"]\nconfig_key = "{bytes(OPERATOR.verify_key).hex()}"\nrequest_timeout_s = 0.5\n'
            f'[[edge.meters]]\nid = "M1"\nprofile = "schneider-iem3155"\nhost = "127.0.0.1"\nport = {port}\n'
            f'key_file = "{self.key}"\n# end\n'
        )

    def configured(self, version: int = 1, key_epoch: int = 0, register_epoch: int = 0) -> bytes:
        rows = (ConfiguredMeter(METER, 7, 1, key_epoch, 0, register_epoch),)
        return encode_config(AgentConfig(TAG, version, rows), OPERATOR)

    def keep(self, state: TrackState, data: bytes) -> None:
        spool = Spool(self.folder / "spool.db")
        spool.put(METER, [(0, state.last_interval, b"payload %d" % state.last_interval)], state)
        spool.save_config(1, data)
        spool.close()

    def run(self, *words: str) -> int:
        return main([words[0], "--config", str(self.toml), *words[1:]])


SIGNED = TrackState(serial="1001", last_interval=5, measured_interval=5, measured_import_wh=1200, measured_read_ms=9)


def test_a_rotation_makes_the_next_key_and_proves_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old key goes on signing what belongs to it; asking twice makes one key."""
    home = Home(tmp_path)
    assert home.run("rotate", "--meter", "M1", "--owner", WALLET) == 2
    assert "no number yet" in capsys.readouterr().err
    home.keep(SIGNED, home.configured())
    for _ in range(2):
        assert home.run("rotate", "--meter", "M1", "--owner", WALLET) == 0
    made = read_enrolment(tmp_path / "M1.rotation.json")
    assert made.public_key_bytes == bytes(load_key(tmp_path / "M1.json.1").verify_key)
    assert made.public_key_bytes != bytes(load_key(home.key).verify_key)
    assert not (tmp_path / "M1.json.2").exists()
    home.keep(msgspec.structs.replace(SIGNED, last_interval=6), home.configured(key_epoch=3))
    assert home.run("rotate", "--meter", "M1", "--owner", WALLET) == 2
    assert "that key is not here" in capsys.readouterr().err
    assert home.run("rotate", "--meter", "M9", "--owner", WALLET) == 2
    assert "no meter M9" in capsys.readouterr().err


@pytest.mark.integration
async def test_a_swap_closes_the_old_device_and_opens_the_new_one(
    tmp_path: Path, modbus: Any, profile_meter: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Totals that turn negative for years of reports are what an undocumented exchange leaves."""
    served = profile_meter("schneider-iem3155", serial="1001")
    served.import_wh, served.export_wh = 1250, 40
    modbus.behave = modbus.good = served.answer
    home = Home(tmp_path, modbus.port)

    async def run(*words: str) -> int:
        return await asyncio.to_thread(home.run, *words)

    assert await run("swap", "--meter", "M1") == 2
    assert "nothing to close" in capsys.readouterr().err
    home.keep(SIGNED, home.configured())
    assert await run("swap", "--meter", "M1") == 2
    assert "--reset" in capsys.readouterr().err
    served.set_serial("2002")
    served.import_wh, served.export_wh = 3, 0
    assert await run("swap", "--meter", "M1", "--reset") == 2
    assert "another device" in capsys.readouterr().err
    assert await run("swap", "--meter", "M1") == 0
    assert "1200 Wh" in capsys.readouterr().out
    made = read_swap(tmp_path / "M1.swap.json")
    assert (made.old_serial, made.new_serial, made.register_epoch) == ("1001", "2002", 1)
    assert (made.closing_import_wh, made.opening_import_wh, made.opening_export_wh) == (1200, 3, 0)
    assert made.public_key == bytes(load_key(home.key).verify_key).hex()
    file = tmp_path / "M1.swap.json"
    for old, new in (("1200", "1300"), ('"2002"', '"2003"'), ('"version": 1', '"version": 2')):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        with pytest.raises(SwapError):
            read_swap(file)
        file.write_text(text)


@pytest.mark.parametrize("epoch", ["-1", "65536", "one"])
def test_a_key_epoch_that_no_reading_can_name_makes_no_key(tmp_path: Path, epoch: str) -> None:
    """Two bytes carry it under the signature; the key would be proven, registered, and never sign."""
    home = Home(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit):
        home.run("enroll", "--meter", "M1", "--owner", "11" * 32, "--offline", "--key-epoch", epoch)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_configuration_is_shown_and_taken_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A site without a broker gets its meter numbers on a stick; a forged or older one it does not take."""
    home = Home(tmp_path)
    assert home.run("config") == 1
    file = tmp_path / "signed"
    file.write_bytes(home.configured(version=4))
    assert home.run("config", "--take", str(file)) == 0
    assert "M1: number 7, zone 1" in capsys.readouterr().out
    for content, why in (
        (home.configured(version=4), "4 is kept already"),
        (home.configured(version=3), "4 is kept already"),
        (home.configured(version=9)[:-1] + b"\0", "not signed"),
        (b"nonsense", "CGC1"),
    ):
        file.write_bytes(content)
        assert home.run("config", "--take", str(file)) == 2
        assert why in capsys.readouterr().err
    assert home.run("config", "--take", str(tmp_path / "none")) == 2
    assert home.run("config") == 0
    assert "version 4" in capsys.readouterr().out
