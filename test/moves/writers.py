# SPDX-License-Identifier: PostgreSQL
"""Writers that remember when each of their writes was acknowledged, and how often."""

import threading
import time

import psycopg2


class Writer(threading.Thread):
    """Adds 1 to one row, again and again, through one node."""

    def __init__(self, servers, group, table, key, stop):
        super().__init__(daemon=True)
        self.servers, self.group, self.table, self.key, self.stop = servers, group, table, key, stop
        self.acknowledged, self.unknown, self.times, self.errors = 0, 0, [], []

    def run(self):
        connection = None
        while not self.stop.is_set():
            try:
                if connection is None:
                    connection = self.servers.connect(self.group)
                self.unknown += 1
                with connection.cursor() as cursor:
                    cursor.execute(f"UPDATE {self.table} SET n = n + 1 WHERE k = %s", (self.key,))
                self.unknown -= 1
                self.acknowledged += 1
                self.times.append(time.monotonic())
            except (psycopg2.Error, OSError, RuntimeError) as error:
                self.errors.append(str(error).strip().splitlines()[0] if str(error).strip() else repr(error))
                if connection is None or connection.closed or not self.roll_back(connection):
                    connection = None
            self.stop.wait(0.01)

    @staticmethod
    def roll_back(connection):
        try:
            connection.rollback()
            return True
        except psycopg2.Error:
            return False

    def pause(self, since, until):
        """The longest time without an acknowledged write between the two moments, in seconds."""
        marks = [mark for mark in self.times if since <= mark <= until]
        points = [since, *marks, until]
        return max(second - first for first, second in zip(points, points[1:]))


class Writers:
    """One for each of these keys through each of these nodes."""

    def __init__(self, servers, table, keys, groups):
        self.stop = threading.Event()
        self.all = [Writer(servers, group, table, key, self.stop) for key in keys for group in groups]
        for writer in self.all:
            writer.start()

    def finish(self):
        self.stop.set()
        for writer in self.all:
            writer.join(60)
        return not any(writer.is_alive() for writer in self.all)

    def pause(self, since, until):
        return max(writer.pause(since, until) for writer in self.all)

    def wrong(self, rows):
        """What acknowledged writes and those of unknown outcome don't explain; `rows`: key -> n."""
        wrong = []
        for key in sorted({writer.key for writer in self.all}):
            least = sum(writer.acknowledged for writer in self.all if writer.key == key)
            most = least + sum(writer.unknown for writer in self.all if writer.key == key)
            if not least <= rows.get(key, -1) <= most:
                wrong.append(f"key {key}: {rows.get(key)} instead of {least} to {most}")
        return wrong
