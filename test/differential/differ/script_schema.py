# SPDX-License-Identifier: PostgreSQL
"""The tables, roles and functions of the scripts: small, so that all that is in them can be compared after each script."""

WRITER, READER = "script_writer", "script_reader"

TABLES = {
    "t": "CREATE TABLE t (id int PRIMARY KEY, grp int, v int NOT NULL CHECK (v < 1000),"
         " note text DEFAULT coalesce(current_setting('app.tenant', true), 'none'), hour int DEFAULT date_part('hour', timestamptz '2020-06-01 12:00+00'))",
    "u": "CREATE TABLE u (id int PRIMARY KEY REFERENCES t DEFERRABLE, v int, who text DEFAULT current_user)",
    "l": "CREATE TABLE l (what text NOT NULL, n int)",
    "s": "CREATE TABLE s (id int PRIMARY KEY, tenant text NOT NULL DEFAULT coalesce(current_setting('app.tenant', true), 'none'), v int)",
    "r": "CREATE TABLE r (id int PRIMARY KEY, v int, note text)",
    "here": "CREATE TABLE here (id int, v int, note text)",
}

DISTRIBUTE = [
    "SELECT create_distributed_table('t', 'id', shard_count => 5, colocate_with => 'none')",
    "SELECT create_distributed_table('u', 'id', colocate_with => 't')",
    "SELECT create_distributed_table('l', 'what', shard_count => 3, colocate_with => 'none')",
    "SELECT create_distributed_table('s', 'id', colocate_with => 't')",
    "SELECT create_reference_table('r')",
]

ROWS = {
    "t": "INSERT INTO t SELECT i, i % 4, i * 7 % 50, 'base', 0 FROM generate_series(1, 24) i",
    "u": "INSERT INTO u SELECT i, i, 'base' FROM generate_series(1, 24, 2) i",
    "l": "INSERT INTO l SELECT 'row ' || i % 5, i FROM generate_series(1, 8) i",
    "s": "INSERT INTO s SELECT i, CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'none' END, i FROM generate_series(1, 12) i",
    "r": "INSERT INTO r SELECT i, i * 10, 'base' FROM generate_series(0, 5) i",
    "here": "INSERT INTO here SELECT i, i, 'base' FROM generate_series(1, 6) i",
}

# Immutable, so that it is called where the rows lie.
FUNCTIONS = [
    "CREATE FUNCTION slow(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(20); RETURN value; END'",
    "CREATE FUNCTION upsert(i int, n int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO t (id, grp, v) VALUES (i, 1, n); RETURN 'new';"
    " EXCEPTION WHEN unique_violation THEN UPDATE t SET v = n WHERE id = i; RETURN 'old'; WHEN check_violation THEN RETURN 'refused'; END $$",
    "CREATE FUNCTION undone(tenant text, i int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
    " PERFORM set_config('app.tenant', tenant, true); INSERT INTO s (id) VALUES (i); PERFORM 1 / 0; RETURN 'never';"
    " EXCEPTION WHEN division_by_zero THEN INSERT INTO l VALUES (coalesce(current_setting('app.tenant', true), 'none'), i);"
    " RETURN current_setting('app.tenant', true); END $$",
    "CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO l VALUES (TG_OP || coalesce(NEW.v, OLD.v, 0) % 5, coalesce(NEW.id, OLD.id)); RETURN NULL; END $$",
    "CREATE TRIGGER log_it AFTER INSERT OR UPDATE OR DELETE ON u FOR EACH ROW EXECUTE FUNCTION log_it()",
    "CREATE POLICY own ON s USING (tenant = coalesce(current_setting('app.tenant', true), 'none'))",
    "ALTER TABLE s ENABLE ROW LEVEL SECURITY",
]
GRANTS = [
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON t, u, l, s, r TO {WRITER}",
    f"GRANT SELECT ON t, r TO {READER}",
]


def set_up(session, schema, distributed):
    session.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    session.run(f"CREATE SCHEMA {schema}")
    session.run(f"SET search_path = {schema}")
    for statement in TABLES.values():
        session.run(statement)
    for statement in (DISTRIBUTE if distributed else []) + FUNCTIONS + GRANTS + [f"GRANT USAGE ON SCHEMA {schema} TO {WRITER}, {READER}"]:
        session.run(statement)
    refill(session, list(TABLES))


def refill(session, names):
    """The first rows, again."""
    if "t" in names and "u" not in names:
        names = names + ["u"]
    if "u" in names and "l" not in names:
        names = names + ["l"]  # of the trigger
    session.run("BEGIN")
    for name in reversed([name for name in TABLES if name in names]):
        session.run(f"DELETE FROM {name}")
    for name in [name for name in TABLES if name in names]:
        if name == "l":
            session.run("DELETE FROM l")
        session.run(ROWS[name])
    session.run("COMMIT")


def make_roles(session):
    for role in (WRITER, READER):
        if not session.run(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            session.run(f"CREATE ROLE {role}")
