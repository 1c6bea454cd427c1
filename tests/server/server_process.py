"""Starts downpour_server as a process, and stops it.

No wait here is without an end, so that what hangs fails and says what was waited for. What the server wrote is in the test's
log. A test that Bazel ends all the same, for taking too long, says there where each of its threads stood.
"""

import faulthandler
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = "server/downpour_server"
PATIENCE_S = 60  # far beyond what anything takes on a busy machine, under a sanitizer

faulthandler.register(signal.SIGTERM, all_threads=True, chain=True)


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

    def __init__(self, *flags, listen="127.0.0.1:0", descriptors=None, heartbeat_timeout=15):
        # These clients send no heartbeats of their own accord.
        command = [PROGRAM, f"--listen={listen}", f"--heartbeat_timeout={heartbeat_timeout}", *flags]
        if descriptors:
            # By a shell: Python that runs between fork and exec may wait forever for a lock that a thread of grpcio held.
            command = ["/bin/sh", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"', *command]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=self.log)
        said, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if said else f"not a word in {PATIENCE_S} s"
        match = re.match(r"listening on (.*):(\d+)$", line)
        if not match:
            self.close()
            raise RuntimeError(f"the server does not listen: {line!r}")
        self.port = int(match.group(2))
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.log.seek(0)
        print(f"---- server {self.process.pid} ended with {status}; its log:\n{self.log.read()}----", flush=True)
        self.log.close()

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
