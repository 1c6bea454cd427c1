#!/usr/bin/env bash
# Lists the tests whose program never has a second thread: the thread sanitizer has nothing to say of them. One label a line.
#
#   deploy/single_threaded_tests.sh                 of the tree
#   deploy/single_threaded_tests.sh TARGET...       of these, as Bazel names them: //server/...
#
# They are found by what they are made of, so that no list can go stale: a source that can start a thread, or is called on
# gRPC's, says so by a name or an include, and a test that depends on such a source is not listed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1-} in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;; esac
[ $# -gt 0 ] || set -- //...

# Of gRPC, what calls back; not its slices.
grpc='grpcpp/(grpcpp|alarm|channel|completion_queue|create_channel|generic/.*|server.*|support/.*(callback|reactor).*)\.h'
includes="^#include *[<\"](thread|future|pthread\.h|prometheus/exposer\.h|$grpc)[>\"]"
names='std::(j?thread|async)\b|pthread_create *\('
cd "$repo"
sources=$(grep -rlE --include='*.cc' --include='*.h' --include='*.cu' --exclude-dir='bazel-*' "$includes|$names" . |
  sed 's|^\./||' | sort)
run_bazel query --noshow_progress "tests(set($*)) except rdeps(//..., set($(tr '\n' ' ' <<<"$sources")))"
