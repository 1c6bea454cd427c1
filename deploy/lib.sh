# shellcheck shell=bash
# What the scripts in deploy/ share: where the tree is, one line per stage with its time, and Bazel with a place to work.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# A folder for logs and, where the home folder cannot be written, for Bazel.
scratch_dir() {
  local dir="${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/downpour"
  if ! mkdir -p "$dir" 2>/dev/null || ! [ -w "$dir" ]; then
    dir="${TMPDIR:-/tmp}/downpour-$(id -u)"
    mkdir -p "$dir"
  fi
  printf '%s\n' "$dir"
}
scratch=$(scratch_dir)

# Bazel in this tree. Its own default place is kept where that works, so that a plain `bazel build` shares the results.
run_bazel() {
  local startup=()
  case "$scratch" in
    "${TMPDIR:-/tmp}"/downpour-*) startup=("--output_user_root=$scratch/bazel") ;;
  esac
  (cd "$repo" && bazel "${startup[@]}" "$@")
}

# What a stage's log says last, for the live line of a terminal.
last_line() { tail -c 2000 "$1" | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^ *$' | tail -n 1 | cut -c1-60; }

# stage NAME COMMAND...: runs it with its output in a log, prints one line with the time (on a terminal, a live one); a
# failure shows the log's end.
stage() {
  local name=$1 log started=$SECONDS status=0 job
  shift
  log="$scratch/${name//[^a-zA-Z0-9]/-}.log"
  printf '%-34s' "$name ..."
  if [ -t 1 ]; then
    "$@" >"$log" 2>&1 </dev/null &
    job=$!
    while kill -0 "$job" 2>/dev/null; do
      printf '\r\033[K%-34s%5d s  %s' "$name ..." $((SECONDS - started)) "$(last_line "$log")"
      sleep 0.5
    done
    wait "$job" || status=$?
    printf '\r\033[K%-34s' "$name ..."
  else
    "$@" >"$log" 2>&1 </dev/null || status=$?
  fi
  if [ "$status" = 0 ]; then
    printf '%5d s\n' $((SECONDS - started))
  else
    printf '%5d s  failed\n' $((SECONDS - started))
    tail -n 60 "$log" | sed 's/^/    /' >&2
    printf '    (all of it: %s)\n' "$log" >&2
  fi
  return "$status"
}
