#!/usr/bin/env bash
# Runs the tests of one built preset and closes with one line of counts: tools/test.sh PRESET [ctest options…]
set -uo pipefail
cd "$(dirname "$0")/.."
build="build/$1"
shift
log="$build/test.log"
ctest --test-dir "$build" --output-on-failure --timeout 900 -j "${MYELIN_TEST_JOBS:-2}" "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
total=$(sed -n 's/.*tests failed out of \([0-9]*\)$/\1/p' "$log")
failed=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed.*/\1/p' "$log")
echo "$(( ${total:-0} - ${failed:-0} )) passed, ${failed:-0} failed"
if [ "${total:-0}" = 0 ]; then
  echo "error: no test ran" >&2
  exit 1
fi
exit "$status"
