# SPDX-License-Identifier: PostgreSQL
"""A cluster under Patroni for the failover tests, driven by contrib/cluster, and the checks' output."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "contrib" / "cluster"), str(TOP / "test" / "lib")]

import queries  # noqa: E402  (needs the paths above)
from lib import clusters  # noqa: E402

from etcds import Etcd  # noqa: E402
from network import Network  # noqa: E402

TOOL = str(TOP / "contrib" / "cluster" / "altius-cluster")
ACCOUNTS, BALANCE = 64, 1000
COMPLAINTS = ("ERROR", "FATAL", "PANIC", "WARNING", "Traceback")


class Checks:
    """Prints TAP, and counts.  In a long run only what failed is printed."""

    def __init__(self, quiet=False):
        self.quiet, self.count, self.failed, self.prefix = quiet, 0, 0, ""

    def ok(self, good, name, *details):
        """`details` are printed when it is not good; those that take work to find are functions."""
        self.count += 1
        self.failed += 0 if good else 1
        if not self.quiet or not good:
            print(f"{'ok' if good else 'not ok'} {self.count} - {self.prefix}{name}", flush=True)
        if not good:
            self.note(f"failed: {self.prefix}{name}")
            for detail in details:
                self.note(detail() if callable(detail) else detail)
        return good

    def skip(self, reason):
        self.count += 1
        print(f"ok {self.count} - {self.prefix}# SKIP {reason}", flush=True)

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, f"got:      {got}", f"expected: {expected}")

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print(f"# {line}", file=sys.stderr, flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)


class Ha(queries.Queries):
    """`altius-cluster up --patroni`, with tables of a bank in it.  Where this user may, the second member of worker 1 has a
    network of its own, so that it can be cut off."""

    SETTINGS = {"fsync": "off", "deadlock_timeout": "200ms", "citus.recover_2pc_interval": "1s", "shared_buffers": "32MB",
                "altius.failover_timeout": "60s", "altius.node_tcp_user_timeout": "3s", "autovacuum": "off"}
    CUT_OFF = "worker1-2"

    def __init__(self, name, layout, ttl, port=None, own_network=False, long=False):
        self.long, self.watches = long, []
        base = int(os.environ.get("ALTIUS_TEST_PORT", "9800"))
        self.dir = f"{os.environ.get('ALTIUS_TEST_DIR', '/var/tmp/altius-test')}-{name}"
        self.tool("down")
        self.cluster = clusters.load_or_new(self.dir, patroni=True)
        vars(self.cluster).update(port=port or base + 20, layout=layout, ttl=ttl, settings=self.SETTINGS, etcd=3,
                                  etcd_user="altius", etcd_password="right")
        self.network = Network.make(self.cluster, self.CUT_OFF) if own_network else None
        self.cluster.prepare_directory()
        self.cluster.save()
        try:
            self.tool("up")
            self.cluster = clusters.load(self.dir)
            self.etcd = Etcd(self.cluster)
            self.configure({"failsafe_mode": True})
            self.make_bank()
        except Exception:
            self.keep_logs()
            self.down()
            raise

    def tool(self, command, *arguments):
        done = subprocess.run([TOOL, command, "--dir", self.dir, *arguments], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0 and command != "status":
            raise RuntimeError(f"altius-cluster {command} failed:\n{done.stdout}")
        return done.stdout

    def start_all(self):
        """What a scenario that broke off has left dead: the next one is not to fail for it."""
        self.etcd.thaw()
        for name in self.cluster.names():
            try:
                self.tool("start", name)
            except RuntimeError as error:
                Checks.note(error)

    def down(self):
        self.tool("down")
        if self.network:
            self.network.remove()

    def keep_logs(self):
        """Where they can be read when the cluster is gone."""
        to = TOP / "build" / "logs" / pathlib.Path(self.dir).name
        to.mkdir(parents=True, exist_ok=True)
        for log in pathlib.Path(self.dir).glob("*.log"):
            shutil.copy(log, to)
        return to

    def configure(self, values):
        """Patroni's settings of all groups, as patronictl edit-config would."""
        for group in self.cluster.groups():
            status, answer = self.primary(group).rest("/config", values, method="PATCH")
            if status != 200:
                raise RuntimeError(f"Patroni refused {values}: {answer}")

    def connect(self, member, **options):
        return queries.connect(member, self.cluster.db, 5, **options)

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
        """For some time: a loop after a restart Patroni takes the standby out of step again, and without one nobody is promoted."""
        calm, deadline, missing = 0, time.monotonic() + 150, ""
        while calm < 4:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the cluster does not come to rest: {missing}")
            try:
                self.cluster.wait_ready(40)
            except clusters.Failure:
                if time.monotonic() > deadline:
                    raise
                self.revive()
            time.sleep(0.6)
            missing = self.cluster.what_is_missing()
            calm = 0 if missing else calm + 1

    def revive(self):
        """Patroni 4.0 does not always come back to an etcd with users: when its request for a token fails it goes on without one,
        for good.  What an administrator does about it."""
        for member in self.cluster.nodes():
            if "KVCache.run <InvalidArgument" in member.last_lines(10):
                Checks.note(f"{member.name}: its Patroni has lost its token for etcd, and is started anew")
                member.patroni.signal(signal.SIGKILL)
                self.tool("start", member.name)

    def primaries(self, *but):
        """Of all groups but those."""
        return [self.primary(group) for group in self.cluster.groups() if group not in but]

    def running(self):
        """Members whose server answers."""
        return [member for member in self.cluster.nodes() if member.running()]

    def status(self, member):
        """altius_ha_status, as dictionaries."""
        return self.query(member, "SELECT to_jsonb(s) FROM altius_ha_status s")

    def all_say(self, condition, members=None, seconds=20):
        """True once the condition holds for each of our groups in altius_ha_status on each of the servers."""
        members, groups = members or self.running(), self.cluster.groups()

        def said(member):
            rows = [row for row in self.status(member) if row["groupid"] in groups]
            return len(rows) == len(groups) and all(map(condition, rows))
        return self.wait(lambda: all(map(said, members)), seconds)

    def in_order(self, seconds=30):
        """Every server, standbys too, follows etcd, and has verified the leader of each group."""
        groups = set(self.cluster.groups())

        def good(rows):
            return groups <= {row["groupid"] for row in rows if row["state"] == "known"} and rows[0]["etcd_state"] == "live"
        return self.wait(lambda: all(good(self.status(member)) for member in self.running()), seconds)

    def leaders(self):
        return {group: self.primary(group).name for group in self.cluster.groups()}

    def routing(self, member):
        """pg_dist_node's primaries as the server has them."""
        return self.query(member, "SELECT groupid, nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY 1")

    def backend(self, member, kind):
        """Process id of a background process."""
        return self.value(member, "SELECT pid FROM pg_stat_activity WHERE backend_type = %s", kind)

    def make_bank(self):
        here = self.primary(0)
        for statement in (
                f"SELECT citus_set_node_property('{here.host}', {here.port}, 'shouldhaveshards', true)",
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

    def nothing_prepared(self, checks, before, seconds=5):
        """Nothing that was prepared before that moment is left anywhere after some seconds."""
        nothing = "SELECT count(*) = 0 FROM pg_prepared_xacts WHERE prepared < to_timestamp(%s)"
        left = [group for group in self.cluster.groups()
                if not self.wait(lambda g=group: self.value(self.primary(g), nothing, before), seconds)]
        checks.ok(not left, f"no prepared transaction of that time is left {seconds} s after",
                  [(g, self.query(self.primary(g), "SELECT gid, prepared FROM pg_prepared_xacts")) for g in left])

    def check_bank(self, checks, writes):
        """No money gone, each acknowledged write there and none made twice.  `writes` has, for each key, the number before, of
        acknowledged ones since, and of those whose outcome the client was not told."""
        for group in self.cluster.groups():
            checks.equal(int(self.value(self.primary(group), "SELECT sum(balance) FROM accounts")), ACCOUNTS * BALANCE,
                         f"the sum as group {group} sees it")
        counted = dict(self.query(self.primary(0), "SELECT id, n FROM counters"))
        lost = {key: (*known, counted[key]) for key, known in writes.items() if counted[key] < known[0] + known[1]}
        twice = {key: (*known, counted[key]) for key, known in writes.items() if counted[key] > sum(known)}
        checks.ok(not lost, "no acknowledged write is lost", f"key: (before, acknowledged, unknown, there) {lost}")
        checks.ok(not twice, "no write was made twice", f"key: (before, acknowledged, unknown, there) {twice}")

    def describe(self):
        """What a failed test shows: altius_ha_status of each running server in short, and the last complaints in each log."""
        texts = []
        for member in self.cluster.nodes():
            try:
                rows = self.status(member)
                groups = " ".join(f"{r['groupid']}:{r['state']}:{r['leader']}@{r['host']}:{r['port']}" for r in rows)
                texts.append(f"{member.name}: {groups} etcd {rows[0]['etcd_state']}; "
                             f"{sorted({r['problem'] for r in rows if r['problem']})}" if rows else f"{member.name}: follows nothing")
            except (psycopg2.Error, IndexError) as error:
                texts.append(f"{member.name}: {str(error).splitlines()[0]}")
        texts.append(f"all logs: {self.keep_logs()}")
        for node in self.cluster.nodes():
            complaints = [line for line in node.last_lines(200).splitlines() if any(word in line for word in COMPLAINTS)]
            texts += [f"{node.name}.log: {line[:200]}" for line in complaints[-3:]]
        return "\n".join(texts)
