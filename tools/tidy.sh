#!/usr/bin/env bash
# clang-tidy over our sources with the checks of .clang-tidy, all of them errors. tools/tidy.sh [FILE…]: those only.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/env.sh
[ -f build/release/compile_commands.json ] || tools/build.sh release
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(git ls-files -co --exclude-standard 'src/*.cpp' | grep -v _fuzz.cpp); fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy-19 --quiet -p build/release
echo "tidy: ${#files[@]} files, no problems"
