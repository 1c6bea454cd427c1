"""`downpour bench step` and another system's training step in turns, on the same cores: the frame of torch_step.py and
tf_step.py.

Each round runs downpour and then each variant of the other system, so that a ratio compares two runs that met the same
weather; what is printed are medians over the rounds. The other system has as many threads as downpour has lanes, and the
same number of examples in a step as downpour has in all its lanes together.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def serve(open_step, model, variant, batch, threads):
    """The other end of Peer: measures for as many seconds as each line on standard input says."""
    system, step = open_step(model, variant, batch, threads)
    for _ in range(3):
        step()
    print(json.dumps({"system": system}), flush=True)
    for line in sys.stdin:
        seconds = float(line)
        begin = time.perf_counter()
        steps = 0
        while True:
            step()
            steps += 1
            took = time.perf_counter() - begin
            if took >= seconds:
                break
        print(json.dumps({"images_per_second": batch * steps / took}), flush=True)


class Peer:
    """The other system in a process of its own, which sleeps while others are measured."""

    def __init__(self, model, variant, batch, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONDONTWRITEBYTECODE="1")
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(sys.argv[0]), f"--serve={model},{variant},{batch},{threads}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.system = self.answer()["system"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{sys.argv[0]}: the other system's process has ended; its error is above")
        return json.loads(line)

    def measure(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer()["images_per_second"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure_downpour(options, model, batch, dtype):
    command = [options.downpour, "bench", "step", f"--models={model}", f"--batches={batch}", f"--lanes={options.lanes}",
               f"--dtype={dtype}", "--rounds=3", "--json"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{sys.argv[0]}: {' '.join(command)} failed")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return next((line["case"], line["value"]) for line in lines if line["metric"] == "throughput")


def compare(options, model, batch):
    """A line in the language of `downpour bench --json` for each variant and each of our types."""
    peers = {variant: Peer(model, variant, batch * options.lanes, options.lanes) for variant in options.variants}
    ours = {dtype: [] for dtype in options.dtypes}
    theirs = {variant: [] for variant in options.variants}
    cases = {}
    for _ in range(options.rounds):
        for dtype in options.dtypes:
            cases[dtype], value = measure_downpour(options, model, batch, dtype)
            ours[dtype].append(value)
        for variant, peer in peers.items():
            theirs[variant].append(peer.measure(options.seconds))
    for peer in peers.values():
        peer.close()
    return [{
        "bench": "peers", "case": cases[dtype], "metric": "throughput", "value": statistics.median(ours[dtype]),
        "unit": "images/s", "reference": f"{peers[variant].system}/{variant}",
        "reference_value": statistics.median(theirs[variant]),
        "ratio": statistics.median(a / b for a, b in zip(ours[dtype], theirs[variant])), "rounds": options.rounds,
    } for dtype in options.dtypes for variant in options.variants]


def listed(text):
    return text.split(",")


def parse_arguments(title, models, variants):
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--models", type=listed, default=list(models), help=f"default: {','.join(models)}")
    parser.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[128],
                        help="examples of a step, for each lane; default 128")
    parser.add_argument("--lanes", type=int, default=1, help="of ours, and threads of the other system")
    parser.add_argument("--variants", type=listed, default=list(variants),
                        help=f"of the other system; default: {','.join(variants)}")
    parser.add_argument("--dtypes", type=listed, default=["float32"], help="of ours: float32, bfloat16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each variant in a round")
    parser.add_argument("--downpour", default="bazel-bin/cli/downpour", help="the program")
    parser.add_argument("--json", action="store_true", help="one object a line, as downpour bench --json has")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.variants) - set(variants)
    if unknown:
        parser.error(f"there is no variant {', '.join(sorted(unknown))}; there are {', '.join(variants)}")
    return options


def run(title, models, variants, open_step):
    """`open_step` (model, variant, batch, threads) gives (system with its version, a function that does one step)."""
    options = parse_arguments(title, models, variants)
    if options.serve:
        model, variant, batch, threads = options.serve.split(",")
        return serve(open_step, model, variant, int(batch), int(threads))
    if not options.json:
        print(f"{'case':40} {'images/s':>9} {'of':30} {'images/s':>9} {'ratio':>6}")
    for model in options.models:
        for batch in options.batches:
            for line in compare(options, model, batch):
                print(json.dumps(line) if options.json else
                      f"{line['case']:40} {line['value']:9.0f} {line['reference']:30} {line['reference_value']:9.0f} "
                      f"{line['ratio']:6.2f}", flush=True)
