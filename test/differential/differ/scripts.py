# SPDX-License-Identifier: PostgreSQL
"""Runs scripts on both sides, compares what each step says and what is in the tables afterwards, makes what differs small."""

import io
import os
import random
import signal
import threading

import psycopg2
import psycopg2.extensions

from . import pipeline, script_schema
from .script_maker import Maker

TIMEOUT = 15  # seconds; what is cancelled takes 20


def alike(one, other):
    """Of errors the class: which row of a statement fails first is open."""
    if one[0] == other[0] == "error" and one[1] and other[1]:
        return one[1][:2] == other[1][:2]
    if one[0] == other[0] == "pipeline":
        return len(one[1]) == len(other[1]) and all(
            mine == yours or mine[0] == yours[0] == "error" and mine[1][:2] == yours[1][:2] for mine, yours in zip(one[1], other[1]))
    return one == other


class Canceller(threading.Thread):
    """Cancels the session when it has come to what takes long: it may fail before."""

    def __init__(self, dsn, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.over = threading.Event()
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True

    def run(self):
        with self.connection.cursor() as cursor:
            while not self.over.wait(0.01):
                cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query ~ 'slow|pg_sleep'"
                               " AND query_start < clock_timestamp() - interval '20 ms'", (self.pid,))
                if cursor.rowcount == 1:
                    os.kill(self.pid, signal.SIGINT)
                    break
        self.connection.close()


class Side:
    """A session of one side."""

    def __init__(self, name, dsn, schema):
        self.name = name
        self.dsn = dsn
        self.schema = schema
        self.connection = None
        self.connect()

    def connect(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = psycopg2.connect(self.dsn)
        self.connection.autocommit = True
        raw = psycopg2.extensions.new_type(tuple(range(16, 4100)), "RAW", lambda value, cursor: value)
        psycopg2.extensions.register_type(raw, self.connection)
        self.begin()

    def begin(self):
        self.run(f"SET search_path = {self.schema}; SET statement_timeout = '{TIMEOUT}s'; SET timezone = 'UTC';"
                 " SET client_min_messages = error; SET lock_timeout = '10s';"
                 # A setting of users that was set once is empty afterwards, and not null.
                 " SET app.tenant = 'x'; RESET app.tenant; SET app.other = 'x'; RESET app.other")

    def run(self, statement):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def clean(self):
        """As at the start of the session."""
        try:
            if self.connection.closed:
                return self.connect()
            self.run("ROLLBACK")
            self.run("RESET SESSION AUTHORIZATION")
            self.run("DISCARD ALL")
            del self.connection.notifies[:]
            self.begin()
        except psycopg2.Error:
            self.connect()

    def step(self, step):
        """What came of it, in a form to compare; the message apart."""
        canceller = None
        if step.cancel:
            canceller = Canceller(self.dsn, self.connection.info.backend_pid)
            canceller.start()
        try:
            return self.perform(step), ""
        except psycopg2.Error as error:
            if self.connection.closed:
                return ("lost",), str(error)
            return ("error", error.pgcode), str(error).split("\n")[0]
        finally:
            if canceller is not None:
                canceller.over.set()
                canceller.join()

    def perform(self, step):
        if step.way == "pipeline":
            return ("pipeline", tuple(pipeline.run(self.connection, step.text)))
        with self.connection.cursor() as cursor:
            if step.way == "copy":
                cursor.copy_expert(step.text, io.StringIO(step.data))
                return ("copied", cursor.rowcount)
            if step.way == "copy out":
                out = io.StringIO()
                cursor.copy_expert(step.text, out)
                return ("copied", out.getvalue())
            cursor.execute(step.text)
            heard = self.heard()
            if cursor.description is None:
                return ("done", cursor.rowcount, cursor.statusmessage, heard)
            rows = cursor.fetchall()
            names = tuple(column.name for column in cursor.description)
            return ("rows", names, tuple(rows if step.ordered() else sorted(rows, key=str)), heard)

    def heard(self):
        """Of the session's own notifications: the other side's are on the same channel."""
        own = sorted(note.payload for note in self.connection.notifies if note.pid == self.connection.info.backend_pid)
        del self.connection.notifies[:]
        return tuple(own)

    def contents(self):
        found = {}
        for name in script_schema.TABLES:
            found[name] = sorted(self.run(f"SELECT * FROM {name}"), key=str)
        return found


class Scripts:
    """`plain` and `coordinator` see to the tables; `sides` are where the scripts of the cluster may run."""

    def __init__(self, seed, plain, coordinator, workers, switch_roles, out=print):
        self.seed = seed
        self.plain, self.coordinator, self.workers = plain, coordinator, workers
        self.switch_roles = switch_roles
        self.out = out
        self.passed = self.failed = self.steps = self.errors = 0
        self.base = plain.contents()

    def script(self, number):
        rng = random.Random(f"{self.seed}/script/{number}")
        side = rng.choice(self.workers) if self.workers and rng.random() < 0.5 else self.coordinator
        return side, Maker(rng, side is self.coordinator, self.switch_roles)

    def run(self, numbers):
        for number in numbers:
            side, maker = self.script(number)
            steps = []
            found = self.differs(side, self.made(maker, steps))
            if found is None:
                self.passed += 1
            else:
                self.failed += 1
                self.tell(number, side, *self.shrink(side, steps, found))
            if (number + 1) % 500 == 0:
                self.out(f"{number + 1} scripts, {self.failed} differ")

    def made(self, maker, steps):
        """The script, as it is made; what is made depends on whether PostgreSQL has refused something."""
        for step in maker.script():
            steps.append(step)
            yield step
            maker.aborted = self.plain.connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR

    def differs(self, side, steps):
        """Where and how, or None; the tables are as at the start afterwards."""
        found, place = None, -1
        for place, step in enumerate(steps):
            (one, message), (other, said) = self.plain.step(step), side.step(step)
            self.steps += 1
            self.errors += one[0] == "error"
            if not alike(one, other):
                found = (place, f"{step}", f"{one} {message}", f"{other} {said}")
                break
        self.plain.clean()
        side.clean()
        contents, others = self.plain.contents(), self.coordinator.contents()
        if found is None and contents != others:
            for name in contents:
                if contents[name] != others[name]:
                    found = (place, f"contents of {name}", str([row for row in contents[name] if row not in others[name]]),
                             str([row for row in others[name] if row not in contents[name]]))
        changed = {name for name in contents if contents[name] != self.base[name] or others[name] != self.base[name]}
        if changed:
            for session in (self.plain, self.coordinator):
                script_schema.refill(session, [name for name in script_schema.TABLES if name in changed])
        return found

    def shrink(self, side, steps, found):
        """Leaves steps out as long as something of the same kind differs."""
        def kind(it):
            return it[1].split(" ")[0], it[2].split(" ")[0], it[3].split(" ")[:2]

        wanted, attempts, place = kind(found), 60, len(steps) - 1
        steps = steps[:found[0] + 1]
        while place >= 0 and attempts > 0:
            if place < len(steps):
                fewer = steps[:place] + steps[place + 1:]
                attempts -= 1
                again = self.differs(side, fewer)
                if again is not None and kind(again) == wanted:
                    steps, found = fewer[:again[0] + 1], again
            place -= 1
        return steps, found

    def tell(self, number, side, steps, found):
        _, where, one, other = found
        self.out(f"\n=== script/{number} on {side.name}\n" + "\n".join(map(str, steps))
                 + f"\n--- at {where}\n--- PostgreSQL: {one[:600]}\n--- cluster:    {other[:600]}")
