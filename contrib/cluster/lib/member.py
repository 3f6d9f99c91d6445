# SPDX-License-Identifier: PostgreSQL
"""One member of a group under Patroni: its Patroni, its PostgreSQL, and how to ask them."""

import json
import os
import shutil
import signal
import urllib.error
import urllib.request

from . import patroni_config
from .common import Failure, SERVER_USER
from .node import HOST, Node
from .process import Process, kill_tree

REST = 100  # Patroni's ports follow PostgreSQL's at this distance


class Member(Node):
    def __init__(self, cluster, group, number):
        super().__init__(cluster, f"{cluster.group_name(group)}-{number}",
                         cluster.port + cluster.members * group + number - 1)
        self.group, self.number, self.host = group, number, cluster.host_of(self.name)
        self.directory = os.path.join(cluster.dir, self.name)
        self.data = os.path.join(self.directory, "data")
        self.rest_port = self.port + REST
        self.patroni = Process(self.name, self.directory, self.log)

    def write_config(self):
        """Patroni reads it at its start; later changes of common settings are Patroni's business."""
        cluster = self.cluster
        os.makedirs(self.directory, exist_ok=True)
        SERVER_USER.own(self.directory)
        values = {
            "layout": cluster.layout, "scope": cluster.scope, "name": self.name, "group": self.group, "host": self.host,
            "port": self.port, "rest_port": self.rest_port, "etcd": ",".join(cluster.etcd_endpoints()),
            "database": cluster.db, "data_dir": self.data, "bin_dir": os.path.dirname(cluster.pg_config),
            "pgpass": os.path.join(self.directory, "pgpass"), "network": cluster.network, "auth": "trust", "sockets": "",
            "etcd_user": cluster.etcd_user, "etcd_password": cluster.etcd_password,
            "etcd_password_file": self.write_etcd_password(), "ttl": cluster.ttl, "watchdog": "off", "create_extension": os.path.join(cluster.dir, "create-extension"),
            "dcs_parameters": {"citus.node_conninfo": "sslmode=disable", "timezone": "UTC",
                               "log_line_prefix": "%m [%p] %a ", **cluster.settings},
        }
        path = os.path.join(self.directory, "patroni.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(patroni_config.member(values))
        SERVER_USER.own(path)
        return path

    def write_etcd_password(self, password=None):
        """The file that Altius reads it from; a running server notices the change."""
        if not self.cluster.etcd_user:
            return ""
        path = os.path.join(self.directory, "etcd-password")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(f"{password or self.cluster.etcd_password}\n")
        os.chmod(path + ".new", 0o600)
        SERVER_USER.own(path + ".new")
        os.replace(path + ".new", path)
        return path

    def start(self):
        command = [shutil.which("patroni") or "/usr/bin/patroni", self.write_config()]
        self.patroni.start(command, path=os.path.dirname(self.cluster.pg_config), netns=self.cluster.netns.get(self.name))

    def stop(self, mode):
        """fast: Patroni hands over and stops its server.  immediate: both are killed."""
        if mode == "fast":
            self.patroni.stop()
        else:
            self.patroni.signal(signal.SIGKILL)
        pid = self.running()
        if pid:
            kill_tree(pid)

    def rest(self, path, body=None, timeout=5, method=None):
        """Patroni's answer: status and JSON (or text)."""
        request = urllib.request.Request(f"http://{self.host}:{self.rest_port}{path}",
                                         data=None if body is None else json.dumps(body).encode(),
                                         method=method or ("GET" if body is None else "POST"))
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        except (OSError, ValueError):
            return 0, {}
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def state(self):
        """What Patroni says of its server: role and state; nothing where it does not answer."""
        return self.rest("/patroni")[1] or {}

    def leads(self):
        return self.rest("/primary")[0] == 200

    def follows(self):
        return self.rest("/replica")[0] == 200

    def in_step(self):
        """Whether its primary waits for it at each commit: only such a standby takes over."""
        return self.rest("/synchronous")[0] == 200


def require_patroni():
    if not shutil.which("patroni") and not os.path.exists("/usr/bin/patroni"):
        raise Failure("Patroni is not installed", "Run contrib/install-deps.")
    if not shutil.which("etcd"):
        raise Failure("etcd is not installed", "Run contrib/install-deps.")
