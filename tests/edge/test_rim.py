"""Metrics, systemd, settings, keys and enrolment of the agent."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import gc
import os
import re
import shutil
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import certifi
import pytest

import edge
from edge import lean, notify
from edge.__main__ import main
from edge.checks import Check
from edge.enroll import enroll, parse_wallet
from edge.errors import EnrolError
from edge.installation import check_installation
from edge.keystore import KeyStore
from edge.meanings import MEANINGS, head
from edge.meter import boundary_tolerance_ns, key_epoch_of
from edge.metrics import Counters, gauge, serve
from edge.settings import PREFIX, EdgeSettings, MeterSettings, TcpEndpoint, is_host
from gridkit.enrolment import ConfiguredMeter, read_enrolment, verify_proof
from gridkit.keys import KeyFileModeError, create_key
from gridkit.quality import CODES
from gridkit.settings import SettingsError, load

NS = 1_000_000_000
KEY = "ab" * 32


def test_counters_are_prometheus_text() -> None:
    """A label that is not escaped spoils the whole page for the scraper."""
    counters = Counters()
    counters.add("x_total", meter='a"b\\c\nd')
    counters.add("x_total", 2, meter="z")
    counters.add("a_total")
    assert list(counters.lines()) == [
        "# TYPE a_total counter",
        "a_total 1",
        "# TYPE x_total counter",
        'x_total{meter="a\\"b\\\\c\\nd"} 1',
        'x_total{meter="z"} 2',
    ]
    assert (counters.value("x_total"), counters.value("x_total", meter="z")) == (3, 2)
    assert gauge("g", [((), 5)]) == ["# TYPE g gauge", "g 5"]


def test_every_metric_says_what_it_means() -> None:
    """`promtool check metrics` asks for it, and so does who is called at night by a name alone."""
    named: set[str] = set()
    for path in Path(edge.__file__).parent.glob("*.py"):
        text = path.read_text()
        named |= set(re.findall(r'"campusgrid_edge_(\w+)"', text))
        if path.name == "gauges.py":
            named |= set(re.findall(r'_of_agent\("(\w+)"', text)) | set(re.findall(r"\{PREFIX\}(\w+)", text))
    assert "backlog" in named
    assert "mqtt_trouble" in named
    assert named - {""} == set(MEANINGS)
    assert head("campusgrid_edge_backlog", "gauge")[0].startswith("# HELP campusgrid_edge_backlog Readings")
    assert all(meaning.endswith(".") and "\n" not in meaning for meaning in MEANINGS.values())


@pytest.mark.integration
async def test_the_metrics_port_answers_four_things_and_survives_nonsense() -> None:
    """A port scanner must not stop the agent."""
    healthy = True
    server = await serve("127.0.0.1", 0, lambda: "m 1\n", lambda: "{}", lambda: healthy)
    port = server.sockets[0].getsockname()[1]

    async def ask(request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    assert (await ask(b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\nm 1\n")
    assert (await ask(b"GET /status HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n{}")
    assert b"200 OK" in await ask(b"GET /healthz HTTP/1.1\r\n\r\n")
    healthy = False
    assert b"503" in await ask(b"GET /healthz HTTP/1.1\r\n\r\n")
    assert b"404" in await ask(b"GET /etc/passwd HTTP/1.1\r\n\r\n")
    for nonsense in (b"", b"\x00\xff", b"x" * 20_000, b"\r\n\r\n"):
        await ask(nonsense)
    assert b"200 OK" in await ask(b"GET /metrics HTTP/1.1\r\n\r\n")
    server.close()


async def scrape(port: int, times: int) -> None:
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()


async def test_a_scrape_leaves_nothing_behind() -> None:
    """Somebody scrapes every five seconds for a year: a kilobyte each would be six gigabytes."""
    server = await serve("127.0.0.1", 0, lambda: "x" * 20_000, lambda: "{}", lambda: True)
    port = server.sockets[0].getsockname()[1]
    await scrape(port, 20)
    tracemalloc.start()
    try:
        gc.collect()
        before, tasks = tracemalloc.get_traced_memory()[0], len(asyncio.all_tasks())
        await scrape(port, 200)
        async with asyncio.timeout(60):
            # The server's end of the last one may still be closing.
            while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        server.close()
    assert grown < 200 * 100
    assert len(asyncio.all_tasks()) == tasks


class Knot:
    """Refers to itself: only the collector takes it away."""

    alive = 0

    def __init__(self) -> None:
        self.myself = self
        Knot.alive += 1

    def __del__(self) -> None:
        Knot.alive -= 1


def test_garbage_that_has_grown_old_does_not_wait_for_minutes() -> None:
    """Cycles that outlive two collections fill fresh pages until the oldest generation is looked through."""
    thresholds, most = gc.get_threshold(), 0
    held: list[Knot] = []
    try:
        lean.settle()
        for _ in range(150 * lean.GARBAGE):
            held.append(Knot())
            if len(held) > 2 * lean.GARBAGE:
                del held[: lean.GARBAGE]
            most = max(most, Knot.alive)
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
    assert most <= 12 * lean.GARBAGE


def test_systemd_hears_us_and_its_absence_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Type=notify kills a service that never says READY."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notify.notify("READY=1")
    assert notify.watchdog_period_s() is None
    path = str(tmp_path / "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notify.notify("READY=1")
        assert listener.recv(100) == b"READY=1"
    notify.notify("READY=1")
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    assert notify.watchdog_period_s() == 30


@pytest.mark.parametrize(("speed", "tolerance_s"), [(1, 10), (10, 10), (60, 60), (300, 300), (86_400, 300)])
def test_the_boundary_tolerance_is_ten_campus_seconds_or_one_wall_second(speed: int, tolerance_s: int) -> None:
    """On a fast clock ten campus seconds pass while a frame is on the wire."""
    assert boundary_tolerance_ns(speed) == tolerance_s * NS


def test_the_key_epoch_follows_the_switch_interval() -> None:
    """The chain picks the key by the interval; signing with the other one loses the reading."""
    row = ConfiguredMeter(bytes(16), 1, 1, 3, 100, 0)
    assert [key_epoch_of(row, i) for i in (99, 100, 101)] == [2, 3, 3]
    assert key_epoch_of(ConfiguredMeter(bytes(16), 1, 1, 0, 100, 0), 5) == 0


def test_keys_of_all_epochs_are_found_and_open_ones_refused(tmp_path: Path) -> None:
    """A key file that others can read is a stolen key."""
    file = tmp_path / "m.json"
    create_key(file, b"\x01" * 32)
    create_key(tmp_path / "m.json.2", b"\x02" * 32)
    (tmp_path / "m.json.bak").write_text("no key")
    assert {e: bytes(k)[:1] for e, k in store(tmp_path).keys(file).items()} == {0: b"\x01", 2: b"\x02"}
    file.chmod(0o644)
    with pytest.raises(KeyFileModeError):
        store(tmp_path).keys(file)


def test_wallets_are_read_as_solana_writes_them() -> None:
    """An owner that is one character off owns somebody else's meter."""
    assert parse_wallet("11111111111111111111111111111111") == bytes(32)
    assert parse_wallet("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA").hex().startswith("06ddf6e1d765a193")
    assert parse_wallet("0a" * 32) == b"\x0a" * 32
    for text in ("", "abc", "0OIl" * 8, "1" * 33, "zz" * 32):
        with pytest.raises(EnrolError):
            parse_wallet(text)


def meter(tmp_path: Path, **more: Any) -> MeterSettings:
    return MeterSettings("M1", "abb-b23", tmp_path / "k" / "m.json", "127.0.0.1", 1, **more)


def store(tmp_path: Path) -> KeyStore:
    path = tmp_path / "settings.toml"
    path.write_text(good_settings(tmp_path))
    return KeyStore(load(EdgeSettings, path, {}, PREFIX))


def test_enrolment_makes_one_key_and_proves_it(tmp_path: Path) -> None:
    """Enrolling again must prove the same key, not make another."""
    args: dict[str, Any] = {"agent": "e1", "network_tag": b"abcd", "owner": bytes(32)}
    first = enroll(meter(tmp_path, serial="77"), store(tmp_path), out=tmp_path / "1.json", **args)
    again = enroll(meter(tmp_path, serial="77"), store(tmp_path), out=tmp_path / "2.json", **args)
    assert first == again == read_enrolment(tmp_path / "1.json")
    assert (first.serial, first.profile, first.agent) == ("77", "abb-b23", "e1")
    assert (tmp_path / "k" / "m.json").stat().st_mode & 0o777 == 0o600
    rotated = enroll(meter(tmp_path), store(tmp_path), out=tmp_path / "3.json", key_epoch=1, **args)
    assert rotated.public_key != first.public_key
    assert (tmp_path / "k" / "m.json.1").exists()
    assert verify_proof(
        rotated.proof_bytes, b"abcd", bytes(32), rotated.meter_id_bytes, bytes.fromhex(rotated.public_key)
    )


@pytest.mark.integration
def test_enrolment_of_a_meter_that_does_not_answer_makes_no_key(tmp_path: Path) -> None:
    """A key without a meter would wait in the registry for nobody."""
    with pytest.raises(EnrolError, match="connect"):
        enroll(
            meter(tmp_path),
            store(tmp_path),
            agent="e1",
            network_tag=b"abcd",
            owner=bytes(32),
            out=tmp_path / "1.json",
            ask_at=TcpEndpoint("127.0.0.1", 1),
            timeout_s=0.3,
        )
    assert not (tmp_path / "k").exists()


def good_settings(tmp_path: Path) -> str:
    """The settings of one meter, up to the line `# end`."""
    return (
        f'[edge]\nagent = "e1"\nhome = "{tmp_path}"\nmqtt_port = 1883\nnetwork_tag = "01020304"\n'
        f'bridge_keys = ["{KEY}"]\nconfig_key = "{KEY}"\n'
        '[[edge.meters]]\nid = "M1"\nprofile = "abb-b23"\nhost = "h"\nport = 502\nkey_file = "k"\n# end\n'
    )


HALF = '[edge]\nagent = "e1"\nhome = "/ho'
SECOND = '[[edge.meters]]\nid = "M2"\nprofile = "abb-b23"\nhost = "i"\nkey_file = "l"\n'


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ('"e1"', '"a/b"', 2, "agent"),
        ("mqtt_port", "mqtt_prot", 4, "mqtt_prot"),
        ("mqtt_port = 1883", 'mqtt_port = "x"', 4, "mqtt_port"),
        ("mqtt_port = 1883", "mqtt_port = 70000", 4, "mqtt_port"),
        ('"01020304"', '"010203"', 5, "network_tag"),
        ('"01020304"', '"0102zz04"', 5, "network_tag"),
        (f'["{KEY}"]', "[]", 6, "bridge_keys"),
        (f'["{KEY}"]', '["00"]', 6, "bridge_keys"),
        ("port = 502", "port = 0", 12, "meters[0].port"),
        ("port = 502", 'port = 502\nframing = "ascii"', 13, "meters[0].framing"),
        ("port = 502", "port = 502\nunit = 300", 13, "meters[0].unit"),
        ("port = 502", 'line = "riser"', 11, "meters[0].host"),
        ('host = "h"\nport = 502', 'line = "riser"', 11, "meters[0].line"),
        ("abb-b23", "abb-b99", 10, "meters[0].profile"),
        ('id = "M1"', 'id = "a meter with a long name"', 9, "meters[0].id"),
        ('id = "M1"\n', "", 8, "meters[0].id"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nmqtt_version = 3", 5, "mqtt_version"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmqtt_cert = "c"', 1, "mqtt_ca"),
        ("mqtt_port = 1883", "mqtt_port = 1883\npoll_interval_s = 0", 5, "poll_interval_s"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nlog_level = "loud"', 5, "log_level"),
        ('key_file = "k"\n', 'key_file = "k"\n' + SECOND.replace("M2", "M1"), 15, "meters[1].id"),
        ('key_file = "k"\n', 'key_file = "k"\n' + SECOND.replace('"i"', '"h"'), 14, "meters[1].unit"),
        ('key_file = "k"\n', 'key_file = "k"\n' + SECOND.replace('"l"', '"k"'), 18, "meters[1].key_file"),
        ('key_file = "k"\n', 'key_file = "k"\n' + SECOND.replace("host", "hots"), 17, "meters[1].hots"),
        (
            'key_file = "k"\n',
            'key_file = "k"\n' + SECOND.replace('"i"', '"h"\nunit = 2\nframing = "rtu"'),
            19,
            "meters[1].framing",
        ),
        (
            'key_file = "k"\n',
            'key_file = "k"\n[[edge.lines]]\nname = "r"\ndevice = "d"\nbaud = 9\n',
            17,
            "lines[0].baud",
        ),
        ('"01020304"', '"01020304', 5, "network_tag"),
        ('"01020304"', '"01 02 03 04"', 5, "network_tag"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nclock_error_limit_ms = 65535", 5, "clock_error_limit_ms"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nclock_error_limit_ms = 0", 5, "clock_error_limit_ms"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nreceipt_timeout_s = inf", 5, "receipt_timeout_s"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nretry_s = 3601", 5, "retry_s"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nstatus_interval_s = 0.5", 5, "status_interval_s"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nwindow = 0", 5, "window"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nconfig_trial_s = 0.5", 5, "config_trial_s"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmqtt_host = ""', 5, "mqtt_host"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmetrics_host = "a b"', 5, "metrics_host"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmqtt_password_file = "p"', 1, "mqtt_user"),
        ("mqtt_port = 1883", "mqtt_port = " + "[" * 3000, None, ""),
        ("mqtt_port = 1883", "mqtt_port = " + "9" * 5000, None, ""),
        ('key_file = "k"', 'key_file = "pkcs11:"', 13, "meters[0].key_file"),
        ('key_file = "k"', 'key_file = ""', 13, "meters[0].key_file"),
        ('key_file = "k"', 'key_file = "pkcs11:M1"', 1, "pkcs11_module"),
        ("port = 502", "port = 502\nmax_power_w = 1000000001", 13, "meters[0].max_power_w"),
        ('id = "M1"', 'id = "M1', 9, "meters[0].id"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nmqtt_port = 1884", 5, "mqtt_port"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nlatitude = 91.0", 5, "latitude"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nlatitude = "north"', 5, "latitude"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nlatitude = 48.1", 5, "latitude"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nlatitude = nan", 5, "latitude"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nlatitude = 48.1\nlongitude = -180.5", 6, "longitude"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nlongitude = 11.6", 5, "longitude"),
        ("mqtt_port = 1883", "mqtt_port = 1883\nlongitude = [11]", 5, "longitude"),
        ("port = 502", "port = 502\npv = true", 13, "meters[0].pv"),
        ("port = 502", 'port = 502\npv = "roof"', 13, "meters[0].pv"),
        ("mqtt_port = 1883", "mqtt_port = 1883\npv = true", 5, "pv"),
        ("[edge]", "[edge", 1, ""),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmqtt_host = "mqtt://broker"', 5, "mqtt_host"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmqtt_host = "broker:1883"', 5, "mqtt_host"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmqtt_host = "127.0.0.300"', 5, "mqtt_host"),
        ("mqtt_port = 1883", 'mqtt_port = 1883\nmetrics_host = "::g"', 5, "metrics_host"),
        ('host = "h"', 'host = "tcp://h"', 11, "meters[0].host"),
        ('host = "h"', 'host = "192.0.2.7:502"', 11, "meters[0].host"),
        ('host = "h"\nport = 502', 'line = "r"\nport = 503', 12, "meters[0].port"),
        ('host = "h"\nport = 502', 'line = "r"\nframing = "rtu"', 12, "meters[0].framing"),
        ("# end", '[[edge.lines]]\nname = "r"\ndevice = "d"\nbaud = 9601\n# end', 17, "lines[0].baud"),
        ("[edge]", "mqtt_port = 1884\n[edge]", 1, "mqtt_port"),
        ("[edge]\n", "", 1, "agent"),
        ("[edge]", "[egde]", 1, "egde"),
        ("[edge]", "[[edge]]", 1, "edge"),
        ("# end", '[[meters]]\nid = "M2"\n# end', 14, "meters"),
        ("# end", '[[edge.meter]]\nid = "M2"\n# end', 14, "meter"),
        ("# end", "[egde]\n# end", 14, "egde"),
        ('home = "', 'home = "\\u0000', 3, "home"),
    ],
)
def test_a_setting_that_cannot_work_names_file_line_and_field(
    tmp_path: Path, old: str, new: str, line: int | None, field: str
) -> None:
    """Found out at three in the morning it costs a night of readings."""
    text = good_settings(tmp_path)
    path = tmp_path / "e.toml"
    path.write_text(text)
    assert load(EdgeSettings, path, {}, PREFIX).meters[0].meter_id == b"M1".ljust(16, b"\0")
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(SettingsError) as caught:
        load(EdgeSettings, path, {}, PREFIX)
    assert (caught.value.path, caught.value.line, caught.value.field) == (path, line, field)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "host", ["b", "b.example.", "192.0.2.7", "::1", "fe80::1%eth0", "raum_7.küche", "10-0-0-1.lan"]
)
def test_what_a_resolver_takes_is_a_host(host: str) -> None:
    """A check that refuses a good name keeps an agent off the air."""
    assert is_host(host)


def test_two_meters_have_no_key_in_common(tmp_path: Path) -> None:
    """A card that was copied for the next house: one key would vouch for two meters, and the registry takes only one."""
    path, first, second = tmp_path / "e.toml", tmp_path / "key", tmp_path / "copy"
    create_key(first)
    shutil.copy(first, second)
    more = SECOND.replace('"l"', f'"{second}"')
    path.write_text(good_settings(tmp_path).replace('"k"\n', f'"{first}"\n{more}'))
    with pytest.raises(SettingsError, match=r"e.toml:18: meters\[1\].key_file: .* holds the key of M1"):
        check_installation(load(EdgeSettings, path, {}, PREFIX), path)
    second.unlink()
    create_key(second)
    check_installation(load(EdgeSettings, path, {}, PREFIX), path)


def test_a_folder_or_secret_that_is_of_no_use_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by root in a hurry, the agent's user cannot write it; a password that was never filled in is refused by the broker alone."""
    path, key = tmp_path / "e.toml", tmp_path / "key"
    create_key(key)
    more = f'mqtt_user = "u"\nmqtt_password_file = "{tmp_path / "password"}"\nmqtt_port'
    (tmp_path / "password").write_text("\n")
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{key}"').replace("mqtt_port", more))
    with pytest.raises(SettingsError, match=r"e.toml:5: mqtt_password_file: .* is empty"):
        check_installation(load(EdgeSettings, path, {}, PREFIX), path)
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{key}"'))
    settings = load(EdgeSettings, path, {}, PREFIX)
    monkeypatch.setattr("os.access", lambda file, mode: False)
    with pytest.raises(SettingsError, match=r"e.toml:3: home: .* cannot be written"):
        check_installation(settings, path)
    key.unlink()
    os.mkfifo(key)
    with pytest.raises(SettingsError, match=r"e.toml:13: meters\[0\].key_file: .* is no file"):
        check_installation(settings, path)

    def locked(file: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "exists", locked)
    with pytest.raises(SettingsError, match=r"e.toml:13: meters\[0\].key_file: .*Permission denied"):
        check_installation(settings, path)


def test_a_half_written_file_names_its_last_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The disk was full, or the editor crashed."""
    path = tmp_path / "e.toml"
    path.write_text(HALF)
    assert main(["run", "--config", str(path)]) == 2
    assert f"{path}:3: home: " in capsys.readouterr().err


def test_a_file_cut_at_any_byte_starts_nothing_and_names_its_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut between two lines it is still TOML: the agent would run without its last meter, or ask unit 1 in place of 12."""
    monkeypatch.setattr("edge.run.run", lambda settings: 0)
    path = tmp_path / "e.toml"
    key = tmp_path / "key"
    create_key(key)
    text = good_settings(tmp_path).replace('"k"', f'"{key}"\nunit = 12\npv = false').encode()
    whole = len(text) - 1  # Its last line may lack its line end.
    for size in range(len(text) + 1):
        path.write_bytes(text[:size])
        assert main(["run", "--config", str(path)]) == (2 if size < whole else 0), text[:size]
        line = max(1, len(text[:size].decode().rstrip().splitlines()))
        assert size >= whole or f"{path}:{line}: " in capsys.readouterr().err
    path.write_bytes(text.replace(b"unit = 12\npv = false\n# end\n", b""))
    assert main(["run", "--config", str(path)]) == 2
    assert f"{path}:13: meters[0].key_file: the file stops here" in capsys.readouterr().err
    path.write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))  # As Windows' editor writes it.
    assert main(["run", "--config", str(path)]) == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ("", "meters[0].key_file"),
        ('mqtt_ca = "/nowhere.pem"\n', "mqtt_ca"),
        ('mqtt_user = "u"\nmqtt_password_file = "/nowhere"\n', "mqtt_password_file"),
        ('mqtt_user = "u"\nmqtt_password_file = "/usr/bin/env"\n', "mqtt_password_file"),
        ('mqtt_ca = "/usr"\n', "mqtt_ca"),
        (f'mqtt_ca = "{__file__}"\n', "mqtt_ca"),
        (f'mqtt_ca = "{certifi.where()}"\nmqtt_cert = "{__file__}"\nmqtt_key = "{__file__}"\n', "mqtt_cert"),
        ('clock = "/nowhere"\n', "clock"),
        (f'clock = "{__file__}"\n', "clock"),
    ],
)
def test_a_file_that_is_not_there_is_told_before_anything_begins(tmp_path: Path, more: str, field: str) -> None:
    """An agent that polls and cannot sign looks well until somebody asks for the readings."""
    path = tmp_path / "e.toml"
    key = tmp_path / "key"
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{key}"').replace("mqtt_port", more + "mqtt_port"))
    if more:
        create_key(key)
    with pytest.raises(SettingsError) as caught:
        check_installation(load(EdgeSettings, path, {}, PREFIX), path)
    assert caught.value.field == field
    assert caught.value.line is not None
    assert caught.value.remedy
    key.unlink(missing_ok=True)
    create_key(key)
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{key}"'))
    check_installation(load(EdgeSettings, path, {}, PREFIX), path)
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="mode 0644"):
        check_installation(load(EdgeSettings, path, {}, PREFIX), path)


def test_an_unknown_meter_or_profile_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The electrician sees a sentence, not a traceback."""
    path = tmp_path / "e.toml"
    path.write_text(good_settings(tmp_path))
    assert main(["enroll", "--config", str(path), "--meter", "M9", "--owner", "11" * 32]) == 2
    assert "M9" in capsys.readouterr().err
    path.write_text(good_settings(tmp_path).replace("abb-b23", "abb-b99"))
    assert main(["run", "--config", str(path)]) == 2
    assert "abb-b99" in capsys.readouterr().err


def test_a_check_looks_at_everything_and_begins_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking whether a changed file is right must not be a second agent beside the one that runs."""
    monkeypatch.setattr("edge.run.run", lambda settings: 7)
    path = tmp_path / "e.toml"
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{tmp_path / "key"}"'))
    assert main(["run", "--check", "--config", str(path)]) == 2
    assert "is not there" in capsys.readouterr().err
    create_key(tmp_path / "key")
    assert main(["run", "--check", "--config", str(path)]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert main(["run", "--config", str(path)]) == 7


def test_a_second_agent_on_the_same_home_does_not_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Started by hand beside the service it would sign another truth for the same quarter hours."""
    path = tmp_path / "e.toml"
    create_key(tmp_path / "key")
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{tmp_path / "key"}"'))
    with (tmp_path / "lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert main(["run", "--config", str(path)]) == 1
    assert "another agent runs" in capsys.readouterr().err
    assert not (tmp_path / "spool.db").exists()


def test_a_start_on_a_read_only_card_is_one_to_be_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd does not start it again after a 2: a card that is writable after the next check would have stayed without agent."""
    path = tmp_path / "e.toml"
    create_key(tmp_path / "key")
    path.write_text(good_settings(tmp_path).replace('"k"', f'"{tmp_path / "key"}"'))

    open_file = os.open

    def read_only(file: Any, *arguments: Any, **more: Any) -> int:
        if str(file).endswith("/lock"):
            raise OSError(errno.EROFS, "Read-only file system")
        return open_file(file, *arguments, **more)

    with monkeypatch.context() as card:
        card.setattr(os, "open", read_only)
        assert main(["run", "--config", str(path)]) == 1
    assert "lock: Read-only file system; free some space" in capsys.readouterr().err


@pytest.mark.integration
def test_a_taken_metrics_port_names_the_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second agent on a box is started with the first one's settings."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = good_settings(tmp_path).replace("[[edge", f"metrics_port = {taken.getsockname()[1]}\n[[edge")
        path = tmp_path / "e.toml"
        path.write_text(text)
        assert main(["run", "--config", str(path)]) == 2
    assert "metrics_port" in capsys.readouterr().err


SICK = (
    '{"version": 1, "agent": "e1", "now_ms": 60000, "meters": [{"meter_id": "M1", "state": "dead", "expected_serial": "701", '
    '"diagnosis": [{"code": "no_answer", "since_ms": 1000, "why": "it does not answer", "remedy": "Check its power."}]}]}'
)
WELL = '{"version": 1, "agent": "e1", "now_ms": 60000, "meters": [{"meter_id": "M1", "diagnosis": []}]}'


@pytest.mark.integration
async def test_edge_status_asks_the_running_agent_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which meter, since when, why, what to do; and an exit status that a script can use."""
    page = SICK
    server = await serve("127.0.0.1", 0, lambda: "", lambda: page, lambda: True)
    port = server.sockets[0].getsockname()[1]
    path = tmp_path / "e.toml"
    path.write_text(good_settings(tmp_path).replace("[[edge", f"metrics_port = {port}\n[[edge", 1))

    async def status(*more: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["status", "--config", str(path), *more])
        return code, capsys.readouterr().out

    code, out = await status()
    assert code == 4
    assert out == (
        "M1 (serial 701): no_answer, since 1970-01-01 00:00 UTC, for 59 s\n"
        "  why: it does not answer\n  do:  Check its power.\n1 meters, 1 in trouble\n"
    )
    assert await status("--json") == (4, SICK + "\n")
    page = WELL
    assert await status() == (0, "1 meters, all is well\n")
    page = "none of ours"
    assert (await status())[0] == 1
    server.close()
    await server.wait_closed()
    assert await asyncio.to_thread(main, ["status", "--config", str(path)]) == 1
    assert f"127.0.0.1:{port}" in capsys.readouterr().err
    path.write_text(good_settings(tmp_path))
    assert main(["status", "--config", str(path)]) == 2
    assert "metrics_port" in capsys.readouterr().err


def test_the_page_of_the_edge_lists_every_flag_check_and_setting_that_counts() -> None:
    """Somebody maps our flags by that table; a row that is missing is a reading taken for good."""
    page = (Path(__file__).parents[2] / "docs" / "edge.md").read_text()
    for code in CODES:
        bit = code.bit.bit_length() - 1
        assert f"| {bit} | `{code.label}` | {code.espi} | {code.ieee_2030_5} | {code.iec_61968_9} |" in page
    for check in Check:
        assert f"\n| {check.value} | " in page
