"""`downpour launch` with the real programs: a run trains, survives a worker's death, and leaves no process behind."""

import glob
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

from cluster import DOWNPOUR, PATIENCE_S, json_lines, read, wait_until, write

JOB = """
name: "tiny"
model {
  name: "tiny"
  input { name: "images" shape: [8, 8, 1] }
  input { name: "labels" dtype: INT32 }
  layer { name: "flat" input: "images" flatten {} }
  layer { name: "logits" dense { units: 4 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data { synthetic_images { height: 8 width: 8 classes: 4 train_examples: 20000 test_examples: 500 } }
batch: 50
optimizer { sgd { learning_rate: 0.05 } }
budget { epochs: 4 }
"""
ENDLESS = "--set=budget.epochs=1000000"


class LaunchRunTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.job = write(os.path.join(self.folder, "tiny.textproto"), JOB)
        self.log_path = os.path.join(self.folder, "log")
        self.process = None
        self.addCleanup(self.leave_nothing)

    def start(self, *flags, job=None, servers=2, workers=2):
        log = self.enterContext(open(self.log_path, "w", encoding="utf-8"))
        self.process = subprocess.Popen(
            [DOWNPOUR, "launch", job or self.job, f"--servers={servers}", f"--workers={workers}", *flags], stdout=log,
            stderr=subprocess.PIPE, text=True, cwd=self.folder, env=dict(os.environ, MARK=self.folder))

    def finish(self):
        """(exit status, what was on stderr), when nothing is left of it."""
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        self.assertEqual(self.tasks(), {}, "no process is left behind")
        return self.process.returncode, errors

    def log(self):
        return read(self.log_path)

    def tasks(self):
        """{"worker/1": pid} of all that run."""
        found = {}
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as file:
                    mine = f"MARK={self.folder}".encode() in file.read().split(b"\0")
                with open(os.path.join(os.path.dirname(path), "cmdline"), "rb") as file:
                    task = re.search(rb"--task=([a-z]+/\d+)", file.read())
            except OSError:
                continue
            if mine and task:
                found[task.group(1).decode()] = int(path.split("/")[2])
        return found

    def leave_nothing(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(PATIENCE_S)
            self.process.stderr.close()
        for pid in self.tasks().values():
            os.kill(pid, signal.SIGKILL)

    def wait_for(self, text):
        wait_until(lambda: text in self.log() or self.process.poll() is not None, f"the log has {text!r}")
        self.assertIn(text, self.log())

    def wait_until_all_train(self):
        for worker in ("worker/0", "worker/1"):
            self.wait_for(f"{worker} | step ")

    def end_of(self, worker):
        return json_lines(os.path.join(self.folder, f"run.worker-{worker}.jsonl"))[-1]

    def test_fashion_mnist_is_learnt_by_two_workers(self):
        self.start("--set=budget.epochs=1", "--json_log=run.jsonl",
                   "--log_dir=events", job="quickstart")
        status, errors = self.finish()
        self.assertEqual((status, errors), (0, ""), self.log()[-3000:])
        ends = [self.end_of(worker) for worker in range(2)]
        self.assertEqual(sum(end["examples"] for end in ends), 60000)
        scores = [end["test_accuracy"] for end in ends if end["test_accuracy"] is not None]
        self.assertEqual(len(scores), 1)
        self.assertGreater(scores[0], 0.75)
        self.assertEqual(sorted(os.listdir(os.path.join(self.folder, "events"))), ["worker-0", "worker-1"])

    def test_a_worker_that_is_killed_is_started_again_and_the_run_finishes(self):
        # Long enough for one to come back.
        self.start("--set=budget.steps=15000", "--json_log=run.jsonl", ENDLESS)
        self.wait_until_all_train()
        first = self.tasks()["worker/1"]
        os.kill(first, signal.SIGKILL)
        self.wait_for("worker/1 was killed by signal 9 (Killed); it is started again in 1s")
        wait_until(lambda: self.tasks().get("worker/1", first) != first or self.process.poll() is not None,
                   "worker/1 is there again")
        status, errors = self.finish()
        self.assertEqual((status, errors), (0, ""), self.log()[-3000:])
        self.assertEqual(self.end_of(1)["reason"], "all 15000 steps are done")
        self.assertGreater(self.end_of(1)["steps"], 0, "it has trained again")

    def test_a_server_that_is_killed_ends_the_job_and_the_reason_is_said(self):
        self.start(ENDLESS)
        self.wait_until_all_train()
        os.kill(self.tasks()["server/1"], signal.SIGKILL)
        status, errors = self.finish()
        self.assertEqual(status, 1)
        self.assertIn("downpour: server/1 was killed by signal 9 (Killed): the weights that it held are lost", errors)

    def test_ctrl_c_ends_the_run_with_its_summary(self):
        self.start(ENDLESS)
        self.wait_until_all_train()
        self.process.send_signal(signal.SIGINT)
        status, errors = self.finish()
        self.assertEqual((status, errors), (130, ""), self.log()[-3000:])
        self.assertRegex(self.log(), r"worker/1 \|   speed +[\d,]+ examples/s")

    def test_a_second_ctrl_c_ends_everything_at_once(self):
        self.start(ENDLESS)
        self.wait_until_all_train()
        os.kill(self.tasks()["worker/0"], signal.SIGSTOP)  # it cannot leave by itself
        self.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish()[0], 130)

    def test_nothing_outlives_a_launch_that_is_killed(self):
        self.start(ENDLESS)
        self.wait_until_all_train()
        self.assertEqual(len(self.tasks()), 4)
        self.process.kill()
        self.process.wait(PATIENCE_S)
        wait_until(lambda: not self.tasks(), "no process is left behind")

    def test_a_run_that_diverges_fails_with_the_workers_words(self):
        self.start("--set=optimizer.sgd.learning_rate=1e38", ENDLESS)
        status, errors = self.finish()
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"downpour: worker/\d ended with status 1\n")
        self.assertIn("not finite", errors)

    def test_the_job_that_workers_read_is_the_one_that_was_written(self):
        csv = write(os.path.join(self.folder, "rows.csv"), "a,b,label\n" + "1,2,0\n3,4,1\n" * 50)
        job = write(os.path.join(self.folder, "rows.textproto"), """
            model { input { name: "row" shape: 2 } input { name: "labels" }
                    layer { name: "score" input: "row" dense { units: 1 } }
                    layer { name: "loss" input: "score" input: "labels" sigmoid_cross_entropy {} } }
            data { csv { train_file: "rows.csv" dense: ["a", "b"] label: "label" } }
            batch: 10 budget { epochs: 2 }""")
        self.assertTrue(os.path.exists(csv))
        self.start("--json_log=run.jsonl", job=job, workers=1)
        status, errors = self.finish()
        self.assertEqual((status, errors), (0, ""), self.log()[-3000:])
        with open(os.path.join(self.folder, "run.jsonl"), encoding="utf-8") as file:
            self.assertEqual(json.loads(file.readline())["job"], "rows")


if __name__ == "__main__":
    unittest.main()
