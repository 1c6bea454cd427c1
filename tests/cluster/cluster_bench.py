#!/usr/bin/env python3
"""A cluster's figures on this machine, each beside what it is measured against in the same rounds.

    bazel build //cli:downpour //server:downpour_server //worker:downpour_worker
    tests/cluster/cluster_bench.py --bin=bazel-bin [--rounds=7] [--python=/tmp/torch/bin/python] [--json]

  rate    two workers and two servers as processes, on two cores, against `downpour train` on the same cores (asked: 0.9
          of it), and, with a --python that has PyTorch, against its DistributedDataParallel over gloo with two processes
          (asked: 3.3 times it); on the reference network
  join    from a worker's join to its first step, with a model of 100 MB on loopback (asked: less than 1 s)
  death   from a worker's death to the moment that a server gives it up (asked: within two heartbeat time-outs)
"""

import argparse
import datetime
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import cluster
from cluster import Cluster, free_ports, json_lines, wait_until, write

HERE = os.path.dirname(os.path.abspath(__file__))
# A learning rate that suits synthetic images, too; how fast a step is does not hang on it.
REFERENCE = ["--set=data.synthetic_if_missing=true", "--set=evaluation.off=true", "--set=budget.epochs=1000000",
             "--set=optimizer.sgd.learning_rate=0.001"]

LARGE = """
name: "large"
model {
  input { name: "images" shape: [8, 8, 1] }
  input { name: "labels" dtype: INT32 }
  layer { name: "flat" input: "images" flatten {} }
  layer { name: "wide1" dense { units: 4960 } }
  layer { name: "wide2" dense { units: 4960 } }
  layer { name: "logits" dense { units: 10 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data { synthetic_images { height: 8 width: 8 train_examples: 2000 test_examples: 100 } }
batch: 1
optimizer { sgd { learning_rate: 1e-6 } }
evaluation { off: true }
logging { every_steps: 1 }
budget { epochs: 1000000 }
"""


def on_cores(options):
    return ["taskset", "-c", options.cores] if options.cores else []


def reference_flags(options, steps):
    return [*REFERENCE, f"--set=budget.steps={steps}", *options.job_flags]


def train_rate(options, folder, steps):
    """Images a second of single-host mode."""
    log = os.path.join(folder, "train.jsonl")
    subprocess.run([*on_cores(options), cluster.DOWNPOUR, "train", "cifar10", "--devices=cpu:0,cpu:1", f"--json_log={log}",
                    *reference_flags(options, steps)], check=True, stdout=subprocess.DEVNULL)
    return json_lines(log)[-1]["examples_per_second"]


def launch_rate(options, folder, steps):
    """The same of two worker processes and two server processes."""
    log = os.path.join(folder, "launch.jsonl")
    subprocess.run([*on_cores(options), cluster.DOWNPOUR, "launch", "cifar10", "--servers=2", "--workers=2",
                    "--devices=cpu:0", f"--json_log={log}", *reference_flags(options, steps)], check=True,
                   stdout=subprocess.DEVNULL)
    ends = [json_lines(os.path.join(folder, f"launch.worker-{i}.jsonl"))[-1] for i in range(2)]
    return sum(end["examples_per_second"] for end in ends)


class Ddp:
    """PyTorch's processes, which sleep while others are measured."""

    def __init__(self, options, variant):
        port = free_ports(1)[0]
        program = os.path.join(HERE, "..", "peers", "torch_ddp.py")
        environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
        self.processes = [
            subprocess.Popen([*on_cores(options), options.python, program, f"--rank={rank}", f"--port={port}",
                              f"--variant={variant}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env=environment) for rank in range(2)]
        self.system = self.answer()["system"]

    def answer(self):
        line = self.processes[0].stdout.readline()
        if not line:
            sys.exit("cluster_bench.py: PyTorch's process has ended; its error is above")
        return json.loads(line)

    def rate(self, steps):
        self.processes[0].stdin.write(f"{steps}\n")
        self.processes[0].stdin.flush()
        return self.answer()["images_per_second"]

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait()


def measure_rate(options):
    peers = {variant: Ddp(options, variant) for variant in options.variants} if options.python else {}
    rates = {"launch": [], "train": [], **{variant: [] for variant in peers}}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            rates["launch"].append(launch_rate(options, folder, options.steps))
            rates["train"].append(train_rate(options, folder, options.steps))
            for variant, peer in peers.items():
                rates[variant].append(peer.rate(max(options.steps // 8, 5)))
    names = {"train": "single_host", **{variant: f"{peer.system}/ddp_gloo_{variant}" for variant, peer in peers.items()}}
    for peer in peers.values():
        peer.close()
    for other, name in names.items():
        yield {"case": "cifar10/batch128/servers2/workers2", "metric": "throughput",
               "value": statistics.median(rates["launch"]), "unit": "images/s", "reference": name,
               "reference_value": statistics.median(rates[other]),
               "ratio": statistics.median(a / b for a, b in zip(rates["launch"], rates[other])), "rounds": options.rounds}


def told_at(log, pattern):
    """When a line of a server's log was written, as seconds since 1970; None while there is none."""
    for line in log.splitlines():
        if re.search(pattern, line):
            moment = datetime.datetime.strptime(line.split()[0], "%Y-%m-%dT%H:%M:%S.%fZ")
            return moment.replace(tzinfo=datetime.timezone.utc).timestamp()
    return None


def first_step_at(worker):
    """When its log has its first step: looked at each millisecond."""
    deadline = time.monotonic() + cluster.PATIENCE_S
    while not any(event["event"] == "step" for event in worker.events()):
        if not worker.runs() or time.monotonic() > deadline:
            sys.exit(f"cluster_bench.py: {worker.name} does not train:\n{worker.log()}")
        time.sleep(0.001)
    return time.time()


def measure_join_and_death(options):
    joins, deaths = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            job = write(os.path.join(folder, "large.textproto"), LARGE)
            large = Cluster(folder, 2, 2, server_flags=[f"--heartbeat_timeout={options.heartbeat_timeout}"],
                            worker_flags=[f"--job={job}", "--devices=cpu:0"])
            try:
                server = large.start_servers()[0]
                first_step_at(large.start("worker/0"))
                late = large.start("worker/1")
                stepped = first_step_at(late)
                joins.append(stepped - told_at(server.log(), r"worker/1 joined"))
                killed = time.time()
                late.signal(signal.SIGKILL)
                given_up = r"worker/1 .*given up for dead"
                wait_until(lambda: told_at(server.log(), given_up), "the dead worker is noticed")
                deaths.append(told_at(server.log(), given_up) - killed)
            finally:
                for task in large.tasks:
                    task.process.kill()
                    task.process.wait()
    yield {"case": "join/100MB/grpc", "metric": "latency", "value": statistics.median(joins), "unit": "s",
           "reference": "asked", "reference_value": 1.0, "ratio": statistics.median(joins), "rounds": options.rounds}
    limit = 2 * options.heartbeat_timeout
    yield {"case": "death/noticed", "metric": "latency", "value": max(deaths), "unit": "s",
           "reference": "two_heartbeat_timeouts", "reference_value": limit, "ratio": max(deaths) / limit,
           "rounds": options.rounds}


CASES = {"rate": measure_rate, "join": measure_join_and_death}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="bazel-bin", help="where the build has put the programs; default: bazel-bin")
    parser.add_argument("--cases", default="rate,join", help="of rate, join (which has death, too)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=400, help="of a round, all workers together")
    parser.add_argument("--cores", default="0,1", help="that everything runs on; empty: any")
    parser.add_argument("--set", dest="job_flags", action="append", default=[], type=lambda text: f"--set={text}",
                        help="PATH=VALUE of the job, like replica.compute=BFLOAT16")
    parser.add_argument("--python", help="a Python that has PyTorch (tests/peers/README.md)")
    parser.add_argument("--variants", type=lambda text: text.split(","), default=["expert"],
                        help="of PyTorch: stock, expert, expert_bfloat16")
    parser.add_argument("--heartbeat_timeout", type=float, default=0.5)
    parser.add_argument("--json", action="store_true", help="one object a line, as downpour bench --json has")
    options = parser.parse_args()
    cluster.DOWNPOUR, cluster.SERVER, cluster.WORKER = (
        os.path.abspath(os.path.join(options.bin, path))
        for path in ("cli/downpour", "server/downpour_server", "worker/downpour_worker"))
    for case in options.cases.split(","):
        for line in CASES[case](options):
            line = {"bench": "cluster", **line}
            print(json.dumps(line) if options.json else
                  f"{line['case']:36} {line['value']:9.3f} {line['unit']:9} {line['reference']:28} "
                  f"{line['reference_value']:9.3f}  ratio {line['ratio']:.3f}", flush=True)


if __name__ == "__main__":
    main()
