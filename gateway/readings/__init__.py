"""Readings: what the bridge stored for each meter and interval, how far the ledger has taken it, and its proof."""
