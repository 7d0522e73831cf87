#!/usr/bin/env bash
# Builds one preset: tools/build.sh PRESET [TARGET…]. The engine (minutes, once per user) builds beside the C++ that does not need it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/env.sh
preset="$1"
shift
jobs="${MYELIN_JOBS:-$(nproc)}"
build="build/$preset"
mkdir -p build
engine=$(tools/engine.sh --where)
pid=
if [ ! -f "$engine/libmyelin_engine.a" ]; then
  tools/engine.sh &
  pid=$!
fi
log="build/configure-$preset.log"
if [ ! -f "$build/build.ninja" ] && ! cmake --preset "$preset" >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  echo "error: the build could not be configured; the whole log is $log" >&2
  exit 1
fi
if [ -n "$pid" ]; then
  echo "building the layers that do not touch the engine meanwhile"
  ninja -C "$build" -j "$jobs" myelin_base myelin_io myelin_identity myelin_libp2p myelin_kernel myelin_glia myelin_node myelin_http \
    myelin_cli guests
  wait "$pid"
fi
exec ninja -C "$build" -j "$jobs" "$@"
