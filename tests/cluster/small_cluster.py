"""Real servers and workers of one small job, as processes; and ways to make one of them, or a link, slow."""

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

PATIENCE_S = 90  # far beyond what anything takes on a busy machine
SERVER = "server/downpour_server"
WORKER = "worker/downpour_worker"

# A step takes some 20 ms of one core; the weights are 2 MB.
JOB = """
model {
  input { name: "images" shape: [16, 16, 3] }
  input { name: "labels" dtype: INT32 }
  layer { name: "c1" input: "images" conv2d { filters: 32 kernel: 5 } }
  layer { name: "r1" relu {} }
  layer { name: "flat" flatten {} }
  layer { name: "h" dense { units: 64 } }
  layer { name: "r2" relu {} }
  layer { name: "logits" dense { units: 10 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data { synthetic_images { height: 16 width: 16 channels: 3 train_examples: 20000 test_examples: 100 } prefetch_threads: 1 }
batch: 64
optimizer { sgd { learning_rate: 0.01 } }
budget { steps: 10000000 }
evaluation { every_epochs: 1e6 }
"""

# A model that is nothing beside what its data costs.
STARVING_JOB = """
model {
  input { name: "images" shape: [48, 48, 3] }
  input { name: "labels" dtype: INT32 }
  layer { name: "small" input: "images" max_pool { window: 16 } }
  layer { name: "flat" flatten {} }
  layer { name: "logits" dense { units: 10 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
}
data {
  synthetic_images { height: 64 width: 64 channels: 3 train_examples: 2000 test_examples: 100 }
  augmentation { pad: 8 flip: true brightness_delta: 60 contrast_low: 0.2 contrast_high: 1.8 }
  prefetch_threads: 1
}
batch: 64
optimizer { sgd { learning_rate: 0.01 } }
budget { steps: 10000000 }
evaluation { every_epochs: 1e6 }
"""


class SmallCluster:
    """`with` ends all processes. Every process's output is in a file that is shown when the test fails."""

    def __init__(self, servers=2, workers=2, job=JOB, overrides=(), relays=None, server_flags=()):
        """`relays`: worker number -> function of its servers' addresses to those that it is given."""
        self.folder = tempfile.TemporaryDirectory()
        self.processes = {}
        self.logs = {}
        self.slowdowns = []
        self.addresses = []
        path = self.path("job.textproto")
        with open(path, "w") as file:
            file.write(job)
        try:
            for number in range(servers):
                port_file = self.path(f"server{number}.port")
                self.start(f"server/{number}", [SERVER, f"--task=server/{number}", "--listen=127.0.0.1:0",
                                                f"--port_file={port_file}", "--shared_memory=false", *server_flags])
                self.addresses.append(f"127.0.0.1:{self.read_port(port_file)}")
            for number in range(workers):
                given = self.addresses
                if relays and number in relays:
                    given = relays[number](self.addresses)
                self.start(f"worker/{number}", [WORKER, f"--task=worker/{number}", f"--servers={','.join(given)}",
                                                f"--job={path}", "--devices=cpu:0", "--shared_memory=false",
                                                "--log_format=json", *[f"--set={change}" for change in overrides]])
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self, task, command):
        self.logs[task] = open(self.path(task.replace("/", "-")), "w+")
        self.processes[task] = subprocess.Popen(command, stdout=self.logs[task], stderr=subprocess.STDOUT,
                                                stdin=subprocess.DEVNULL)

    def read_port(self, path):
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(path):
            if time.monotonic() > deadline:
                raise AssertionError(f"no port in {path}")
            time.sleep(0.01)
        with open(path) as file:
            return int(file.read())

    def pid(self, task):
        return self.processes[task].pid

    def slow_down(self, task, stopped_s, running_s):
        """Stops and continues a process in turns."""
        self.slowdowns.append(Slowdown(self.pid(task), stopped_s, running_s))
        return self.slowdowns[-1]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(show=kind is not None)

    def close(self, show=True):
        for slowdown in self.slowdowns:
            slowdown.end()
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
        for task, process in self.processes.items():
            status = process.wait(PATIENCE_S)
            log = self.logs[task]
            if show:
                log.seek(0)
                print(f"---- {task} ended with {status}:\n{log.read()[-4000:]}----", flush=True)
            log.close()
        self.folder.cleanup()


class Slowdown:
    def __init__(self, pid, stopped_s, running_s):
        self.pid = pid
        self.times = stopped_s, running_s
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        stopped_s, running_s = self.times
        while not self.ending.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            self.ending.wait(stopped_s)
            os.kill(self.pid, signal.SIGCONT)
            self.ending.wait(running_s)

    def end(self):
        self.ending.set()
        self.thread.join()


class SlowRelay:
    """A TCP port that hands everything on to another one, at so many bytes a second each way."""

    CHUNK = 16384

    def __init__(self, target, bytes_per_second):
        self.target = target
        self.rate = bytes_per_second
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            host, port = self.target.rsplit(":", 1)
            far = socket.create_connection((host, int(port)))
            self.sockets += [near, far]
            # What is on the way is with us, and not in the buffers of the kernel.
            for end in (near, far):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.hand_on, args=(source, sink), daemon=True).start()

    def hand_on(self, source, sink):
        due = time.monotonic()
        try:
            while True:
                data = source.recv(self.CHUNK)
                if not data:
                    break
                due = max(due, time.monotonic()) + len(data) / self.rate
                time.sleep(max(0, due - time.monotonic()))
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        for end in self.sockets:
            end.close()
