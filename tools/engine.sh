#!/usr/bin/env bash
# Builds the engine (engine/, Wasmtime's C API as a static library) once, into a cache outside the tree that every clone and preset shares.
#   tools/engine.sh           build if it is not there
#   tools/engine.sh --where   print the folder, built or not
# The folder's name is a hash of what it is made from; it is written under a temporary name and renamed, so a killed build leaves no half.
# cargo's own folder stays in the cache: a change of engine/src alone takes seconds, and a killed build goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../engine"
cache="${MYELIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/myelin}"
key=$(cat Cargo.toml Cargo.lock build.rs src/lib.rs | sha256sum | cut -c1-16)
where="$cache/engine-$key"
if [ "${1:-}" = "--where" ]; then echo "$where"; exit 0; fi
[ -f "$where/libmyelin_engine.a" ] && exit 0
if ! command -v cargo >/dev/null; then
  echo "error: no cargo on PATH; install rustc-web and cargo-web (tools/setup.sh does), then run this again" >&2
  exit 1
fi
mkdir -p "$cache"
exec 9>"$cache/engine.lock"
if ! flock -n 9; then
  echo "waiting for another build of the engine"
  flock 9
  [ -f "$where/libmyelin_engine.a" ] && exit 0
fi
work=$(mktemp -d "$cache/engine-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
log="$cache/engine-$key.log"
target="$cache/engine-target"
echo "building the WebAssembly engine (about five minutes, once; log: $log)"
if ! MYELIN_ENGINE_INCLUDE="$target/include" CARGO_TARGET_DIR="$target" nice cargo build --release --locked >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "error: the engine did not build; the whole log is $log" >&2
  exit 1
fi
mkdir "$work/out"
cp "$target/release/libmyelin_engine.a" "$work/out/"
cp -r "$target/include" "$work/out/include"
rm -rf "$where"
mv "$work/out" "$where"
