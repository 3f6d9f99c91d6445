# SPDX-License-Identifier: PostgreSQL
"""The attack: one call after the other, each looked at before the next."""

import io
import random
import re

import psycopg2

import apart
import corpus
import watch
from calls import Calls, functions
from session import Session
from stage import DATABASE, MALLORY
from streams import Streams
from values import Facts, Values

KINDS = (("calls", 70), ("copy", 12), ("settings", 13), ("startup", 5))
LOOK_EVERY, SESSION_LIVES, STAGE_LIVES = 500, 60, 3000

# Internal errors that are right: by message, with the reason.
ALLOWED_INTERNAL = ((r"XX001: a row of the leading copy of .* is missing", "its owner has changed one of the copies"),)

SETTINGS = "SELECT name FROM pg_settings WHERE name ~ '^(altius|citus)[.]' ORDER BY name"

# In every second session the caller's own objects stand before PostgreSQL's.
POISON = [f"CREATE TEMPORARY VIEW {name} AS SELECT * FROM pg_catalog.{name} WHERE playground.gain() OPERATOR(pg_catalog.=) 0" for name in (
    "pg_class", "pg_proc", "pg_type", "pg_namespace", "pg_attribute", "pg_index", "pg_constraint", "pg_statistic_ext", "pg_roles", "pg_locks",
    "pg_dist_node", "pg_dist_local_group", "pg_dist_partition", "pg_dist_shard", "pg_dist_placement", "pg_dist_colocation", "pg_dist_object",
    "pg_dist_background_job", "pg_dist_background_task", "pg_dist_cleanup")] + ["SET search_path = pg_temp, playground, pg_catalog"]


def alike(text):
    """The same problem found twice has the same text but for its numbers."""
    return re.sub(r"0x[0-9a-f]+|\d+", "#", text)[:160]


def allowed(internal):
    return any(re.search(right, internal) for right, _ in ALLOWED_INTERNAL)


class Attack:
    def __init__(self, stage, options):
        self.stage, self.options = stage, options
        self.log_file = open(options.log, "w", encoding="utf-8") if options.log else None
        self.count, self.passed, self.failed = 0, 0, 0
        self.problems, self.states, self.slowest = {}, {}, (0, "")
        self.logs = {server: watch.Log(stage, server) for server in stage.servers}
        self.learn()
        self.sessions = {}

    def learn(self):
        self.facts = Facts(self.stage)
        self.functions = functions(self.stage)
        self.settings = [row[0] for row in self.stage.ask(self.stage.coordinator, SETTINGS)] + ["altius.transaction_id", "altius.nothing"]
        self.before = watch.fingerprint(self.stage)

    def rebuild(self):
        for session in self.sessions.values():
            session.close()
        self.sessions = {}
        self.stage.build()
        self.learn()

    def log(self, text):
        if self.log_file:
            self.log_file.write(text + "\n")
            self.log_file.flush()

    def problem(self, what, where, text):
        key = f"{what}: {alike(text)}"
        self.log(f"PROBLEM {what}: {text}")
        if key in self.problems:
            self.problems[key][1] += 1
            return
        self.problems[key] = [where, 1]
        print(f"not ok - {what}: {text[:600]}\n{where}", flush=True)
        if self.options.stop:
            raise SystemExit("stopped at the first problem")

    # Looking

    def look(self, where):
        """After each call: logs, and whether somebody is a superuser now."""
        for server, log in self.logs.items():
            crashes, rose, internal = log.news()
            for line in crashes:
                self.problem("a server crashed", where, f"{server}: {line}")
            for line in rose:
                self.problem("mallory's code", where, f"{server}: {line}")
            for line in internal:
                if not allowed(line):
                    self.problem("internal error", where, line)
        for server in self.stage.servers:
            rows = self.stage.ask(server, f"SELECT 1 FROM pg_roles WHERE rolname ~ '^hostile_' AND (rolsuper OR rolcreaterole)")
            if rows:
                self.problem("mallory became a superuser", where, str(server))
                self.stage.ask(server, f"ALTER ROLE {MALLORY} NOSUPERUSER NOCREATEROLE")

    def look_around(self, where):
        """Now and then: everything that must be as it was."""
        for session in self.sessions.values():
            session.close()
        self.sessions = {}
        for line in watch.left_over(self.stage):
            self.problem("something stayed behind", where, line)
        after = watch.fingerprint(self.stage)
        for line in watch.changes(self.before, after):
            self.problem("something of others changed", where, line)
        self.before = after

    # Attacking

    def run(self):
        only = self.options.only
        if (only is None or "corpus" in only) and not self.options.replay:
            self.replay_corpus()
        if (only is None or "apart" in only) and not self.options.replay:
            self.be_apart()
        if only is None or set(only) - {"corpus", "apart"}:
            self.generate()
        if self.log_file:
            self.log_file.close()

    def replay_corpus(self):
        for case in corpus.cases():
            known = len(self.problems)
            where = f"  corpus.sql: {case.name}"
            for line in corpus.replay(self.stage, case, self.log):
                self.problem("case", where, line)
            self.look(where)
            self.look_around(where)
            self.verdict(f"corpus: {case.name}", len(self.problems) - known)
            self.count += len(case.steps)
            if len(self.problems) > known:
                self.rebuild()  # what went wrong may have spoilt the stage for the next case

    def verdict(self, name, problems):
        if problems:
            self.failed += 1
        else:
            self.passed += 1
            print(f"ok - {name}", flush=True)

    def be_apart(self):
        known = len(self.problems)
        for number in range(self.options.rounds):
            self.one_round(number, random.Random(f"{self.options.seed}/apart {number}"))
        after = watch.fingerprint(self.stage)
        for line in watch.changes(self.before, after):
            if ": pg_dist_" not in line:  # that is of tables which were dropped on one node alone
                self.problem("something of others changed", "  tables out of step", line)
        self.verdict(f"{self.options.rounds} times tables out of step", len(self.problems) - known)
        self.rebuild()

    def one_round(self, number, rng):
        servers = self.stage.servers
        for server in servers:
            self.stage.ask(server, "DROP SCHEMA IF EXISTS odd CASCADE" if server == self.stage.coordinator else
                           "SET citus.enable_ddl_propagation = off; DROP SCHEMA IF EXISTS odd CASCADE; RESET citus.enable_ddl_propagation")
        self.stage.ask(self.stage.coordinator, f"CREATE SCHEMA odd AUTHORIZATION {MALLORY}")
        sessions = {server: Session(server, MALLORY, DATABASE) for server in servers}
        where, steps = f"  round {number} of tables out of step, {MALLORY}:\n", []
        script = apart.MAKE + (";" + apart.TRIGGERS if rng.random() < 0.4 else "")
        made = [sessions[self.stage.coordinator].run(sql) for sql in script.split(";\n")]
        places = self.stage.ask(self.stage.coordinator, "SELECT shardid, table_name::text, nodeport FROM citus_shards"
                                " WHERE table_name::text LIKE 'odd.%' ORDER BY 1, 3")
        for outcome in made:
            if outcome.state:
                self.problem("tables out of step can't be made", where, str(outcome))
        at = {server.port: server for server in servers}
        round_ = apart.Apart(rng, servers, [(shard, table, at[port]) for shard, table, port in places])
        for server in servers:
            sessions[server].run("SET statement_timeout = '5s'")
        for server, statements in round_.changes():
            steps += [(server, sql) for sql in ["SET citus.enable_ddl_propagation = off", *statements, "RESET citus.enable_ddl_propagation"]]
        for server, statements in round_.uses():
            steps += [(server, sql) for sql in statements]
        where += "".join(f"    {server}: {sql};\n" for server, sql in steps)
        for server, sql in steps:
            outcome = sessions[server].run(sql, io.BytesIO(b"1\tx\n50\ty\n") if sql.startswith("COPY") else None)
            self.log(f"round {number} {server}: {sql}\n    {outcome}")
            self.states[outcome.state] = self.states.get(outcome.state, 0) + 1
            self.count += 1
            if outcome.state in ("lost", "hang"):
                self.problem("a session ended" if outcome.state == "lost" else "a statement hangs", where, f"{sql}: {outcome}")
                break
            if outcome.state and not sql.startswith(("BEGIN", "DECLARE", "FETCH", "UPDATE", "COMMIT")):
                sessions[server].settle()
        for session in sessions.values():
            session.settle()
            session.close()
        self.look(where)

    def generate(self):
        kinds = [kind for kind, weight in KINDS for _ in range(weight) if not self.options.only or kind in self.options.only]
        since = 0
        known = len(self.problems)
        counts = dict.fromkeys(kinds, 0)
        for number in self.options.replay or range(self.options.calls):
            rng = random.Random(f"{self.options.seed}/{number}")
            kind = rng.choice(kinds)
            counts[kind] += 1
            self.one(number, kind, rng)
            self.count += 1
            if number % LOOK_EVERY == LOOK_EVERY - 1:
                self.look_around(f"  between call {since} and call {number}")
                since = number + 1
                print(f"# {number + 1} calls, {len(self.problems)} problems", flush=True)
            if number % STAGE_LIVES == STAGE_LIVES - 1:
                self.rebuild()
        self.look_around(f"  after call {since}")
        self.verdict(", ".join(f"{count} {kind}" for kind, count in counts.items()), len(self.problems) - known)

    def session(self, server, number):
        generation = number // SESSION_LIVES
        session = self.sessions.get(server)
        if session is None or session.generation != generation or session.connection is None or session.connection.closed:
            if session is not None:
                session.close()
            session = Session(server, MALLORY, DATABASE)
            session.generation = generation
            self.sessions[server] = session
            session.run("SET statement_timeout = '2s'")
            for sql in POISON if generation % 2 else ():
                session.run(sql)
        return session

    def one(self, number, kind, rng):
        server = rng.choice([self.stage.coordinator] * 3 + self.stage.servers[1:])
        values = Values(rng, self.facts)
        streams = Streams(rng, values, self.settings)
        if kind == "startup":
            self.connect(number, server, streams.startup())
            return
        if kind == "calls":
            calls = Calls(rng, values)
            calls.number = number
            steps = [(sql, None) for sql in calls.generate(rng.choices(self.functions, [function.weight for function in self.functions])[0])]
        elif kind == "copy":
            steps = [streams.copy()]
        else:
            steps = [(sql, None) for sql in streams.setting()]
        session = self.session(server, number)
        self.perform(number, session, steps)

    def perform(self, number, session, steps):
        where = f"  call {number}, {MALLORY} on {session.server}:\n" + "".join(f"    {sql[:3000]};\n" for sql, _ in steps)
        for sql, data in steps:
            if sql.startswith("COPY") and data is None:
                data = io.BytesIO(b"3000\tx\n3001\ty\n" if "STDIN" in sql else b"")
            outcome = session.run(sql, data)
            self.note(number, session, sql, outcome, where)
            if outcome.state in ("lost", "hang"):
                break
        session.settle()
        self.look(where)

    def note(self, number, session, sql, outcome, where):
        self.log(f"{number} {session.server}: {sql[:2000]}\n    {outcome}")
        self.states[outcome.state] = self.states.get(outcome.state, 0) + 1
        if outcome.seconds > self.slowest[0]:
            self.slowest = (outcome.seconds, sql[:200])
        if outcome.state == "lost" and not outcome.message.startswith("57P01"):
            self.problem("a session ended", where, str(outcome))
        elif outcome.state == "hang":
            self.problem("a statement hangs", where, str(outcome))
            self.stage.end(session.server, session.pid)
        elif outcome.state.startswith("XX"):
            self.problem("internal error", where, str(outcome))

    def connect(self, number, server, parameters):
        where = f"  call {number}: connecting as {MALLORY} to {server} with {parameters}, then using the cluster"
        self.log(where)
        try:
            psycopg2.connect(host=server.host, port=server.port, user=MALLORY, dbname=DATABASE, connect_timeout=10, **parameters).close()
        except psycopg2.Error as error:
            self.log(f"    {error}")
            self.look(where)
            return
        session = Session(server, MALLORY, DATABASE, **parameters)
        self.perform(number, session, [(sql, None) for sql in (
            "SET statement_timeout = '2s'", "SELECT count(*) FROM playground.d", "BEGIN", "INSERT INTO playground.d (k) VALUES (4000), (4001)",
            "SELECT * FROM run_command_on_workers('SELECT count(*) FROM pg_dist_shard')", "COMMIT", "DELETE FROM playground.d WHERE k > 3999",
            "SELECT altius_internal.insert_colocation(1000000, 1, 1, 'int4', 0)", "SELECT altius_internal.load_metadata()")])
        session.close()

    def summary(self):
        states = ", ".join(f"{state or 'ok'} {count}" for state, count in sorted(self.states.items(), key=lambda item: -item[1])[:20])
        yield f"# outcomes: {states}"
        yield f"# slowest: {self.slowest[0]:.1f} s: {self.slowest[1]}"
        for key, (_, count) in self.problems.items():
            if count > 1:
                yield f"# {count} times: {key}"
