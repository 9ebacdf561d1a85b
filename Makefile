# campusgrid: what one types. `make help` reads the comments below.
SHELL := /bin/bash
PY := .venv/bin/python
.DEFAULT_GOAL := help

.PHONY: help setup run test check bench programs units interfaces soak prove validator test-clients test-validator clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv and .venv-localnet, install pinned packages, find or install a broker
	@deploy/setup.sh

run: setup ## set up, then start everything: broker, localnet, 8 meters, 2 edge agents, bridge, gateway
	@.venv/bin/campusgrid up

test: setup ## set up, then pass every test (no Rust needed)
	@deploy/run-tests.sh

check: setup ## lint, types and import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup ## every figure of README and docs, measured again (whole runs, some minutes)
	$(PY) -m benchmarks

soak: setup ## the long tests: memory over hours of work, starts of large chains
	$(PY) -m pytest -m soak --timeout 2400 --durations 10

prove: setup ## every property, kill and fault test at its full length; the last line is the verdict
	@$(PY) tests/prove.py

programs: setup ## rebuild the five programs from source (Debian: rustc-web rust-web-src cargo-web llvm-22)
	$(PY) -m programs.tools.build

units: setup ## measure and record compute units of every instruction: solders 0.26, 0.29, and with p-token
	CAMPUSGRID_RECORD_UNITS=1 $(PY) -m pytest tests/programs
	CAMPUSGRID_RECORD_UNITS=1 .venv-localnet/bin/python -m pytest tests/programs
	CAMPUSGRID_RECORD_UNITS=1 CAMPUSGRID_TOKEN_PROGRAM=p_token $(PY) -m pytest tests/programs
	$(PY) programs/tools/generate.py
	$(PY) -m benchmarks --write-docs

test-clients: setup ## the same path through all seven clients: anchorpy, solana-py, three Anchor TS, web3.js, kit
	CAMPUSGRID_CLIENTS=all $(PY) -m pytest tests/clients

validator: ## build Agave's validator and the solana command once, into the user's cache folder (cargo, an hour on two cores)
	@deploy/validator/build.sh

test-validator: setup ## the same path on a real validator and on the localnet, side by side; writes docs/validator-run.json
	@$(PY) tests/clients/validator_run.py

interfaces: setup ## regenerate Rust glue, both IDL forms and docs/programs from programs/*/interface.toml
	$(PY) programs/tools/generate.py

clean: ## remove environments, caches and the local home folder
	rm -rf .venv .venv-localnet .venv-broker .venv-rival var .pytest_cache .mypy_cache .ruff_cache
