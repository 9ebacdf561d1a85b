#!/usr/bin/env bash
# Installs the edge agent on a Debian-like computer (Raspberry Pi OS Lite): its own user, its own Python environment, a systemd unit.
# Safe to run again: it brings the program and the unit up to date and never touches settings, keys or the spool.
#
#   sudo ./install-edge.sh [PACKAGE]     PACKAGE: what pip installs, default "campusgrid"; a wheel's path works too
#
# ROOT (default empty) is put before every path, for an image that is being built.
set -euo pipefail

package=${1:-campusgrid}
root=${ROOT:-}
home=$root/opt/campusgrid
etc=$root/etc/campusgrid
state=$root/var/lib/campusgrid
unit=$root/etc/systemd/system/campusgrid-edge.service
here=$(cd "$(dirname "$0")" && pwd)

say() { printf 'install-edge: %s\n' "$*"; }
fail() { printf 'install-edge: %s\n' "$*" >&2; exit 1; }

[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root: sudo $0"

python=""
for candidate in ${PYTHON:-} python3.12 python3.11 python3; do
    command -v "$candidate" >/dev/null || continue
    if "$candidate" -c 'import sys, venv, ensurepip; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 or 3.12 with venv is needed: apt install python3-venv"

if [ -z "$root" ]; then
    getent group campusgrid >/dev/null || groupadd --system campusgrid
    getent passwd campusgrid >/dev/null ||
        useradd --system --gid campusgrid --home-dir /var/lib/campusgrid --shell /usr/sbin/nologin campusgrid
    command -v chronyc >/dev/null || say "no chrony: without a time source no interval closes; apt install chrony"
fi

if [ ! -x "$home/bin/python" ]; then
    say "making $home"
    mkdir -p "$(dirname "$home")"
    "$python" -m venv "$home"
fi
say "installing $package"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$package"

install -d -m 0750 "$etc"
install -d -m 0700 "$state" "$state/keys"
if [ ! -e "$etc/edge.toml" ]; then
    # Written beside and moved: a power cut leaves no half file.
    cat >"$etc/.edge.toml.new" <<'TOML'
# Settings of the edge agent; docs/edge.md explains each. `campusgrid edge run` names file, line and remedy of what is wrong.
[edge]
agent = "edge-1"                    # also the CN of its certificate
home = "/var/lib/campusgrid"
mqtt_host = "broker.example"
mqtt_port = 8883
mqtt_ca = "/etc/campusgrid/ca.pem"
mqtt_cert = "/etc/campusgrid/edge-1.pem"
mqtt_key = "/etc/campusgrid/edge-1.key"
network_tag = ""                    # 8 hex digits, from the operator
bridge_keys = [""]                  # 64 hex digits each, from the operator
config_key = ""                     # 64 hex digits, from the operator
metrics_port = 9101

# [[edge.lines]]
# name = "riser-2"
# device = "/dev/serial/by-id/..."
# baud = 9600
# parity = "none"

[[edge.meters]]
id = "HOUSE-07"
profile = "eastron-sdm630"          # `campusgrid edge probe` names it
host = "192.0.2.7"                  # or line = "riser-2"
unit = 1
serial = ""                         # "" adopts what is read first
key_file = "/var/lib/campusgrid/keys/HOUSE-07.json"
max_power_w = 70000
# end
TOML
    mv "$etc/.edge.toml.new" "$etc/edge.toml"
    chmod 0640 "$etc/edge.toml"
    fresh=yes
fi
if [ -z "$root" ]; then
    chown root:campusgrid "$etc" "$etc/edge.toml"
    chown campusgrid:campusgrid "$state" "$state/keys"
fi

install -d "$(dirname "$unit")"
if ! cmp -s "$here/campusgrid-edge.service" "$unit"; then
    install -m 0644 "$here/campusgrid-edge.service" "$unit"
    say "unit installed"
    [ -n "$root" ] || systemctl daemon-reload
fi

if [ -n "${fresh:-}" ]; then
    say "now edit $etc/edge.toml, then enroll the meters (docs/edge.md), then: systemctl enable --now campusgrid-edge"
elif [ -z "$root" ] && systemctl is-active --quiet campusgrid-edge; then
    systemctl restart campusgrid-edge
    say "restarted"
fi
say "done"
