"""`downpour status` and `why-slow` on real servers and workers: what they show, and that they find who was made slow."""

import json
import shutil
import subprocess
import tempfile
import time
import unittest

from small_cluster import PATIENCE_S, STARVING_JOB, SlowRelay, SmallCluster

PROGRAM = "cli/downpour"


def downpour(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def status(cluster, *flags):
    code, out, error = downpour("status", "--json", *flags, cluster.addresses[0])
    return code, json.loads(out)


def wait_until_it_trains(cluster, steps=50):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code, report = status(cluster, "--interval=0")
        clocks = [worker["clock"] or 0 for worker in report["workers"]]
        if code == 0 and len(clocks) == sum(task.startswith("worker") for task in cluster.processes) and min(clocks) >= steps:
            return report
        ended = [task for task, process in cluster.processes.items() if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            raise AssertionError(f"{ended} ended, or it does not train: {json.dumps(report)[:2000]}")
        time.sleep(0.2)


class ToolsTest(unittest.TestCase):
    def find(self, cluster, cause, subject, interval=3):
        """Looks until the worst finding is this one. A busy machine may give others a bad moment."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            code, out, error = downpour("why-slow", "--json", f"--interval={interval}", cluster.addresses[0])
            self.assertEqual(code, 0, error)
            found = json.loads(out)["findings"]
            if found and (found[0]["cause"], found[0]["subject"]) == (cause, subject):
                print(json.dumps(found[0]), flush=True)
                return found[0]
            print("not yet:", [(each["cause"], each["subject"], each["lost"]) for each in found], flush=True)
            if time.monotonic() > deadline:
                self.fail(f"{cause} {subject} is not found: {json.dumps(found, indent=1)}")

    def test_status_shows_all_tasks_of_a_job(self):
        with SmallCluster() as cluster:
            report = wait_until_it_trains(cluster)
            self.assertTrue(report["well"])
            code, report = status(cluster, "--interval=1", "--shards")
            self.assertEqual([server["task"] for server in report["servers"]], ["server/0", "server/1"])
            self.assertEqual([worker["name"] for worker in report["workers"]], ["worker/0", "worker/1"])
            for server in report["servers"]:
                self.assertEqual(server["state"], "running")
                self.assertEqual(server["shards"], len(server["shard_list"]))
                self.assertGreater(server["bytes_in_per_second"], 0)
            for worker in report["workers"]:
                self.assertEqual(worker["state"], "live")
                self.assertGreater(worker["examples_per_second"], 0)
                self.assertAlmostEqual(sum(worker["shares"].values()), 1, delta=0.01)
                self.assertEqual(len(worker["links"]), 2)
            self.assertGreater(report["run"]["steps"], 0)
            code, table, _ = downpour("status", cluster.addresses[1])
            self.assertEqual(code, 0, table)
            for name in ("server/0", "worker/1", "examples/s", "cpu:0"):
                self.assertIn(name, table)

            cluster.processes["worker/1"].kill()
            deadline = time.monotonic() + PATIENCE_S
            while True:
                code, report = status(cluster, "--interval=0")
                if report["workers"][1]["state"] == "dead":
                    break
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(code, 1)
            self.find(cluster, "lost_worker", "worker/1", interval=1)

    def test_stop_ends_the_run_and_the_servers(self):
        with SmallCluster() as cluster:
            wait_until_it_trains(cluster)
            code, out, error = downpour("drain", cluster.addresses[1], "worker/1")
            self.assertEqual(code, 0, error)
            self.assertEqual(cluster.processes["worker/1"].wait(PATIENCE_S), 0)
            self.assertIsNone(cluster.processes["worker/0"].poll())
            code, out, error = downpour("stop", "--servers", "--why=enough", cluster.addresses[1])
            self.assertEqual(code, 0, out + error)
            for task, process in cluster.processes.items():
                self.assertEqual(process.wait(PATIENCE_S), 0, task)

    @unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates (deploy/setup.sh)")
    def test_asks_by_tls_with_the_role_that_it_takes(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["deploy/make_certs.sh", folder], check=True, capture_output=True)
            trusted = f"--trusted_ca_file={folder}/ca.crt"

            def certificate(role):
                return trusted, f"--cert_file={folder}/{role}.crt", f"--key_file={folder}/{role}.key"

            with SmallCluster(servers=1, workers=0, server_flags=["--client_cert_auth", *certificate("server")]) as cluster:
                address = cluster.addresses[0].replace("127.0.0.1", "localhost")
                code, out, error = downpour("status", "--interval=0", address, *certificate("monitor"))
                self.assertEqual(code, 0, error)
                self.assertIn("waits for the first worker", out)
                code, out, error = downpour("stop", "--servers", address, *certificate("monitor"))
                self.assertEqual(code, 1)
                self.assertIn("role admin", error)
                code, out, error = downpour("status", address)
                self.assertEqual(code, 1)
                self.assertIn("does it want TLS", error)
                code, out, error = downpour("status", address, trusted)
                self.assertEqual(code, 1, out)
                print(error)
                code, out, error = downpour("stop", "--servers", address, *certificate("admin"))
                self.assertEqual(code, 0, out + error)
                self.assertEqual(cluster.processes["server/0"].wait(PATIENCE_S), 0)

    def test_why_slow_finds_a_straggler(self):
        with SmallCluster(workers=3, overrides=["policy.bounded_staleness.bound=2"]) as cluster:
            wait_until_it_trains(cluster)
            cluster.slow_down("worker/1", stopped_s=0.15, running_s=0.03)
            self.find(cluster, "straggler", "worker/1")

    def test_why_slow_finds_a_slow_server(self):
        with SmallCluster(servers=3) as cluster:
            wait_until_it_trains(cluster)
            cluster.slow_down("server/1", stopped_s=0.2, running_s=0.02)
            self.find(cluster, "slow_server", "server/1")

    def test_why_slow_finds_a_slow_link(self):
        relays = []

        def relay(addresses):
            relays.append(SlowRelay(addresses[1], 2e6))
            return [addresses[0], relays[0].address]

        with SmallCluster(workers=3, relays={2: relay}) as cluster:
            wait_until_it_trains(cluster, steps=10)
            self.find(cluster, "slow_link", "worker/2 - server/1")
        relays[0].close()

    def test_why_slow_finds_a_starving_reader(self):
        with SmallCluster(workers=2, servers=1, job=STARVING_JOB) as cluster:
            wait_until_it_trains(cluster)
            self.find(cluster, "starving_reader", "all 2 workers")


if __name__ == "__main__":
    unittest.main()
