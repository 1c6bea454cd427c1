"""deploy/results.py with a program that only pretends to train."""

import os
import subprocess
import sys
import tempfile
import unittest

import results
import results_matrix as matrix
import results_tables as tables

# Prints the job's arguments for the job, and an accuracy that each run has for itself.
PROGRAM = """#!{python}
import json, os, sys
if sys.argv[1:3] == ["job", "print"]:
    print(sys.argv[3:])
    sys.exit(0)
with open({counts!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
log = [argument for argument in sys.argv if argument.startswith("--json_log=")][0].split("=", 1)[1]
failed = "diverge" in log
end = dict(event="end", outcome="failed" if failed else "done", steps=7, examples=120000, seconds=1.0, test_loss=0.5,
           examples_per_second=3.0, test_accuracy=None if failed else 0.9 + 0.01 * int(log.split("-")[-1].split(".")[0]),
           staleness_mean=1.5, replicas=[dict(seconds=dict(data=1, compute=7, push=1, pull=1, wait=0, evaluate=5))])
with open(log, "w") as file:
    for event in (dict(event="start", examples_per_epoch=60000), end):
        file.write(json.dumps(event) + "\\n")
sys.exit(1 if failed else 0)
"""


class ResultsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(self.folder.cleanup)
        self.counts = os.path.join(self.folder.name, "counts")
        self.program = os.path.join(self.folder.name, "downpour")
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(python=sys.executable, counts=self.counts))
        os.chmod(self.program, 0o755)
        self.out = os.path.join(self.folder.name, "out")

    def run_all(self, runs):
        runner = results.Runner(results.parse([f"--downpour={self.program}", f"--out={self.out}"]))
        runner.run(runs)
        return runner.logs(runs)

    def started(self):
        if not os.path.exists(self.counts):
            return 0
        with open(self.counts, encoding="utf-8") as file:
            return len(file.readlines())

    def test_what_has_ended_is_not_run_again(self):
        runs = [matrix.policy_run("async", 2, seed) for seed in (1, 2)]
        self.assertEqual(len(self.run_all(runs)), 2)
        self.run_all(runs)
        self.assertEqual(self.started(), 2)

    def test_what_was_cut_off_is_run_again(self):
        run = matrix.policy_run("async", 2, 1)
        self.run_all([run])
        log = os.path.join(self.out, "policies", "async-2-1.jsonl")
        with open(log, "w", encoding="utf-8") as file:
            file.write('{"event": "start"}\n{"event": "st')
        self.run_all([run])
        self.assertEqual(self.started(), 2)

    def test_what_has_become_another_job_is_run_again(self):
        run = matrix.policy_run("async", 2, 1)
        self.run_all([run])
        self.run_all([run._replace(overrides=run.overrides + ["batch=64"])])
        self.assertEqual(self.started(), 2)

    def test_a_cell_is_the_mean_of_its_seeds_and_how_far_they_are_apart(self):
        logs = self.run_all([matrix.policy_run("async", 2, seed) for seed in (1, 2, 3)])
        self.assertIn("| async | `fashion_mnist` |  | 92.00 ± 1.00 (3) |  |", tables.policies(logs))
        self.assertIn("| async | 1.50 | 20 % |", tables.policies(logs))

    def test_a_run_that_diverges_is_a_result(self):
        run = matrix.staleness_run(matrix.REMEDIES[0][0], 16, 1)
        logs = self.run_all([run])
        logs[(run.section, run.parts)][-1].update(outcome="failed", test_accuracy=None)
        self.assertIn("|  | diverged |", tables.staleness(logs))

    def test_every_run_has_a_name_of_its_own_and_a_job_that_is_shipped(self):
        runs = matrix.all_runs(3)
        self.assertEqual(len({(run.section, results.name_of(run)) for run in runs}), len(runs))
        for run in runs:
            self.assertTrue(os.path.exists(os.path.join(results.ROOT, "deploy", "jobs", f"{run.job}.textproto")), run.job)

    def test_it_can_be_asked_what_it_would_run(self):
        script = os.path.join(results.ROOT, "deploy", "results.py")
        done = subprocess.run([sys.executable, script, "--list", "--only=staleness"], capture_output=True, text=True,
                              check=True)
        self.assertIn("--set replica.virtual_replicas=16", done.stdout)
        self.assertNotIn("cifar10", done.stdout)


if __name__ == "__main__":
    unittest.main()
