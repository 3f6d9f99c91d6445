# SPDX-License-Identifier: PostgreSQL
"""A cluster under Patroni for the failover tests, driven by contrib/cluster, and the checks' output."""

import json
import os
import pathlib
import subprocess
import sys
import time

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "contrib" / "cluster"))

from lib import clusters  # noqa: E402  (needs the path above)

TOOL = str(TOP / "contrib" / "cluster" / "altius-cluster")
ACCOUNTS, BALANCE = 64, 1000


class Checks:
    """Prints TAP, and counts.  In a long run only what failed is printed."""

    def __init__(self, quiet=False):
        self.quiet, self.count, self.failed, self.prefix = quiet, 0, 0, ""

    def ok(self, good, name, *details):
        self.count += 1
        self.failed += 0 if good else 1
        if not self.quiet or not good:
            print(f"{'ok' if good else 'not ok'} {self.count} - {self.prefix}{name}", flush=True)
        if not good:
            for detail in details:
                self.note(detail)
        return good

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, f"got:      {got}", f"expected: {expected}")

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print(f"# {line}", file=sys.stderr, flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)


class Ha:
    """`altius-cluster up --patroni`, with tables of a bank in it."""

    def __init__(self, name, layout, ttl, port=None, directory=None, etcd=1, settings=()):
        base = int(os.environ.get("ALTIUS_TEST_PORT", "9800"))
        self.port = port or base + 20
        self.dir = directory or f"{os.environ.get('ALTIUS_TEST_DIR', '/var/tmp/altius-test')}-{name}"
        self.tool("down")
        options = ["fsync=off", "deadlock_timeout=200ms", "citus.recover_2pc_interval=1s", *settings]
        self.tool("up", "--patroni", "--layout", layout, "--ttl", str(ttl), "--etcd", str(etcd), "--port", str(self.port),
                  *[part for option in options for part in ("--set", option)])
        self.cluster = clusters.load(self.dir)
        self.make_bank()

    def tool(self, command, *arguments):
        done = subprocess.run([TOOL, command, "--dir", self.dir, *arguments], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0 and command != "status":
            raise RuntimeError(f"altius-cluster {command} failed:\n{done.stdout}")
        return done.stdout

    def down(self):
        self.tool("down")

    def connect(self, member, **options):
        connection = psycopg2.connect(host=member.host, port=member.port, dbname=self.cluster.db, user="postgres",
                                      connect_timeout=5, **options)
        connection.autocommit = True
        return connection

    def query(self, member, statement, *values):
        """Rows; of one column only its values."""
        connection = self.connect(member, options="-c statement_timeout=60s")
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                rows = cursor.fetchall() if cursor.description else []
                return [row[0] if len(row) == 1 else row for row in rows]
        finally:
            connection.close()

    def value(self, member, statement, *values):
        return self.query(member, statement, *values)[0]

    def primary(self, group, seconds=60):
        return self.cluster.primary(group, seconds)

    def standby(self, group):
        return next(member for member in self.cluster.members_of(group) if not member.leads())

    def wait(self, condition, seconds=60, pause=0.1):
        """True once the condition holds; errors of servers that are not there count as no."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if condition():
                    return True
            except (psycopg2.Error, RuntimeError, OSError, clusters.Failure):
                pass
            time.sleep(pause)
        return False

    def complete(self):
        self.cluster.wait_ready(120)

    def make_bank(self):
        here = self.primary(0)
        for statement in (
                "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL)",
                "CREATE TABLE counters (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0)",
                "CREATE TABLE kinds (id int PRIMARY KEY, name text)",
                "SELECT create_distributed_table('accounts', 'id', shard_count => 8)",
                "SELECT create_distributed_table('counters', 'id', shard_count => 8)",
                "SELECT create_reference_table('kinds')",
                f"INSERT INTO accounts SELECT i, {BALANCE} FROM generate_series(0, {ACCOUNTS - 1}) i",
                f"INSERT INTO counters SELECT i FROM generate_series(0, {ACCOUNTS - 1}) i",
                "INSERT INTO kinds SELECT i, 'kind ' || i FROM generate_series(0, 9) i"):
            self.query(here, statement)

    def keys_of(self, group, table="counters"):
        """Keys whose rows lie in the group."""
        return self.query(self.primary(0), """
            SELECT id FROM generate_series(0, %s) id, pg_dist_placement p
            WHERE p.shardid = get_shard_id_for_distribution_column(%s, id) AND p.groupid = %s""", ACCOUNTS - 1, table, group)

    def check_bank(self, checks, known_writes):
        """No money gone, no acknowledged write lost, nothing left prepared 5 s after the group writes again."""
        nothing = "SELECT count(*) = 0 FROM pg_prepared_xacts"
        for group in self.cluster.groups():
            checks.ok(self.wait(lambda g=group: self.value(self.primary(g), nothing), 5),
                      f"no prepared transaction is left in group {group}",
                      self.query(self.primary(group), "SELECT gid, prepared FROM pg_prepared_xacts"))
        for group in self.cluster.groups():
            checks.equal(int(self.value(self.primary(group), "SELECT sum(balance) FROM accounts")), ACCOUNTS * BALANCE,
                         f"the sum as group {group} sees it")
        counted = dict(self.query(self.primary(0), "SELECT id, n FROM counters"))
        lost = {key: (count, counted[key]) for key, count in known_writes.items() if counted[key] < count}
        checks.ok(not lost, "no acknowledged write is lost", f"key: (acknowledged, there) {lost}")


def etcd_status(ha):
    """altius_ha_status of each running server, for what a failed test shows."""
    texts = []
    for member in ha.cluster.nodes():
        try:
            texts.append(f"{member.name}: {json.dumps(ha.query(member, 'SELECT to_jsonb(s) FROM altius_ha_status s'))}")
        except psycopg2.Error as error:
            texts.append(f"{member.name}: {str(error).splitlines()[0]}")
    return "\n".join(texts)
