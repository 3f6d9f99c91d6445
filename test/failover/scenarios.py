# SPDX-License-Identifier: PostgreSQL
"""What can happen to a cluster, and what clients may notice of it.  Each scenario leaves a complete cluster behind, so that
they run one after the other and again."""

import time

from clients import RETRYABLE, Clients, describe
from harness import etcd_status
from probes import Routing


class Event:
    """Clients work and probes watch while something happens; then everything is checked."""

    def __init__(self, ha, checks, group, others=None):
        """The clients' servers are the primaries of the other groups, two of them."""
        self.ha, self.checks, self.group = ha, checks, group
        self.nodes = others or [ha.primary(other) for other in ha.cluster.groups() if other != group][:2]
        self.before = {key: count for key, count in ha.query(ha.primary(0), "SELECT id, n FROM counters")}
        self.routing = Routing(ha, group, self.nodes)
        self.clients = Clients(ha, self.nodes)
        time.sleep(1.0)
        self.at = time.monotonic()

    def over(self, seconds=60, settle=1.0):
        """Waits until every node uses the new primary, then lets the clients go on for a while."""
        routed = self.routing.wait(seconds)
        time.sleep(settle)
        self.clients.finish()
        self.routing.finish()
        self.checks.ok(routed, f"every node uses the new primary of group {self.group}", etcd_status(self.ha) if not routed else "")
        self.checks.equal(self.clients.stuck(), 0, "no client is stuck")

    def no_errors(self, problems=None, name="no client had an error"):
        problems = self.clients.problems() if problems is None else problems
        return self.checks.ok(not problems, name, f"{len(problems)} errors; seconds from the event:", describe(problems, self.at))

    def figures(self):
        figures = {f"routed by {name}": value for name, value in self.routing.report().items()}
        if self.routing.ready.at:
            figures["event to new primary"] = 1000 * (self.routing.ready.at - self.at)
        figures["longest pause"] = 1000 * self.clients.longest(self.at)
        return figures

    def check_data(self):
        writes = self.clients.writes()
        self.ha.complete()
        self.ha.check_bank(self.checks, {key: self.before[key] + count for key, count in writes.items()})


def planned(ha, checks, group):
    event = Event(ha, checks, group)
    ha.cluster.switchover(str(group))
    event.over()
    event.no_errors()
    event.check_data()
    return event.figures()


def switchover_worker(ha, checks):
    """A planned switchover of a worker group: no client notices but by a pause."""
    return planned(ha, checks, 1)


def switchover_coordinator(ha, checks):
    """The same of the coordinator's group; the clients are on the workers."""
    return planned(ha, checks, 0)


def crash(ha, checks, group):
    event = Event(ha, checks, group)
    lost = ha.primary(group)
    ha.cluster.kill_primary(str(group), patroni_only=False)
    event.over(seconds=ha.cluster.ttl + 60)
    problems = event.clients.problems()
    running = [problem for problem in problems if problem.began <= event.at + 0.1]
    event.no_errors([problem for problem in problems if problem not in running], "what began after the crash had no error")
    wrong = [p for p in running if not p.state.startswith(RETRYABLE) or p.kind not in ("write", "transfer")]
    event.no_errors(wrong, "of what was running only writes failed, in a way that can be tried again")
    checks.note(f"{len(running)} statements failed that were running when the server died: "
                f"{sorted({(p.kind, p.state) for p in running})}")
    ha.tool("start", lost.name)
    event.check_data()
    return event.figures()


def crash_worker(ha, checks):
    """kill -9 of a worker's Patroni and PostgreSQL."""
    return crash(ha, checks, 2)


def crash_coordinator(ha, checks):
    """The same of the coordinator's; sessions on workers go on."""
    return crash(ha, checks, 0)


def split_brain(ha, checks):
    """Only Patroni is killed: the old primary goes on, but no write of ours reaches it once the leader has changed."""
    event = Event(ha, checks, 1)
    old = ha.primary(1)
    ha.cluster.kill_primary("1", patroni_only=True)
    event.over(seconds=ha.cluster.ttl + 60)
    timelines = [int(ha.value(member, "SELECT pg_walfile_name(pg_current_wal_lsn())")[:8], 16) for member in (old, ha.primary(1))]
    checks.ok(timelines[0] < timelines[1], f"two primaries, on timelines {timelines[0]} and {timelines[1]}")
    position = "SELECT sum(n) FROM counters"
    seen = ha.value(old, "SELECT pg_current_wal_insert_lsn()")
    for node in event.nodes:
        ha.query(node, "UPDATE counters SET n = n")
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'altius_internal%%' AND state <> 'idle'"
    checks.equal(ha.value(old, ours), 0, "no statement of ours is on the old primary")
    _ = position, seen
    ha.tool("start", old.name)
    event.check_data()
    return event.figures()


ALL = {function.__name__.replace("_", "-"): function for function in
       (switchover_worker, switchover_coordinator, crash_worker, crash_coordinator, split_brain)}
