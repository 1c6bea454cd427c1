"""What is wrong with a cluster's file, its addresses or its tasks is said at once, by the task that it is wrong of."""

import os
import socket
import tempfile
import unittest

from cluster import SERVER, WORKER, Cluster, free_ports, run, write

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
"""
NO_ENVIRONMENT = {f"DOWNPOUR_{name}": "" for name in ("CLUSTER", "TASK", "SERVERS", "JOB", "LISTEN", "DEVICES")}


class BadInputTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.job = write(os.path.join(self.folder, "job.textproto"), JOB)
        self.ports = free_ports(3)

    def cluster_file(self, text):
        return write(os.path.join(self.folder, "cluster.textproto"), text)

    def good_file(self):
        return self.cluster_file(f'task {{ name: "server/0" address: "127.0.0.1:{self.ports[0]}" }}\n'
                                 f'task {{ name: "worker/0" address: "127.0.0.1:{self.ports[1]}" }}\n')

    def server(self, *flags):
        return run(SERVER, *flags)

    def worker(self, *flags):
        return run(WORKER, f"--job={self.job}", "--devices=cpu:0", *flags)

    def refused_by_both(self, cluster, *words):
        for status, output in (self.server(f"--cluster={cluster}", "--task=server/0"),
                               self.worker(f"--cluster={cluster}", "--task=worker/0")):
            self.assertEqual(status, 2, output)
            for word in words:
                self.assertIn(word, output)

    def test_a_file_that_is_missing(self):
        self.refused_by_both("/nowhere/cluster.textproto", "/nowhere/cluster.textproto", "--cluster")

    def test_a_file_that_is_no_cluster(self):
        self.refused_by_both(self.cluster_file('tusk { name: "server/0" }\n'), "cluster.textproto:1:", "tusk")

    def test_a_task_that_is_there_twice(self):
        self.refused_by_both(self.cluster_file('task { name: "server/0" address: "127.0.0.1:7070" }\n'
                                               'task { name: "worker/0" }\n'
                                               'task { name: "worker/0" }\n'),
                             "cluster.textproto:3:", "worker/0 is there twice")

    def test_an_address_that_is_there_twice(self):
        self.refused_by_both(self.cluster_file('task { name: "server/0" address: "127.0.0.1:7070" }\n'
                                               'task { name: "worker/0" address: "127.0.0.1:7070" }\n'),
                             "cluster.textproto:2:", "the address of server/0 already")

    def test_servers_with_a_gap(self):
        self.refused_by_both(self.cluster_file('task { name: "server/0" address: "127.0.0.1:7070" }\n'
                                               'task { name: "server/2" address: "127.0.0.1:7071" }\n'
                                               'task { name: "worker/0" }\n'), "no server/1", "without a gap")

    def test_a_cluster_without_servers(self):
        self.refused_by_both(self.cluster_file('task { name: "worker/0" }\n'), "there is no server")

    def test_an_address_without_a_port(self):
        self.refused_by_both(self.cluster_file('task { name: "server/0" address: "127.0.0.1" }\n'
                                               'task { name: "worker/0" }\n'), "cluster.textproto:1:", "HOST:PORT")

    def test_a_task_that_is_not_in_the_file(self):
        file = self.good_file()
        status, output = self.server(f"--cluster={file}", "--task=server/3")
        self.assertEqual(status, 2, output)
        self.assertIn("has no task server/3; it has server/0", output)
        status, output = self.worker(f"--cluster={file}", "--task=worker/7")
        self.assertEqual(status, 2, output)
        self.assertIn("has no task worker/7; it has worker/0", output)

    def test_a_task_of_the_other_kind(self):
        file = self.good_file()
        status, output = self.server(f"--cluster={file}", "--task=worker/0")
        self.assertEqual(status, 2, output)
        status, output = self.worker(f"--cluster={file}", "--task=server/0")
        self.assertEqual(status, 2, output)
        self.assertIn("downpour_server", output)

    def test_an_address_that_nobody_has(self):
        file = self.cluster_file('task { name: "server/0" address: "no-such-host.invalid:7070" }\n'
                                 'task { name: "worker/0" }\n'
                                 "security { insecure_allow_plaintext: true }\n")
        # Without a resolver nobody knows whether there is such a host: then it is waited for.
        status, output = self.worker(f"--cluster={file}", "--task=worker/0", "--wait=2")
        self.assertIn(status, (1, 2), output)
        self.assertIn("no-such-host.invalid", output)
        status, output = self.server(f"--cluster={file}", "--task=server/0")
        self.assertIn(status, (1, 2), output)
        self.assertIn("no-such-host.invalid", output)

    def test_a_port_that_is_taken(self):
        file = self.good_file()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.ports[0]))
            taken.listen()
            status, output = self.server(f"--cluster={file}", "--task=server/0")
        self.assertEqual(status, 2, output)
        self.assertIn("Address already in use", output)
        self.assertIn(str(self.ports[0]), output)

    def test_another_machines_address_without_tls(self):
        # Every address of this machine is other machines' business, too.
        file = self.cluster_file(f'task {{ name: "server/0" address: "192.0.2.1:{self.ports[0]}" '
                                 f'listen: "0.0.0.0:{self.ports[0]}" }}\ntask {{ name: "worker/0" }}\n')
        self.refused_by_both(file, "--insecure_allow_plaintext")

    def test_servers_that_are_not_there_are_waited_for_aloud_and_not_for_ever(self):
        file = self.good_file()
        status, output = self.worker(f"--cluster={file}", "--task=worker/0", "--wait=1")
        self.assertEqual(status, 1, output)
        self.assertIn(f"127.0.0.1:{self.ports[0]}", output)
        self.assertIn("server/0", output)

    def test_a_worker_without_anything_is_told_what_to_give(self):
        status, output = run(WORKER, environment={name: "" for name in NO_ENVIRONMENT})
        self.assertEqual(status, 2, output)
        self.assertIn("--cluster", output)

    def test_what_is_wrong_with_the_environment_is_found_as_with_flags(self):
        status, output = run(WORKER, environment={"DOWNPOUR_CLUSTER": self.good_file(), "DOWNPOUR_TASK": "worker/9",
                                                  "DOWNPOUR_JOB": self.job})
        self.assertEqual(status, 2, output)
        self.assertIn("has no task worker/9", output)
        status, output = run(SERVER, environment={"DOWNPOUR_CLUSTER": self.good_file(), "DOWNPOUR_TASK": "server/9"})
        self.assertEqual(status, 2, output)
        self.assertIn("has no task server/9", output)


class TwoProcessesTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        job = write(os.path.join(folder, "job.textproto"), JOB)
        self.cluster = Cluster(folder, 1, 2, worker_flags=[f"--job={job}", "--devices=cpu:0"])
        self.addCleanup(self.cluster.close)
        self.cluster.start("server/0")

    def test_a_second_server_of_one_task_is_refused_and_the_first_goes_on(self):
        worker = self.cluster.start("worker/0")
        worker.wait_for("step ")
        status, output = run(*self.cluster.command("server/0"))
        self.assertEqual(status, 2, output)
        self.assertIn("Address already in use", output)
        self.assertTrue(worker.runs())

    def test_a_second_worker_of_one_task_is_refused_and_the_first_goes_on(self):
        worker = self.cluster.start("worker/0")
        worker.wait_for("step ")
        status, output = run(*self.cluster.command("worker/0"))
        self.assertIn(status, (1, 2), output)
        self.assertIn(self.cluster.addresses["worker/0"], output)
        self.assertTrue(worker.runs())

    def test_another_job_is_refused(self):
        worker = self.cluster.start("worker/0")
        worker.wait_for("step ")
        status, output = run(*self.cluster.command("worker/1", "--set=batch=64"))
        self.assertIn(status, (1, 2), output)
        self.assertIn("job", output)
        self.assertTrue(worker.runs())


if __name__ == "__main__":
    unittest.main()
