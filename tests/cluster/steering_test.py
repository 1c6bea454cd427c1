"""A running job as a person steers it from a terminal, and what its workers make of servers that are gone."""

import json
import os
import signal
import tempfile
import time
import unittest

from cluster import DOWNPOUR, Cluster, run, wait_until, write

JOB = """
model {
  input { name: "images" shape: [8, 8, 1] }
  input { name: "labels" dtype: INT32 }
  layer { name: "flat" input: "images" flatten {} }
  layer { name: "logits" dense { units: 4 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data { synthetic_images { height: 8 width: 8 classes: 4 train_examples: 2000 test_examples: 500 } }
budget { epochs: 1000000 }
evaluation { every_epochs: 100000 }
"""


class SteeringTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        job = write(os.path.join(folder, "job.textproto"), JOB)
        self.cluster = Cluster(folder, 2, 2, worker_flags=[f"--job={job}", "--devices=cpu:0", "--wait=60"])
        self.addCleanup(self.cluster.close)
        self.servers = self.cluster.start_servers()
        self.workers = [self.cluster.start(f"worker/{i}") for i in range(2)]
        for worker in self.workers:
            worker.wait_for("step ")

    def downpour(self, command, *arguments, of="server/0"):
        return run(DOWNPOUR, command, self.cluster.addresses[of], *arguments)

    def states(self):
        """Of the workers, by their names."""
        _, output = self.downpour("status", "--json")
        report = json.loads(output[output.index("{"):])
        return {worker["name"]: worker["state"] for worker in report["workers"]}

    def test_any_one_address_finds_the_whole_job(self):
        for task in self.cluster.names:
            status, output = self.downpour("status", of=task)
            self.assertEqual(status, 0, output)
            for name in self.cluster.names:
                self.assertIn(name, output)

    def test_a_drained_worker_leaves_and_a_stopped_job_ends_everywhere(self):
        status, output = self.downpour("drain", "worker/1")
        self.assertEqual(status, 0, output)
        self.assertEqual(self.workers[1].wait(), 0)
        self.assertIn("drained", self.workers[1].log())
        self.assertTrue(self.workers[0].runs())
        # Under its number another may come.
        again = self.cluster.start("worker/1")
        again.wait_for("step ")
        status, output = self.downpour("stop", "--servers", of="server/1")
        self.assertEqual(status, 0, output)
        for task in [self.workers[0], again, *self.servers]:
            self.assertEqual(task.wait(), 0, task.log())
        self.assertIn("stopped by request", again.log())

    def test_a_killed_worker_is_noticed_and_comes_back_under_its_number(self):
        self.workers[1].signal(signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: self.states()["worker/1"] == "dead", "the dead worker is noticed")
        print(f"noticed after {time.monotonic() - killed:.2f} s")
        again = self.cluster.start("worker/1")
        again.wait_for("step ")
        self.assertEqual(self.states()["worker/1"], "live")

    def test_a_worker_that_stood_still_takes_part_again(self):
        self.workers[1].signal(signal.SIGSTOP)
        wait_until(lambda: self.states()["worker/1"] == "dead", "the silent worker is given up")
        self.workers[1].signal(signal.SIGCONT)
        wait_until(lambda: self.states()["worker/1"] == "live", "it has joined again")
        self.assertIn("joins again", self.workers[1].log())

    def test_ctrl_c_ends_a_worker_whose_servers_are_gone(self):
        for server in self.servers:
            server.signal(signal.SIGKILL)
        for worker in self.workers:
            worker.wait_for("no answer from server/")
            worker.signal(signal.SIGINT)
        for worker in self.workers:
            self.assertEqual(worker.wait(30), 130, worker.log())

    def test_a_server_that_comes_back_empty_is_not_trained_against(self):
        self.servers[1].signal(signal.SIGKILL)
        self.servers[1].wait()
        self.cluster.start("server/1")
        for worker in self.workers:
            self.assertEqual(worker.wait(), 1, worker.log())
            self.assertIn("has lost its weights", worker.log())


if __name__ == "__main__":
    unittest.main()
