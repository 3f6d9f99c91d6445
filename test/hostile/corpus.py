# SPDX-License-Identifier: PostgreSQL
"""Cases with a known right answer, from corpus.sql.

A case is a paragraph: `-- what it is`, then statements; directives stand before the statement that they are about.
  -- on: worker1             where (default: coordinator); `-- as: admin|alice|mallory` as whom (default: mallory)
  -- with: {"options": ..}   parameters of the connection
  -- data: 00ff            what follows COPY FROM STDIN, in hexadecimal digits
  -- expect: 42501 0A000     SQLSTATEs of which the next statement must raise one (`refused`: no connection); `ok`: none; `rows: [...]` its rows;
                             without it, anything is right that is no crash, no internal error and changes nothing
`:shard(vault.secret)` stands for the first shard of that table, `:shard8(..)` for its eight bytes.
"""

import ast
import io
import json
import pathlib
import re

from session import Session
from stage import ADMIN, ALICE, DATABASE, MALLORY, split

ROLES = {"mallory": MALLORY, "alice": ALICE, "admin": ADMIN}
PATH = pathlib.Path(__file__).with_name("corpus.sql")


class Step:
    def __init__(self, sql, directives):
        self.sql = sql
        self.role = directives.get("as", "mallory")
        self.server = directives.get("on", "coordinator")
        self.more = json.loads(directives.get("with", "{}"))
        self.expected, self.data = directives.get("expect"), directives.get("data")


class Case:
    def __init__(self, name, steps):
        self.name, self.steps = name, steps


def cases():
    found = []
    for paragraph in re.split(r"\n\s*\n", PATH.read_text(encoding="utf-8")):
        name, directives, steps, lasting = None, {}, [], {}
        lines = []

        def flush():
            for sql in split("\n".join(lines)):
                steps.append(Step(sql, {**lasting, **directives}))
                directives.clear()
            lines.clear()

        for line in paragraph.splitlines():
            directive = re.match(r"-- (on|as|with|expect|data): (.*)", line)
            if directive:
                flush()
                (directives if directive.group(1) in ("expect", "data") else lasting)[directive.group(1)] = directive.group(2)
            elif line.startswith("--"):
                name = name or line[2:].strip()
            else:
                lines.append(line)
        flush()
        if steps:
            found.append(Case(name, steps))
    return found


def filled(stage, sql):
    def shard(match):
        query = f"SELECT min(shardid) FROM pg_dist_shard WHERE logicalrelid = '{match.group(2)}'::regclass"
        number = stage.ask(stage.coordinator, query)[0][0]
        return f"{number:016x}" if match.group(1) else str(number)

    return re.sub(r":shard(8?)\(([\w.]+)\)", shard, sql)


def replay(stage, case, log):
    """Problems of the case."""
    sessions, problems = {}, []
    servers = {server.name: server for server in stage.servers}
    for step in case.steps:
        key = (step.role, step.server, json.dumps(step.more))
        if key not in sessions:
            sessions[key] = Session(servers[step.server], ROLES[step.role], DATABASE, **step.more)
            sessions[key].run("SET statement_timeout = '8s'")
        sql = filled(stage, step.sql)
        data = io.BytesIO(bytes.fromhex(filled(stage, step.data or ""))) if sql.startswith("COPY") else None
        outcome = sessions[key].run(sql, data)
        log(f"{step.role}@{step.server}: {sql[:1000]}\n    {outcome}")
        if outcome.state in ("lost", "hang"):
            problems.append(f"{sql[:500]}: {outcome}")
            if outcome.state == "hang":
                stage.end(servers[step.server], sessions[key].pid)
        elif step.expected is not None and not fits(step.expected, outcome):
            problems.append(f"{sql[:500]}: expected {step.expected}, got {outcome}")
    for session in sessions.values():
        session.close()
    return problems


def fits(expected, outcome):
    if expected.startswith("rows:"):
        return outcome.state == "" and [tuple(row) for row in outcome.rows] == [tuple(row) for row in ast.literal_eval(expected[5:].strip())]
    return (outcome.state or "ok") in expected.split()
