# SPDX-License-Identifier: PostgreSQL
"""One connection, its statements' outcomes in a form that can be compared."""

import collections
import time

import psycopg2
import psycopg2.extensions

FLOATS = (700, 701)
NUMERIC = 1700
FIRST_USER_OID = 16384


class Outcome:
    """What a statement did: rows, or an error, or the loss of the connection."""

    def __init__(self, columns=(), rows=None, count=None, sqlstate=None, message="", crashed=False):
        self.columns = columns  # [(name, type oid)]
        self.rows = rows
        self.count = count
        self.sqlstate = sqlstate
        self.message = message
        self.crashed = crashed
        self.total = None  # of the rows, when only those that differ are left

    @property
    def failed(self):
        return self.sqlstate is not None or self.crashed

    def describe(self, limit=8):
        if self.crashed:
            return f"connection lost: {self.message.strip()}"
        if self.failed:
            return f"ERROR {self.sqlstate}: {self.message}"
        if self.rows is None:
            return f"{self.count} rows changed"
        lines = [" | ".join(name for name, _ in self.columns)]
        lines += [" | ".join("∅" if value is None else str(value) for value in row) for row in self.rows[:limit]]
        count = f"({len(self.rows)} rows)" if self.total is None else f"({len(self.rows)} of {self.total} rows, only here)"
        return "\n".join(lines + [count])


def normal_value(value, oid):
    """Floats to nine digits: their last ones depend on the order of additions.  Numbers without trailing zeros: which of
    1.5 and 1.50 stays in a DISTINCT is open."""
    if value is not None and oid in FLOATS:
        return f"{float(value):.9g}"
    if value is not None and oid == NUMERIC and "." in value:
        return value.rstrip("0").rstrip(".")
    return value


def normal_rows(outcome, ordered):
    oids = [oid for _, oid in outcome.columns]
    rows = [tuple(normal_value(value, oid) for value, oid in zip(row, oids)) for row in outcome.rows]
    return rows if ordered else sorted(rows, key=lambda row: tuple((value is None, value or "") for value in row))


def keep_what_differs(plain, cluster):
    """Leaves only the rows that the other side does not have, for the report."""
    one, other = collections.Counter(normal_rows(plain, False)), collections.Counter(normal_rows(cluster, False))
    plain.total, cluster.total = len(plain.rows), len(cluster.rows)
    plain.rows, cluster.rows = list((one - other).elements()), list((other - one).elements())


def difference(plain, cluster, ordered):
    """None when both did the same, else what differs in a few words.  The cluster's own errors are not judged here."""
    if plain.failed or cluster.failed:
        if plain.failed and cluster.failed:
            same = plain.sqlstate and cluster.sqlstate and plain.sqlstate[:2] == cluster.sqlstate[:2]
            return None if same else "another error"
        return "the cluster succeeds, PostgreSQL refuses" if plain.failed else "only the cluster fails"
    if (plain.rows is None) != (cluster.rows is None):
        return "rows against no rows"
    if plain.rows is None:
        return None if plain.count == cluster.count else "another number of rows changed"
    if plain.columns != cluster.columns:
        return "other columns"
    if normal_rows(plain, ordered) == normal_rows(cluster, ordered):
        return None
    if ordered and normal_rows(plain, False) == normal_rows(cluster, False):
        return "another order"
    return "other rows"


TIMEOUT = "57014"


class Session:
    """A connection that fetches every value as text and comes back after a crash."""

    def __init__(self, name, dsn, schema, timeout_ms=30000):
        self.name = name
        self.dsn = dsn
        self.schema = schema
        self.timeout_ms = timeout_ms
        self.timeouts = 0
        self.connection = None
        self.connect()

    def connect(self, patience=60):
        deadline = time.monotonic() + patience
        while True:
            try:
                self.connection = psycopg2.connect(self.dsn)
                break
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self.connection.autocommit = True
        raw = psycopg2.extensions.new_type(tuple(range(16, 4100)), "RAW", lambda value, cursor: value)
        psycopg2.extensions.register_type(raw, self.connection)
        self.run(f"SET statement_timeout = {self.timeout_ms}")
        self.run("SET timezone = 'UTC'; SET datestyle = 'ISO'; SET client_min_messages = error")
        self.run(f"SET search_path = {self.schema}")

    def mogrify(self, text, values):
        with self.connection.cursor() as cursor:
            return cursor.mogrify(text, values).decode()

    def run(self, statement):
        """Runs it; an error is raised."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def outcome(self, statement):
        """Runs it and says how it went; a lost connection is made again."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(str(statement))
                if cursor.description is None:
                    return Outcome(count=cursor.rowcount)
                # Each schema has user-defined types of its own.
                columns = [(column.name, min(column.type_code, FIRST_USER_OID)) for column in cursor.description]
                return Outcome(columns=columns, rows=cursor.fetchall(), count=cursor.rowcount)
        except psycopg2.Error as error:
            if self.connection.closed:
                self.connect()
                return Outcome(crashed=True, message=str(error))
            self.timeouts += error.pgcode == TIMEOUT
            context = error.diag.context or ""
            message = (error.diag.message_primary or str(error)) + (f" [{context.splitlines()[0]}]" if context else "")
            return Outcome(sqlstate=error.pgcode or "XX000", message=message)

    def clean(self):
        """Leaves a transaction that a failed statement left open."""
        if not self.connection.closed and self.connection.info.transaction_status != 0:
            self.outcome("ROLLBACK")
