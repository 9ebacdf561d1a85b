#!/usr/bin/env bash
# Runs the whole suite in the main environment and, beside it on the second core, the program suite again: in the localnet's
# environment (its newer SVM), then its units with another token program.
set -uo pipefail
cd "$(dirname "$0")/.."
beside() {
    local failed=0
    echo "program suite on the localnet's SVM (solders $(.venv-localnet/bin/python -c 'import importlib.metadata as m; print(m.version("solders"))'))"
    nice -n 10 .venv-localnet/bin/python -m pytest tests/programs || failed=1
    echo "compute units with p-token in place of the SPL token program"
    CAMPUSGRID_TOKEN_PROGRAM=p_token nice -n 10 .venv/bin/python -m pytest tests/programs || failed=1
    return $failed
}
failed=0
told=$(mktemp)
trap 'rm -f "$told"' EXIT
beside >"$told" 2>&1 &
.venv/bin/python -m pytest "$@" || failed=1
wait $! || failed=1
cat "$told"
exit $failed
