# SPDX-License-Identifier: PostgreSQL
"""Clients that read and write all the time, and remember each error and how long each answer took."""

import collections
import random
import threading
import time

import psycopg2

from harness import ACCOUNTS

Problem = collections.namedtuple("Problem", "kind began ended state message")
# How an interrupted statement may fail: a lost connection (08007: the outcome is in doubt), a rollback to be tried again, a
# server that goes down.  By name: the classes hold errors that would be ours (08P01, 40002).
RETRYABLE = ("08000", "08003", "08006", "08007", "40001", "40P01", "57P01", "57P02", "57P03")


class Client(threading.Thread):
    PAUSE = 0.02  # between two statements: sixteen at full speed would leave no processor to what they watch
    KINDS = {"read": 30, "read all": 10, "look up": 10, "write": 25, "transfer": 25}

    def __init__(self, number, ha, member, stop):
        super().__init__(daemon=True)
        self.ha, self.member, self.stop, self.rng = ha, member, stop, random.Random(number)
        self.connection = None
        self.slow, self.problems = [], []
        self.counts, self.writes, self.unknown = collections.Counter(), collections.Counter(), collections.Counter()

    def run(self):
        kinds, weights = list(self.KINDS), list(self.KINDS.values())
        while not self.stop.is_set():
            kind = self.rng.choices(kinds, weights)[0]
            began = time.monotonic()
            try:
                if self.connection is None:
                    self.connection = self.ha.connect(self.member)
                getattr(self, kind.replace(" ", "_"))()
                self.counts[kind] += 1
                if time.monotonic() - began > 0.1:
                    self.slow.append((kind, began, time.monotonic()))
            except psycopg2.Error as error:
                self.problems.append(Problem(kind, began, time.monotonic(), error.pgcode or "lost", str(error).strip()))
                self.recover()
            self.stop.wait(self.PAUSE)

    def recover(self):
        """A session in a failed transaction goes on; a broken one is opened anew."""
        try:
            if not self.connection.closed:
                self.execute("ROLLBACK")
                return
        except (psycopg2.Error, AttributeError):
            pass
        self.connection = None
        time.sleep(0.05)

    def execute(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def read(self):
        self.execute("SELECT balance FROM accounts WHERE id = %s", self.rng.randrange(ACCOUNTS))

    def read_all(self):
        assert self.execute("SELECT count(*), sum(balance) FROM accounts")[0][0] == ACCOUNTS

    def look_up(self):
        self.execute("SELECT k.name, sum(balance) FROM accounts a JOIN kinds k ON k.id = a.id % 10 GROUP BY 1")

    def write(self):
        key = self.rng.randrange(ACCOUNTS)
        self.unknown[key] += 1
        self.execute("UPDATE counters SET n = n + 1 WHERE id = %s", key)
        self.unknown[key] -= 1
        self.writes[key] += 1

    def transfer(self):
        source, target = sorted(self.rng.sample(range(ACCOUNTS), 2))
        self.execute("BEGIN")
        self.execute("UPDATE accounts SET balance = balance - 5 WHERE id = %s", source)
        self.execute("UPDATE accounts SET balance = balance + 5 WHERE id = %s", target)
        self.execute("COMMIT")


class Clients:
    """16 of them, spread over the given servers."""

    def __init__(self, ha, members, count=16):
        self.stop = threading.Event()
        self.all = [Client(number, ha, members[number % len(members)], self.stop) for number in range(count)]
        for client in self.all:
            client.start()

    def finish(self, seconds=60):
        self.stop.set()
        deadline = time.monotonic() + seconds
        for client in self.all:
            client.join(max(0, deadline - time.monotonic()))

    def stuck(self):
        return sum(client.is_alive() for client in self.all)

    def problems(self):
        return sorted((problem for client in self.all for problem in client.problems), key=lambda p: p.began)

    def writes(self):
        """Acknowledged ones of each key, and those that ended in an error or not at all."""
        return (sum((client.writes for client in self.all), collections.Counter()),
                sum((client.unknown for client in self.all), collections.Counter()))

    def counts(self):
        return sum((client.counts for client in self.all), collections.Counter())

    def longest(self, since=0.0):
        """The longest time a client waited for an answer, in seconds."""
        return max((ended - began for client in self.all for _, began, ended in client.slow if ended >= since), default=0.0)


def describe(problems, zero):
    """Lines that say what went wrong, with times relative to the moment `zero`."""
    lines = [f"{p.began - zero:+.3f} .. {p.ended - zero:+.3f} {p.kind}: {p.state} {p.message.splitlines()[0] if p.message else ''}"
             for p in problems[:12]]
    return "\n".join(lines + ([f"... and {len(problems) - 12} more"] if len(problems) > 12 else []))
