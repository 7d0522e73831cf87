#!/usr/bin/env bash
# Installs the real peers into the cache and runs the matrix: tests/interop/run.sh BUILD [run.py options…]
# A peer that cannot be had is a failure. The second run finds everything there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/env.sh
build="$1"
shift
here=tests/interop
jobs="${MYELIN_JOBS:-$(nproc)}"
mkdir -p "$MYELIN_CACHE"

fail() { echo "error: $*" >&2; exit 1; }

# step NAME FUNCTION: runs it with its output in a log, of which the end is shown if it fails. (Inside, `set -e` is off: hence the `||`.)
step() {
  local name="$1" log="$MYELIN_CACHE/interop-$1.log"
  shift
  "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "the $name peer could not be installed; the whole log is $log"; }
}

node=$(find_node)
[ -n "$node" ] || fail "no Node of 22 or newer; tools/setup.sh interop puts one into the cache"
[ -n "$MYELIN_GO" ] || fail "no Go; tools/setup.sh puts one into the cache"
cargo=$(find_cargo)
[ -n "$cargo" ] || fail "no cargo of 1.95 or newer; tools/setup.sh installs rustc-web and cargo-web"

install_js() {
  local at="$MYELIN_CACHE/interop-js" stamp
  stamp=$(cat $here/js/package.json $here/js/package-lock.json | sha256sum | cut -c1-16)-$("$node" --version)
  mkdir -p "$at"
  if [ "$(cat "$at/.stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$at/node_modules" "$at/.stamp"
    cp $here/js/package.json $here/js/package-lock.json $here/js/.npmrc "$at" || return 1
    # The npm that came with this node; a link to it does not survive in every kind of package.
    local npm
    npm="$(dirname "$(readlink -f "$node")")/../lib/node_modules/npm/bin/npm-cli.js"
    if [ -f "$npm" ]; then npm=("$node" "$npm"); else npm=(npm); fi
    (cd "$at" && PATH="$(dirname "$node"):$PATH" "${npm[@]}" ci --ignore-scripts) || return 1
    echo "$stamp" >"$at/.stamp"
  fi
  cp $here/js/*.js "$at"
}

install_go() {
  mkdir -p "$MYELIN_CACHE/interop-go"
  # An older Go fetches the toolchain that go.mod asks for.
  if ! version_at_least "$("$MYELIN_GO" env GOVERSION | tr -d go)" 1.26; then export GOTOOLCHAIN=auto; fi
  (cd $here/go && "$MYELIN_GO" build -buildvcs=false -mod=readonly -p "$jobs" -o "$MYELIN_CACHE/interop-go/peer" .)
}

install_spr() {
  (cd $here/spr && "$MYELIN_GO" build -buildvcs=false -mod=readonly -p "$jobs" -o "$MYELIN_CACHE/interop-go/spr" .)
}

install_rust() {
  (cd $here/rust && CARGO_TARGET_DIR="$MYELIN_CACHE/interop-rust" "$cargo" build --release --locked -j "$jobs")
}

echo "interop: js-libp2p, go-libp2p and rust-libp2p into $MYELIN_CACHE (minutes the first time)"
step js install_js
step go install_go
step spr install_spr
step rust install_rust

exec python3 $here/run.py --build "$build" \
  --js "$node $MYELIN_CACHE/interop-js/peer.js" --go "$MYELIN_CACHE/interop-go/peer" --rust "$MYELIN_CACHE/interop-rust/release/peer" \
  --spr "$MYELIN_CACHE/interop-go/spr" "$@"
