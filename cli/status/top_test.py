"""`downpour top` on a terminal: what its screen shows, its keys, sizes, and that it leaves the terminal as it was."""

import os
import signal
import subprocess
import unittest

from screen import PATIENCE_S, Terminal

PROGRAM = "cli/downpour"
ENVIRONMENT = {"TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")}


class TopTest(unittest.TestCase):
    def setUp(self):
        self.cluster = subprocess.Popen(["cli/status/fake_cluster"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_cluster)
        self.address = self.cluster.stdout.readline().strip()

    def end_cluster(self):
        self.cluster.stdin.close()
        self.cluster.wait(PATIENCE_S)
        self.cluster.stdout.close()

    def top(self, rows=40, columns=110, environment=ENVIRONMENT, address=None):
        terminal = Terminal([PROGRAM, "top", "--interval=0.2", address or self.address], rows, columns, environment)
        self.addCleanup(self.end, terminal)
        return terminal

    @staticmethod
    def end(terminal):
        try:
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(terminal.controller)
        os.close(terminal.end)

    def test_shows_the_job_and_quits_by_q(self):
        terminal = self.top()
        shown = terminal.wait_for(r"example, async, momentum", r"LOSS 0\.4321", r"server/1 +running", r"worker/0 +live",
                                  r"worker/3 +dead", r"[▁▂▃▄▅▆▇█]{3}")
        self.assertIn("q quit", shown.splitlines()[-1])
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertTrue(terminal.is_restored(), terminal.raw[-200:])

    def test_keys_select_sort_show_and_pause(self):
        terminal = self.top()
        terminal.wait_for("worker/2 +live")
        terminal.press("\x1bOC\x1bOC\x1bOCr")  # right three times: by examples a second, the smallest first
        terminal.wait_for(r"EX/S▴", r"worker/2 +live[^\n]*\nworker/0")
        terminal.press("\n")
        terminal.wait_for(r"worker/2, live", r"compute +\d+% █", r"server/1 +grpc")
        terminal.press("j")
        terminal.wait_for(r"worker/0, live")
        terminal.press("\x1b")
        terminal.wait_for(r"worker/3 +dead")
        terminal.press("\t\x1bOBd")
        terminal.wait_for(r"server/1 at 127", r"STALENESS \(mean 2", r"layer3/weights")
        terminal.press("\x7f?")
        terminal.wait_for("page up, page down")
        terminal.press("x p")
        terminal.wait_for(r"worker/0 +live")
        terminal.press(" ")
        terminal.wait_for("PAUSED")
        terminal.press("p")
        terminal.wait_for(r"^downpour top\n")
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)

    def test_follows_the_size_of_the_terminal(self):
        terminal = self.top(rows=40, columns=110)
        terminal.wait_for("LOSS", "HOST")
        terminal.resize(14, 50)
        shown = terminal.wait_for("server/0", "worker/0", "q quit")
        self.assertNotIn("HOST", shown)
        terminal.resize(2, 10)
        terminal.wait_for("downpour t")
        terminal.resize(50, 140)
        shown = terminal.wait_for("LOSS", "HOST", "worker/3")
        self.assertIn("q quit", shown.splitlines()[-1])
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertTrue(terminal.is_restored())

    def test_restores_the_terminal_after_signals(self):
        for sent, status in ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 130), (signal.SIGHUP, 128 + signal.SIGHUP)):
            with self.subTest(sent=sent):
                terminal = self.top()
                terminal.wait_for("worker/0")
                os.kill(terminal.pid, sent)
                self.assertEqual(terminal.wait(), status)
                self.assertTrue(terminal.is_restored(), terminal.raw[-200:])

    def test_ctrl_c_ends_it(self):
        terminal = self.top()
        terminal.wait_for("worker/0")
        terminal.press("\x03")
        self.assertEqual(terminal.wait(), 130)
        self.assertTrue(terminal.is_restored())

    def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(self):
        terminal = self.top()
        terminal.wait_for("worker/0")
        terminal.press("\x1a")
        terminal.wait_until_stopped()
        self.assertTrue(terminal.is_restored(), terminal.raw[-200:])
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.resize(30, 90)
        terminal.wait_for("worker/3 +dead", "q quit")
        self.assertFalse(terminal.is_restored())
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertTrue(terminal.is_restored())

    def test_quits_at_once_while_a_task_hangs(self):
        os.kill(self.cluster.pid, signal.SIGSTOP)
        try:
            terminal = self.top()
            terminal.wait_for("asking 127.0.0.1")
            terminal.press("q")
            self.assertEqual(terminal.wait(), 0)
            self.assertTrue(terminal.is_restored())
        finally:
            os.kill(self.cluster.pid, signal.SIGCONT)

    def test_goes_on_when_nobody_answers(self):
        terminal = self.top(address="127.0.0.1:1")
        terminal.wait_for(r"no answer from 127.0.0.1:1: connection refused; is the server up\?")
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)

    def test_draws_with_ascii_where_there_is_nothing_else(self):
        terminal = self.top(environment={**ENVIRONMENT, "LANG": "C", "LC_ALL": "C"})
        shown = terminal.wait_for("LOSS", "worker/3", "WORKERv")
        self.assertTrue(shown.isascii())
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)

    def test_says_that_it_needs_a_terminal(self):
        done = subprocess.run([PROGRAM, "top", self.address], capture_output=True, text=True, timeout=PATIENCE_S,
                              env=ENVIRONMENT, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)
        self.assertIn("top draws on a terminal, and stdout is none; `downpour status --watch=2`", done.stderr)
        # ncurses leaks a little where it fails.
        terminal = self.top(environment={**ENVIRONMENT, "TERM": "no-such-terminal", "ASAN_OPTIONS": "detect_leaks=0"})
        terminal.wait_for("TERM=no-such-terminal")
        self.assertEqual(terminal.wait(), 2)


if __name__ == "__main__":
    unittest.main()
