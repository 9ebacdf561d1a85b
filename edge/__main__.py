"""The agent's command: `python -m edge run --config FILE`, `python -m edge enroll ...`; parts are imported when asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.settings import EdgeSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; 0 when it ended as asked, 2 when it cannot begin (the reason is on standard error)."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "probe":
        return _probe(arguments)
    if arguments.command == "run":
        from edge import lean

        lean.begin()
    from edge.errors import EdgeError
    from edge.settings import PREFIX, EdgeSettings, check_installation
    from gridkit import log
    from gridkit.clock import ClockError
    from gridkit.keys import KeyFileError
    from gridkit.profile import ProfileError
    from gridkit.settings import SettingsError, load

    try:
        settings = load(EdgeSettings, arguments.config, prefix=PREFIX)
        log.configure("edge", settings.log_level)
        if arguments.command == "enroll":
            return _enroll(settings, arguments)
        check_installation(settings, arguments.config)
        from edge.run import run

        return run(settings)
    except (SettingsError, EdgeError, ClockError, KeyFileError, ProfileError, ValueError) as error:
        print(f"campusgrid edge: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="campusgrid edge", description="The edge agent.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="poll meters, sign and send readings")
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML with an [edge] table")
    enrol = commands.add_parser("enroll", help="make a meter's key and its enrolment file")
    enrol.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's TOML")
    enrol.add_argument("--meter", required=True, metavar="ID", help="meter id as in the settings")
    enrol.add_argument("--owner", required=True, metavar="WALLET", help="owner's wallet, base58 or 64 hex digits")
    enrol.add_argument("--out", type=Path, metavar="FILE", help="default: <meter id>.enrolment.json beside the key")
    enrol.add_argument("--key-epoch", type=int, default=0, help="0 at enrolment, the next one for a rotation")
    enrol.add_argument("--offline", action="store_true", help="do not ask the meter for its serial")
    probe = commands.add_parser("probe", help="name the family of an unknown meter and show every register")
    place = probe.add_mutually_exclusive_group(required=True)
    place.add_argument("--host", help="Modbus TCP server or gateway")
    place.add_argument("--device", help="serial port, like /dev/serial/by-id/...")
    probe.add_argument("--port", type=int, default=502)
    probe.add_argument(
        "--framing", choices=("tcp", "rtu"), default="tcp", help="rtu: a gateway that passes RTU frames on"
    )
    probe.add_argument("--baud", type=int, default=9600)
    probe.add_argument("--parity", choices=("none", "even", "odd"), default="none")
    probe.add_argument("--stop-bits", type=int, choices=(1, 2), default=1)
    probe.add_argument("--unit", type=int, default=1, help="Modbus unit id")
    probe.add_argument("--profile", help="try this family alone")
    probe.add_argument("--timeout", type=float, default=1.0, metavar="SECONDS")
    probe.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _probe(arguments: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from edge.probe import NobodyAnswersError, probe_at, render
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
        print(render(matches, str(endpoint), arguments.unit), end="")
    return 0 if matches else 1


def _enroll(settings: EdgeSettings, arguments: argparse.Namespace) -> int:
    from edge.enroll import enroll, parse_wallet
    from gridkit.enrolment import parse_meter_id

    meter_id = parse_meter_id(arguments.meter)
    meter = next((m for m in settings.meters if m.meter_id == meter_id), None)
    if meter is None:
        print(f"campusgrid edge: no meter {arguments.meter} in the settings", file=sys.stderr)
        return 2
    out = arguments.out or meter.key_file.with_name(f"{meter.id}.enrolment.json")
    enrolment = enroll(
        meter,
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


if __name__ == "__main__":
    sys.exit(main())
