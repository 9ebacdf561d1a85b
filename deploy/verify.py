"""`campusgrid verify FILE --anchor A`: checks a proof offline. Nothing is asked of any server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gridkit.chain import proof
from gridkit.interval import interval_end
from gridkit.units import format_decimal, trade_value_ucredit

PROVEN, FAILED, USAGE, SIGNATURE_ONLY = 0, 1, 2, 3


def main(argv: list[str]) -> int:
    """Return 0 when the proof holds against the anchor, 1 when it does not, 3 when there was no anchor to hold it against."""
    parser = argparse.ArgumentParser(prog="campusgrid verify", description=__doc__)
    parser.add_argument("file", type=Path, help="a proof, as `campusgrid proof` writes it")
    parser.add_argument(
        "--anchor", type=Path, help="genesis hash, program ids and peaks at a slot, from another source"
    )
    words = parser.parse_args(argv)
    try:
        found = proof.decode_proof(words.file.read_bytes())
        anchor = proof.decode_anchor(words.anchor.read_bytes()) if words.anchor else None
        proven = proof.verify(found, anchor)
    except OSError as error:
        print(f"campusgrid verify: {error}", file=sys.stderr)
        return USAGE
    except proof.ProofError as error:
        print(f"NOT PROVEN: {type(error).__name__}: {error}")
        return FAILED
    if isinstance(proven, proof.ProvenReading):
        core = proven.core
        print(f"meter {core.meter_number}, interval {core.interval} (ends {interval_end(core.interval).isoformat()})")
        print(f"  import {format_decimal(core.import_wh, 3)} kWh, export {format_decimal(core.export_wh, 3)} kWh")
        print(f"  signed by device key {proven.device_key.hex()}")
        if not proven.anchored:
            print("signature only: no anchor was given, so nothing shows that the ledger holds this reading")
            return SIGNATURE_ONLY
        print(f"PROVEN: zone {proven.zone}, slot {proven.slot}, under the anchor's peaks")
        return PROVEN
    fill = proven.fill
    print(f"trade {fill.trade}: {format_decimal(fill.lots, 3)} kWh at {format_decimal(fill.tick, 2)} credit/kWh")
    print(f"  value {format_decimal(trade_value_ucredit(fill.lots, fill.tick), 6)} CREDIT, interval {fill.interval}")
    if not proven.anchored:
        print("hash chain only: no anchor was given, so nothing shows that the market holds this trade")
        return SIGNATURE_ONLY
    print("PROVEN: its interval's fills lead to the anchor's running hash")
    return PROVEN
