# SPDX-License-Identifier: PostgreSQL
"""Single statements over many rows, loading, and what the first statement of a session costs."""

import functools
import io
import time

import measuring

NODES_WARM = "SELECT count(*) FROM big"  # connections to the nodes are no part of a statement's time
# Name: query, the ratio to come to.  The tables' key is id; other has ten rows of each value, part is one of 50.
QUERIES = {
    "count distinct": ("SELECT count(DISTINCT other) FROM big", 1.3),
    "grouped count distinct": ("SELECT part, count(DISTINCT other) FROM big GROUP BY part ORDER BY part", 1.3),
    "percentile_cont": ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY number) FROM big", 1.5),
    "top-n per other": ("""SELECT count(*), sum(id::bigint * place)
FROM (SELECT id, row_number() OVER (PARTITION BY other ORDER BY number DESC, id) AS place FROM big) ranked WHERE place <= 3""", 1.2),
}
# Name: statement, the ratio to come to.  Through the asking node: a row's place depends on all rows before it.
INSERTS = {
    "insert select other key": ("INSERT INTO big_copy SELECT id, other, part, number, filler FROM big WHERE id <= {rows} / 4", 1.3),
    "insert select asking node": ("INSERT INTO big_copy SELECT row_number() OVER (ORDER BY number, id), other, part, number, filler "
                                  "FROM big WHERE id <= {rows} / 4", 1.5),
}
COLUMNS = "id int, other int, part int, number int, filler text"


def values(first, last):
    """Rows in SQL; numbers come from a hash, so that they are the same each time."""
    return (f"SELECT id, 1 + (hashint8extended(id, 1) & 2147483647) % {last // 10}, "
            f"1 + (hashint8extended(id, 2) & 2147483647) % 50, (hashint8extended(id, 3) & 2147483647)::int, 'row ' || id "
            f"FROM generate_series({first}, {last}) id")


def distribute(table, key):
    return f"SELECT create_distributed_table('{table}', '{key}', colocate_with => 'none', shard_count => 32)"


def make_tables(server, rows):
    keys = {"big": "id", "big_copy": "other", "big_load": "id"}
    for database in ("plain", "altius"):
        server.psql(database, f"DROP TABLE IF EXISTS {', '.join(keys)}", f"CREATE TABLE big ({COLUMNS}, PRIMARY KEY (id))",
                    f"CREATE TABLE big_copy ({COLUMNS})", f"CREATE TABLE big_load ({COLUMNS}, PRIMARY KEY (id))")
    server.psql("altius", *(distribute(table, key) for table, key in keys.items()))
    server.psql("plain", f"INSERT INTO big {values(1, rows)}")
    server.copy("big", "big")
    for database in ("plain", "altius"):
        server.psql(database, "VACUUM ANALYZE big")


def prepare(server, options):
    server.once("big", options.rows, lambda: make_tables(server, options.rows))


class Sessions:
    """One of each side, in which statements are timed."""

    def __init__(self, server, timeout):
        self.by_side = {side: server.session(side, timeout=timeout) for side in ("plain", "altius")}
        self.ask("altius", NODES_WARM)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for session in self.by_side.values():
            session.close()

    def ask(self, side, *statements):
        """What the last one gives, if it gives rows."""
        with self.by_side[side].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def timed(self, side, *statements):
        return measuring.seconds_of(lambda: self.ask(side, *statements)), 1


def measure_query(server, report, options, name):
    prepare(server, options)
    text, reach = QUERIES[name]
    rows = {}

    with Sessions(server, options.timeout) as sessions:
        def turn(side):
            started = time.monotonic()
            rows[side] = sessions.ask(side, text)
            return time.monotonic() - started, 1

        measured = measuring.in_turns(server, turn, options.pairs, options.budget)
    if rows["plain"] != rows["altius"]:
        report.problem(f"{name}: plain tables and distributed ones differ")
    report.row(name, measured, "s", reach)


def measure_insert(server, report, options, name):
    prepare(server, options)
    statement, reach = INSERTS[name]
    count = "SELECT count(*), sum(id::bigint), sum(number::bigint * other) FROM big_copy"
    sums = {}
    with Sessions(server, options.timeout) as sessions:
        def ready(side):
            sums[side] = sessions.ask(side, count)
            sessions.ask(side, "TRUNCATE big_copy")

        measured = measuring.in_turns(server, lambda side: sessions.timed(side, statement.format(rows=options.rows)), options.pairs,
                                      options.budget, ready)
        for side in sessions.by_side:
            ready(side)
    if sums["plain"] != sums["altius"]:
        report.problem(f"{name}: plain tables have {sums['plain']}, distributed ones {sums['altius']}")
    report.row(name, measured, "s", reach)


def copy_lines(server, options):
    """Text of COPY, the same for both sides."""
    with server.session("plain") as session, session.cursor() as cursor:
        lines = io.StringIO()
        cursor.copy_expert(f"COPY ({values(1, options.rows // 2)}) TO STDOUT", lines)
        return lines.getvalue()


def copy_in(session, table, lines):
    with session.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(lines))


def measure_copy(server, report, options):
    prepare(server, options)
    lines, rows = copy_lines(server, options), options.rows // 2
    with Sessions(server, options.timeout) as sessions:
        def turn(side):
            seconds = measuring.seconds_of(lambda: copy_in(sessions.by_side[side], "big_load", lines))
            return rows / seconds, rows

        measured = measuring.in_turns(server, turn, options.pairs, options.budget,
                                      lambda side: sessions.ask(side, "TRUNCATE big_load"))
    report.row("copy", measured, "1/s", 0.85)


def measure_distribute(server, report, options):
    """A table that has rows is distributed; the other side of it is COPY of as many rows into a plain table."""
    prepare(server, options)
    lines = copy_lines(server, options)
    with Sessions(server, options.timeout) as sessions:
        def ready(side):
            sessions.ask(side, "DROP TABLE IF EXISTS loaded", f"CREATE TABLE loaded ({COLUMNS}, PRIMARY KEY (id))")
            if side == "altius":
                copy_in(sessions.by_side[side], "loaded", lines)

        def turn(side):
            if side == "altius":
                return sessions.timed(side, distribute("loaded", "id"))
            return measuring.seconds_of(lambda: copy_in(sessions.by_side[side], "loaded", lines)), 1

        measured = measuring.in_turns(server, turn, options.pairs, options.budget, ready)
        for side in sessions.by_side:
            sessions.ask(side, "DROP TABLE loaded")
    report.row("create_distributed_table", measured, "s", 1.2)


FIRST = {"first query point": ("SELECT filler FROM big WHERE id = 42", 4.0),
         "first query all shards": ("SELECT count(*) FROM big WHERE id <= 200000", 2.0)}


def measure_first(server, report, options, name):
    """The first statement of a session, its connection not counted."""
    prepare(server, options)
    statement, reach = FIRST[name]

    def turn(side):
        seconds = []
        for _ in range(5):
            session = server.session(side, timeout=options.timeout)
            with session.cursor() as cursor:
                seconds.append(measuring.seconds_of(lambda: cursor.execute(statement)))  # pylint: disable=cell-var-from-loop
            session.close()
        return sorted(seconds)[2], 5

    report.row(name, measuring.in_turns(server, turn, 3 * options.pairs, options.budget), "s", reach)


ROWS = {name: functools.partial(measure_query, name=name) for name in QUERIES}
ROWS |= {name: functools.partial(measure_insert, name=name) for name in INSERTS}
ROWS |= {"copy": measure_copy, "create_distributed_table": measure_distribute}
ROWS |= {name: functools.partial(measure_first, name=name) for name in FIRST}
