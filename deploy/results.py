#!/usr/bin/env python3
"""Runs what docs/results.md tells of, and prints its tables.

    deploy/results.py --out=/tmp/results                    all of it: some hours on two cores
    deploy/results.py --out=/tmp/results --only=staleness   one section: policies, jobs or staleness
    deploy/results.py --out=/tmp/results --tables           the tables of what is there; runs nothing

Each run writes DIR/SECTION/NAME.jsonl, beside it the job as it was run and what the run said. A run that has ended under
the same job is not run again, so the script can be stopped at any time and goes on where it was.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

import results_matrix as matrix
import results_tables as tables

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def name_of(run):
    return re.sub(r"[^a-z0-9.-]+", "_", "-".join(str(part) for part in run.parts).lower()).strip("_")


def read_log(path):
    """The events of a log, or None where its run has not ended of itself."""
    try:
        with open(path, encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
    except (OSError, ValueError):
        return None
    ended = events and events[-1]["event"] == "end" and events[-1]["outcome"] in ("done", "failed")
    return events if ended else None


class Runner:
    def __init__(self, options):
        self.options = options
        self.cores = len(os.sched_getaffinity(0))
        self.under_way = []  # (process, run, cores, its log under a temporary name)

    def path(self, run, ending):
        return os.path.join(self.options.out, run.section, f"{name_of(run)}.{ending}")

    def job(self, run):
        return os.path.join(ROOT, "deploy", "jobs", f"{run.job}.textproto")

    def arguments(self, run):
        return [self.job(run)] + [part for override in run.overrides for part in ("--set", override)]

    def printed(self, run):
        """The job as it is run, whole; its comments and where its file lies are no part of it."""
        command = [self.options.downpour, "job", "print", *self.arguments(run)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return done.stdout.replace(ROOT + "/", "")

    def is_done(self, run):
        try:
            with open(self.path(run, "textproto"), encoding="utf-8") as file:
                same = file.read() == self.printed(run)
        except OSError:
            same = False
        return same and read_log(self.path(run, "jsonl")) is not None

    def command(self, run):
        command = [self.options.downpour, "train", *self.arguments(run), f"--devices={run.devices}"]
        if self.options.data_dir:
            command.append(f"--data_dir={self.options.data_dir}")
        return command

    def start(self, run, cores):
        os.makedirs(os.path.dirname(self.path(run, "jsonl")), exist_ok=True)
        with open(self.path(run, "textproto"), "w", encoding="utf-8") as file:
            file.write(self.printed(run))
        with open(self.path(run, "out"), "w", encoding="utf-8") as out:
            process = subprocess.Popen([*self.command(run), f"--json_log={self.path(run, 'jsonl')}"], stdout=out,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.under_way.append((process, run, cores))

    def wait(self):
        """Until a run has ended."""
        while True:
            for entry in self.under_way:
                process, run, _ = entry
                if process.poll() is None:
                    continue
                self.under_way.remove(entry)
                events = read_log(self.path(run, "jsonl"))
                if events is None:
                    sys.exit(f"{name_of(run)} did not end as it should; see {self.path(run, 'out')}")
                print(f"{time.strftime('%H:%M:%S')} {run.section}/{name_of(run)}: {tables.outcome(events)}",
                      file=sys.stderr, flush=True)
                return
            time.sleep(0.2)

    def run(self, runs):
        """One after another; side by side where there are cores for it."""
        for run in runs:
            if self.is_done(run):
                continue
            cores = min(run.devices.count(",") + 1, self.cores)
            while self.under_way and sum(entry[2] for entry in self.under_way) + cores > self.cores:
                self.wait()
            self.start(run, cores)
        while self.under_way:
            self.wait()

    def stop(self):
        for process, _, _ in self.under_way:
            process.send_signal(signal.SIGINT)
        for process, _, _ in self.under_way:
            process.wait()

    def logs(self, runs):
        """Of runs that have ended: (section, parts) -> events."""
        found = {(run.section, run.parts): read_log(self.path(run, "jsonl")) for run in runs}
        return {key: events for key, events in found.items() if events is not None}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--downpour", default=os.path.join(ROOT, "bazel-bin/cli/downpour"), metavar="PATH",
                        help="the program (default: bazel-bin/cli/downpour)")
    parser.add_argument("--data_dir", metavar="DIR", help="where the data is; default: where `downpour train` looks")
    parser.add_argument("--out", default="results", metavar="DIR", help="where logs go (default: results)")
    parser.add_argument("--only", choices=("policies", "jobs", "staleness"), metavar="SECTION",
                        help="policies, jobs or staleness")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="from 1 to N (default: 3)")
    parser.add_argument("--list", action="store_true", help="show the commands, run nothing")
    parser.add_argument("--tables", action="store_true", help="print the tables of the logs that are there, run nothing")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    runs = [run for run in matrix.all_runs(options.seeds) if options.only in (None, run.section)]
    runner = Runner(options)
    if options.list:
        for run in runs:
            print(" ".join(runner.command(run)).replace(ROOT + "/", ""))
        return 0
    if not options.tables:
        try:
            runner.run(runs)
        except KeyboardInterrupt:
            runner.stop()
            return 130
    print(tables.text(runner.logs(runs), options.only))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
