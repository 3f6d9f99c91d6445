# SPDX-License-Identifier: PostgreSQL
"""Writers of tables of all shapes: each has rows of its own, knows what every acknowledged write has made of them, and looks at
the number of rows that each statement says it has changed."""

import random
import threading
import time

import psycopg2

from tables import KEYS

# A transaction that may be run again: its shard has moved (40001), or it was chosen to end a deadlock.
AGAIN = ("40001", "40P01")


class ShapeWriter(threading.Thread):
    LEVELS = ("READ COMMITTED", "READ COMMITTED", "REPEATABLE READ")

    def __init__(self, number, count, servers, shapes, seed, operations, rest):
        super().__init__(daemon=True)
        self.number, self.count, self.servers, self.shapes = number, count, servers, shapes
        self.rng, self.operations, self.rest = random.Random(seed * 1000 + number), operations, rest
        self.group, self.connection, self.next_id = number % 3, None, number
        self.rows = {shape.name: {} for shape in shapes}  # id -> (number of the key, v, p)
        self.done, self.again, self.problems, self.unknown = 0, 0, [], {shape.name: set() for shape in shapes}
        self.longest = 0.0

    def run(self):
        while self.done < self.operations and len(self.problems) < 20:
            shape = self.rng.choice(self.shapes)
            changes = [self.choose(shape) for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
            self.transaction(shape, self.without_twice(changes))
            time.sleep(self.rest)

    @staticmethod
    def without_twice(changes):
        seen = {}
        for change in changes:
            seen.setdefault(change[0], change)
        return list(seen.values())

    def choose(self, shape):
        """(id, statement, rows that it changes, what becomes of the row; None: it goes)."""
        rows = self.rows[shape.name]
        kind = self.rng.choices(("insert", "update", "delete", "upsert", "merge", "returning", "part"), (25, 30, 12, 8, 8, 10, 7))[0]
        if not rows or kind == "insert" or (kind == "upsert" and not shape.unique) or (kind == "part" and not shape.partitioned):
            return self.insert(shape)
        row_id = self.rng.choice(list(rows))
        key, v, p = rows[row_id]
        # null equals nothing
        where = f"k IS NOT DISTINCT FROM {shape.key_of(key)} AND id = {row_id}"
        if shape.name != "null_keys" and self.rng.random() < 0.8:
            where = f"k = {shape.key_of(key)} AND id = {row_id}"
        new = self.rng.randrange(100)
        if kind == "delete":
            return row_id, f"DELETE FROM {shape.name} WHERE {where}", 1, None
        if kind == "part":
            to = self.rng.randrange(3)
            return row_id, f"UPDATE {shape.name} SET p = {to}, {shape.assignments(new)} WHERE {where}", 1, (key, new, to)
        if kind == "upsert":
            names, values = shape.row(key, row_id, new)
            changed = "v = excluded.v, note = excluded.note"
            return (row_id, f"INSERT INTO {shape.name} ({names}) VALUES ({values}) ON CONFLICT (k, id) DO UPDATE SET {changed}", 1,
                    (key, new, p))
        if kind == "merge" and shape.name != "null_keys":
            return (row_id, f"MERGE INTO {shape.name} t USING (SELECT {row_id} AS id) s ON t.k = {shape.key_of(key)} AND t.id = s.id "
                    f"WHEN MATCHED THEN UPDATE SET {shape.assignments(new)}", 1, (key, new, p))
        if kind == "returning":
            return (row_id, f"WITH w AS (UPDATE {shape.name} SET {shape.assignments(new)} WHERE {where} RETURNING v) SELECT v FROM w", 1,
                    (key, new, p))
        return row_id, f"UPDATE {shape.name} SET {shape.assignments(new)} WHERE {where}", 1, (key, new, p)

    def insert(self, shape):
        self.next_id += self.count
        key, v, p = self.rng.randrange(KEYS), self.rng.randrange(100), self.rng.randrange(3)
        names, values = shape.row(key, self.next_id, v)
        return self.next_id, f"INSERT INTO {shape.name} ({names}, p) VALUES ({values}, {p})", 1, (key, v, p)

    def transaction(self, shape, changes):
        """Again and again, until it is committed."""
        level = self.rng.choice(self.LEVELS)
        while True:
            began = time.monotonic()
            try:
                self.attempt(shape, changes, level)
                break
            except psycopg2.Error as error:
                state, text = error.pgcode or "lost", str(error).strip().splitlines()
                self.roll_back()
                if state not in AGAIN:
                    self.problems.append(f"{shape.name}: {state} {' '.join(text)[:300]}: {changes[0][1][:150]}")
                    if state in ("lost", "08007"):
                        self.unknown[shape.name] |= {change[0] for change in changes}
                    return
                self.again += 1
            finally:
                self.longest = max(self.longest, time.monotonic() - began)
        for row_id, _, _, becomes in changes:
            if becomes is None:
                self.rows[shape.name].pop(row_id)
            else:
                self.rows[shape.name][row_id] = becomes
        self.done += len(changes)

    def attempt(self, shape, changes, level):
        if self.connection is None:
            self.connection = self.servers.connect(self.group)
        with self.connection.cursor() as cursor:
            alone = len(changes) == 1 and level == "READ COMMITTED"
            if not alone:
                cursor.execute(f"BEGIN ISOLATION LEVEL {level}")
            for _, statement, expected, _ in changes:
                cursor.execute(statement)
                if cursor.rowcount != expected:
                    self.problems.append(f"{shape.name}: {cursor.rowcount} rows instead of {expected} ({level}): {statement[:200]}")
            if not alone:
                cursor.execute("COMMIT")

    def roll_back(self):
        try:
            with self.connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
        except (psycopg2.Error, AttributeError):
            self.connection = None


def wrong_rows(servers, shape, writers):
    """What is not as the acknowledged writes have made it; at most some lines."""
    expected, unknown = {}, set()
    for writer in writers:
        expected |= writer.rows[shape.name]
        unknown |= writer.unknown[shape.name]
    there, lines = {}, []
    for row_id, v, p, fits in servers.query(0, f"SELECT id, v, p, note = {shape.note_of('v')} FROM {shape.name} WHERE id >= 0"):
        if row_id in there:
            lines.append(f"row {row_id} is there twice")
        there[row_id] = (v, p)
        if not fits:
            lines.append(f"row {row_id} has a note of another v than {v}")
    for row_id in sorted(set(expected) | set(there)):
        if row_id in unknown:
            continue
        want, have = expected.get(row_id), there.get(row_id)
        if (want[1:] if want else None) != have:
            lines.append(f"row {row_id} is {have} instead of {want and want[1:]}")
    return lines[:8] + ([f"and {len(lines) - 8} more"] if len(lines) > 8 else [])
