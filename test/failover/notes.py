# SPDX-License-Identifier: PostgreSQL
"""Writers of a local table on one server, which remember what they were told was committed."""

import collections
import itertools
import threading

import psycopg2


class Notes:
    WRITERS = 6

    def __init__(self, ha, member):
        self.ha, self.member = ha, member
        self.numbers, self.acknowledged, self.errors = itertools.count(), set(), collections.Counter()
        self.stop = threading.Event()
        ha.query(member, "DROP TABLE IF EXISTS notes")
        ha.query(member, "CREATE TABLE notes (id int)")
        self.threads = [threading.Thread(target=self.write, daemon=True) for _ in range(self.WRITERS)]
        for thread in self.threads:
            thread.start()

    def write(self):
        connection = None
        while not self.stop.is_set():
            try:
                connection = connection or self.ha.connect(self.member)
                number = next(self.numbers)
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO notes VALUES (%s)", (number,))
                self.acknowledged.add(number)
            except psycopg2.Error as error:
                self.errors[error.pgcode or "lost"] += 1
                if connection is not None and connection.closed:
                    connection = None
            self.stop.wait(0.03)

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
