"""`downpour train` as a person meets it: what it prints, how it ends, and what it says of mistakes."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.path.abspath("cli/downpour")
PATIENCE_S = 120

JOB = """
model {
  name: "tiny"
  input { name: "images" shape: [8, 8, 1] }
  input { name: "labels" dtype: INT32 }
  layer { name: "flat" input: "images" flatten {} }
  layer { name: "logits" dense { units: 4 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data { synthetic_images { height: 8 width: 8 classes: 4 train_examples: 2000 test_examples: 500 } }
batch: 50
optimizer { sgd { learning_rate: 0.1 } }
budget { epochs: 4 }
"""


class TrainCommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.job = self.write("tiny.textproto", JOB)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def train(self, *arguments, job=None):
        done = subprocess.run([PROGRAM, "train", job or self.job, *arguments], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        return done.returncode, done.stdout, done.stderr

    def refused(self, *arguments, job=None):
        status, _, errors = self.train(*arguments, job=job)
        self.assertEqual(status, 2, errors)
        return errors

    def test_trains_and_tells_what_came_of_it(self):
        log = os.path.join(self.folder, "run.jsonl")
        events = os.path.join(self.folder, "events")
        status, output, errors = self.train("--devices=cpu:0,cpu:1", f"--json_log={log}", f"--log_dir={events}")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("all 160 steps are done", output)
        self.assertNotIn("\x1b", output)
        with open(log, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines[0]["event"], "start")
        end = lines[-1]
        self.assertEqual((end["event"], end["steps"], end["examples"]), ("end", 160, 8000))
        self.assertGreater(end["test_accuracy"], 0.35)  # by chance: 0.25
        self.assertEqual(sum(line["event"] == "eval" for line in lines), 4)
        self.assertEqual(len(os.listdir(events)), 1)

    def test_a_run_over_sockets_is_the_same(self):
        status, output, _ = self.train("--devices=cpu:0", "--carrier=grpc", "--servers=2")
        self.assertEqual(status, 0)
        self.assertIn("all 160 steps are done", output)

    def test_a_shipped_job_is_found_by_its_name(self):
        errors = self.refused("--devices=cuda:99", job="quickstart")
        self.assertNotIn("no such file", errors.lower())

    def test_mistakes_are_named(self):
        self.assertIn("nowhere.textproto", self.refused(job=os.path.join(self.folder, "nowhere.textproto")))
        self.assertIn("--devices", self.refused("--devices=tpu:0"))
        self.assertIn("carrier", self.refused("--carrier=pigeon"))
        self.assertIn("--servers", self.refused("--servers=0"))
        self.assertIn("batch", self.refused("--set=batch=0"))
        self.assertIn("momentum", self.refused("--set=optimizer.momentum.momentum=2"))
        self.assertIn("checkpoint.folder", self.refused("--set=checkpoint.folder=/tmp/x"))
        self.assertIn("--json_log", self.refused(f"--json_log={self.folder}/no/such/run.jsonl"))
        blocked = self.write("file", "")
        self.assertIn("--log_dir", self.refused(f"--log_dir={blocked}/events"))
        missing = self.write("missing.textproto", JOB.replace("synthetic_images { height: 8 width: 8 classes: 4 "
                                                              "train_examples: 2000 test_examples: 500 }",
                                                              "idx { train_images: 'a' train_labels: 'b' }"))
        self.assertIn("a", self.refused(job=missing))

    def test_more_devices_than_cores_work_and_are_noted(self):
        devices = ",".join(f"cpu:{i}" for i in range(os.cpu_count() + 1))
        status, output, _ = self.train(f"--devices={devices}")
        self.assertEqual(status, 0)
        self.assertIn("they share the cores", output)

    def test_a_run_that_diverges_fails_and_says_where(self):
        status, output, errors = self.train("--devices=cpu:0", "--set=optimizer.sgd.learning_rate=1e38")
        self.assertEqual(status, 1)
        self.assertIn("Failed after ", output)
        self.assertEqual((output + errors).count("first value that is not finite"), 1, "the cause is said once")

    def test_warns_of_a_crowd_that_pushes_by_momentum(self):
        momentum = "--set=optimizer.nesterov.learning_rate=0.001"
        crowd = "--devices=cpu:0,cpu:1,cpu:2,cpu:3"
        self.assertIn("4 replicas push by momentum", self.train(momentum, crowd)[1])
        self.assertNotIn("by momentum", self.train(momentum, "--devices=cpu:0,cpu:1")[1])
        self.assertNotIn("by momentum", self.train(crowd)[1])

    def test_its_status_can_be_asked_for(self):
        process = subprocess.Popen([PROGRAM, "train", self.job, "--listen=127.0.0.1:0", "--servers=2", "--devices=cpu:0,cpu:1",
                                    "--set=budget.epochs=100000"], stdout=subprocess.PIPE, text=True)
        try:
            for line in process.stdout:
                if "downpour top" in line:
                    address = line.split()[-1]
                    break
            deadline = time.monotonic() + PATIENCE_S
            seen = ""
            while "worker/1" not in seen and time.monotonic() < deadline:
                seen = subprocess.run([PROGRAM, "status", address], capture_output=True, text=True, timeout=PATIENCE_S,
                                      check=False).stdout
            for name in ("server/0", "server/1", "worker/0", "worker/1"):
                self.assertIn(name, seen)
        finally:
            process.kill()
            process.communicate()

    def test_ctrl_c_ends_the_run_with_its_summary(self):
        process = subprocess.Popen([PROGRAM, "train", self.job, "--devices=cpu:0,cpu:1", "--set=budget.epochs=1000000",
                                    "--set=logging.every_steps=1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stdout:
                if line.startswith("step"):
                    break
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 130)
        self.assertIn("Ctrl-C again", errors)
        self.assertIn("examples/s", output)

    def test_a_second_ctrl_c_ends_it_at_once(self):
        # Evaluations of many examples leave no step to finish soon.
        process = subprocess.Popen([PROGRAM, "train", self.job, "--devices=cpu:0", "--set=budget.epochs=1000000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stdout:
                if line.startswith("step"):
                    break
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        # By the signal, unless the step was finished before it came; a shell sees 130 of both.
        self.assertIn(process.returncode, (130, -signal.SIGINT))


if __name__ == "__main__":
    unittest.main()
