"""The agent's command: `python -m edge run --config FILE`, `python -m edge enroll ...`; parts are imported when asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.settings import EdgeSettings, MeterSettings
    from edge.spool import Spool
    from gridkit.enrolment import AgentConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; 0 when it ended as asked, 2 when it cannot begin, 1 when trying again may help (standard error says why).

    `status` ends with 4 when a meter is in trouble.
    """
    arguments = _parser().parse_args(argv)
    if arguments.command == "probe":
        return _probe(arguments)
    if arguments.command == "run":
        from edge import lean

        lean.begin()
    from edge.errors import EdgeError
    from edge.settings import PREFIX, EdgeSettings
    from gridkit import log
    from gridkit.clock import ClockError
    from gridkit.keys import KeyFileError
    from gridkit.profile import ProfileError
    from gridkit.settings import END, SettingsError, load

    try:
        settings = load(EdgeSettings, arguments.config, prefix=PREFIX, end=END)
        log.configure("edge", settings.log_level)
        if arguments.command != "run":
            return _UPKEEP[arguments.command](settings, arguments)
        from edge.installation import check_installation

        check_installation(settings, arguments.config)
        if arguments.check:
            print(f"{arguments.config}: {len(settings.meters)} meters, and nothing is wrong with it")
            return 0
        from edge.run import run

        return run(settings)
    except (SettingsError, EdgeError, ClockError, KeyFileError, ProfileError, ValueError, OSError) as error:
        print(f"campusgrid edge: {error}", file=sys.stderr)
        # systemd starts it again for 1 (a card that is full or read-only just now), and not for 2.
        return 1 if getattr(error, "can_retry", False) else 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="campusgrid edge", description="The edge agent.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="poll meters, sign and send readings")
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML with an [edge] table")
    run.add_argument("--check", action="store_true", help="look at settings, keys and files, and end")
    enrol = commands.add_parser("enroll", help="make a meter's key and its enrolment file")
    enrol.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's TOML")
    enrol.add_argument("--meter", required=True, metavar="ID", help="meter id as in the settings")
    enrol.add_argument("--owner", required=True, metavar="WALLET", help="owner's wallet, base58 or 64 hex digits")
    enrol.add_argument("--out", type=Path, metavar="FILE", help="default: <meter id>.enrolment.json beside the key")
    enrol.add_argument(
        "--key-epoch",
        type=_whole(0, 65_535),
        default=0,
        metavar="N",
        help="0 at enrolment (default), the next one for a rotation",
    )
    enrol.add_argument("--offline", action="store_true", help="do not ask the meter for its serial")
    rotate = commands.add_parser("rotate", help="make a meter's next key and its proof; the switch leaves no gap")
    _of_a_meter(rotate, "<meter id>.rotation.json")
    rotate.add_argument("--owner", required=True, metavar="WALLET", help="owner's wallet, base58 or 64 hex digits")
    swap = commands.add_parser("swap", help="close a replaced meter's registers and open the new one's")
    _of_a_meter(swap, "<meter id>.swap.json")
    swap.add_argument("--reset", action="store_true", help="the same device, with its registers set back")
    config = commands.add_parser(
        "config", help="show the signed configuration that the agent keeps, or take one from a file"
    )
    config.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's TOML")
    config.add_argument("--take", type=Path, metavar="FILE", help="signed configuration, for a site without a broker")
    status = commands.add_parser(
        "status",
        help="what is wrong with which meter, since when, why, and what to do",
        description="Ask the running agent which meter is in trouble, since when, why, and what to do.",
        epilog="Exit status: 0 all is well, 4 a meter is in trouble, 1 the agent does not answer, 2 the settings are wrong.",
    )
    status.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's TOML")
    status.add_argument("--json", action="store_true", help="print the agent's own JSON, all meters in it")
    probe = commands.add_parser("probe", help="name the family of an unknown meter and show every register")
    place = probe.add_mutually_exclusive_group(required=True)
    place.add_argument("--host", type=_host, help="Modbus TCP server or gateway")
    place.add_argument("--device", type=_device, help="serial port, like /dev/serial/by-id/...")
    probe.add_argument("--port", type=_whole(1, 65_535), default=502, help="of the host (default 502)")
    probe.add_argument(
        "--framing", choices=("tcp", "rtu"), default="tcp", help="rtu: a gateway that passes RTU frames on"
    )
    probe.add_argument("--baud", type=_baud, default=9600, help="of the device (default 9600)")
    probe.add_argument("--parity", choices=("none", "even", "odd"), default="none", help="of the device (default none)")
    probe.add_argument("--stop-bits", type=int, choices=(1, 2), default=1, help="of the device (default 1)")
    probe.add_argument("--unit", type=_whole(0, 255), default=1, help="Modbus unit id (default 1)")
    probe.add_argument("--profile", metavar="ID", help="try this family alone; docs/meters.md lists them")
    probe.add_argument(
        "--timeout", type=_timeout_s, default=1.0, metavar="SECONDS", help="for each question (default 1)"
    )
    probe.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads an argument that is a whole number in [low, high]."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is not {low} to {high}")
        return int(text)

    return read


def _baud(text: str) -> int:
    from edge.settings import BAUD_RATES

    if text not in map(str, BAUD_RATES):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(map(str, BAUD_RATES))}")
    return int(text)


def _timeout_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.05 <= seconds <= 30:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0.05 to 30")
    return seconds


def _host(text: str) -> str:
    from edge.settings import NO_HOST, is_host

    if not is_host(text):
        raise argparse.ArgumentTypeError(NO_HOST.format(text))
    return text


def _device(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("give the path of a serial port")
    return text


def _of_a_meter(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's TOML")
    parser.add_argument("--meter", required=True, metavar="ID", help="meter id as in the settings")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"default: {default} beside the key")


def _probe(arguments: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from edge.probe import NobodyAnswersError, named, probe_at, render
    from edge.settings import Endpoint, LineSettings, TcpEndpoint
    from gridkit.profile import ProfileError

    endpoint: Endpoint
    if arguments.device:
        endpoint = LineSettings("probe", arguments.device, arguments.baud, arguments.parity, arguments.stop_bits)
    else:
        endpoint = TcpEndpoint(arguments.host, arguments.port, arguments.framing)
    families = [arguments.profile] if arguments.profile else None
    try:
        matches = asyncio.run(probe_at(endpoint, arguments.unit, families, arguments.timeout))
    except (NobodyAnswersError, ProfileError) as error:
        print(f"campusgrid edge: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(
            msgspec.json.encode(
                [match._asdict() | {"lines": [x._asdict() for x in match.lines]} for match in matches]
            ).decode()
        )
    else:
        print(render(matches, str(endpoint), arguments.unit, arguments.profile or ""), end="")
    return 1 if named(matches) is None else 0


def _meter(settings: EdgeSettings, arguments: argparse.Namespace) -> MeterSettings:
    from edge.errors import EnrolError
    from gridkit.enrolment import parse_meter_id

    meter_id = parse_meter_id(arguments.meter)
    meter = next((m for m in settings.meters if m.meter_id == meter_id), None)
    if meter is None:
        known = ", ".join(m.id for m in settings.meters)
        raise EnrolError(f"no meter {arguments.meter} in the settings; there are {known}")
    return meter


def _enroll(settings: EdgeSettings, arguments: argparse.Namespace) -> int:
    from edge.enroll import enroll, parse_wallet
    from edge.keystore import KeyStore

    meter = _meter(settings, arguments)
    keys = KeyStore(settings)
    out = arguments.out or keys.beside(meter.key_file, f"{meter.id}.enrolment.json")
    enrolment = enroll(
        meter,
        keys,
        agent=settings.agent,
        network_tag=settings.network_tag_bytes,
        owner=parse_wallet(arguments.owner),
        out=out,
        key_epoch=arguments.key_epoch,
        ask_at=None if arguments.offline else settings.endpoint(meter),
        timeout_s=settings.request_timeout_s,
    )
    print(f"{out}: meter {arguments.meter}, serial {enrolment.serial or 'none'}, key {enrolment.public_key}")
    return 0


def _kept(settings: EdgeSettings) -> tuple[Spool, AgentConfig | None]:
    """Return the spool, which another process may have open too, and the configuration in it."""
    from edge.spool import Spool
    from gridkit.enrolment import verify_config

    spool = Spool(settings.home / "spool.db")
    data = spool.config()
    key = bytes.fromhex(settings.config_key)
    return spool, None if data is None else verify_config(data, key, settings.network_tag_bytes)


def _rotate(settings: EdgeSettings, arguments: argparse.Namespace) -> int:
    from edge.enroll import enroll, next_key_epoch, parse_wallet
    from edge.keystore import KeyStore

    meter = _meter(settings, arguments)
    spool, config = _kept(settings)
    spool.close()
    keys = KeyStore(settings)
    epoch = next_key_epoch(meter, keys, config)
    out = arguments.out or keys.beside(meter.key_file, f"{meter.id}.rotation.json")
    owner = parse_wallet(arguments.owner)
    made = enroll(
        meter, keys, agent=settings.agent, network_tag=settings.network_tag_bytes, owner=owner, out=out, key_epoch=epoch
    )
    print(
        f"{out}: meter {arguments.meter}, key epoch {epoch}, key {made.public_key}\nSend this file to the operator, who "
        "submits it with `campusgrid rotate FILE`; the present key signs until the interval that is named then. Keep both key files."
    )
    return 0


def _swap(settings: EdgeSettings, arguments: argparse.Namespace) -> int:
    from edge.keystore import KeyStore
    from edge.swap import swap

    meter = _meter(settings, arguments)
    spool, config = _kept(settings)
    try:
        out = arguments.out or KeyStore(settings).beside(meter.key_file, f"{meter.id}.swap.json")
        made = swap(settings, meter, spool.state(meter.meter_id), config, out, reset=arguments.reset)
    finally:
        spool.close()
    print(
        f"{out}: meter {arguments.meter}, register epoch {made.register_epoch}\n"
        f"  closes {made.old_serial or 'no serial'} at import {made.closing_import_wh} Wh, export {made.closing_export_wh} Wh\n"
        f"  opens  {made.new_serial or 'no serial'} at import {made.opening_import_wh} Wh, export {made.opening_export_wh} Wh\n"
        "Two people approve it; until then nothing of the meter is posted. Set the new serial in the settings."
    )
    return 0


def _config(settings: EdgeSettings, arguments: argparse.Namespace) -> int:
    from edge.errors import EnrolError
    from gridkit.enrolment import EnrolmentError, format_meter_id, verify_config

    spool, config = _kept(settings)
    try:
        if arguments.take is not None:
            data = arguments.take.read_bytes()
            try:
                taken = verify_config(data, bytes.fromhex(settings.config_key), settings.network_tag_bytes)
            except EnrolmentError as error:
                remedy = "ask the operator for this agent's configuration; config_key and network_tag must be his, too"
                raise EnrolError(f"{arguments.take}: {error}; {remedy}") from error
            if config is not None and taken.version <= config.version:
                raise EnrolError(f"{arguments.take} is version {taken.version}, {config.version} is kept already")
            spool.save_config(taken.version, data)
            config = taken
    finally:
        spool.close()
    if config is None:
        print("no signed configuration yet: it comes over the broker once a meter is registered, or with --take FILE")
        return 1
    print(f"version {config.version}")
    for row in config.meters:
        print(
            f"  {format_meter_id(row.meter_id)}: number {row.number}, zone {row.zone}, key epoch {row.key_epoch} "
            f"from interval {row.first_interval}, register epoch {row.register_epoch}"
        )
    return 0


def _status(settings: EdgeSettings, arguments: argparse.Namespace) -> int:
    from gridkit import agent_status

    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        print("campusgrid edge: metrics_port is 0, so nobody can ask the agent; set it, and restart", file=sys.stderr)
        return 2
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        body = agent_status.ask(host, port)
        status = agent_status.decode(body, f"{host}:{port}")
    except agent_status.AgentSilentError as error:
        print(f"campusgrid edge: {error}\n{agent_status.SILENT_REMEDY}", file=sys.stderr)
        return 1
    if arguments.json:
        print(body.decode())
    else:
        for line in agent_status.told(status):
            print(line)
        print(agent_status.summary([status]))
    return 0 if status.is_well else agent_status.EXIT_TROUBLE


_UPKEEP = {"enroll": _enroll, "rotate": _rotate, "swap": _swap, "config": _config, "status": _status}


if __name__ == "__main__":
    sys.exit(main())
