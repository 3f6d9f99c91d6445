# SPDX-License-Identifier: PostgreSQL
"""The servers of a running cluster, plain or under Patroni, and what may happen to them."""

import pathlib
import signal
import sys
import threading
import time

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "contrib" / "cluster"), str(TOP / "test" / "lib")]

import queries  # noqa: E402  (needs the paths above)
from lib import clusters  # noqa: E402
from processes import exists, family, send  # noqa: E402

FREEZE = 5.0  # seconds


class Servers(queries.Queries):
    """Groups 0 (the coordinator's), 1 and 2, each with its primary."""

    def __init__(self, directory):
        self.cluster = clusters.load(directory)
        self.patroni = clusters.kind_of(directory) == "patroni"
        self.faults = ("restart", "kill", "freeze")
        if self.patroni:
            self.faults = ("switchover", *self.faults, "patroni-restart", "patroni-kill", "patroni-freeze")

    def node(self, group):
        return self.cluster.primary(group, 60) if self.patroni else self.cluster.nodes()[group]

    def connect(self, group, **options):
        return queries.connect(self.node(group), self.cluster.db, 3, **options)

    def wait(self, condition, seconds=60, pause=0.05):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if condition():
                    return True
            except (psycopg2.Error, OSError, clusters.Failure):
                pass
            time.sleep(pause)
        return False

    def ready(self):
        """All groups answer, and under Patroni have their standbys."""
        if self.patroni:
            self.cluster.wait_ready(120)
        return self.wait(lambda: all(self.value(group, "SELECT NOT pg_is_in_recovery()") for group in range(3)))

    def set(self, group, name, value):
        """A setting of the server; None resets it."""
        connection = self.connect(group)
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER SYSTEM RESET {name}" if value is None else f"ALTER SYSTEM SET {name} = '{value}'")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()

    def release(self):
        """Whoever is held at a stop point goes on."""
        for group in range(3):
            try:
                self.set(group, "altius.stop_point", None)
                self.query(group, "SELECT altius_internal.release_stop_points()")
            except psycopg2.Error:
                pass

    def strike(self, fault, group):
        """Begins; the result is a thread that ends when the server is to be reached again."""
        node = self.node(group)
        thread = threading.Thread(target=getattr(self, fault.replace("-", "_")), args=(node, group), daemon=True)
        thread.start()
        return thread

    def switchover(self, _, group):
        self.cluster.switchover(str(group))

    def restart(self, node, _):
        if self.patroni:
            node.rest("/restart", {}, timeout=90)
        else:
            node.stop("fast")
            node.start()

    def kill(self, node, _):
        pids = family(node.running())
        send(pids, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while any(map(exists, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self.patroni:
            node.start()

    @staticmethod
    def freeze(node, _):
        pids = family(node.running())
        send(pids, signal.SIGSTOP)
        time.sleep(FREEZE)
        send(pids, signal.SIGCONT)

    # Patroni alone.

    def patroni_restart(self, node, _):
        """It takes PostgreSQL along, so that another one leads."""
        node.stop("fast")
        node.start()

    def patroni_kill(self, node, _):
        """It is back before the ttl is over; PostgreSQL goes on."""
        node.patroni.signal(signal.SIGKILL)
        self.wait(lambda: node.patroni.pid() is None, 10)
        node.start()
        self.wait(node.leads, 30)

    @staticmethod
    def patroni_freeze(node, _):
        node.patroni.signal(signal.SIGSTOP)
        time.sleep(FREEZE)
        node.patroni.signal(signal.SIGCONT)


class Steady(Servers):
    """Where nothing happens to servers: each thread keeps its connections."""

    def __init__(self, directory):
        super().__init__(directory)
        self.kept = threading.local()

    def query(self, group, statement, *values):
        kept = self.kept.__dict__
        if group not in kept or kept[group].closed:
            kept[group] = self.connect(group, options="-c statement_timeout=120s")
        with kept[group].cursor() as cursor:
            return queries.rows_of(cursor, statement, values)
