# SPDX-License-Identifier: PostgreSQL
"""Changes of leaders in the middle of a rebalance: it goes on by itself, and no acknowledged write is lost."""

import itertools
import random
import time

from event import Watch

BULK_ROWS = 240_000  # so that a shard takes some tenths of a second to copy
LATEST = 1.0  # seconds from the first move's beginning to the change
turns = {}  # by scenario: whose leader changes next


class Rebalance:
    """All shards of a worker's group move to the others, or come back, whichever is due."""

    def __init__(self, ha):
        self.ha = ha
        self.make_bulk()
        self.shares = self.ask("SELECT shouldhaveshards FROM pg_dist_node WHERE groupid = 1 AND noderole = 'primary'")[0]
        self.ask(f"""SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', {not self.shares}) FROM pg_dist_node
            WHERE groupid = 1 AND noderole = 'primary'""")
        self.job = self.ask("SELECT citus_rebalance_start()")[0]

    def ask(self, statement):
        return self.ha.query(self.ha.primary(0), statement)

    def make_bulk(self):
        if self.ask("SELECT to_regclass('bulk') IS NULL")[0]:
            self.ask("CREATE TABLE bulk (id int PRIMARY KEY, filler text)")
            self.ask("SELECT create_distributed_table('bulk', 'id', colocate_with => 'accounts')")
            self.ask(f"INSERT INTO bulk SELECT i, repeat('x', 100) FROM generate_series(1, {BULK_ROWS}) i")

    def moves(self):
        return self.ask(f"SELECT count(*) > 0 FROM pg_dist_background_task WHERE job_id = {self.job} AND status = 'running'")[0]

    def reach(self):
        """A moment in its middle: some time after a move has begun not all are done."""
        began = self.ha.wait(self.moves, 30, 0.02)
        time.sleep(random.uniform(0, LATEST))
        return began and self.state() == "running"

    def state(self):
        return self.ask(f"SELECT state::text FROM pg_dist_background_job WHERE job_id = {self.job}")[0]

    def tasks(self):
        return self.ask(f"SELECT task_id || ' ' || status || ': ' || message FROM pg_dist_background_task WHERE job_id = {self.job}")

    def ended(self, seconds=120):
        return self.ha.wait(lambda: self.state() in ("finished", "failed", "cancelled"), seconds, 0.3)

    def misplaced(self):
        """Whether the emptied group has shards still, or the other has none."""
        shards = self.ask("SELECT count(*) FROM pg_dist_placement JOIN pg_dist_shard USING (shardid) WHERE groupid = 1 AND shardminvalue IS NOT NULL")
        return (shards[0] > 0) == self.shares


def check_ended(ha, checks, rebalance):
    checks.ok(rebalance.ended(), "the rebalance ends by itself", rebalance.tasks, ha.describe)
    checks.equal(rebalance.state(), "finished", "and well")
    checks.ok(not rebalance.misplaced(), "the shards lie where they are to", rebalance.tasks)
    left = {group: ha.query(ha.primary(group), "SELECT slot_name FROM pg_replication_slots WHERE slot_name ~ '^citus_shard'")
            for group in ha.cluster.groups()}
    checks.ok(not any(left.values()), "no slot of a move is left", left)


def meanwhile(ha, checks, scenario, change):
    """`change(group)` makes a group, another one each time, have another leader while shards move; the watch."""
    group = next(turns.setdefault(scenario, itertools.cycle(ha.cluster.groups())))
    watch = Watch(ha, checks, ha.primaries(group)[:2])
    watch.begin()
    rebalance = Rebalance(ha)
    checks.ok(rebalance.reach(), f"shards move; group {group} gets another leader", rebalance.tasks)
    change(group)
    check_ended(ha, checks, rebalance)
    watch.finish()
    return watch


def rebalance_switchover(ha, checks):
    """A planned switchover of one group after the other."""
    watch = meanwhile(ha, checks, "switchover", lambda group: ha.cluster.switchover(str(group)))
    watch.no_errors()
    watch.check_data()
    return watch.figures()


def rebalance_crash(ha, checks):
    """kill -9 of one group's Patroni and PostgreSQL after the other."""
    dead = []

    def kill(group):
        dead.append(ha.primary(group))
        dead[0].stop("immediate")
        dead.append(time.monotonic())
    watch = meanwhile(ha, checks, "crash", kill)
    watch.only_running_writes_failed(dead[1] + 0.1)
    ha.tool("start", dead[0].name)
    watch.check_data()
    return watch.figures()
