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

# What is kept there for this tree alone: two clones may be at work side by side.
own=$scratch/$(cksum <<<"$repo" | cut -d' ' -f1)
mkdir -p "$own"

# The folder to call Bazel in. Bazel 4.2 refuses a path with a space, so such a tree is given a folder of links elsewhere,
# made anew each time; the other way round, its bazel-bin is linked into the tree.
bazel_tree() {
  case "$repo" in *[[:space:]]*) ;; *) printf '%s\n' "$repo" && return ;; esac
  local tree entry
  tree="$own/tree"
  case "$tree" in *[[:space:]]*) tree="/tmp/downpour-$(id -u)/${own##*/}/tree" ;; esac
  mkdir -p "$tree"
  find "$tree" -mindepth 1 -maxdepth 1 -type l ! -name 'bazel-*' -delete
  for entry in "$repo"/* "$repo"/.bazelrc "$repo"/.bazelignore; do
    case "${entry##*/}" in bazel-*) ;; *) [ ! -e "$entry" ] || ln -s "$entry" "$tree/" ;; esac
  done
  for entry in bin out testlogs; do
    ln -sfn "$tree/bazel-$entry" "$repo/bazel-$entry"
  done
  printf '%s\n' "$tree"
}

# Bazel in this tree. Its own default place is kept where that works, so that a plain `bazel build` shares the results.
run_bazel() {
  local startup=() tree
  case "$scratch" in
    "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}"/*) ;;
    *) startup=("--output_user_root=$scratch/bazel") ;;
  esac
  tree=$(bazel_tree)
  # A shell's background job ignores Ctrl-C, and a stage on a terminal is one; Bazel shall hear it and stop building.
  (cd "$tree" && exec env --default-signal=INT bazel "${startup[@]}" "$@")
}

# What a stage's log says last, for the live line of a terminal.
last_line() { tail -c 2000 "$1" | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^ *$' | tail -n 1 | cut -c1-60; }

# stage NAME COMMAND...: runs it with its output in a log, prints one line with the time (on a terminal, a live one); a
# failure shows the log's end.
stage() {
  local name=$1 log started=$SECONDS status=0 job
  shift
  log="$own/${name//[^a-zA-Z0-9]/-}.log"
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
