#!/usr/bin/env bash
# Runs the whole suite: once in the main environment, then the program suite again in the localnet's (its newer SVM),
# and its units once more with another token program.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
.venv/bin/python -m pytest "$@" || failed=1
echo "program suite on the localnet's SVM (solders $(.venv-localnet/bin/python -c 'import importlib.metadata as m; print(m.version("solders"))'))"
.venv-localnet/bin/python -m pytest tests/programs || failed=1
echo "compute units with p-token in place of the SPL token program"
CAMPUSGRID_TOKEN_PROGRAM=p_token .venv/bin/python -m pytest tests/programs || failed=1
exit $failed
