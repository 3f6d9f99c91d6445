# SPDX-License-Identifier: PostgreSQL
"""The cluster's etcd, to be treated badly."""

import json
import signal
import time

from lib import etcd_users
from lib.common import Failure


class Etcd:
    def __init__(self, cluster):
        self.cluster = cluster
        self.login = etcd_users.ROOT if cluster.must_ask() else []

    def ctl(self, *arguments, text=""):
        return etcd_users.ctl(self.cluster.etcd_endpoints(), *self.login, *arguments, text=text)

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
            except Failure:
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
