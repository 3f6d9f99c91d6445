# SPDX-License-Identifier: PostgreSQL
"""Servers that come, move and are cut off, and Patroni's own handler beside Altius."""

import pathlib
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from event import Event, Watch


def new_address(ha, checks):
    """A member is made anew with another address, and then leads."""
    event = Event(ha, checks, 1)
    member = ha.standby(1)
    member.stop("immediate")
    shutil.rmtree(member.data)
    address = ha.network.another(member.host) if ha.network else "127.0.0.2"
    ha.cluster.hosts[member.name] = address
    ha.cluster.save()
    ha.tool("start", member.name)
    member = ha.cluster.node(member.name)
    checks.ok(ha.wait(member.in_step), "the new member follows")
    for routing in event.routings:
        routing.watch(member)
    ha.cluster.switchover("1")
    event.over()
    event.no_errors()
    checks.ok(ha.wait(lambda: all((address, member.port) == ha.routing(node)[1][1:] for node in ha.primaries())),
              "each primary has its address in pg_dist_node", ha.describe)
    event.check_data()
    return event.figures()


def partition(ha, checks):
    """The cable of a primary is pulled: no packet arrives, none is refused.  Nobody waits longer than he was told to, and the
    rest goes on with the new primary."""
    if not ha.network:
        checks.skip("no network namespace can be made here (it takes root)")
        return {}
    if ha.primary(1).name != ha.CUT_OFF:
        ha.cluster.switchover("1")
        ha.complete()
    event = Event(ha, checks, 1)
    key = ha.keys_of(1)[0]
    impatient = [ha.connect(node, options="-c altius.failover_timeout=2s") for node in event.nodes]
    for connection in impatient:
        waited(connection, key)
    ha.network.cut()
    try:
        event.at = time.monotonic()
        with ThreadPoolExecutor() as pool:
            times = list(pool.map(lambda connection: waited(connection, key), impatient))
        # 3 s until the silent server is given up, 2 s until its successor is; and what a busy machine needs.
        checks.ok(max(seconds for seconds, _ in times) < 9, "sessions with a timeout of 2 s have their answers, or errors, in time", times)
        checks.note(f"sessions with a timeout of 2 s: {[(round(seconds, 1), error) for seconds, error in times]}")
        event.over(seconds=ha.cluster.ttl + 60)
    finally:
        ha.network.mend()
    limit = ha.cluster.ttl + 12
    checks.ok(event.clients.longest(event.at) < limit, f"no client waited longer than {limit} s", f"{event.clients.longest(event.at)}")
    event.only_running_writes_failed(event.at + 1)
    event.check_data()
    return event.figures()


def waited(connection, key):
    """How long a read takes that needs the group, and its error."""
    began, error = time.monotonic(), None
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT n FROM counters WHERE id = %s", (key,))
        except psycopg2.Error as raised:
            error = raised.pgcode
    return time.monotonic() - began, error


def handler_beside(ha, checks):
    """Patroni's own handler is at work, too: it and Altius agree, and neither gets in the other's way."""
    event = Event(ha, checks, 1)
    said_before = {member.name: pathlib.Path(member.log).stat().st_size for member in ha.cluster.nodes()}
    coordinator = ha.primary(0)
    ha.cluster.switchover("1")
    event.over()
    event.no_errors()
    idle = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'Patroni%' AND state = 'idle in transaction'"
    checks.ok(ha.wait(lambda: ha.value(coordinator, idle)), "Patroni's transaction is over")
    event.check_data()
    expected = [(group, ha.primary(group).host, ha.primary(group).port) for group in ha.cluster.groups()]
    for node in ha.primaries():
        checks.equal(ha.routing(node), expected, f"pg_dist_node of {node.name}")
    complaints = []
    for member in ha.cluster.nodes():
        text = pathlib.Path(member.log).read_bytes()[said_before[member.name]:].decode(errors="replace")
        complaints += [f"{member.name}: {line}" for line in text.splitlines() if is_complaint(line)]
    checks.ok(not complaints, "neither complains of the other", *complaints[:10])
    pause_that_waits(ha, checks)
    return event.figures()


def pause_that_waits(ha, checks):
    """Who comes while a pause waits for an earlier transaction waits too, though the group was paused before, under another leader."""
    node, keys = ha.primary(2), ha.keys_of(1)
    earlier, pause = ha.connect(node), ha.connect(node)
    write = f"UPDATE counters SET n = n WHERE id = {keys[0]}"
    earlier.cursor().execute(f"BEGIN; UPDATE counters SET n = n WHERE id = {keys[1]}")
    node_id = ha.value(node, "SELECT nodeid FROM pg_dist_node WHERE groupid = 1 AND noderole = 'primary'")
    pid, waits = pause.info.backend_pid, "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
    with ThreadPoolExecutor() as pool:
        paused = pool.submit(pause.cursor().execute, f"BEGIN; SELECT citus_pause_node_within_txn({node_id})")
        checks.ok(ha.wait(lambda: ha.value(node, waits, pid)), "a pause waits for an earlier transaction")
        checks.equal(ends_as(ha, node, write), "57014", "who comes meanwhile waits")
        earlier.cursor().execute("COMMIT")
        paused.result()
    checks.equal(ends_as(ha, node, write), "57014", "who comes during the pause waits")
    pause.cursor().execute("ROLLBACK")
    checks.equal(ends_as(ha, node, write), None, "nobody waits when it is over")


def ends_as(ha, node, statement):
    """The SQLSTATE it fails with when it has half a second; None: it does not fail."""
    connection = ha.connect(node, options="-c statement_timeout=500ms")
    try:
        connection.cursor().execute(statement)
        return None
    except psycopg2.Error as error:
        return error.pgcode
    finally:
        connection.close()


def is_complaint(line):
    """An error of Patroni's session beside those of a server that goes down, or of Patroni itself about one."""
    if re.search(r"\] Patroni.* (ERROR|FATAL): ", line):
        return not re.search(r"terminating connection|shutting down|starting up|recovery|not yet accepting", line)
    return bool(re.search(r"Exception when executing|follower.*lock timeout|recorder.*lock timeout", line))


def add_group(ha, checks):
    """One more group of servers: started, and that is all; then shards move there under the clients."""
    watch = Watch(ha, checks)
    watch.begin()
    ha.tool("add-group")
    ha.cluster = type(ha.cluster)(ha.dir)
    group = ha.cluster.workers
    added = ha.primary(group)
    checks.ok(ha.wait(lambda: all((group, added.host, added.port) in ha.routing(node) for node in ha.primaries())),
              "the new group is in pg_dist_node of all primaries", ha.describe)
    coordinator = ha.primary(0)
    ha.query(coordinator, "SELECT citus_rebalance_start()")
    checks.ok(ha.wait(lambda: ha.value(coordinator, "SELECT state FROM citus_rebalance_status()") == "finished", 120),
              "the rebalance ends", ha.query(coordinator, "SELECT state, details FROM citus_rebalance_status()"))
    shards = ha.value(coordinator, "SELECT count(*) FROM pg_dist_placement WHERE groupid = %s", group)
    checks.ok(shards >= 4, f"the new group has shards ({shards})")
    watch.finish()
    watch.no_errors()
    watch.check_data()
    return watch.figures()
