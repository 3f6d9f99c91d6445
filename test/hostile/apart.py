# SPDX-License-Identifier: PostgreSQL
"""Tables out of step: their owner changes them, their shards and her types on one node alone, and uses them then."""

MAKE = """
CREATE TYPE odd.comp AS (x int, y text);
CREATE TYPE odd.mood AS ENUM ('a', 'b', 'c');
CREATE DOMAIN odd.small AS int CHECK (VALUE < 1000000);
CREATE TABLE odd.d (k int, a int, b text, c numeric, e odd.mood, f odd.comp, g date DEFAULT current_date, h int[]);
SELECT create_distributed_table('odd.d', 'k', shard_count => 4, colocate_with => 'none');
CREATE TABLE odd.d2 (k int PRIMARY KEY, a int, b text);
SELECT create_distributed_table('odd.d2', 'k', colocate_with => 'odd.d');
CREATE TABLE odd.r (k int PRIMARY KEY, a int, b text);
SELECT create_reference_table('odd.r');
INSERT INTO odd.d SELECT i, i % 7, 'b' || i, i * 1.5, 'a'::odd.mood, row(i, 'y')::odd.comp, '2020-01-01', ARRAY[i] FROM generate_series(1, 40) i;
INSERT INTO odd.d2 SELECT i, i % 5, 'z' || i FROM generate_series(1, 40) i;
INSERT INTO odd.r SELECT i, i % 5, 'r' || i FROM generate_series(1, 10) i;
CREATE VIEW odd.v AS SELECT k, a, b FROM odd.d;
CREATE FUNCTION odd.f(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 1; END';
CREATE FUNCTION odd.tg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF tg_op = ''DELETE'' THEN RETURN old; END IF; RETURN new; END'
"""

TRIGGERS = """
CREATE TRIGGER t1 BEFORE INSERT OR UPDATE OR DELETE ON odd.d FOR EACH ROW EXECUTE FUNCTION odd.tg();
CREATE TRIGGER t2 AFTER INSERT OR UPDATE OR DELETE ON odd.d FOR EACH ROW EXECUTE FUNCTION odd.tg();
CREATE TRIGGER t3 AFTER UPDATE ON odd.d REFERENCING NEW TABLE AS n OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION odd.tg()
"""

TYPES = ("int", "bigint", "text", "numeric", "date", "bytea", "int[]", "text[]", "jsonb", "boolean", "float8", '"char"', "name", "uuid",
         "varchar(3)", "char(5)", "odd.comp", "odd.comp[]", "odd.mood", "odd.small", "int4range", "point", "oid", "smallint")
COLUMNS = "kabcefgh"

# {t}: a table or shard, {c}, {o}: columns, {y}: a type, {n}: the number of a shard
CHANGES = (
    "ALTER TABLE {t} DROP COLUMN {c} CASCADE", "ALTER TABLE {t} ADD COLUMN n1 {y}", "ALTER TABLE {t} ALTER COLUMN {c} TYPE {y} USING NULL",
    "ALTER TABLE {t} ALTER COLUMN {c} DROP DEFAULT, ALTER COLUMN {c} TYPE {y} USING {c}::text::{y}",
    "ALTER TABLE {t} RENAME COLUMN {c} TO q; ALTER TABLE {t} RENAME COLUMN {o} TO {c}; ALTER TABLE {t} RENAME COLUMN q TO {o}",
    "ALTER TABLE {t} DROP COLUMN {c} CASCADE; ALTER TABLE {t} ADD COLUMN {c} {y}",
    "DROP TABLE {t} CASCADE; CREATE TABLE {t} (h {y}, g int, f text, e text, c int, b {y}, a {y}, k {y})",
    "DROP TABLE {t} CASCADE; CREATE VIEW {t} AS SELECT 1 AS k, 2 AS a, 'x'::text AS b, 1::numeric AS c",
    "DROP TABLE {t} CASCADE; CREATE MATERIALIZED VIEW {t} AS SELECT 1 AS k, 2 AS a, 'x'::text AS b, 1::numeric AS c",
    "DROP TABLE {t} CASCADE; CREATE TABLE {t} (k int, a int, b text) PARTITION BY LIST (a); CREATE TABLE {t}_p PARTITION OF {t} DEFAULT",
    "DROP TABLE {t} CASCADE", "DROP TABLE {t} CASCADE; CREATE SEQUENCE {t}", "CREATE TABLE odd.child (z int) INHERITS ({t})",
    "ALTER TYPE odd.comp ADD ATTRIBUTE q int CASCADE", "ALTER TYPE odd.comp DROP ATTRIBUTE x CASCADE",
    "ALTER TYPE odd.comp ALTER ATTRIBUTE x TYPE text CASCADE", "ALTER TYPE odd.mood RENAME VALUE 'a' TO 'z'",
    "CREATE TRIGGER x BEFORE INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION altius_internal.trigger_on_shard()",
    "CREATE TRIGGER x AFTER INSERT OR UPDATE OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION altius_internal.trigger_on_shard()",
    "CREATE RULE x AS ON UPDATE TO {t} DO ALSO SELECT 1", "CREATE RULE x AS ON INSERT TO {t} DO INSTEAD NOTHING",
    "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY; ALTER TABLE {t} FORCE ROW LEVEL SECURITY", "ALTER TABLE {t} RENAME TO foo_{n}",
    "CREATE UNIQUE INDEX ON {t} (k, (a * 0))", "ALTER TABLE {t} ADD COLUMN gg int GENERATED ALWAYS AS (1) STORED",
    "ALTER TABLE {t} ADD PRIMARY KEY (k)", "ALTER TABLE {t} REPLICA IDENTITY NOTHING", "ALTER TABLE {t} ADD CHECK (a < 3) NOT VALID")

# {k}: a key, {x}: a value, {n}: the number of a shard, {m}: a way to move it
USES = (
    "SELECT * FROM odd.d WHERE k = {k}", "SELECT count(*), sum(a), avg(c), max(b), min(g) FROM odd.d", "SELECT * FROM odd.d ORDER BY k LIMIT 5",
    "SELECT a, count(*), array_agg(b), string_agg(b, ',' ORDER BY b), sum(c), stddev(c) FROM odd.d GROUP BY a",
    "SELECT d.*, d2.* FROM odd.d JOIN odd.d2 USING (k)", "SELECT d.b, r.b FROM odd.d JOIN odd.r ON r.k = d.a", "SELECT d FROM odd.d",
    "SELECT (d.f).x, d.e, d.h[1] FROM odd.d", "INSERT INTO odd.d (k, a, b, c, e) VALUES ({k}, {x}, {x}, {x}, 'a') RETURNING *",
    "INSERT INTO odd.d SELECT i, i, 'i', i FROM generate_series(100, 120) i", "INSERT INTO odd.d SELECT * FROM odd.d WHERE k < 5 RETURNING k",
    "UPDATE odd.d SET a = {x}, b = {x} WHERE k = {k} RETURNING *", "UPDATE odd.d SET c = c + 1 WHERE a > 2 RETURNING d",
    "UPDATE odd.d SET k = k + 1 WHERE k = {k} RETURNING *", "UPDATE odd.d SET k = k + a, b = b || '!' WHERE a = 3", "DELETE FROM odd.d WHERE a = 1",
    "DELETE FROM odd.d WHERE k = {k} RETURNING *", "UPDATE odd.r SET a = a + 1 WHERE k < 4 RETURNING *", "DELETE FROM odd.r WHERE a = 2",
    "INSERT INTO odd.r VALUES ({k}, 1, 'x') ON CONFLICT (k) DO UPDATE SET a = r.a + 1 RETURNING *", "UPDATE odd.r SET b = b || random()::text",
    "UPDATE odd.d SET a = d2.a FROM odd.d2 WHERE d2.k = d.k", "UPDATE odd.d SET b = r.b FROM odd.r WHERE r.k = d.a RETURNING d.*, r.*",
    "MERGE INTO odd.d USING odd.d2 ON d.k = d2.k WHEN MATCHED THEN UPDATE SET a = d2.a WHEN NOT MATCHED THEN INSERT (k, a) VALUES (d2.k, d2.a)",
    "WITH x AS (INSERT INTO odd.d2 (k, a) VALUES (900, 1) RETURNING *) SELECT * FROM x, odd.d LIMIT 3", "SELECT * FROM odd.v WHERE k = {k}",
    "SELECT * FROM odd.d FOR UPDATE", "COPY odd.d TO STDOUT", "COPY odd.d (k, b) FROM STDIN", "COPY (SELECT k, f, h FROM odd.d) TO STDOUT",
    "BEGIN; DECLARE c CURSOR FOR SELECT * FROM odd.d; FETCH 3 FROM c; UPDATE odd.d SET a = 9 WHERE CURRENT OF c; COMMIT",
    "SELECT odd.f(a) FROM odd.d", "SELECT d.ctid, tableoid::regclass FROM odd.d LIMIT 2", "TRUNCATE odd.d2", "ANALYZE odd.d", "VACUUM odd.d",
    "INSERT INTO odd.d2 SELECT k, a, b FROM odd.d ON CONFLICT (k) DO NOTHING", "EXPLAIN (ANALYZE, VERBOSE) SELECT a, sum(c) FROM odd.d GROUP BY a",
    "SELECT e, count(DISTINCT f) FROM odd.d GROUP BY e", "SELECT * FROM odd.d WHERE f = row(1, 'y')::odd.comp",
    "SELECT sum(a) OVER (PARTITION BY k) FROM odd.d", "SELECT * FROM odd.d WHERE k IN (SELECT k FROM odd.d2 WHERE a = 2)",
    "SELECT undistribute_table('odd.d2')", "SELECT alter_distributed_table('odd.d', shard_count => 3)", "DROP TABLE odd.d2",
    "SELECT citus_move_shard_placement({n}, 2, 3, '{m}')", "SELECT citus_move_shard_placement({n}, 3, 2, '{m}')",
    "SELECT isolate_tenant_to_new_shard('odd.d', {k}, 'CASCADE', '{m}')", "SELECT * FROM altius_check_reference_tables(true)",
    "ALTER TABLE odd.d ADD COLUMN zz int DEFAULT 5", "ALTER TABLE odd.d ADD COLUMN zs serial", "ALTER TABLE odd.d DROP COLUMN b CASCADE",
    "CREATE INDEX ON odd.d (a)", "ALTER TABLE odd.d ALTER COLUMN a TYPE bigint", "SELECT citus_total_relation_size('odd.d')",
    "SELECT array_agg(d ORDER BY k) FROM odd.d", "SELECT count(*) FROM odd.d, odd.d2 WHERE d.k = d2.a")


class Apart:
    """One round: statements for sessions on servers, in their order."""

    def __init__(self, rng, servers, shards):
        self.rng, self.servers, self.shards = rng, servers, shards  # shards: (number, table, server)

    def _fill(self, text, table="odd.d"):
        rng = self.rng
        return text.format(t=table, c=rng.choice(COLUMNS), o=rng.choice(COLUMNS), y=rng.choice(TYPES), n=rng.choice(self.shards)[0],
                           k=rng.randint(1, 45), x=rng.choice(("1", "NULL", "40", "999999", "'x'", "1.5")),
                           m=rng.choice(("block_writes", "force_logical")))

    def changes(self):
        for _ in range(self.rng.randint(1, 4)):
            number, table, server = self.rng.choice(self.shards)
            if self.rng.random() < 0.45:
                table, server = self.rng.choice(("odd.d", "odd.d", "odd.d2", "odd.r")), self.rng.choice(self.servers)
            else:
                table = f"{table}_{number}"
            yield server, self._fill(self.rng.choice(CHANGES), table).split("; ")

    def uses(self, count=25):
        server = self.rng.choice([self.servers[0]] + self.servers)
        for _ in range(count):
            yield server, self._fill(self.rng.choice(USES)).split("; ")
