# Sourced by the other scripts and by the Makefile's recipes: where the cache is, and which tools to use.
MYELIN_CACHE="${MYELIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/myelin}"
MYELIN_VENV="$MYELIN_CACHE/venv"
export MYELIN_CACHE MYELIN_VENV
# One compiler cache for every clone: paths are taken relative to the tree, and the build folder does not matter.
CCACHE_BASEDIR="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CCACHE_NOHASHDIR=1
export CCACHE_BASEDIR CCACHE_NOHASHDIR

# version_at_least HAVE WANT: whether dotted version HAVE is WANT or newer.
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The first Go of 1.24 or newer: PATH's, else the virtual environment's. Empty if there is none.
find_go() {
  local go
  for go in "$(command -v go || true)" "$MYELIN_CACHE/go/bin/go"; do
    if [ -n "$go" ] && [ -x "$go" ] && version_at_least "$(GOTOOLCHAIN=local "$go" version 2>/dev/null | sed -n 's/.* go\([0-9.]*\).*/\1/p')" 1.24; then
      echo "$go"
      return
    fi
  done
}

# The first Node of 22 or newer, likewise.
find_node() {
  local node
  for node in "$(command -v node || true)" "$MYELIN_CACHE/node/bin/node"; do
    if [ -n "$node" ] && [ -x "$node" ] && version_at_least "$("$node" --version 2>/dev/null | tr -d v)" 22; then
      echo "$node"
      return
    fi
  done
}

find_cargo() {
  if command -v cargo >/dev/null && version_at_least "$(cargo --version | cut -d' ' -f2)" 1.95; then command -v cargo; fi
}

MYELIN_GO="$(find_go)"
export MYELIN_GO
[ -n "$MYELIN_GO" ] && MYELIN_GO_BIN="$(dirname "$MYELIN_GO")" && export MYELIN_GO_BIN
true
