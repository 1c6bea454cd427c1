#!/usr/bin/env bash
# Builds Downpour's programs and, with a prefix, installs them.
#
#   deploy/build.sh                       builds into bazel-bin/
#   deploy/build.sh --prefix=/usr/local   and copies the programs to /usr/local/bin
#   deploy/build.sh --portable            for any x86-64-v2 machine with the same libraries (adds --config=portable)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prefix=
config=()
for argument in "$@"; do
  case $argument in
    --prefix=?*) prefix=${argument#--prefix=} ;;
    --portable) config=(--config=portable) ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) printf 'deploy/build.sh: unknown argument %s (see --help)\n' "$argument" >&2 && exit 2 ;;
  esac
done

programs=(//cli:downpour //server:downpour_server //worker:downpour_worker)
"$repo/deploy/setup.sh" --for=build
stage "build the programs" run_bazel build "${config[@]}" "${programs[@]}"
[ -n "$prefix" ] || exit 0
mkdir -p "$prefix/bin" || die "Cannot write to $prefix: run as a user who may, or choose another --prefix"
for program in "${programs[@]}"; do
  path=${program#//}
  install -m 755 "$repo/bazel-bin/${path/://}" "$prefix/bin/" || die "Cannot write to $prefix/bin"
  echo "installed $prefix/bin/${path##*:}"
done
