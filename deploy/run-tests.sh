#!/usr/bin/env bash
# Runs the whole suite in the main environment and, beside it on the second core, the program suite again in the localnet's (its newer SVM).
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
second=$(mktemp)
trap 'kill "$beside" 2>/dev/null; rm -f "$second"' EXIT
nice -n 10 .venv-localnet/bin/python -m pytest tests/programs >"$second" 2>&1 &
beside=$!
.venv/bin/python -m pytest "$@" || failed=1
wait "$beside" || failed=1
echo "program suite on the localnet's SVM (solders $(.venv-localnet/bin/python -c 'import importlib.metadata as m; print(m.version("solders"))'))"
cat "$second"
exit $failed
