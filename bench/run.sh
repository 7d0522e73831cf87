#!/usr/bin/env bash
# Gets the peers (into the cache; quick when they are there) and runs the rows: bench/run.sh BUILD [ROW]
# Without a row all of them, within 45 minutes. A peer that cannot be had is said, and its rows fail.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/env.sh
build="$1"
row="${2:-}"
mkdir -p "$MYELIN_CACHE/bench"

# step NAME FUNCTION: runs it with its output in a log, of which the end is shown if it fails.
step() {
  local name="$1" log="$MYELIN_CACHE/bench/$1.log"
  shift
  "$@" >"$log" 2>&1 || { tail -n 15 "$log" >&2; echo "warning: the peer $name could not be had; its rows fail (log: $log)" >&2; }
}

build_erlang() { erlc -o "$MYELIN_CACHE/bench" bench/erlang/bench.erl; }

build_go() {
  if ! version_at_least "$("$MYELIN_GO" env GOVERSION | tr -d go)" 1.26; then export GOTOOLCHAIN=auto; fi
  (cd bench/go && "$MYELIN_GO" build -buildvcs=false -mod=readonly -o "$MYELIN_CACHE/bench/go-stream" .)
}

build_go_glia() {
  if ! version_at_least "$("$MYELIN_GO" env GOVERSION | tr -d go)" 1.26; then export GOTOOLCHAIN=auto; fi
  (cd bench/go-glia && "$MYELIN_GO" build -buildvcs=false -mod=readonly -o "$MYELIN_CACHE/bench/go-glia" .)
}

build_go_spr() {
  (cd bench/go-spr && "$MYELIN_GO" build -buildvcs=false -mod=readonly -o "$MYELIN_CACHE/bench/go-spr" .)
}

build_rust() {
  local cargo
  cargo=$(find_cargo)
  [ -n "$cargo" ] || { echo "no cargo of 1.95 or newer; tools/setup.sh installs rustc-web and cargo-web"; return 1; }
  (cd bench/rust && CARGO_TARGET_DIR="$MYELIN_CACHE/bench/rust" "$cargo" build --release --locked) || return 1
  cp "$MYELIN_CACHE/bench/rust/release/rust-stream" "$MYELIN_CACHE/bench"
}

install_workerd() {
  local at="$MYELIN_CACHE/bench/workerd" stamp
  stamp=$(sha256sum <bench/workerd/package-lock.json | cut -c1-16)
  mkdir -p "$at"
  if [ "$(cat "$at/.stamp" 2>/dev/null)" != "$stamp" ]; then
    cp bench/workerd/package.json bench/workerd/package-lock.json "$at" || return 1
    local node npm
    node=$(find_node)
    [ -n "$node" ] || { echo "no Node of 22 or newer, whose npm installs it"; return 1; }
    npm="$(dirname "$(readlink -f "$node")")/../lib/node_modules/npm/bin/npm-cli.js"
    if [ -f "$npm" ]; then npm=("$node" "$npm"); else npm=(npm); fi
    (cd "$at" && PATH="$(dirname "$node"):$PATH" "${npm[@]}" ci --ignore-scripts) || return 1
    echo "$stamp" >"$at/.stamp"
  fi
  cp bench/workerd/config.capnp bench/workerd/worker.js "$at"
}

# Quick checks say no fast; nothing is installed for a row that does not ask for it.
wants() { [ -z "$row" ] || [[ "$row" == $1 ]]; }
for claim in request request-cross ring many-to-one spawn; do
  if wants "$claim"; then step erlang build_erlang; break; fi
done
if wants 'libp2p-*'; then step go build_go; step rust build_rust; fi
for claim in glia-calls glia-forward glia-echo; do
  if wants "$claim"; then step go-glia build_go_glia; break; fi
done
for claim in spr-oneway spr-oneway-1k spr-window64 spr-rtt spr-burst; do
  if wants "$claim"; then step go-spr build_go_spr; break; fi
done
if wants http-workerd; then step workerd install_workerd; fi

exec python3 bench/run.py --build "$build" ${row:+--row "$row"}
