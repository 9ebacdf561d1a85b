"""Meters: what the registry on chain says about each, and whose it is."""
