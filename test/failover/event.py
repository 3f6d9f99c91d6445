# SPDX-License-Identifier: PostgreSQL
"""The frame of the scenarios: clients work and probes watch while something happens; then everything is checked."""

import contextlib
import time

from clients import RETRYABLE, Clients, describe
from probes import Routing


class Watch:
    """Clients on the given servers, from before to after something that need not concern them."""

    def __init__(self, ha, checks, nodes=None):
        self.ha, self.checks = ha, checks
        self.nodes = nodes or ha.primaries()
        self.before = dict(ha.query(ha.primary(0), "SELECT id, n FROM counters"))
        self.routings = []
        self.clients = Clients(ha, self.nodes)
        ha.watches.append(self)

    def begin(self):
        """Everybody has had answers; from here on times are counted."""
        time.sleep(1.0)
        self.at = time.monotonic()

    def finish(self, settle=1.0):
        time.sleep(settle)
        self.clients.finish()
        self.checks.equal(self.clients.stuck(), 0, "no client is stuck")

    def abandon(self):
        """Something went wrong: nobody works on."""
        self.clients.stop.set()
        for routing in self.routings:
            routing.finish()

    def no_errors(self, problems=None, name="no client had an error"):
        problems = self.clients.problems() if problems is None else problems
        return self.checks.ok(not problems, name, f"{len(problems)} errors; seconds from the event:", describe(problems, self.at),
                              self.ha.describe)

    def only_running_writes_failed(self, until):
        """What was running on a server that had died at that moment may fail, if it wrote, and in a way that can be tried again; the rest not."""
        problems = self.clients.problems()
        running = [problem for problem in problems if problem.began <= until]
        self.no_errors([problem for problem in problems if problem not in running], "what began later had no error")
        wrong = [p for p in running if not p.state.startswith(RETRYABLE) or p.kind not in ("write", "transfer")]
        self.no_errors(wrong, "of what was running only writes failed, in a way that can be tried again")
        if running:
            self.checks.note(f"{len(running)} statements failed that were running: {sorted({(p.kind, p.state) for p in running})}")

    def check_data(self):
        acknowledged, unknown = self.clients.writes()
        self.ha.complete()
        self.checks.ok(self.ha.in_order(), "every server follows etcd and knows all leaders", self.ha.describe)
        self.ha.nothing_prepared(self.checks, time.time())
        self.ha.check_bank(self.checks, {key: (n, acknowledged[key], unknown[key]) for key, n in self.before.items()})

    def figures(self):
        return {"longest pause": 1000 * self.clients.longest(self.at)}


class Event(Watch):
    """Groups get other leaders meanwhile; the clients are on two servers of the other groups."""

    def __init__(self, ha, checks, *groups, nodes=None):
        super().__init__(ha, checks, nodes or ha.primaries(*groups)[:2])
        self.groups = groups
        self.routings = [Routing(ha, group, self.nodes) for group in groups]
        self.begin()

    def over(self, seconds=60):
        """Waits until every node uses the new primaries, then lets the clients go on for a while."""
        deadline = time.monotonic() + seconds
        routed = all([routing.wait(max(0.1, deadline - time.monotonic())) for routing in self.routings])
        moment = time.time()
        self.checks.ok(routed, f"every node uses the new primary of group {' and '.join(map(str, self.groups))}",
                       self.ha.describe)
        self.ha.nothing_prepared(self.checks, moment)
        self.finish()
        for routing in self.routings:
            routing.finish()

    def figures(self):
        figures = super().figures()
        for routing in self.routings:
            figures |= {f"routed by {name}": value for name, value in routing.report().items()}
            if routing.ready.at:
                figures["event to new primary"] = 1000 * (routing.ready.at - self.at)
        return figures


@contextlib.contextmanager
def undisturbed(ha, checks, same_leaders=True):
    """Around something that clients of all groups must not notice: they work, and afterwards nothing has changed."""
    leaders = ha.leaders()
    watch = Watch(ha, checks)
    watch.begin()
    yield watch
    watch.finish()
    watch.no_errors()
    if same_leaders:
        checks.equal(ha.leaders(), leaders, "the leaders are the same")
    watch.check_data()
