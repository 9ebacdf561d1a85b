#!/usr/bin/env bash
# campusgrid contact setup-poa, from any folder; further words are passed on.
set -euo pipefail
exec "$(dirname "$(readlink -f "$0")")/../../.venv/bin/campusgrid" contact setup-poa "$@"
