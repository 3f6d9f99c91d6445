# SPDX-License-Identifier: PostgreSQL
"""A cluster: its description on disk, its servers, and the steps that make them one."""

import copy
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from .common import Failure, SERVER_USER, run_as_server, say
from .node import HOST, Node
from .ports import check_free


class Cluster:
    """`cluster.json` in the directory describes it; a directory without that file is not ours."""

    DEFAULTS = {"kind": "plain", "port": 9700, "workers": 2, "db": "altius", "settings": {}, "unregistered": [],
                "pg_config": None}

    def __init__(self, directory):
        self.dir = directory
        self.root = os.path.join(directory, "server")
        self.file = os.path.join(directory, "cluster.json")
        self.exists = os.path.exists(self.file)
        values = copy.deepcopy(self.DEFAULTS)  # `unregistered`: nodes that `up` has yet to make known
        if self.exists:
            with open(self.file, encoding="utf-8") as file:
                values.update(json.load(file))
        for name, value in values.items():
            setattr(self, name, value)

    def save(self):
        values = {name: getattr(self, name) for name in self.DEFAULTS}
        temporary = self.file + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=2)
        os.replace(temporary, self.file)
        self.exists = True

    # The nodes.

    def names(self):
        return ["coordinator"] + [f"worker{number}" for number in range(1, self.workers + 1)]

    def node_names(self):
        """What `node` understands."""
        return self.names()

    def nodes(self):
        return [Node(self, name, self.port + number) for number, name in enumerate(self.names())]

    def coordinator(self):
        return self.nodes()[0]

    def node(self, name):
        for node in self.nodes():
            if node.name == name:
                return node
        raise Failure(f'there is no node "{name}"', f"The nodes are: {', '.join(self.names())}.")

    # Making and starting it.

    def change_settings(self, settings):
        """Takes over settings from the command line; true when a running server would have to restart for them."""
        changed = any(self.settings.get(name) != value for name, value in settings.items())
        self.settings.update(settings)
        return changed and self.exists

    def prepare_directory(self):
        if not self.exists and os.path.isdir(self.dir) and set(os.listdir(self.dir)) - {"server"}:
            raise Failure(f"{self.dir} exists and is not a cluster of this tool", "Choose another --dir.")
        os.makedirs(self.dir, exist_ok=True)
        SERVER_USER.own(self.dir)
        blocked = self.dir
        while blocked != "/":
            blocked = os.path.dirname(blocked)
            if os.getuid() == 0 and not os.stat(blocked).st_mode & 0o001:
                raise Failure(f"the user postgres can't enter {blocked}, above {self.dir}", "Choose another --dir.")

    def create(self, register=True):
        """Data directories: one initdb, copied for the other nodes, and for workers added later."""
        missing = [node for node in self.nodes() if not os.path.exists(node.data)]
        for node in missing:
            check_free(HOST, node.port, node.name)
        if register:
            self.unregistered += [node.name for node in missing]
        self.save()
        if not missing:
            return
        template = os.path.join(self.dir, "template")
        if not os.path.exists(os.path.join(template, "complete")):
            say("Creating the data directories")
            shutil.rmtree(template, ignore_errors=True)
            run_as_server([self.program("initdb"), "-D", template, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                           "--locale=C.UTF-8", "--no-sync"], "initdb")
            run_as_server(["touch", os.path.join(template, "complete")], "touch")
        for node in missing:
            run_as_server(["cp", "-a", template, node.data], "copying the data directory")
            os.unlink(os.path.join(node.data, "complete"))

    def program(self, name):
        return os.path.join(os.path.dirname(self.pg_config), name)

    def bring_up(self, stopped, restart):
        self.create()
        self.start(self.nodes() if restart else stopped, restart=restart)
        self.set_up()

    def start(self, nodes, restart=False):
        for node in nodes:
            node.write_settings()

        def bring_up(node):
            if restart and node.running():
                node.stop("fast")
            if not node.running():
                check_free(HOST, node.port, node.name)
                node.start()

        with ThreadPoolExecutor() as pool:
            list(pool.map(bring_up, nodes))

    def set_up(self):
        """Database and extension on all nodes, then the nodes made known to each other."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.create_database(), self.nodes()))
        self.register()

    def register(self):
        """Makes nodes known that are new; one that the user removed later stays removed."""
        coordinator = self.coordinator()
        if coordinator.query("SELECT count(*) FROM pg_proc WHERE proname = 'citus_add_node'") == "0":
            return
        known = coordinator.query("SELECT string_agg(nodeport::text, ' ') FROM pg_dist_node").split()
        for node in self.nodes():
            if node.name in self.unregistered and str(node.port) not in known:
                if node.name == "coordinator":
                    coordinator.query(f"SELECT citus_set_coordinator_host('{HOST}', {node.port})")
                else:
                    coordinator.query(f"SELECT citus_add_node('{HOST}', {node.port})")
        if self.unregistered:
            self.unregistered = []
            self.save()

    def add_worker(self, register):
        self.workers += 1
        node = self.nodes()[-1]
        self.create(register)
        self.start([node])
        node.create_database()
        self.register()
        say(f"{node.name}: {node.psql_line()}")

    def stop(self, keep):
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.stop("fast"), [node for node in self.nodes() if node.running()]))

    # Talking about it.

    def print_psql_lines(self):
        width = max(map(len, self.names())) + 1
        for node in self.nodes():
            say(f"{node.name + ':':<{width}} {node.psql_line()}")

    def print_status(self):
        width = max(map(len, self.names()))
        healthy = True
        for node in self.nodes():
            pid = node.running()
            healthy = healthy and bool(pid)
            say(f"{node.name:<{width}}  {HOST}:{node.port}  {'running, pid ' + str(pid) if pid else 'stopped'}")
        say(f"database {self.db}, directory {self.dir}")
        return 0 if healthy else 3

    def exec_psql(self, node, arguments):
        program = self.program("psql")
        os.execv(program, [program, "-h", node.host, "-p", str(node.port), "-U", "postgres", "-d", self.db] + arguments)
