#!/usr/bin/env bash
# From a fresh clone to a trained model: installs what is missing, builds the program, trains on Fashion-MNIST, draws the run.
#
#   deploy/quickstart.sh            everything
#   deploy/quickstart.sh FLAG...    the same, with flags for `downpour train`: --set=budget.epochs=1
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
  '' | --*) ;;
  *) printf 'deploy/quickstart.sh: unknown argument %s (see --help)\n' "$1" >&2 && exit 2 ;;
esac

"$repo/deploy/setup.sh" --for=build,data
stage "build downpour" run_bazel build //cli:downpour
echo
downpour="$repo/bazel-bin/cli/downpour"
runs="$scratch/quickstart"
mkdir -p "$runs"
devices=("--devices=cpu:0,cpu:1")
case " $* " in *" --devices"*) devices=() ;; esac
"$downpour" train quickstart "${devices[@]}" --json_log="$runs/run.jsonl" --log_dir="$runs/tensorboard" "$@"
"$downpour" plot "$runs/run.jsonl" -o "$runs/run.svg"
cat <<END

A picture of the run: $runs/run.svg (any browser shows it).
The program is bazel-bin/cli/downpour; \`deploy/build.sh --prefix=/usr/local\` installs it. What to try next:
  bazel-bin/cli/downpour train fashion_mnist                          a better model, in 15 epochs
  bazel-bin/cli/downpour train quickstart --set policy.sync.required=2   the replicas in step
  bazel-bin/cli/downpour job print quickstart                         all that a job's file may say
  tensorboard --logdir $runs/tensorboard                              if you have TensorBoard
  deploy/test.sh                                                      all tests
END
