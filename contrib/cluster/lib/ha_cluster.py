# SPDX-License-Identifier: PostgreSQL
"""A cluster whose groups of servers are led by Patroni over a private etcd, as contrib/patroni configures it: a
coordinator and workers with several members each, and HAProxy in front."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from . import etcd_users, patroni_config
from .cluster import Cluster
from .common import Failure, SERVER_USER, run, say
from .member import Member, require_patroni
from .node import HOST
from .ports import check_free
from .process import Process

HAPROXY, ETCD = 50, 80  # distances of their ports from the first


class HaCluster(Cluster):
    DEFAULTS = {**Cluster.DEFAULTS, "kind": "patroni", "layout": "citus", "scope": "altius", "members": 2, "ttl": 30,
                "etcd": 1, "hosts": {}, "netns": {}, "network": "samenet", "etcd_user": "", "etcd_password": ""}

    # The parts.

    def group_name(self, group):
        return "coordinator" if group == 0 else f"worker{group}"

    def groups(self):
        return range(self.workers + 1)

    def members_of(self, group):
        return [Member(self, group, number) for number in range(1, self.members + 1)]

    def nodes(self):
        return [member for group in self.groups() for member in self.members_of(group)]

    def names(self):
        return [node.name for node in self.nodes()] + [process.name for process in self.helpers()]

    def node_names(self):
        return self.names() + [self.group_name(group) for group in self.groups()]

    def coordinator(self):
        return self.primary(0)

    def node(self, name):
        """A member by its name, or the primary of a group by that."""
        for group in self.groups():
            if name == self.group_name(group):
                return self.primary(group)
        for node in self.nodes() + self.helpers():
            if node.name == name:
                return node
        raise Failure(f'there is no node "{name}"', f"The nodes are: {', '.join(self.names())}.")

    def group(self, name):
        for group in self.groups():
            if name in (str(group), self.group_name(group)):
                return group
        raise Failure(f'there is no group "{name}"', f"The groups are: {', '.join(map(self.group_name, self.groups()))}.")

    def primary(self, group, seconds=0):
        deadline = time.monotonic() + seconds
        while True:
            for member in self.members_of(group):
                if member.leads():
                    return member
            if time.monotonic() >= deadline:
                raise Failure(f"group {self.group_name(group)} has no primary", "See altius-cluster status.")
            time.sleep(0.1)

    def timing(self):
        """Patroni's ttl, loop_wait and retry_timeout."""
        return patroni_config.timing(self.ttl)

    def process(self, name):
        return Process(name, os.path.join(self.dir, name), os.path.join(self.dir, name + ".log"))

    def etcds(self):
        return [self.process(f"etcd-{number}") for number in range(1, self.etcd + 1)]

    def helpers(self):
        return self.etcds() + [self.process("haproxy")]

    def etcd_port(self, number):
        return self.port + ETCD + 2 * (number - 1)

    def etcd_host(self):
        return self.host_of("etcd")

    def host_of(self, name):
        """Its own address, or the one that the cluster's parts have ("*")."""
        return self.hosts.get(name, self.hosts.get("*", HOST))

    def etcd_endpoints(self):
        return [f"{self.etcd_host()}:{self.etcd_port(number)}" for number in range(1, self.etcd + 1)]

    # Starting.

    def start_etcd(self, process):
        number = int(process.name.rpartition("-")[2])
        client, peer = self.etcd_port(number), self.etcd_port(number) + 1
        host = self.etcd_host()
        everyone = ",".join(f"etcd-{n}=http://{host}:{self.etcd_port(n) + 1}" for n in range(1, self.etcd + 1))
        command = ["etcd", "--name", process.name, "--data-dir", os.path.join(process.directory, "data"),
                   "--listen-client-urls", f"http://{host}:{client}", "--advertise-client-urls", f"http://{host}:{client}",
                   "--listen-peer-urls", f"http://{host}:{peer}", "--initial-advertise-peer-urls", f"http://{host}:{peer}",
                   "--initial-cluster", everyone, "--initial-cluster-token", self.scope, "--log-level", "warn",
                   "--bcrypt-cost", "4"]  # passwords of a toy: one that is refused again and again shall not keep etcd busy
        process.start(command)

    def must_ask(self):
        """Patroni 4 does not run with a login that etcd does not ask for; Patroni 3 does."""
        return bool(self.etcd_user) and etcd_users.patroni_major() >= 4

    def ask_for_passwords(self):
        """From now on etcd lets nobody in without one."""
        endpoints = self.etcd_endpoints()
        if not etcd_users.asks(endpoints):
            etcd_users.make(endpoints, self.etcd_user, self.etcd_password)
            etcd_users.ctl(endpoints, "auth", "enable")

    def write_haproxy(self):
        groups = {group: [{"name": m.name, "host": m.host, "port": m.port, "rest_port": m.rest_port}
                          for m in self.members_of(group)] for group in self.groups()}
        process = self.process("haproxy")
        os.makedirs(process.directory, exist_ok=True)
        SERVER_USER.own(process.directory)
        path = os.path.join(process.directory, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(patroni_config.haproxy({"listen": HOST, "port": self.port + HAPROXY, "groups": groups}))
        return path

    def start_haproxy(self):
        """A new group needs a new configuration: HAProxy starts again, as its clients expect of a proxy."""
        process = self.process("haproxy")
        path = self.write_haproxy()
        program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not program:
            return say("HAProxy is not installed; clients connect to the servers.")
        process.stop()
        return process.start([program, "-db", "-f", path])

    def check_ports(self, nodes):
        """Of what does not run yet: a program that finds its port taken ends, and the others would wait for it."""
        for number, process in enumerate(self.etcds(), 1):
            if not process.pid():
                check_free(self.etcd_host(), self.etcd_port(number), process.name)
                check_free(self.etcd_host(), self.etcd_port(number) + 1, f"the peers of {process.name}")
        for node in nodes:
            if not node.patroni.pid() and not node.running() and node.name not in self.netns:
                check_free(node.host, node.port, node.name)
                check_free(node.host, node.rest_port, f"Patroni of {node.name}")

    def bring_up(self, stopped, restart):
        if restart and len(stopped) < len(self.nodes()):
            self.stop(keep=True)
        require_patroni()
        if self.layout == "citus":
            run(["make", "-s", "-C", str(patroni_config.TEMPLATES.parents[1]), f"PG_CONFIG={self.pg_config}",
                 "install-citus-alias"], "make install-citus-alias")
        self.check_ports(self.nodes())
        self.save()
        create = os.path.join(self.dir, "create-extension")
        shutil.copy2(patroni_config.TEMPLATES / "create-extension", create)
        for process in self.etcds():
            self.start_etcd(process)
        if self.must_ask():
            self.ask_for_passwords()
        for number, node in enumerate(sorted(self.nodes(), key=lambda node: node.number)):
            if number == self.workers + 1 and not os.path.exists(node.data):
                time.sleep(1)  # the first members make their groups, the others copy them
            node.start()
        self.start_haproxy()
        self.wait_ready()

    def start(self, nodes, restart=False):
        for node in nodes:
            if node.name.startswith("etcd-"):
                self.start_etcd(node)
            elif node.name == "haproxy":
                self.start_haproxy()
            else:
                node.start()

    def wait_ready(self, seconds=180):
        """Each group has a primary with standbys that follow it, and every primary knows all groups."""
        deadline = time.monotonic() + seconds
        missing = "nothing answered"
        while time.monotonic() < deadline:
            missing = self.what_is_missing()
            if not missing:
                return
            for process in self.etcds() + [node.patroni for node in self.nodes()]:
                if not process.pid():
                    raise Failure(f"{process.name} ended; the end of {process.log}:\n{process.last_lines(15)}")
            time.sleep(0.2)
        raise Failure(f"the cluster is not complete after {seconds} s: {missing}", f"See the logs in {self.dir}.")

    def what_is_missing(self):
        with ThreadPoolExecutor() as pool:
            led = list(pool.map(lambda node: node.leads(), self.nodes()))
            follow = list(pool.map(lambda node: node.follows(), self.nodes()))
            in_step = list(pool.map(lambda node: node.in_step(), self.nodes()))
        for group in self.groups():
            here = range(group * self.members, (group + 1) * self.members)
            if sum(led[i] for i in here) != 1:
                return f"{self.group_name(group)} has no primary"
            if sum(follow[i] for i in here) != self.members - 1:
                return f"{self.group_name(group)} has too few standbys"
            if self.members > 1 and not any(in_step[i] for i in here):
                return f"{self.group_name(group)} has no synchronous standby"
        count = "SELECT count(*) FROM pg_dist_node WHERE noderole = 'primary' AND isactive"
        for i, node in enumerate(self.nodes()):
            if led[i]:
                try:
                    known = node.query(count)
                except Failure:
                    return f"{node.name} has no database with the extension"
                if known != str(self.workers + 1):
                    return f"{node.name} knows {known} groups"
        return None

    def add_group(self):
        """What an administrator does for one more worker: starts Patroni on new servers.  The rest comes by itself."""
        self.workers += 1
        self.save()
        self.check_ports(self.members_of(self.workers))
        for node in self.members_of(self.workers):
            node.start()
        self.start_haproxy()
        self.wait_ready()
        say(f"{self.group_name(self.workers)} is part of the cluster.")

    # Changing leaders.

    def switchover(self, name):
        group = self.group(name)
        old = self.primary(group)
        candidates = [member for member in self.members_of(group) if member.name != old.name and member.in_step()]
        if not candidates:
            raise Failure(f"{self.group_name(group)} has no synchronous standby to switch to", "See altius-cluster status.")
        new = candidates[0]
        started = time.monotonic()
        status, answer = old.rest("/switchover", {"leader": old.name, "candidate": new.name}, timeout=60)
        if status != 200:
            raise Failure(f"Patroni refused the switchover: {answer}")
        say(f"{self.group_name(group)}: {old.name} -> {new.name} ({time.monotonic() - started:.1f} s)")

    def kill_primary(self, name, patroni_only):
        member = self.primary(self.group(name))
        if patroni_only:
            member.patroni.signal(signal.SIGKILL)
            say(f"{member.name}: killed its Patroni; PostgreSQL goes on")
        else:
            member.stop("immediate")
            say(f"{member.name}: killed Patroni and PostgreSQL")

    # The end.

    def stop(self, keep):
        """With `keep` in good order, otherwise at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.stop("fast" if keep else "immediate"), self.nodes()))
            list(pool.map(lambda process: process.stop("fast" if keep else "immediate"), self.helpers()))

    # Talking about it.

    def print_psql_lines(self):
        width = max(len(node.name) for node in self.nodes()) + 1
        for node in self.nodes():
            role = node.state().get("role", "?")
            say(f"{node.name + ':':<{width}} {node.psql_line()}  ({'primary' if role == 'master' else role})")
        port = self.port + HAPROXY
        if self.process("haproxy").pid():
            say(f"HAProxy: the coordinator's primary on port {port}, any primary on port {port + 1}")

    def print_status(self):
        healthy = True
        width = max(map(len, self.names()))
        for node in self.nodes():
            state = node.state()
            role = {"master": "primary"}.get(state.get("role"), state.get("role", "-"))
            patroni, server = node.patroni.pid(), node.running()
            healthy = healthy and bool(patroni and server)
            say(f"{node.name:<{width}}  {node.host}:{node.port}  {role:<8} timeline {state.get('timeline', '-')}  "
                f"{'running' if server else 'stopped'}, Patroni {'on port ' + str(node.rest_port) if patroni else 'stopped'}")
        for process in self.helpers():
            healthy = healthy and bool(process.pid())
            say(f"{process.name:<{width}}  {'running, pid ' + str(process.pid()) if process.pid() else 'stopped'}")
        say(f"database {self.db}, layout {self.layout}, etcd {','.join(self.etcd_endpoints())}, directory {self.dir}")
        return 0 if healthy else 3
