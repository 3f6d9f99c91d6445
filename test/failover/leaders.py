# SPDX-License-Identifier: PostgreSQL
"""Changes of leaders, planned and not."""

import time

from event import Event
from notes import Notes
from wal import commits_of_ours, divergence, refuses_commits


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


def crash(ha, checks, *groups):
    event = Event(ha, checks, *groups)
    lost = [ha.primary(group) for group in groups]
    for member in lost:
        member.stop("immediate")
    died = time.monotonic()
    event.over(seconds=ha.cluster.ttl + 60)
    event.only_running_writes_failed(died + 0.1)
    for member in lost:
        ha.tool("start", member.name)
    event.check_data()
    return event.figures()


def crash_worker(ha, checks):
    """kill -9 of a worker's Patroni and PostgreSQL."""
    return crash(ha, checks, 2)


def crash_coordinator(ha, checks):
    """The same of the coordinator's; sessions on workers go on, reading and writing."""
    return crash(ha, checks, 0)


def crash_two(ha, checks):
    """A worker and the coordinator at the same time."""
    return crash(ha, checks, 0, 1)


def restart_worker(ha, checks):
    """patronictl restart of a worker's primary: no leader changes, nothing in etcd announces it."""
    event = Event(ha, checks, 1)
    primary = ha.primary(1)
    for routing in event.routings:
        routing.finish()
    status, answer = primary.rest("/restart", {}, timeout=60)
    over = time.monotonic()
    checks.ok(status == 200, "Patroni restarts the server", answer)
    moment = time.time()
    event.finish()
    ha.nothing_prepared(checks, moment)
    event.only_running_writes_failed(over)
    event.check_data()
    return {"longest pause": event.figures()["longest pause"]}


def split_brain(ha, checks):
    """Only Patroni is killed: the old primary goes on, but nothing of ours is committed there once another one leads.  Its
    write-ahead log says so: it is read, behind the point where the new one's branches off, before it is rewound."""
    event = Event(ha, checks, 1)
    old = ha.primary(1)
    old_timeline = int(ha.value(old, "SELECT pg_walfile_name(pg_current_wal_lsn())")[:8], 16)
    ha.cluster.kill_primary("1", patroni_only=True)
    event.over(seconds=ha.cluster.ttl + 60)
    checks.equal(ha.query(old, "SELECT pg_is_in_recovery()"), [False], "the old primary is no standby yet")
    checks.ok(refuses_commits(ha, old), "and commits nothing any more, not even what touches nothing of ours")
    new_timeline, branch = divergence(ha, ha.primary(1))
    checks.ok(old_timeline < new_timeline, f"there are two primaries, on timelines {old_timeline} and {new_timeline}")
    try:
        found = commits_of_ours(ha, old, old_timeline, branch)
    finally:
        ha.tool("start", old.name)
    checks.ok(not found.committed, "nothing of ours was committed on the old one since", *found.committed)
    checks.note(f"the old primary's log from {branch} to {found.end}: {found.records} records, of them {found.ours} changes of our "
                f"tables, {found.marks} of the test's own transaction")
    checks.ok(found.marks > 0, "the log was read to its end: a transaction by hand is in it")
    event.check_data()
    return event.figures()


def deposed_commits(ha, checks):
    """Only Patroni is killed, past its ttl: commits on the old primary hang in the wait for the standby, which leads by then, and are
    let go when the Patroni comes back.  Whoever was told that his was made finds it on the new primary."""
    event = Event(ha, checks, 1)
    old = ha.primary(1)
    notes = Notes(ha, old)
    ha.cluster.kill_primary("1", patroni_only=True)
    event.over(seconds=ha.cluster.ttl + 60)
    hanging = ha.value(old, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    checks.ok(hanging > 0, f"{hanging} commits hang on the old primary")
    ha.tool("start", old.name)
    event.check_data()
    notes.finish()
    lost = notes.acknowledged - set(ha.query(ha.primary(1), "SELECT id FROM notes"))
    checks.ok(not lost, f"of {len(notes.acknowledged)} notes that were acknowledged none is lost", sorted(lost))
    checks.note(f"the writers had these errors: {dict(notes.errors)}")
    return event.figures()
