"""Trades: an index of the market's fills, rebuilt from its transactions whenever needed."""
