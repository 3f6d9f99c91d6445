# SPDX-License-Identifier: PostgreSQL
"""What befalls the servers."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "test" / "lib"))

from processes import family, send  # noqa: E402  (needs the path above)

TOOL = TOP / "contrib/cluster/altius-cluster"
KINDS = ("kill", "freeze", "immediate", "backend")
FROZEN = 5  # seconds


class Servers:
    """The servers of a cluster that altius-cluster has started in `directory`."""

    def __init__(self, directory, names):
        self.directory = pathlib.Path(directory)
        self.names = names

    def postmaster(self, name):
        return int((self.directory / name / "postmaster.pid").read_text().split()[0])

    @staticmethod
    def wait_for(condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.05)

    def start(self, name):
        done = subprocess.run([TOOL, "start", "--dir", self.directory, name], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name} did not start:\n{done.stdout}{done.stderr}")

    def kill(self, name, rng):
        """All processes at once: the server knows nothing of its end."""
        postmaster = self.postmaster(name)
        send([postmaster], signal.SIGSTOP)  # nothing is forked between the two
        send(family(postmaster), signal.SIGKILL)
        self.wait_for(lambda: not os.path.exists(f"/proc/{postmaster}"))  # somebody has to reap it
        time.sleep(rng.uniform(0, 2))
        self.start(name)

    def freeze(self, name, _):
        postmaster = self.postmaster(name)
        send([postmaster], signal.SIGSTOP)
        frozen = family(postmaster)
        send(frozen, signal.SIGSTOP)
        time.sleep(FROZEN)
        send(frozen, signal.SIGCONT)

    def immediate(self, name, rng):
        send([self.postmaster(name)], signal.SIGQUIT)
        self.wait_for(lambda: not (self.directory / name / "postmaster.pid").exists())
        time.sleep(rng.uniform(0, 1))
        self.start(name)

    def backend(self, name, rng):
        """One of its processes: the server ends all others and recovers."""
        children = family(self.postmaster(name))[1:]
        if children:
            send([rng.choice(children)], signal.SIGKILL)


class Faults:
    """One after the other, each `period` seconds, until `until`."""

    def __init__(self, servers, seed, period, kinds, out):
        self.servers = servers
        self.rng = random.Random(f"{seed}/faults")
        self.period = period
        self.kinds = kinds
        self.out = out
        self.made = []
        self.coming = []
        self.last = None

    def next_fault(self):
        """All there are in some order, then all again."""
        if not self.coming:
            self.coming = [(kind, name) for kind in self.kinds for name in self.servers.names]
            self.rng.shuffle(self.coming)
        return self.coming.pop()

    def run(self, until):
        begun = moment = time.monotonic()
        while True:
            # What took longer, on a busy machine, is not made up for: there must be time to work.
            moment = max(moment + self.period + self.rng.uniform(-0.4, 0.4), time.monotonic() + self.period / 5)
            if moment + FROZEN > until:
                break
            time.sleep(max(0, moment - time.monotonic()))
            kind, name = self.next_fault()
            self.out(f"{time.monotonic() - begun:6.1f} s: {kind} {name}")
            self.made.append((kind, name))
            getattr(self.servers, kind)(name, self.rng)
        self.last = time.monotonic()
