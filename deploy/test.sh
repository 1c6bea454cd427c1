#!/usr/bin/env bash
# Installs what is missing, builds everything, runs the tests, says how long it took; the last line is
# `N passed, N failed, N skipped`.
#
#   deploy/test.sh            all tests
#   deploy/test.sh --quick    the short ones
#   deploy/test.sh --full     all tests; again under the sanitizers (the thread sanitizer: what has threads); half a minute
#                             of search in each fuzz target; the clang, CUDA-less and portable builds (what CI runs)
#   deploy/test.sh TARGET...  only these, as Bazel names them: //server/...
#
# Exit status: 0 when nothing failed. A test case that was skipped is counted and its reason printed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

programs=(//cli:downpour //server:downpour_server //worker:downpour_worker)
mode=all
targets=()
for argument in "$@"; do
  case $argument in
    --quick) mode=quick ;;
    --full) mode=full ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    //*) targets+=("$argument") ;;
    *) printf 'deploy/test.sh: unknown argument %s (see --help)\n' "$argument" >&2 && exit 2 ;;
  esac
done
[ ${#targets[@]} -gt 0 ] || targets=(//...)

events=$(mktemp -d "$own/test-events.XXXXXX")
trap 'rm -rf "$events"' EXIT
runs=()

# run_tests NAME FLAG...: one Bazel test run; what happened is read from its event file in the end.
run_tests() {
  local name=$1
  shift
  runs+=("$name=$events/$name.json")
  stage "test: $name" run_bazel test --keep_going --build_event_json_file="$events/$name.json" "$@" -- "${targets[@]}" || true
}

# run_build NAME FLAG...: a build that only has to succeed.
run_build() {
  local name=$1
  shift
  runs+=("build-$name=$events/build-$name.json")
  stage "build: $name" run_bazel build --keep_going --build_event_json_file="$events/build-$name.json" "$@" || true
}

# run_tsan: of the tests only those with something to race; all of them where there is no list.
run_tsan() {
  local label targets=("${targets[@]}")
  for label in $("$repo/deploy/single_threaded_tests.sh" "${targets[@]}" 2>/dev/null); do
    targets+=("-$label")
  done
  run_tests tsan --config=tsan --build_tests_only
}

"$repo/deploy/setup.sh" || {
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

case $mode in
  quick) run_tests quick --build_tests_only --test_tag_filters=-slow ;;
  all) run_tests all ;;
  full)
    run_tests all
    run_tests asan --config=asan --build_tests_only
    run_tsan
    run_tests fuzz --config=fuzz
    # Clang is here for what it says of the sources, and a program that no test runs need not be linked.
    run_build clang --config=clang --output_groups=compilation_outputs -- //...
    run_build nocuda-objects --config=nocuda --output_groups=compilation_outputs -- //...
    run_build nocuda --config=nocuda -- "${programs[@]}"
    run_build portable --config=portable -- "${programs[@]}"
    ;;
esac
printf '%-34s%5d s\n' "in all" "$SECONDS"
/usr/bin/env python3 "$repo/deploy/test_summary.py" "${runs[@]}"
