"""`downpour launch` with stand-ins for the programs that it starts: what it starts, how it ends, what it leaves."""

import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.path.abspath("cli/downpour")
TESTDATA = os.path.abspath("cli/launch/testdata")
PATIENCE_S = 60

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
budget { epochs: 4 }
"""


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.02)


class LaunchCase(unittest.TestCase):
    """A folder with the stand-ins, and a job."""

    flags = []
    leaves_at_once = True

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.binaries = os.path.join(self.folder, "the programs")
        os.mkdir(self.binaries)
        for name in ("downpour_server", "downpour_worker"):
            shutil.copy(os.path.join(TESTDATA, "stand_in.py"), os.path.join(self.binaries, name))
        self.notes = os.path.join(self.folder, "notes")
        os.mkdir(self.notes)
        self.scratch = os.path.join(self.folder, "tmp")
        os.mkdir(self.scratch)
        self.job = os.path.join(self.folder, "tiny.textproto")
        with open(self.job, "w", encoding="utf-8") as file:
            file.write(JOB)
        self.environment = dict(os.environ, STAND_IN_FOLDER=self.notes, FAKE_HOME=self.folder, TMPDIR=self.scratch)
        self.addCleanup(self.leave_nothing)

    def does(self, task, *words):
        with open(os.path.join(self.notes, task), "w", encoding="utf-8") as file:
            file.write(" ".join(words))

    def start(self, *flags, job=None, binaries=None):
        given = {flag.split("=")[0] for flag in flags}
        usual = [flag for flag in self.flags if flag.split("=")[0] not in given]
        command = [PROGRAM, "launch", job or self.job, f"--binaries={binaries or self.binaries}", *usual, *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=self.folder, env=self.environment)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def finish(self, process):
        output, errors = process.communicate(timeout=PATIENCE_S)
        if self.leaves_at_once:
            self.assertEqual(self.processes(), [], "nothing is left behind")
        else:  # a shell on the other side may be about to end
            wait_until(lambda: not self.processes(), "nothing is left behind")
        return process.returncode, output, errors

    def launch(self, *flags, **options):
        return self.finish(self.start(*flags, **options))

    def processes(self):
        """All that were started for this test and live."""
        marker = f"STAND_IN_FOLDER={self.notes}".encode()
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            pid = int(path.split("/")[2])
            try:
                with open(path, "rb") as file:
                    if marker in file.read().split(b"\0") and pid != os.getpid():
                        found.append(pid)
            except OSError:
                pass
        return found

    def leave_nothing(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def note(self, task, start=0):
        path = os.path.join(self.notes, f"{task}.start{start}")
        wait_until(lambda: os.path.exists(path), f"{task} is started for the {start + 1}. time")
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def was_started(self, task, start=0):
        return os.path.exists(os.path.join(self.notes, f"{task}.start{start}"))


class Rules:
    """What holds on this machine and over ssh alike."""

    def test_a_run_goes_to_its_end_with_one_log(self):
        status, output, errors = self.launch("--servers=2", "--workers=2")
        self.assertEqual((status, errors), (0, ""), output)
        for task in ("server/0", "server/1", "worker/0", "worker/1"):
            self.assertIn(f"{task} | {task.replace('/', '-')} begins\n", output)
            self.assertIn(f"{task} | a word on stderr\n", output)
        self.assertIn("worker/1 | ends as done\n", output)
        self.assertIn("server/0 | ends as serve\n", output)
        self.assertNotIn("\x1b", output)
        self.assertNotIn("downpour-launch", output)

    def test_tasks_get_a_job_that_is_whole_and_their_place_in_the_cluster(self):
        status, _, _ = self.launch("--workers=2", "--devices=cpu:3", "--set", "batch=77", "--set", "name=it-is")
        self.assertEqual(status, 0)
        worker = self.note("worker-1")
        self.assertIn("--task=worker/1", worker["arguments"])
        self.assertIn("--devices=cpu:3", worker["arguments"])
        self.assertIn("batch: 77", worker["files"]["job"])
        self.assertIn("softmax_cross_entropy", worker["files"]["job"])
        self.assertIn('name: "server/0"', worker["files"]["cluster"])
        server = self.note("server-0")
        self.assertEqual(server["files"]["cluster"], worker["files"]["cluster"])
        self.assertFalse([word for word in server["arguments"] if word.startswith("--job")])

    def test_what_is_in_arguments_arrives_as_it_is(self):
        strange = "/data/it's $HOME \"quoted\" `id` a\\b *;&|<>(){}[]!#~ \t new\nline"
        status, _, errors = self.launch(f"--data_dir={strange}")
        self.assertEqual(status, 0, errors)
        self.assertIn(f"--data_dir={strange}", self.note("worker-0")["arguments"])

    def test_a_worker_that_died_is_started_again(self):
        self.does("worker-1", "crash", "done")
        status, output, _ = self.launch("--workers=2")
        self.assertEqual(status, 0, output)
        self.assertIn("worker/1 | about to crash\n", output)
        self.assertIn("worker/1 was killed by signal 9 (Killed); it is started again in 1s (restart 1 of 3)", output)
        first, second = self.note("worker-1"), self.note("worker-1", 1)
        self.assertNotEqual(first["pid"], second["pid"])
        self.assertEqual([word for word in first["arguments"] if "--task" in word],
                         [word for word in second["arguments"] if "--task" in word])

    def test_a_worker_that_dies_again_and_again_ends_the_job(self):
        self.does("worker-1", "crash")
        self.does("worker-0", "work")
        status, output, errors = self.launch("--workers=2", "--restarts_max=1")
        self.assertEqual(status, 1)
        self.assertIn("downpour: worker/1 was killed by signal 9 (Killed), after 1 restarts", errors)
        self.assertIn("  | about to crash\n", errors)
        self.assertIn("worker/0 | ends as work\n", output)

    def test_restarts_can_be_forbidden(self):
        self.does("worker-0", "crash", "done")
        self.assertEqual(self.launch("--restart=never")[0], 1)

    def test_a_worker_that_fails_ends_the_job_with_its_last_words(self):
        self.does("worker-0", "work")
        self.does("worker-1", "fail")
        status, _, errors = self.launch("--workers=2")
        self.assertEqual(status, 1)
        self.assertIn("downpour: worker/1 ended with status 1\n", errors)
        self.assertIn("  | ends as fail\n", errors)
        self.assertFalse(self.was_started("worker-1", 1))

    def test_a_command_that_a_task_calls_wrong_is_wrong(self):
        self.does("server-0", "wrong")
        self.does("worker-0", "work")
        status, _, errors = self.launch()
        self.assertEqual(status, 2)
        self.assertIn("downpour: server/0 ended with status 2\n", errors)

    def test_a_server_that_died_ends_the_job(self):
        self.does("server-1", "crash")
        self.does("worker-0", "work")
        status, output, errors = self.launch("--servers=2")
        self.assertEqual(status, 1)
        self.assertIn("downpour: server/1 was killed by signal 9 (Killed): the weights that it held are lost", errors)
        self.assertIn("server/0 | ends as serve\n", output)

    def test_ctrl_c_has_workers_leave_and_then_stops_servers(self):
        self.does("worker-0", "work")
        self.does("worker-1", "work")
        process = self.start("--workers=2")
        for task in ("server-0", "worker-0", "worker-1"):
            self.note(task)
        process.send_signal(signal.SIGINT)
        status, output, errors = self.finish(process)
        self.assertEqual((status, errors), (130, ""))
        self.assertIn("Ctrl-C again", output)
        self.assertLess(output.index("worker/1 | ends as work"), output.index("server/0 | ends as serve"))

    def test_a_second_ctrl_c_ends_everything_at_once(self):
        self.does("worker-0", "stubborn")
        self.does("server-0", "stubborn")
        process = self.start()
        self.note("worker-0")
        self.note("server-0")
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process)[0], 130)

    def test_nothing_is_left_when_the_launch_itself_is_killed(self):
        self.does("worker-0", "stubborn")
        self.does("server-0", "stubborn")
        process = self.start()
        self.note("worker-0")
        self.note("server-0")
        process.kill()
        process.communicate(timeout=PATIENCE_S)
        wait_until(lambda: not self.processes(), "nothing is left")


class LocalTest(Rules, LaunchCase):
    def test_ctrl_c_on_a_terminal_is_for_the_launch_alone(self):
        # A terminal sends it to the whole process group.
        self.does("worker-0", "work")
        command = [PROGRAM, "launch", self.job, f"--binaries={self.binaries}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment, start_new_session=True)
        self.note("worker-0")
        self.note("server-0")
        os.killpg(process.pid, signal.SIGINT)
        status, output, _ = self.finish(process)
        self.assertEqual(status, 130)
        self.assertLess(output.index("worker/0 | ends as work"), output.index("server/0 | ends as serve"))

    def test_its_files_are_gone_afterwards(self):
        self.launch()
        self.assertEqual(os.listdir(self.scratch), [])

    def test_workers_divide_the_cores_and_that_is_said(self):
        _, output, _ = self.launch(f"--workers={os.cpu_count() + 1}")
        self.assertIn("are shared by", output)

    def test_a_program_that_is_missing_is_named(self):
        os.remove(os.path.join(self.binaries, "downpour_worker"))
        status, _, errors = self.launch()
        self.assertEqual(status, 2)
        self.assertIn("downpour_worker: is --binaries right?", errors)

    def test_a_program_that_cannot_be_run_is_named(self):
        path = os.path.join(self.binaries, "downpour_worker")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/nowhere/interpreter\n")
        status, _, errors = self.launch()
        self.assertEqual(status, 2)
        self.assertIn("worker/0 could not be started", errors)
        self.assertIn("No such file", errors)

    def test_mistakes_are_named(self):
        for flags, word in [(["--servers=0"], "--servers"), (["--workers=0"], "--workers"),
                            (["--set=batch=0"], "batch"), (["--restart=always"], "on_failure"),
                            (["--hosts=localhost,b"], "localhost is another machine"),
                            (["--hosts=a,b"], "--insecure_allow_plaintext"), (["--base_port=70000"], "--base_port")]:
            status, _, errors = self.launch(*flags)
            self.assertEqual(status, 2, errors)
            self.assertIn(word, errors)
        self.assertEqual(self.launch(job="/nowhere.textproto")[0], 2)

    def test_variables_that_tell_tasks_something_else_are_not_passed_on(self):
        self.environment.update(DOWNPOUR_TASK="worker/7", DOWNPOUR_SERVERS="a:1", DOWNPOUR_DATA="/data")
        self.launch()
        self.assertEqual([name for name in self.note("worker-0")["environment"] if name in ("DOWNPOUR_TASK",
                         "DOWNPOUR_SERVERS", "DOWNPOUR_DATA")], ["DOWNPOUR_DATA"])

    def test_a_log_that_nobody_reads_any_more_ends_everything(self):
        self.does("worker-0", "work")
        self.does("worker-1", "crash")
        process = self.start("--workers=2", "--restarts_max=100")
        self.note("worker-0")
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE_S), 130)
        process.stderr.close()
        self.assertEqual(self.processes(), [])


class SshTest(Rules, LaunchCase):
    flags = ["--hosts=one,two", f"--ssh={TESTDATA}/fake_ssh.py -i key", "--insecure_allow_plaintext", "--workers=1"]
    leaves_at_once = False

    def ssh_processes(self):
        found = {}
        for path in glob.glob(os.path.join(self.notes, "ssh.*")):
            with open(path, encoding="utf-8") as file:
                found[int(path.rsplit(".", 1)[1])] = file.read()
        return found

    def test_the_remote_side_ends_when_only_ssh_is_killed(self):
        self.does("worker-0", "stubborn", "done")
        process = self.start()
        first = self.note("worker-0")["pid"]
        self.note("server-0")
        # server/0 is on the first host, worker/0 on the second.
        wait_until(lambda: "two" in self.ssh_processes().values(), "ssh is started")
        os.kill(next(pid for pid, host in self.ssh_processes().items() if host == "two"), signal.SIGKILL)
        wait_until(lambda: first not in self.processes(), "the worker is gone")
        status, output, _ = self.finish(process)
        self.assertEqual(status, 0, output)
        self.assertIn("worker/0 cannot be reached any more: the connection to its host is lost; it is started again",
                      output)

    def test_tasks_run_in_the_folder_that_was_named_and_it_is_made(self):
        status, _, errors = self.launch("--remote_dir=a new folder/it's here", "--json_log=run.jsonl")
        self.assertEqual(status, 0, errors)
        self.assertEqual(self.note("worker-0")["folder"], os.path.join(self.folder, "a new folder/it's here"))
        self.assertEqual(self.note("worker-0")["arguments"][-1], "--json_log=run.jsonl")

    def test_no_files_stay_on_hosts(self):
        self.launch()
        wait_until(lambda: not os.listdir(self.scratch), "the folders are removed")

    def test_workers_of_one_host_divide_its_cores_there(self):
        status, _, errors = self.launch("--workers=2", "--hosts=one")
        self.assertEqual(status, 0, errors)
        each = max(os.cpu_count() // 2, 1)
        self.assertIn("--devices=" + ",".join(f"cpu:{i}" for i in range(each)), self.note("worker-1")["arguments"])

    def test_a_host_that_is_not_there_is_named(self):
        status, _, errors = self.launch("--hosts=nowhere,one")
        self.assertEqual(status, 2)
        self.assertIn("downpour: server/0 could not be started", errors)
        self.assertIn("No route to host", errors)

    def test_a_program_that_a_host_lacks_is_named(self):
        status, _, errors = self.launch(binaries="/nowhere on this/host")
        self.assertEqual(status, 2)
        self.assertRegex(errors, "/nowhere on this/host/downpour_(server|worker)")

    def test_a_large_job_arrives_whole(self):
        layers = "".join(f'layer {{ name: "layer{i}" dense {{ units: 4 }} }}\n' for i in range(6000))
        with open(self.job, "w", encoding="utf-8") as file:
            file.write(JOB.replace('layer { name: "logits"', layers + 'layer { name: "logits"'))
        status, output, errors = self.launch()
        self.assertEqual(status, 0, errors)
        text = self.note("worker-0")["files"]["job"]
        self.assertGreater(len(text), 200000)
        self.assertIn("layer5999", text)


if __name__ == "__main__":
    unittest.main()
