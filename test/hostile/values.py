# SPDX-License-Identifier: PostgreSQL
"""Rubbish for each type: SQL expressions, some of them nearly right."""

MB = 1000000
NODE_TREES = (
    "{VAR", "{VAR }", "{VAR :varno", "{VAR :varno 1 :varattno 1", "{VAR :varno 1 :varattno 99 :vartype 23 :vartypmod -1}",
    "{VAR :varno 1 :varattno 1 :vartype 23 :vartypmod -1 :varcollid 0 :varlevelsup 0 :varnosyn 1 :varattnosyn 1 :location -1}",
    "{VAR :varno 65001 :varattno -7 :vartype 0 :vartypmod -1 :varcollid 0 :varlevelsup 7 :varnosyn 1 :varattnosyn 1 :location -1}",
    "{CONST :consttype 25 :constlen -1 :constbyval false :constisnull false :constvalue 4 [ 99 0 0 0 ]}", "({VAR} {VAR})", "(i 1 2",
    "<>", "{}", "{QUERY :commandType 1}", "({FUNCEXPR :funcid 1 :args <>})", "{PLANNEDSTMT}", "b (", "{", "}", "(", ")", "\\",
)
UTILITY = (
    "EXPLAIN SELECT 1", "EXPLAIN (ANALYZE) INSERT INTO playground.d (k) VALUES (1)", "DECLARE c CURSOR FOR SELECT 1",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "FETCH ALL FROM c", "CLOSE ALL", "CREATE TABLE x AS SELECT 1",
    "CREATE TABLE playground.x AS SELECT * FROM playground.d", "SELECT 1 INTO x", "CREATE MATERIALIZED VIEW m AS SELECT 1", "VACUUM",
    "VACUUM playground.d", "VACUUM FULL playground.l", "ANALYZE", "COPY playground.d FROM STDIN", "COPY playground.d TO STDOUT",
    "COPY vault.secret TO STDOUT", "COPY playground.l FROM PROGRAM 'true'", "COPY playground.d TO '/tmp/x'", "PREPARE a AS SELECT 1",
    "EXECUTE a", "DEALLOCATE ALL", "SET search_path = pg_temp", "SET LOCAL work_mem = '1MB'", "SET SESSION AUTHORIZATION postgres",
    "SET ROLE postgres", "RESET ALL", "DISCARD ALL", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "PREPARE TRANSACTION 'x'",
    "COMMIT PREPARED 'x'", "ABORT AND CHAIN", "LISTEN x", "NOTIFY x", "LOCK playground.d", "LOCK vault.secret", "CHECKPOINT",
    "CREATE EXTENSION citus", "DROP EXTENSION altius CASCADE", "ALTER EXTENSION altius UPDATE", "LOAD 'altius'", "DO 'BEGIN END'",
    "CALL citus_cleanup_orphaned_resources()", "REINDEX DATABASE hostile", "CLUSTER", "CREATE DATABASE x", "DROP DATABASE hostile",
    "CREATE ROLE x SUPERUSER", "ALTER ROLE hostile_mallory SUPERUSER", "GRANT postgres TO hostile_mallory", "DROP OWNED BY hostile_alice",
    "REASSIGN OWNED BY hostile_alice TO hostile_mallory", "DROP TABLE vault.secret", "DROP TABLE playground.nothing",
    "ALTER TABLE playground.l ADD COLUMN z int", "TRUNCATE vault.secret", "TRUNCATE playground.ref", "UPDATE vault.secret SET v = 'x'",
    "DELETE FROM pg_dist_node", "DELETE FROM pg_dist_partition", "UPDATE pg_dist_placement SET groupid = 0", "SELECT * FROM vault.secret",
    "SELECT 1; SELECT 2", "SELECT 1/0", ";", ";;", "SELECT", "TABLE playground.d", "VALUES (1), (2)", "WITH x AS (SELECT 1) SELECT * FROM x",
    "SELECT playground.gain()", "SELECT set_config('role', 'postgres', false)", "INSERT INTO playground.d (k) VALUES (1) RETURNING *",
    "MERGE INTO playground.l USING playground.o ON false WHEN NOT MATCHED THEN DO NOTHING", "SELECT pg_backend_pid()",
    "CREATE VIEW pg_temp.pg_dist_shard AS SELECT playground.gain() AS shardid", "COMMENT ON TABLE playground.d IS 'x'",
    "SECURITY LABEL ON TABLE playground.d IS 'x'", "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z", "REFRESH MATERIALIZED VIEW playground.m",
    "SELECT altius_internal.load_metadata()", "SELECT altius_internal.run_commands('{SELECT 1}')", "SELECT %s FROM %s", "SELECT '%s%s%n'",
    "CREATE SEQUENCE playground.many", "ALTER TYPE playground.color OWNER TO postgres", "CREATE TYPE playground.m AS ENUM ('a')",
    "ALTER DOMAIN playground.small SET SCHEMA public", "DROP SCHEMA playground", "SELECT * FROM altius_internal.fragment(1) AS t(a int)",
)
SHORT = (
    "", " ", "x", "'", '"', "''", "\\", "%s", "%%", "%n%n%n", "$1", "$$", "\n", "\t", "\x01", "\x7f", "ü€😀", "k", "v", "default", "none",
    "auto", "0", "-1", "1e400", "NaN", "{}", "{NULL}", "{{1,2},{3,4}}", "[]", "null", "{\"a\": [1, {}]}", "[{\"command\": 5}]", "127.0.0.1",
    "localhost", "/tmp", "../../etc/passwd", "host=x port=y", "00000003-00000001-1", "altius_internal gpid=1", "shouldhaveshards",
    "table", "role", "schema", "function", "type", "database", "block_writes", "write", "read", "c", "n", "h", "t", "playground.d",
    "\"playground\".\"d\"", "vault.secret", "pg_catalog.pg_class", "playground.d_102008", "0:0:0", "1:2:3:4", "0/0", "altius_1_2_3",
)


class Values:
    """Chooses by `rng`; `facts` are ids and names that exist."""

    def __init__(self, rng, facts):
        self.rng, self.facts = rng, facts

    def quoted(self, text):
        if "\\" in text or any(ord(c) < 32 for c in text):
            return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"
        return "'" + text.replace("'", "''") + "'"

    def huge(self):
        unit = self.rng.choice(("(", "{", "x", "{VAR ", "SELECT ", "é", "1,", "((", "'", "%s", "NOT ", "\\\\"))
        count = self.rng.choice((1000, 70000, MB // len(unit)))
        return f"repeat({self.quoted(unit)}, {count})"

    def text(self):
        kind = self.rng.random()
        if kind < 0.07:
            return self.huge()
        pool = NODE_TREES if kind < 0.25 else UTILITY if kind < 0.6 else SHORT if kind < 0.9 else self.facts.names
        return self.quoted(self.rng.choice(pool))

    def integer(self, bits, name=""):
        most = 2 ** (bits - 1) - 1
        kind = self.rng.random()
        known = self.facts.known(name)
        if kind < 0.6 and known:
            return str(self.rng.choice(known))
        if kind < 0.75 and bits > 16:
            return str(self.rng.choice(self.facts.shards))
        number = self.rng.choice((0, 1, 2, -1, 3, 4, 5, 10, 65535, 65536, most, -most - 1, most - 1, self.rng.randint(-most, most)))
        return f"({max(-most - 1, min(most, number))})"

    def relation(self):
        kind = self.rng.random()
        if kind < 0.45:
            return f"{self.rng.choice(self.facts.own)}::oid"
        if kind < 0.9:
            return f"{self.rng.choice(self.facts.foreign)}::oid"
        return f"{self.rng.choice((0, 1, 4294967295, self.rng.randint(1, 99999)))}::oid"

    def array(self, element):
        kind = self.rng.random()
        if kind < 0.1:
            return f"'{{}}'::{element}[]"
        if kind < 0.2:
            return f"ARRAY[NULL]::{element}[]"
        if kind < 0.3:
            return f"ARRAY[[{self.of(element, '')}, NULL], [NULL, NULL]]::{element}[]"
        if kind < 0.35:
            return f"array_fill(NULL::{element}, ARRAY[{self.rng.choice((1, 2, 70000))}])"
        if kind < 0.4:
            return f"'[5:6]={{NULL,NULL}}'::{element}[]"
        count = self.rng.choice((1, 1, 2, 2, 3, 5))
        return "ARRAY[" + ", ".join(self.of(element, "") for _ in range(count)) + f"]::{element}[]"

    def anything(self):
        return self.rng.choice((
            "5", "'t5'::text", "NULL::int", "NULL::text", "point '(1,2)'", "ARRAY[1,2]", "ROW(1,'x')", "now()", "'{\"a\":1}'::jsonb",
            "1.5::numeric", "'NaN'::float8", "repeat('x', 1000000)", "'\\xff'::bytea", "'red'::playground.color", "1::playground.small",
            "int4range(1,5)", "pg_catalog.pg_current_snapshot()", "5::bigint", "''", "'x'::name", "interval '1 day'", "5::oid",
            "ROW(1,2)::playground.l"))

    def of(self, kind, name):
        """An expression of that type, for a parameter of that name."""
        if kind in ("any", "anyelement"):
            return self.anything()
        if self.rng.random() < 0.06:
            return f"NULL::{kind}"
        if kind.endswith("[]"):
            return self.array(kind[:-2])
        if kind in ("bigint", "integer", "smallint"):
            number = self.integer({"bigint": 64, "integer": 32, "smallint": 16}[kind], name)
            return f"{number}::{kind}"
        if kind in ("real", "double precision", "numeric"):
            return f"'{self.rng.choice(('0', '-1', '0.5', 'NaN', 'Infinity', '-Infinity', '1e30', '1e-30'))}'::{kind}"
        if kind in ("regclass", "oid", "regproc", "regtype", "regcollation", "regrole"):
            oid = self.relation()
            return oid if kind == "oid" else f"{self.rng.choice((oid, oid, self.rng.choice(self.facts.oids)))}::{kind}"
        if kind == "boolean":
            return self.rng.choice(("true", "false"))
        if kind == "bytea":
            return self.rng.choice(("'\\x'::bytea", "'\\x00'::bytea", "decode(repeat('ff', 20), 'hex')", "decode(repeat('ab', 32), 'hex')",
                                    "decode(repeat('00', 500000), 'hex')"))
        if kind == "jsonb":
            return self.rng.choice(("'[]'", "'{}'", "'null'", "'[{}]'", "'[{\"command\": \"SELECT 1\"}]'", "'[[[[]]]]'", "'\"x\"'",
                                    "'[{\"command\": \"SELECT 1\", \"after\": [9], \"nodes\": [-1], \"bytes\": 1e300}]'")) + "::jsonb"
        if kind == "pg_lsn":
            return self.rng.choice(("'0/0'", "'FFFFFFFF/FFFFFFFF'", "'0/1'")) + "::pg_lsn"
        if kind == '"char"':
            return self.rng.choice(("'n'", "'h'", "'c'", "'t'", "'s'", "'x'", "''", "'\\377'")) + '::"char"'
        if kind in ("text", "name"):
            known = self.facts.known(name)
            if known and self.rng.random() < 0.5:
                return self.quoted(str(self.rng.choice(known))) + f"::{kind}"
            return f"{self.text()}::{kind}"
        labels = self.facts.labels.get(kind)
        if labels:
            return f"{self.quoted(self.rng.choice(labels))}::{kind}"
        return f"{self.text()}::{kind}"


class Facts:
    """What exists on the stage."""

    def __init__(self, stage):
        ask = lambda sql: [row[0] for row in stage.ask(stage.coordinator, sql)]  # noqa: E731
        self.own = ask("SELECT c.oid FROM pg_class c WHERE relowner = 'hostile_mallory'::regrole AND relkind <> 't' ORDER BY 1")
        self.foreign = ask("SELECT c.oid FROM pg_class c WHERE relowner = 'hostile_alice'::regrole OR c.oid IN"
                           " ('pg_class'::regclass, 'pg_class_oid_index'::regclass, 'pg_authid'::regclass, 'pg_dist_node'::regclass,"
                           " 'pg_dist_shardid_seq'::regclass, 'pg_dist_partition'::regclass, 'citus_tables'::regclass) ORDER BY 1")
        self.oids = ask("SELECT oid FROM pg_proc WHERE proname IN ('citus_shard_cost_1', 'pg_sleep', 'gain') UNION ALL"
                        " SELECT oid FROM pg_type WHERE typname IN ('int4', 'text', 'point', 'record', 'color', 'small', 'anyelement')"
                        " UNION ALL SELECT oid FROM pg_roles WHERE rolname ~ 'hostile|postgres' ORDER BY 1")
        self.shards = ask("SELECT shardid FROM pg_dist_shard ORDER BY 1")
        self.nodes = ask("SELECT nodeid FROM pg_dist_node ORDER BY 1")
        self.groups = ask("SELECT groupid FROM pg_dist_node ORDER BY 1")
        self.ports = ask("SELECT nodeport FROM pg_dist_node ORDER BY 1")
        self.colocations = ask("SELECT colocationid FROM pg_dist_colocation ORDER BY 1")
        self.names = ["playground.d", "playground.t", "playground.ref", "playground.p", "playground.l", "vault.secret", "shown.some"]
        self.labels = {}
        for kind, label in stage.ask(stage.coordinator, "SELECT enumtypid::regtype::text, enumlabel FROM pg_enum ORDER BY 1, 2"):
            self.labels.setdefault(kind, []).append(label)

    def known(self, name):
        """Values that fit a parameter by its name."""
        if "shard" in name and "count" not in name or name in ("ids", "parents", "parts"):
            return self.shards
        if "port" in name:
            return self.ports
        if "group" in name or name in ("source", "target"):
            return self.groups
        if "node_id" in name or name == "nodeid":
            return self.nodes
        if "colocat" in name and "with" not in name:
            return self.colocations
        if name in ("nodename", "host") or name.endswith("node_name"):
            return ["127.0.0.1", "localhost", "nowhere.invalid"]
        if "timeout" in name or name.endswith("_ms"):
            return [0, 1, 100, 1000]
        if name in ("distribution_column", "key_column"):
            return ["k", "v", "n", "nothing"]
        if name in ("table_name", "of_table"):
            return self.names
        return None
