"""Servers and workers of one job as processes, for tests to start, hurt and look at.

No wait here is without an end. What each process wrote is in a file of its own, and in the test's log when it ends.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

SERVER = os.path.abspath("server/downpour_server")
WORKER = os.path.abspath("worker/downpour_worker")
DOWNPOUR = os.path.abspath("cli/downpour")
PATIENCE_S = 180  # far beyond what anything takes on a busy machine


def wait_until(condition, what, patience_s=PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.02)


def free_ports(count):
    """Ports of this machine that nobody has, from below the range that the system gives to who asks for any."""
    sockets, ports = [], []
    port = random.SystemRandom().randrange(20000, 31000)
    while len(ports) < count:
        port += 1
        candidate = socket.socket()
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            candidate.close()
            continue
        sockets.append(candidate)
        ports.append(port)
    for candidate in sockets:
        candidate.close()
    return ports


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def json_lines(path):
    """The whole lines of a log that may still be written; none of one that is not there yet."""
    try:
        text = read(path)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def run(*command, environment=None):
    """(exit status, output) of a program that ends by itself, soon."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                          env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout + done.stderr


class Task:
    """A process, with what it has written."""

    def __init__(self, name, command, log, json_log=None, environment=None):
        self.name = name
        self.log_path = log
        self.json_path = json_log
        with open(log, "a", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            env=dict(os.environ, **(environment or {})))

    def log(self):
        return read(self.log_path)

    def events(self):
        return json_lines(self.json_path)

    def end(self):
        """The last line of its JSON log, when it has ended."""
        events = self.events()
        return events[-1] if events and events[-1]["event"] == "end" else None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience_s=PATIENCE_S):
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.log()[-3000:]}") from None

    def runs(self):
        return self.process.poll() is None

    def wait_for(self, text, patience_s=PATIENCE_S):
        wait_until(lambda: text in self.log() or not self.runs(), f"{self.name} says {text!r}:\n{self.log()}",
                   patience_s)
        if text not in self.log():
            raise AssertionError(f"{self.name} ended without saying {text!r}:\n{self.log()[-3000:]}")

    def close(self):
        if self.runs():
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        status = self.process.wait(PATIENCE_S)
        print(f"---- {self.name} ended with {status}; its log ends with:\n{self.log()[-3000:]}----", file=sys.stderr)


class Cluster:
    """The tasks of one job. `places`: of each task its address without the port, and what its command begins with, to
    run on a host of its own (hosts.py). Without it all are on 127.0.0.1."""

    def __init__(self, folder, servers, workers, places=None, flags=(), server_flags=(), worker_flags=()):
        self.folder = folder
        self.flags = {"server": [*flags, *server_flags], "worker": [*flags, *worker_flags]}
        self.places = places or {}
        self.names = [f"server/{i}" for i in range(servers)] + [f"worker/{i}" for i in range(workers)]
        ports = free_ports(len(self.names))
        self.addresses = {name: f"{self.places.get(name, ('127.0.0.1', []))[0]}:{port}"
                          for name, port in zip(self.names, ports)}
        text = "".join(f'task {{ name: "{name}" address: "{self.addresses[name]}" }}\n' for name in self.names)
        if places:
            text += "security { insecure_allow_plaintext: true }\n"
        self.file = write(os.path.join(folder, "cluster.textproto"), text)
        self.tasks = []

    def command(self, name, *flags):
        role = name.split("/")[0]
        program = SERVER if role == "server" else WORKER
        prefix = self.places.get(name, ("", []))[1]
        return [*prefix, program, f"--cluster={self.file}", f"--task={name}", *self.flags[role], *flags]

    def start(self, name, *flags, environment=None):
        """A task, also one that has run before and has ended."""
        own = os.path.join(self.folder, f"{name.replace('/', '-')}.{len(self.tasks)}")
        json_log = f"{own}.jsonl" if name.startswith("worker") else None
        more = [f"--json_log={json_log}"] if json_log else []
        task = Task(name, self.command(name, *flags, *more), f"{own}.log", json_log, environment)
        self.tasks.append(task)
        return task

    def start_servers(self):
        return [self.start(name) for name in self.names if name.startswith("server")]

    def close(self):
        for task in self.tasks:
            task.close()
