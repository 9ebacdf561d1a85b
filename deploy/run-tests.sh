#!/usr/bin/env bash
# Runs the whole suite in two lanes, one for each core of a small machine: the tests of processes, which wait most of their time, and
# what mostly computes: the program suite in the main environment, in the localnet's (its newer SVM), and its units with another
# token program; then the field in stepped time. With arguments it is pytest with these arguments.
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# = 0 ] || exec .venv/bin/python -m pytest "$@"
computing() {
    local failed=0
    echo "program suite"
    nice -n 10 .venv/bin/python -m pytest tests/programs || failed=1
    echo "program suite on the localnet's SVM (solders $(.venv-localnet/bin/python -c 'import importlib.metadata as m; print(m.version("solders"))'))"
    nice -n 10 .venv-localnet/bin/python -m pytest tests/programs || failed=1
    echo "compute units with p-token in place of the SPL token program"
    CAMPUSGRID_TOKEN_PROGRAM=p_token nice -n 10 .venv/bin/python -m pytest tests/programs || failed=1
    echo "the field"
    nice -n 10 .venv/bin/python -m pytest tests/field || failed=1
    return $failed
}
failed=0
told=$(mktemp)
trap 'rm -f "$told"' EXIT
computing >"$told" 2>&1 &
.venv/bin/python -m pytest --ignore=tests/programs --ignore=tests/field || failed=1
wait $! || failed=1
cat "$told"
exit $failed
