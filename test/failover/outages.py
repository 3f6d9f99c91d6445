# SPDX-License-Identifier: PostgreSQL
"""What can happen to etcd and to what is in it.  Routing stays as it was or is right, and altius_ha_status says what is the
matter; clients notice nothing where PostgreSQL itself stays up."""

import collections
import os
import signal
import time

from event import Event, Watch, undisturbed


def outage(ha):
    """Longer than the ttl."""
    return 60 if ha.long else ha.cluster.ttl + 4


def etcd_stopped(ha, checks):
    """All of etcd is away for a while; in Patroni's failsafe mode the primaries go on."""
    with undisturbed(ha, checks) as watch:
        routing = ha.routing(watch.nodes[0])
        ha.etcd.stop()
        stopped = time.monotonic()
        checks.ok(ha.all_say(lambda row: row["etcd_state"] != "live" and row["problem"]), "each server says that etcd is away",
                  ha.describe)
        checks.ok(ha.all_say(lambda row: row["state"] == "known", seconds=1), "and keeps the leaders it knew", ha.describe)
        time.sleep(max(0, stopped + outage(ha) - time.monotonic()))
        checks.equal([ha.routing(node) for node in watch.nodes], [routing] * len(watch.nodes), "the routing is unchanged")
        ha.etcd.start()
        checks.ok(ha.in_order(), "each server is in order when etcd is back", ha.describe)
    return watch.figures()


def etcd_stopped_without_failsafe(ha, checks):
    """Without that mode Patroni makes the primaries read-only, as it must; clients go on when etcd is back."""
    ha.configure({"failsafe_mode": None})
    time.sleep(2 * ha.cluster.timing()["loop_wait"])
    watch = Watch(ha, checks)
    watch.begin()
    ha.etcd.stop()
    time.sleep(outage(ha))
    ha.etcd.start()
    started = time.monotonic()
    ha.complete()
    checks.ok(ha.in_order(), "each server is in order when etcd is back", ha.describe)
    over = time.monotonic()
    watch.finish()
    watch.no_errors([p for p in watch.clients.problems() if p.began > over], "no client had an error since")
    watch.check_data()
    ha.configure({"failsafe_mode": True})
    return {"etcd back to in order": 1000 * (over - started)}


def etcd_wiped(ha, checks):
    """Somebody deletes everything; Patroni writes it again."""
    with undisturbed(ha, checks) as watch:
        ha.etcd.delete("/service/", "--prefix")
        checks.ok(ha.wait(lambda: all(ha.etcd.get(ha.etcd.key(group, "leader")) for group in ha.cluster.groups())),
                  "all leaders are there again")
    ha.configure({"failsafe_mode": True})
    return watch.figures()


def etcd_minority(ha, checks):
    """One of three members of etcd hangs, the one most servers talk to; then a leader changes."""
    used = collections.Counter(ha.status(member)[0]["etcd_endpoint"] for member in ha.running())
    port = int(used.most_common(1)[0][0].rpartition(":")[2])
    number = [ha.cluster.etcd_port(n) for n in range(1, ha.cluster.etcd + 1)].index(port) + 1
    checks.note(f"members of etcd that are used: {dict(used)}")
    event = Event(ha, checks, 1)
    ha.etcd.freeze(number)
    try:
        time.sleep(1.5)  # so that it hangs while the leader changes, or until just before
        # Patroni may talk to that one, too, and has to find another first.
        checks.ok(ha.wait(lambda: (ha.cluster.switchover("1"), True)[1], 30), "Patroni changes the leader")
        event.over()
        checks.ok(ha.all_say(lambda row: not (row["etcd_endpoint"] or "").endswith(f":{port}") and row["etcd_state"] == "live"),
                  "all servers talk to another member", ha.describe)
    finally:
        ha.etcd.thaw()
    # A server whose member hangs just then learns too late that a switchover is planned to hold transactions back.
    event.only_running_writes_failed(event.routings[0].ready.at)
    event.check_data()
    return event.figures()


def etcd_compacted(ha, checks):
    """A follower is cut off while a leader changes and the history of etcd is thrown away."""
    event = Event(ha, checks, 1)
    cut_off = ha.primary(2)
    follower = ha.backend(cut_off, "altius follower")
    reads = ha.status(cut_off)[0]["etcd_reads"]
    os.kill(follower, signal.SIGSTOP)
    try:
        for process in ha.cluster.etcds():  # one after the other: its connection breaks, etcd goes on
            process.stop("immediate")
            ha.cluster.start([process])
            ha.etcd.wait()
        ha.cluster.switchover("1")
        ha.etcd.compact()
    finally:
        os.kill(follower, signal.SIGCONT)
    event.over()
    checks.ok(ha.wait(lambda: ha.status(cut_off)[0]["etcd_reads"] > reads), "the follower has read everything anew",
              ha.describe)
    event.check_data()
    return {}


def wrong_password(ha, checks):
    """etcd asks for passwords, and Altius, started anew, has a wrong one; then somebody writes the right one into the file."""
    with undisturbed(ha, checks) as watch:
        routing = ha.routing(watch.nodes[0])
        for member in ha.cluster.nodes():
            member.write_etcd_password("wrong")
            os.kill(ha.backend(member, "altius follower"), signal.SIGTERM)  # the right one is forgotten
        begun = ha.etcd.demand_passwords()
        try:
            checks.ok(ha.all_say(lambda row: "authentication" in (row["problem"] or "") and row["etcd_state"] != "live"),
                      "each server says that it can't log in", ha.describe)
            checks.equal([ha.routing(node) for node in watch.nodes], [routing] * len(watch.nodes), "the routing is unchanged")
            for member in ha.cluster.nodes():
                member.write_etcd_password()
            checks.ok(ha.in_order(), "with the right password each server is in order", ha.describe)
        finally:
            if begun:
                ha.etcd.demand_none()
    return watch.figures()


def garbage(ha, checks):
    """Keys that nobody understands, under our scope: in groups that exist and in others."""
    with undisturbed(ha, checks) as watch:
        key, etcd, leader = ha.etcd.key, ha.etcd, ha.leaders()[1]
        routing = ha.routing(watch.nodes[0])
        rubbish = {key(1, "members/ghost"): "{not JSON", key(1, "members/empty"): "", key(1, "what/is/this"): "\U0001f4a9" * 1000,
                   key(1, "members/strange"): '{"conn_url": "postgres://[::1", "state": 7, "xlog_location": "far"}',
                   key(7, "leader"): "nobody", key(7, "config"): "[[[[", key(8, "members/a"): '{"conn_url": "http://example.org"}',
                   key("99999999999999999999", "leader"): "x", key(1, "members/big"): '{"conn_url": "' + "x" * 500000 + '"}'}
        for name, value in rubbish.items():
            etcd.put(name, value)
        etcd.put(key(1, f"members/{leader}"), "}{")  # Patroni writes its own again
        checks.ok(ha.all_say(lambda row: row["groupid"] != 1 or "members/" in (row["problem"] or "")), "each server complains of it",
                  ha.describe)
        checks.ok(ha.wait(lambda: etcd.get(key(1, f"members/{leader}")) != "}{"), "Patroni has written its member again")
        checks.equal([ha.routing(node) for node in watch.nodes], [routing] * len(watch.nodes), "the routing is unchanged")
        for name in rubbish:
            etcd.delete(name)
    return watch.figures()


def foreign_cluster(ha, checks):
    """Another cluster writes under our scope: its leader is of another system, so nothing is sent there."""
    with undisturbed(ha, checks) as watch:
        routing, leader, stranger = ha.routing(watch.nodes[0]), ha.primary(1), ha.primary(2)
        members = ha.cluster.members_of(1)
        for member in members:
            member.patroni.signal(signal.SIGKILL)
        conn_url = f"postgres://{stranger.host}:{stranger.port}/postgres"
        ha.etcd.put(ha.etcd.key(1, "members/stranger"), f'{{"conn_url": "{conn_url}", "state": "running", "role": "master"}}')
        ha.etcd.put(ha.etcd.key(1, "leader"), "stranger")
        checks.ok(ha.all_say(lambda row: row["groupid"] != 1 or (row["state"] == "mismatch" and "system" in (row["problem"] or ""))),
                  "each server says that it is another system", ha.describe)
        checks.equal([ha.routing(node) for node in watch.nodes], [routing] * len(watch.nodes), "the routing is unchanged")
        ha.etcd.put(ha.etcd.key(1, "leader"), leader.name)
        ha.etcd.delete(ha.etcd.key(1, "members/stranger"))
        ha.etcd.delete(ha.etcd.key(1, "leader"))
        for member in sorted(members, key=lambda member: member.name != leader.name):
            ha.tool("start", member.name)
            ha.wait(lambda m=member: m.leads() or m.follows())
    return watch.figures()
