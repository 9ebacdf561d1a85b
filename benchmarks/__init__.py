"""Whole-run measurements behind the figures in README.md and docs/figures.md: `python -m benchmarks`."""
