#!/usr/bin/env bash
# Builds Agave's validator, then the `solana` and `spl-token` commands, once, with cargo, into a cache folder under the user's home.
# Says what it installs; safe to run twice: what is there is not built again, and a build that broke off goes on where it stopped.
# The validator is needed by `make test-validator` and `make bench`, the commands by the tests that drive a chain with them.
set -euo pipefail

AGAVE=4.0.0
SPL_TOKEN=5.6.1 # the one of Agave 4.0; later ones are of 4.3 and want a newer Rust
cache=${CAMPUSGRID_VALIDATOR:-${XDG_CACHE_HOME:-$HOME/.cache}/campusgrid/agave-$AGAVE}
packages="clang libclang-dev cmake protobuf-compiler libudev-dev pkg-config libssl-dev"

say() { printf 'validator: %s\n' "$*"; }
fail() { printf 'validator: %s\n' "$*" >&2; exit 1; }

prepare() { # cargo, and what bindgen, prost and openssl-sys want of the system
    command -v cargo >/dev/null || fail "cargo is missing; install Rust 1.89 or later, then run this again"
    if command -v dpkg >/dev/null; then
        missing=$(for one in $packages; do dpkg -s "$one" >/dev/null 2>&1 || echo "$one"; done | xargs)
        if [ -n "$missing" ]; then
            [ "$(id -u)" = 0 ] || fail "Debian packages are missing; as root: apt-get install $missing"
            say "installing $missing (apt)"
            DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null
            # shellcheck disable=SC2086
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
        fi
    fi
    if [ -z "${LIBCLANG_PATH:-}" ]; then
        found=$(find /usr/lib/llvm-*/lib -maxdepth 1 -name 'libclang*.so*' 2>/dev/null | sort -V | tail -1)
        [ -z "$found" ] || LIBCLANG_PATH=$(dirname "$found")
    fi
    export LIBCLANG_PATH OPENSSL_NO_VENDOR=1 CARGO_TARGET_DIR=$cache/target CARGO_PROFILE_RELEASE_DEBUG=0
}

build() { # build BINARY CRATE VERSION
    [ ! -x "$cache/bin/$1" ] || { say "$1 is there"; return 0; }
    say "building $2 $3 with cargo; its output goes to $cache/$2.log"
    cargo install "$2@$3" --locked --root "$cache" >"$cache/$2.log" 2>&1 || { tail -5 "$cache/$2.log" >&2; return 1; }
    say "$("$cache/bin/$1" --version)"
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
[ -x "$cache/bin/solana-test-validator" ] && [ -x "$cache/bin/solana" ] && [ -x "$cache/bin/spl-token" ] || prepare
build solana-test-validator agave-validator $AGAVE || fail "the validator does not build here"
build solana solana-cli $AGAVE || say "without the solana command; the tests that want it will say so"
build spl-token spl-token-cli $SPL_TOKEN || say "without the spl-token command; the tests that want it will say so"
rm -rf "$cache/target"
say "ready in $cache/bin"
