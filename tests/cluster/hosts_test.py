"""A run over several hosts that are killed, cut off, stopped and late: it finishes, uses the data that was planned, and
learns as much as a run that nobody disturbed."""

import json
import re
import signal
import tempfile
import time
import unittest

import hosts
from cluster import DOWNPOUR, Cluster, run, wait_until

hosts.enter_or_skip()

EXAMPLES, BATCH, EPOCHS = 60000, 128, 4
STEPS = EPOCHS * -(-EXAMPLES // BATCH)
# Plain SGD bears the staleness of four replicas; each step is logged, so that what a killed worker did is known.
JOB_FLAGS = ["--job=quickstart", "--devices=cpu:0", "--set=optimizer.sgd.learning_rate=0.1", f"--set=budget.epochs={EPOCHS}",
             f"--set=optimizer.schedule.cosine.total_steps={STEPS}", f"--set=evaluation.every_epochs={EPOCHS}",
             "--set=logging.every_steps=1"]
# What a worker may have been given and takes with it: the slice that it is at, and the next one.
HELD_MAX = 2 * 32 * BATCH
HEARTBEAT_TIMEOUT_S = 0.5
RUN_PATIENCE_S = 400  # it takes 25 on two cores that are free
# The accuracy of runs that nobody disturbed, and how far they lie apart.
UNDISTURBED, NOISE = 0.88, 0.02


class HostsTest(unittest.TestCase):
    def start(self):
        """2 servers and 4 workers, each on a host of its own; all but the last worker begin."""
        network = hosts.Hosts(6)
        self.addCleanup(network.close)
        self.hosts = dict(zip(["server/0", "server/1", "worker/0", "worker/1", "worker/2", "worker/3"], network.all))
        self.cluster = Cluster(self.enterContext(tempfile.TemporaryDirectory()), 2, 4,
                               places={name: (host.address, host.prefix) for name, host in self.hosts.items()},
                               flags=["--shared_memory=false"],
                               server_flags=[f"--heartbeat_timeout={HEARTBEAT_TIMEOUT_S}"], worker_flags=JOB_FLAGS)
        self.addCleanup(self.cluster.close)
        self.servers = self.cluster.start_servers()
        self.workers = [self.cluster.start(f"worker/{i}") for i in range(3)]

    def examples_of(self, worker):
        """That it has trained on, by its log."""
        events = [event for event in worker.events() if event["event"] in ("step", "end")]
        return events[-1]["examples"] if events else 0

    def goes_on(self, worker):
        before = self.examples_of(worker)
        wait_until(lambda: self.examples_of(worker) > before, f"{worker.name} trains:\n{worker.log()[-3000:]}")

    def check_the_coordinators_books(self):
        """Each batch of each epoch was used, and nothing is left open."""
        _, output = run(*self.hosts["server/0"].prefix, DOWNPOUR, "status", self.cluster.addresses["server/0"], "--json",
                        "--interval=0", "--insecure_allow_plaintext")
        books = json.loads(output)["run"]
        self.assertEqual([books[name] for name in ("finished", "steps", "epoch", "leases_open")],
                         [True, STEPS, EPOCHS, 0], output)

    def finish(self):
        """How well the run has learnt."""
        for worker in self.workers:
            if worker.process.returncode != -signal.SIGKILL:
                self.assertEqual(worker.wait(RUN_PATIENCE_S), 0, worker.log()[-3000:])
        ends = [worker.end() for worker in self.workers if worker.end()]
        self.check_the_coordinators_books()
        for server in self.servers:
            server.signal(signal.SIGTERM)
        for server in self.servers:
            self.assertEqual(server.wait(), 0, server.log()[-3000:])
        scores = [end["test_accuracy"] for end in ends if end["test_accuracy"] is not None]
        self.assertEqual(len(scores), 1, "the last evaluation is done once")
        return scores[0]

    def test_a_run_that_nobody_disturbs_uses_each_example_once_an_epoch(self):
        self.start()
        self.workers.append(self.cluster.start("worker/3"))
        begin = time.monotonic()
        score = self.finish()
        print(f"undisturbed: {time.monotonic() - begin:.1f} s, accuracy {score:.4f}")
        self.assertEqual(sum(self.examples_of(worker) for worker in self.workers), EPOCHS * EXAMPLES)
        self.assertGreater(score, UNDISTURBED - NOISE)

    def test_a_run_that_is_disturbed_learns_what_an_undisturbed_one_does(self):
        self.start()
        begin = time.monotonic()
        cut_off, killed, stopped = self.workers
        for worker in self.workers:
            self.goes_on(worker)
        killed.signal(signal.SIGKILL)
        killed.wait()
        late = self.cluster.start("worker/3")
        self.workers.append(late)
        servers = [self.hosts["server/0"], self.hosts["server/1"]]
        for server in servers:
            server.lose_what_goes_to(self.hosts["worker/0"])
        stopped.signal(signal.SIGSTOP)
        self.goes_on(late)
        for server in self.servers:
            for worker in (killed, cut_off, stopped):
                wait_until(lambda: re.search(rf"{worker.name} .*given up for dead", server.log()),
                           f"{server.name} gives {worker.name} up")
        time.sleep(5)
        for server in servers:
            server.find_again(self.hosts["worker/0"])
        time.sleep(5)
        stopped.signal(signal.SIGCONT)
        # They come back, and find work.
        self.goes_on(cut_off)
        self.goes_on(stopped)
        self.goes_on(late)
        score = self.finish()
        used = sum(self.examples_of(worker) for worker in self.workers)
        print(f"disturbed: {time.monotonic() - begin:.1f} s, accuracy {score:.4f}, "
              f"{used - EPOCHS * EXAMPLES} examples done again")
        self.assertGreater(score, UNDISTURBED - NOISE)
        # What the killed worker had computed and not logged is less than a step.
        self.assertGreaterEqual(used + BATCH, EPOCHS * EXAMPLES)
        self.assertLessEqual(used, EPOCHS * EXAMPLES + 3 * HELD_MAX)


if __name__ == "__main__":
    unittest.main()
