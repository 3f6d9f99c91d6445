# SPDX-License-Identifier: PostgreSQL
"""Runs statements on both sides, compares, makes what differs small."""

import random

from . import schema
from .dml import Case, Dml
from .report import Report
from .schema import TABLES, VIEWS, WORDS
from .selects import Selects
from .session import TIMEOUT, difference, keep_what_differs
from .tree import Tree, reduce

REFILL_EVERY = 12
ONLY_CLUSTER = "only the cluster fails"


class Run:
    """The outcomes of one case on both sides and their first difference."""

    def __init__(self, case, plain, cluster):
        self.plain = plain
        self.cluster = cluster
        self.kind = None
        self.place = 0
        for place, ((_, query), one, other) in enumerate(zip(case.steps, plain, cluster)):
            self.kind = difference(one, other, query is not None and query.ordered())
            if self.kind is not None:
                self.place = place
                break

    def plain_failed(self):
        return any(outcome.failed for outcome in self.plain)


class Runner:
    def __init__(self, options, plain, coordinator, workers, out=print):
        self.options = options
        self.plain = plain
        self.coordinator = coordinator
        self.workers = workers
        self.report = Report(out)
        self.out = out
        self.dirty = set()
        views = [view for view, _ in VIEWS]
        self.everywhere = TABLES + views
        self.on_workers = [table for table in TABLES if table.kind in ("distributed", "reference")]
        if all(self.has_views(worker) for worker in workers):
            self.on_workers += views

    @staticmethod
    def has_views(session):
        return all(session.run(f"SELECT to_regclass('{view.name}')")[0][0] is not None for view, _ in VIEWS)

    def place(self, rng):
        """The session a statement runs in, and the tables it may use there."""
        if self.workers and rng.random() < self.options.worker_share:
            return rng.choice(self.workers), self.on_workers
        return self.coordinator, self.everywhere

    def places(self, rng):
        """The sessions that are asked for the same rows, and the tables it may use there."""
        if self.workers and rng.random() < self.options.all_share:
            return [self.coordinator] + self.workers, self.on_workers
        session, tables = self.place(rng)
        return [session], tables

    def wanted(self, label):
        return self.options.only is None or self.options.only == label

    # SELECT -------------------------------------------------------------------------------------------------------------

    def selects(self, count):
        for number in range(count):
            if self.wanted(f"select/{number}"):
                self.select(number)
            if (number + 1) % 250 == 0:
                self.out(f"{number + 1} SELECTs, {self.report.failed()} failed")

    def select(self, number):
        """One statement; made anew when PostgreSQL finds no row or an error, so that most of them mean something."""
        for attempt in range(4):
            rng = random.Random(f"{self.options.seed}/select/{number}/{attempt}")
            sessions, tables = self.places(rng)
            way = rng.choices([self.direct, self.prepared, self.cursor], [82, 12, 6])[0]
            generator = Selects(rng)
            generator.begin(tables, prepared=way == self.prepared, functions=sessions == [self.coordinator])
            query = generator.statement()
            case = way(query, generator.parameters, rng)
            plain = self.script(self.plain, case)
            failed = any(outcome.failed for outcome in plain)
            empty = not any(outcome.rows for outcome in plain)
            if not failed and not empty:
                break
        if failed:
            self.report.skipped += 1
            return
        self.report.empty += empty
        for session in sessions:
            run = Run(case, plain, self.script(session, case))
            if run.kind is not None:
                break
        if run.kind is None:
            self.report.passed += 1
            return

        def again():
            plain = self.script(self.plain, case)
            if any(outcome.failed for outcome in plain):
                return None
            return Run(case, plain, self.script(session, case))

        self.judge(f"select/{number} on {session.name}", case, run, again)

    @staticmethod
    def direct(query, parameters, rng):
        return Case([(query.tree, query)], [])

    @staticmethod
    def prepared(query, parameters, rng):
        """Executed often enough for a generic plan, with other values each time."""
        if not parameters:
            return Case([(query.tree, query)], [])
        steps = [(Tree(f"PREPARE p ({', '.join(kind for kind, _ in parameters)}) AS ", query.tree), None)]
        for turn in range(7):
            values = [text if turn == 0 else str(rng.randint(1, 30)) if kind == "int" else f"'{rng.choice(WORDS)}'"
                      for kind, text in parameters]
            steps.append((Tree(f"EXECUTE p ({', '.join(values)})"), query))
        return Case(steps, [])

    @staticmethod
    def cursor(query, parameters, rng):
        if not query.ordered():
            return Case([(query.tree, query)], [])
        query.order.simpler = []  # what a FETCH gives follows from it
        fetches = ["3", str(rng.randint(1, 20)), "ALL"]
        steps = [(Tree("BEGIN"), None), (Tree("DECLARE c CURSOR FOR ", query.tree), None)]
        steps += [(Tree(f"FETCH {count} FROM c"), query) for count in fetches]
        return Case(steps + [(Tree("COMMIT"), None)], [])

    @staticmethod
    def script(session, case):
        """The outcomes up to the first error; leaves no transaction and no prepared statement behind."""
        outcomes = []
        for tree, _ in case.steps:
            outcomes.append(session.outcome(tree))
            if outcomes[-1].failed:
                break
        session.clean()
        if str(case.steps[0][0]).startswith("PREPARE"):
            session.outcome("DEALLOCATE ALL")
        return outcomes

    # DML ----------------------------------------------------------------------------------------------------------------

    def changes(self, count):
        for number in range(count):
            if self.wanted(f"dml/{number}"):
                self.change(number)
            if number % REFILL_EVERY == REFILL_EVERY - 1:
                self.refill(self.dirty)
            if (number + 1) % 100 == 0:
                self.out(f"{number + 1} changes, {self.report.failed()} failed")

    def refill(self, names):
        tables = [table for table in TABLES if table.name in names]
        for session in (self.plain, self.coordinator):
            schema.refill(session, self.options.seed, tables)
        self.dirty -= set(names)

    def change(self, number):
        for attempt in range(4):
            rng = random.Random(f"{self.options.seed}/dml/{number}/{attempt}")
            session, tables = self.place(rng)
            generator = Dml(rng)
            prepared = rng.random() < 0.1
            generator.begin(tables, prepared=prepared, functions=session is self.coordinator)
            case = generator.case() if not prepared else generator.prepared_case()
            if attempt < 3 and not case.transaction and not self.changes_rows(case):
                continue
            self.dirty.update(case.tables)
            run = self.run_change(case, session)
            if run.kind is not None or not run.plain_failed():
                break
        if run.kind is None:
            if run.plain_failed():
                self.report.skipped += 1
            else:
                self.report.passed += 1
            return

        def again():
            self.refill(case.tables)
            self.dirty.update(case.tables)
            made = self.run_change(case, session)
            return None if made.plain_failed() else made

        self.judge(f"dml/{number} on {session.name}", case, run, again)
        self.refill(case.tables)

    def changes_rows(self, case):
        """Whether it does anything on the plain side, where it is undone at once."""
        self.plain.outcome("BEGIN")
        outcomes = self.steps(self.plain, case.steps)
        self.plain.outcome("ROLLBACK")
        if str(case.steps[0][0]).startswith("PREPARE"):
            self.plain.outcome("DEALLOCATE ALL")
        return any(outcome.failed or outcome.rows or (outcome.count or 0) > 0 for outcome in outcomes)

    def run_change(self, case, session):
        """Both sides run the case.  Alone, a statement commits by itself on the cluster; on the plain side it waits in a
        transaction, so that it can be undone when the cluster refuses it."""
        if case.transaction:
            plain, cluster = self.steps(self.plain, case.steps[:-1]), self.steps(session, case.steps[:-1])
            run = Run(case, plain, cluster)
            end = case.steps[-1][0] if run.kind is None and not run.plain_failed() else Tree("ROLLBACK")
            run.plain.append(self.plain.outcome(end))
            run.cluster.append(session.outcome(end))
            if run.kind is None and str(end) == "COMMIT" and run.cluster[-1].failed:
                run.kind, run.place = ONLY_CLUSTER, len(run.cluster) - 1
        else:
            alone = len(case.steps) == 1
            if alone:
                self.plain.outcome("BEGIN")
            plain, cluster = self.steps(self.plain, case.steps), self.steps(session, case.steps)
            run = Run(case, plain, cluster)
            if alone:
                self.plain.outcome("COMMIT" if run.kind is None and not run.plain_failed() else "ROLLBACK")
            if str(case.steps[0][0]).startswith("PREPARE"):
                self.plain.outcome("DEALLOCATE ALL")
                session.outcome("DEALLOCATE ALL")
        session.clean()
        if run.kind is None or run.kind == ONLY_CLUSTER and len(case.steps) == 1:
            self.compare_contents(case, run)
        return run

    @staticmethod
    def steps(session, steps):
        outcomes = []
        for tree, _ in steps:
            outcomes.append(session.outcome(tree))
            if outcomes[-1].failed:
                break
        return outcomes

    def compare_contents(self, case, run):
        for name in case.tables:
            plain = self.plain.outcome(f"SELECT * FROM {name}")
            cluster = self.coordinator.outcome(f"SELECT * FROM {name}")
            kind = difference(plain, cluster, False)
            if kind is not None:
                run.kind = f"other contents of {name}"
                run.place = len(run.plain)
                run.plain.append(plain)
                run.cluster.append(cluster)
                return

    # Findings -----------------------------------------------------------------------------------------------------------

    def judge(self, label, case, run, again):
        kind = "crash" if run.cluster[run.place].crashed else run.kind
        if kind != "crash" and run.plain[run.place].sqlstate == TIMEOUT:  # nothing to compare with: both sides once more
            run = again()
            if run is None or run.kind is None:
                self.report.skipped += run is None
                self.report.passed += run is not None
                return
            kind = "crash" if run.cluster[run.place].crashed else run.kind
        if kind == ONLY_CLUSTER:
            outcome = run.cluster[run.place]
            if self.options.reduce and self.report.is_new(outcome):
                pattern = self.report.pattern(outcome)
                run = self.shrink(case, run, again, lambda made: made.kind == ONLY_CLUSTER and
                                  self.report.pattern(made.cluster[made.place]) == pattern)
            self.report.refuse(label, str(case), outcome)
            return
        if self.options.reduce and kind != "crash":
            run = self.shrink(case, run, again, lambda made: made.kind == kind)
        one, other = run.plain[run.place], run.cluster[run.place]
        if one.rows and other.rows and kind.startswith("other ") and kind != "other columns":
            keep_what_differs(one, other)
        self.report.finding(kind, label, str(case), one.describe(), other.describe())

    @staticmethod
    def shrink(case, run, again, same):
        """Makes the case small in place; gives the run of its smallest form."""
        last = [run]

        def still_fails():
            made = again()
            if made is None or made.kind is None or not same(made):
                return False
            last[0] = made
            return True

        if still_fails():
            for tree in {id(tree): tree for tree, _ in case.steps}.values():
                reduce(tree, still_fails)
        return last[0]
