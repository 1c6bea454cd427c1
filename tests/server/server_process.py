"""Starts downpour_server as a process, and stops it."""

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = "server/downpour_server"
PATIENCE_S = 60


def skip_without_grpc():
    """Ends the test, loudly, where there is no grpcio."""
    try:
        import grpc  # noqa: F401
        import google.protobuf  # noqa: F401
    except ImportError as error:
        print(f"SKIPPED: {error}: install python3-grpcio and python3-protobuf (deploy/setup.sh)")
        sys.exit(0)


class ServerProcess:
    """One server; `with` ends it by SIGKILL if it still runs."""

    def __init__(self, *flags, listen="127.0.0.1:0", descriptors=None):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([PROGRAM, f"--listen={listen}", *flags], stdout=subprocess.PIPE, text=True,
                                        stderr=self.log, preexec_fn=limit)
        line = self.process.stdout.readline()
        match = re.match(r"listening on (.*):(\d+)$", line)
        if not match:
            raise RuntimeError(f"the server does not listen: {line!r}; {self.log_text()}")
        self.port = int(match.group(2))
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def terminate(self):
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def run(*flags):
    """(exit status, output) of a server that ends by itself."""
    done = subprocess.run([PROGRAM, *flags], capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout + done.stderr


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.02)


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
