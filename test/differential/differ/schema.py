# SPDX-License-Identifier: PostgreSQL
"""The tables of both schemas, their random rows, and how they are distributed."""

import datetime
import random

CLUSTER = "diff_cluster"
PLAIN = "diff_plain"

# Families of types: an "int" may be any integer, so that sums need no casts.
INT, NUM, TEXT, DATE, BOOL, FLOAT, ARRAY, ENUM = "int", "num", "text", "date", "bool", "float", "array", "enum"
ROW = "row"  # of an int and a text; no table has a column of it
CI = "ci"  # a text whose equal values may look different: only compared, counted and grouped


class Table:
    """One table of the test: `kind` says how it is kept on the cluster, `unique` is a key if it has one."""

    def __init__(self, name, kind, columns, key=None, unique=(), rows=120, extra="", distribute=""):
        self.name = name
        self.kind = kind  # distributed, reference, local, view
        self.columns = columns  # [(name, family, sql type and constraints)]
        self.key = key
        self.unique = list(unique)
        self.rows = rows
        self.extra = extra
        self.distribute = distribute

    def families(self):
        return [(name, family) for name, family, _ in self.columns]

    def names(self):
        return [name for name, _, _ in self.columns]

    def ddl(self):
        columns = ", ".join(f"{name} {sql}" for name, _, sql in self.columns)
        if self.unique:
            columns += f", PRIMARY KEY ({', '.join(self.unique)})"
        return f"CREATE TABLE {self.name} ({columns}){self.extra}"


TABLES = [
    Table("orders", "distributed", [
        ("k", INT, "int NOT NULL"), ("id", INT, "int NOT NULL"), ("v", INT, "int"), ("amount", NUM, "numeric(10,2)"),
        ("note", TEXT, "text"), ("d", DATE, "date"), ("flag", BOOL, "boolean"), ("rate", FLOAT, "double precision"),
        ("kind", INT, "int DEFAULT 1")],
        key="k", unique=("k", "id"), rows=150,
        distribute="SELECT create_distributed_table('orders', 'k', shard_count => 4, colocate_with => 'none')"),
    Table("items", "distributed", [
        ("k", INT, "int NOT NULL"), ("order_id", INT, "int"), ("qty", INT, "int DEFAULT 1"), ("price", NUM, "numeric"),
        ("tag", TEXT, "text DEFAULT 'none'"), ("mood", ENUM, "mood"), ("nums", ARRAY, "int[]")],
        key="k", rows=160, distribute="SELECT create_distributed_table('items', 'k', colocate_with => 'orders')"),
    Table("events", "distributed", [
        ("k", INT, "int NOT NULL"), ("d", DATE, "date NOT NULL"), ("n", INT, "int"), ("what", TEXT, "varchar(40)"),
        ("size", FLOAT, "double precision")],
        key="k", rows=120, extra=" PARTITION BY RANGE (d)",
        distribute="SELECT create_distributed_table('events', 'k', colocate_with => 'orders')"),
    Table("visits", "distributed", [
        ("k", INT, "bigint NOT NULL"), ("v", INT, "int"), ("place", TEXT, "text"), ("d", DATE, "date"),
        ("cost", NUM, "numeric(12,4)")],
        key="k", rows=110,
        distribute="SELECT create_distributed_table('visits', 'k', shard_count => 3, colocate_with => 'none')"),
    Table("words", "distributed", [
        ("word", TEXT, "text NOT NULL"), ("n", INT, "bigint"), ("k", INT, "int"), ("seen", DATE, "date")],
        key="word", rows=80, unique=("word",),
        distribute="SELECT create_distributed_table('words', 'word', shard_count => 4, colocate_with => 'none')"),
    Table("codes", "distributed", [
        ("code", TEXT, "char(6) NOT NULL"), ("n", INT, "int"), ("d", DATE, "date")],
        key="code", rows=50,
        distribute="SELECT create_distributed_table('codes', 'code', shard_count => 3, colocate_with => 'none')"),
    Table("marks", "distributed", [
        ("rate", FLOAT, "double precision NOT NULL"), ("k", INT, "int"), ("w", TEXT, "text")],
        key="rate", rows=60,
        distribute="SELECT create_distributed_table('marks', 'rate', shard_count => 3, colocate_with => 'none')"),
    Table("people", "distributed", [
        ("name", CI, "text COLLATE blind"), ("k", INT, "int NOT NULL"), ("d", DATE, "date")],
        key="k", rows=60, distribute="SELECT create_distributed_table('people', 'k', colocate_with => 'orders')"),
    Table("kinds", "reference", [
        ("kind", INT, "int NOT NULL"), ("name", TEXT, "text"), ("weight", FLOAT, "double precision"), ("parent", INT, "int")],
        unique=("kind",), rows=8, distribute="SELECT create_reference_table('kinds')"),
    Table("places", "reference", [
        ("place", TEXT, "text NOT NULL"), ("k", INT, "int"), ("big", BOOL, "boolean")],
        rows=20, distribute="SELECT create_reference_table('places')"),
    Table("here", "local", [
        ("k", INT, "int"), ("v", INT, "smallint"), ("t", TEXT, "text"), ("n", NUM, "numeric")], rows=60),
]

VIEWS = [
    (Table("order_kinds", "view", [
        ("k", INT, ""), ("id", INT, ""), ("v", INT, ""), ("name", TEXT, ""), ("weight", FLOAT, "")]),
     "SELECT o.k, o.id, o.v, n.name, n.weight FROM orders o LEFT JOIN kinds n USING (kind)"),
    (Table("item_sums", "view", [("k", INT, ""), ("items", INT, ""), ("total", NUM, ""), ("tags", INT, "")]),
     "SELECT k, count(*) AS items, sum(price * qty) AS total, count(DISTINCT tag) AS tags FROM items GROUP BY k"),
    (Table("tag_sums", "view", [("tag", TEXT, ""), ("items", INT, ""), ("dearest", NUM, "")]),
     "SELECT tag, count(*) AS items, max(price) AS dearest FROM items GROUP BY tag"),
]

BEFORE = ["CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
          "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"]
PARTITIONS = [
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
    "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2020-02-01') TO ('2020-03-01')",
    "CREATE TABLE events_rest PARTITION OF events DEFAULT",
]
AFTER = [
    "CREATE INDEX ON orders (v)",
    "CREATE FUNCTION add_one(value int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT value + 1'",
    "CREATE FUNCTION order_count(wanted int) RETURNS bigint LANGUAGE plpgsql STABLE AS "
    "'BEGIN RETURN (SELECT count(*) FROM orders WHERE k = wanted); END'",
]

WORDS = ["ape", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kiwi", "lynx", "mole", "newt", "owl",
         "pig", "quail", "ray", "swan", "toad"]
FIRST_DAY = datetime.date(2020, 1, 1)


def null_share(seed):
    """Each third seed has tables full of nulls."""
    return 0.4 if seed % 3 == 0 else 0.08


def random_value(rng, table, column, family, nulls):
    """A value as Python object; null now and then where the table allows it."""
    required = column == table.key or column in table.unique or table.name in ("events", "places") and column in ("d", "place")
    if not required and rng.random() < nulls:
        return None
    if column == "mood":
        return rng.choice(["sad", "ok", "happy"])
    if column in ("kind", "parent"):
        return rng.randint(1, 8)
    if family == INT:
        return rng.randint(1, 30) if column in ("k", "id", "order_id") else rng.randint(-5, 45)
    if family == NUM:
        return f"{rng.randint(-200, 5000) / 100:.2f}"
    if family == CI:
        return rng.choice([str, str.upper, str.capitalize])(rng.choice(WORDS[:12]))
    if column == "code":
        return rng.choice(WORDS)[:6]
    if family == TEXT:
        return rng.choice(WORDS) if rng.random() < 0.9 else rng.choice(["", "Ärger", "it's", "a b", "100%"])
    if family == DATE:
        return str(FIRST_DAY + datetime.timedelta(days=rng.randint(0, 75)))
    if family == BOOL:
        return rng.random() < 0.5
    if family == FLOAT:  # multiples of 1/4: sums are exact in any order
        return rng.randint(-40, 400) / 4
    return [rng.randint(0, 9) for _ in range(rng.randint(0, 3))]


def random_rows(seed, table):
    """The rows the table starts with: the same for one seed."""
    rng = random.Random(f"{seed}/{table.name}")
    rows, seen = [], set()
    for number in range(table.rows):
        row = [random_value(rng, table, name, family, null_share(seed)) for name, family, _ in table.columns]
        if table.name == "kinds":
            row[0], row[3] = number + 1, (number // 2) or None
        if table.name == "words":
            row[0] = rng.choice(WORDS) + rng.choice(["", "s", "y", "-like", "ling"])
        unique = tuple(row[table.names().index(name)] for name in table.unique)
        if unique and unique in seen:
            continue
        seen.add(unique)
        rows.append(row)
    return rows


def fill_statement(session, table, rows):
    """One INSERT with all rows."""
    line = "(" + ", ".join(["%s::mood" if name == "mood" else "%s::int[]" if family == ARRAY else "%s"
                            for name, family, _ in table.columns]) + ")"
    values = ", ".join(session.mogrify(line, row) for row in rows)
    return f"INSERT INTO {table.name} VALUES {values}"


def set_up(session, schema, seed, distributed):
    """Makes the schema anew with all tables and rows."""
    session.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    session.run(f"CREATE SCHEMA {schema}")
    session.run(f"SET search_path = {schema}")
    for statement in BEFORE:
        session.run(statement)
    for table in TABLES:
        session.run(table.ddl())
        if table.name == "events":
            for statement in PARTITIONS:
                session.run(statement)
        steps = [fill_statement(session, table, random_rows(seed, table))]
        if distributed and table.distribute:  # some get their rows before, some after
            steps.insert(1 if table.name in ("items", "words", "kinds") else 0, table.distribute)
        for statement in steps:
            session.run(statement)
    for view, query in VIEWS:
        session.run(f"CREATE VIEW {view.name} AS {query}")
    for statement in AFTER:
        session.run(statement)
    session.run("ANALYZE " + ", ".join(table.name for table in TABLES))


def refill(session, seed, tables):
    """Puts the first rows back."""
    for table in tables:
        session.run(f"TRUNCATE {table.name}")
        session.run(fill_statement(session, table, random_rows(seed, table)))
