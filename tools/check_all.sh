#!/usr/bin/env bash
# The tests under address and undefined-behaviour sanitizers, under the thread sanitizer, and each fuzzer for a minute
# (MYELIN_FUZZ_SECONDS). A finding fails it, at the end and by name.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()
# The quarantine is small, so that tests of constant memory measure ours and not the sanitizer's; a guest's fiber is no stack that it knows.
export ASAN_OPTIONS="detect_stack_use_after_return=0:abort_on_error=1:quarantine_size_mb=8" UBSAN_OPTIONS="print_stacktrace=1" TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
for preset in asan tsan; do
  echo "check-all: $preset"
  tools/build.sh "$preset" || { failed+=("$preset build"); continue; }
  tools/test.sh "$preset" -L 'unit|scenario' || failed+=("$preset")
done
echo "check-all: fuzzers"
if tools/build.sh fuzz fuzzers; then
  # As many at a time as there are cores: each has one for its whole minute.
  fuzz_one() {
    local name corpus work="build/fuzz/work/$1"
    name="$1"
    corpus=$(find src -type d -path "*/corpus/$name" | head -n 1)
    mkdir -p "$work"
    if "build/fuzz/bin/$name" -max_total_time="${MYELIN_FUZZ_SECONDS:-60}" -timeout=20 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$work/" "$work" ${corpus:+"$corpus"} >"$work.log" 2>&1; then
      echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work.log") runs, nothing found"
    else
      echo "$name" >>build/fuzz/work/failed
      tail -n 20 "$work.log"
    fi
  }
  export -f fuzz_one
  mkdir -p build/fuzz/work
  rm -f build/fuzz/work/failed
  (cd build/fuzz/bin && ls -d -- *_fuzz) | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one {}' || failed+=("fuzzers")
  if [ -f build/fuzz/work/failed ]; then mapfile -t -O "${#failed[@]}" failed <build/fuzz/work/failed; fi
else
  failed+=("fuzz build")
fi
if [ "${#failed[@]}" -gt 0 ]; then
  echo "check-all: failed: ${failed[*]}"
  exit 1
fi
echo "check-all: nothing found"
