# SPDX-License-Identifier: PostgreSQL
"""The cluster's etcd, to be treated badly."""

import json
import os
import signal
import subprocess
import time

from lib import etcd_users


class Etcd:
    def __init__(self, cluster):
        self.cluster = cluster
        self.login = etcd_users.ROOT if cluster.must_ask() else []

    def ctl(self, *arguments, endpoints=None, text=None):
        """etcdctl's output; raises with its words when it fails."""
        endpoints = endpoints or self.cluster.etcd_endpoints()
        command = ["etcdctl", "--endpoints", ",".join(endpoints), "--command-timeout", "10s", *self.login, *arguments]
        done = subprocess.run(command, input=text if text is not None else "", env={**os.environ, "ETCDCTL_API": "3"}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"etcdctl {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout.strip()

    def key(self, group, name=""):
        scope = self.cluster.scope
        return f"/service/{scope}/{group}/{name}" if self.cluster.layout == "citus" else f"/service/{scope}-{group}/{name}"

    def get(self, key):
        return self.ctl("get", "--print-value-only", key)

    def put(self, key, value):
        self.ctl("put", "--", key, *([] if value else [""]), text=value)

    def delete(self, key, *options):
        self.ctl("del", *options, "--", key)

    def revision(self):
        return json.loads(self.ctl("get", "x", "-w", "json"))["header"]["revision"]

    def compact(self):
        """Throws all history away."""
        self.ctl("compaction", str(self.revision()))

    # Its processes.

    def stop(self):
        for process in self.cluster.etcds():
            process.stop("immediate")

    def start(self):
        self.cluster.start(self.cluster.etcds())
        self.wait()

    def wait(self, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.ctl("endpoint", "health")
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def freeze(self, number):
        """The member with this number is there but answers nothing."""
        self.cluster.etcds()[number - 1].signal(signal.SIGSTOP)

    def thaw(self):
        for process in self.cluster.etcds():
            process.signal(signal.SIGCONT)

    # Passwords.

    def demand_passwords(self):
        """False when it does so already."""
        if self.login:
            return False
        self.cluster.ask_for_passwords()
        self.login = etcd_users.ROOT
        return True

    def demand_none(self):
        self.ctl("auth", "disable")
        self.login = []
