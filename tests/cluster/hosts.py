"""Hosts on one machine: network namespaces, each with an address of its own behind one bridge.

Needs root, or a machine that lets users be root in a namespace of their own; `enter_or_skip` starts the program anew inside
of one. Whatever is made there goes with the last process in it, so nothing of it is ever left on the machine.
"""

import os
import shutil
import subprocess
import sys

ENTERED = "DOWNPOUR_TEST_IN_NAMESPACE"
NETWORK = "10.77.0"
# A station that is nowhere: what is sent to it is lost without a word, as a dead switch loses it.
NOBODY = "02:00:00:00:00:99"


def enter_or_skip():
    """Goes on only as root of a network namespace of its own; ends the test, loudly, where there is no way to that."""
    if os.environ.get(ENTERED):
        return
    for tool in ("ip", "unshare", "nsenter"):
        if not shutil.which(tool):
            print(f"SKIPPED: {tool} is missing: apt-get install iproute2 util-linux (deploy/setup.sh)")
            sys.exit(0)
    for flags in (["--net"], ["--user", "--map-root-user", "--net"]):
        probe = "ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2"
        tried = subprocess.run(["unshare", *flags, "sh", "-c", probe], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            os.environ[ENTERED] = "1"
            os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])
    print(f"SKIPPED: this machine allows no network namespaces: {tried.stderr.strip()}")
    sys.exit(0)


def ip(*words, inside=None):
    prefix = [] if inside is None else inside.prefix
    subprocess.run([*prefix, "ip", *words], check=True, timeout=20)


class Host:
    def __init__(self, number, network):
        self.address = f"{NETWORK}.{number}"
        # Keeps the namespace alive; says a line when it is there.
        self.keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 100000"],
                                       stdout=subprocess.PIPE)
        self.keeper.stdout.readline()
        self.prefix = ["nsenter", "--net", f"--target={self.keeper.pid}", "--"]
        ip("link", "add", f"host{number}", "type", "veth", "peer", "name", "eth0", "netns", str(self.keeper.pid))
        ip("link", "set", f"host{number}", "master", network, "up")
        ip("address", "add", f"{self.address}/24", "dev", "eth0", inside=self)
        ip("link", "set", "eth0", "up", inside=self)
        ip("link", "set", "lo", "up", inside=self)

    def lose_what_goes_to(self, other):
        """One way: what comes from there still arrives."""
        ip("neighbour", "replace", other.address, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent", inside=self)

    def find_again(self, other):
        ip("neighbour", "delete", other.address, "dev", "eth0", inside=self)

    def close(self):
        self.keeper.kill()
        self.keeper.wait()
        self.keeper.stdout.close()


class Hosts:
    """So many hosts that all see each other."""

    def __init__(self, count):
        ip("link", "set", "lo", "up")
        ip("link", "add", "switch", "type", "bridge")
        ip("link", "set", "switch", "up")
        self.all = [Host(number + 1, "switch") for number in range(count)]

    def close(self):
        for host in self.all:
            host.close()
        ip("link", "delete", "switch")
