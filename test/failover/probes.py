# SPDX-License-Identifier: PostgreSQL
"""Measures from when a new primary accepts writes, and when each node uses it."""

import threading
import time

import psycopg2


class Poller(threading.Thread):
    """Runs a step in a tight loop on a connection of its own, until told to stop."""

    def __init__(self, ha, member, pause):
        super().__init__(daemon=True)
        self.ha, self.member, self.pause = ha, member, pause
        self.ended = threading.Event()
        self.start()

    def run(self):
        connection = None
        while not self.ended.is_set():
            try:
                connection = connection or self.ha.connect(self.member)
                with connection.cursor() as cursor:
                    if self.step(cursor):
                        return
            except psycopg2.Error:
                if connection is not None and connection.closed:
                    connection = None
            time.sleep(self.pause)

    def step(self, cursor):
        raise NotImplementedError


class AcceptsWrites(Poller):
    """When a standby became a primary: seen from a session that was open before."""

    at = None

    def step(self, cursor):
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            return False
        self.at = time.monotonic()
        return True


class Uses(Poller):
    """Answers of statements that need a group, as (began, ended)."""

    def __init__(self, ha, member, statement, key):
        self.statement, self.key, self.answers = statement, key, []
        super().__init__(ha, member, 0.002)

    def step(self, cursor):
        began = time.monotonic()
        cursor.execute(self.statement, (self.key,))
        self.answers.append((began, time.monotonic()))
        return False

    def first_after(self, moment):
        return next((ended for _, ended in list(self.answers) if ended > moment), None)


class Routing:
    """Watches a group's change of leader from all primaries of other groups; `report` gives milliseconds."""

    WRITE = "UPDATE counters SET n = n WHERE id = %s"

    def __init__(self, ha, group, nodes):
        key = ha.keys_of(group)[0]
        self.ready = AcceptsWrites(ha, ha.standby(group), 0.001)
        self.uses = {node.name: Uses(ha, node, self.WRITE, key) for node in nodes}

    def watch(self, member):
        """Another member than the standby of before will lead."""
        self.ready.ended.set()
        self.ready = AcceptsWrites(self.ready.ha, member, 0.001)

    def wait(self, seconds):
        """True once the new primary was seen and each node had an answer from it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.ready.at and all(uses.first_after(self.ready.at) for uses in self.uses.values()):
                return True
            time.sleep(0.01)
        return False

    def finish(self):
        for poller in [self.ready, *self.uses.values()]:
            poller.ended.set()

    def report(self):
        if not self.ready.at:
            return {}
        times = {name: uses.first_after(self.ready.at) for name, uses in self.uses.items()}
        return {name: 1000 * (at - self.ready.at) for name, at in times.items() if at}
