#!/usr/bin/env bash
# The program as people and scripts meet it: its output and exit status.
set -uo pipefail
program=cli/downpour
failures=0

# expect STATUS PATTERN ARGUMENT...: the exit status, and what its output must contain.
expect() {
  local want=$1 pattern=$2 output status=0
  shift 2
  output=$("$program" "$@" 2>&1) || status=$?
  if [ "$status" != "$want" ] || ! grep -q -- "$pattern" <<<"$output"; then
    printf 'downpour %s: status %s (want %s), output should contain "%s":\n%s\n' "$*" "$status" "$want" "$pattern" "$output"
    failures=$((failures + 1))
  fi
}

expect 0 '^downpour ' version
expect 0 '"downpour":"' version --json
expect 0 'version' --help
expect 0 '--json' version --help
expect 2 'subcommand is required'
expect 2 'wrongcommand' wrongcommand
expect 2 '--wrongflag' version --wrongflag
expect 0 '"case": *"update/adam/1000".*"ratio"' bench store --elements=1000 --rounds=1 --json
expect 0 'update/sgd/1000' bench store --elements=1000 --rounds=1
expect 2 'elements' bench store --elements=0
expect 0 '"case": *"lenet5/float32/batch2/lanes1".*"multiply_add_peak"' bench step --models=lenet5 --batches=2 --lanes=1 --quick --json
expect 0 'lenet5/bfloat16/batch2/lanes2' bench step --models=lenet5 --batches=2 --lanes=1,2 --dtype=bfloat16 --quick
expect 0 '/c3.*/backward' bench step --models=lenet5 --batches=2 --lanes=1 --quick --no_fuse --layers
expect 0 'conv1' model summary cifar10
expect 2 'nor a shipped model.*lenet5' bench step --models=lenet6 --quick
expect 2 'dtype' bench step --models=lenet5 --dtype=int8
expect 2 'lanes' bench step --lanes=0
expect 0 '"case": *"push/raw_tcp/8KiB/2".*"ratio"' bench transport --sizes=8KiB --clients=2 --carriers=raw_tcp --rounds=1 --turn_seconds=0.01 --json
expect 0 'pull/raw_tcp/1000B/1' bench transport --sizes=4KiB,1000 --clients=1 --carriers=raw_tcp --rounds=1 --turn_seconds=0.01
expect 2 '4MB' bench transport --sizes=4MB
expect 2 'there is no carrier "pigeon"' bench transport --carriers=pigeon
expect 2 'subcommand is required' bench
model=$(mktemp)
trap 'rm -f "$model"' EXIT
printf 'input { name: "x" shape: [4] }\nlayer { name: "d" input: "x" dense { units: 3 } }\n' >"$model"
expect 0 '^d  *dense  *\[3\]  *15 ' model summary "$model"
expect 0 '"parameters":15' model summary "$model" --json
expect 2 'batch' model summary "$model" --batch=0
expect 2 'MODEL is required' model summary
expect 2 '/nowhere' model summary /nowhere
expect 2 '/tmp' model summary /tmp
printf 'input { name: "x" shape: [4] }\nlayer { name: "d" input: "x" densee { units: 3 } }\n' >"$model"
expect 2 "$model:2:.*densee" model summary "$model"
printf 'input { name: "x" shape: [4, 4, 1] }\nlayer { name: "d" input: "x" dense { units: 3 } }\n' >"$model"
expect 2 "$model:2:1: layer\\[0\\]: layer d (dense): input x of shape \[4, 4, 1\]" model summary "$model"
expect 2 '/dev/zero' model summary /dev/zero

cat >"$TEST_TMPDIR/job.textproto" <<'EOT'
model {
  input { name: "images" shape: [4, 4, 1] }
  input { name: "labels" dtype: INT32 }
  layer { name: "flat" input: "images" flatten {} }
  layer { name: "logits" dense { units: 10 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data { synthetic_images { height: 4 width: 4 } }
budget { epochs: 2 }
EOT
job=$TEST_TMPDIR/job.textproto
expect 0 'is all right: 3 layers, 170 parameters' job check "$job"
expect 0 'train_examples: 60000' job print "$job"
expect 0 'batch: 7' job print "$job" --set batch=7 --set seed=3
expect 2 '--set: optimizer.sgd.learning_rate is -1' job check "$job" --set optimizer.sgd.learning_rate=-1
expect 2 '--set: policy.sync.required is 0' job check "$job" --set policy.sync.required=0
expect 2 'async or bounded_staleness' job check "$job" --set 'optimizer.delay_compensation={lambda: 0.1}' --set 'policy.sync={}'
expect 2 'sgd { learning_rate: 1 }' job check "$job" --set 'policy.elastic_averaging={}'
expect 2 "no field 'rate' in optimizer.sgd" job check "$job" --set optimizer.sgd.rate=1
expect 2 'nowhere.textproto' job check nowhere.textproto
expect 2 'JOB is required' job check
expect 2 'subcommand is required' job

run=$TEST_TMPDIR/run.jsonl
picture=$TEST_TMPDIR/run.svg
printf '{"event":"start","job":"tiny"}\n{"event":"step","step":1,"seconds":0.5,"loss":2.3,"accuracy":0.1}\n' >"$run"
printf '{"event":"eval","step":1,"seconds":1,"split":"test","loss":2.2,"accuracy":0.25}\n{"event":"ste' >>"$run"
expect 0 '' plot "$run" -o "$picture"
if ! grep -q '>tiny</text>' "$picture" || ! grep -q '25.00 %' "$picture"; then
  echo "no picture of $run"
  failures=$((failures + 1))
fi
expect 0 'one &amp; two' plot "$TEST_TMPDIR" "$run" -o /dev/stdout --title='both' --label='one & two' --label=three
expect 2 'there are 1 --label for 2 runs' plot "$run" "$run" -o "$picture" --label=one
expect 2 'cannot read nowhere.jsonl: No such file' plot nowhere.jsonl -o "$picture"
expect 2 'has no run.jsonl' plot /proc -o "$picture"
expect 2 'take the place of the log' plot "$run" -o "$run"
expect 2 'pictures are written as SVG' plot "$run" -o run.png
expect 2 'cannot write /nowhere/run.svg' plot "$run" -o /nowhere/run.svg
expect 1 'No space left' plot "$run" -o /dev/full
printf 'not JSON\n' >"$run"
expect 2 'run.jsonl:1: not JSON: not JSON' plot "$run" -o "$picture"
printf '' >"$run"
expect 2 'nothing to draw' plot "$run" -o "$picture"
expect 2 '-o.*required\|--output.*required' plot "$run"

expect 1 'cannot fetch http://127.0.0.1:1/train-images-idx3-ubyte.gz: .*connect' data fetch mnist --data_dir="$TEST_TMPDIR/data" --mirror=http://127.0.0.1:1
expect 1 'other means and put it into' data fetch mnist --data_dir="$TEST_TMPDIR/data" --mirror=http://127.0.0.1:1
expect 2 'there are fashion-mnist, mnist, cifar10, cifar100' data fetch imagenet
expect 1 'cannot make the folder /proc/nowhere' data fetch mnist --data_dir=/proc/nowhere
expect 2 'name a folder' data fetch mnist
expect 2 'subcommand is required' data

"$program" version >/dev/full 2>/dev/null && echo "a full disk must not pass for success" && failures=$((failures + 1))
exit "$failures"
