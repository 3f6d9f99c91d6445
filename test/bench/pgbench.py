# SPDX-License-Identifier: PostgreSQL
"""Rates: scripts of pgbench on the cluster and on plain tables."""

import pathlib
import re
import tempfile
import time

import measuring

SCRIPTS = pathlib.Path(__file__).resolve().parent / "scripts"
TABLES = {"pgbench_accounts": "aid", "pgbench_branches": "bid", "pgbench_tellers": "tid", "pgbench_history": "aid",
          "bench_many": "id", "bench_lookup": "id", "bench_insert": "id", "branch_branches": "bid", "branch_tellers": "bid",
          "branch_accounts": "bid", "branch_history": "bid"}
SMALL = ("pgbench_branches", "pgbench_tellers", "branch_branches", "branch_tellers", "bench_many")
LETTERS = {"S": ("select", ["-S"]), "N": ("simple update", ["-N"]), "B": ("TPC-B", []),
           "M": ("many shards", ["-f", SCRIPTS / "many.sql"])}
# Name: pgbench's arguments, protocol, clients, the ratio to come to.
ROWS = {
    "point prepared 16": (["-S"], "prepared", 16, 0.45),
    "point simple 16": (["-S"], "simple", 16, 0.50),
    "point simple 1": (["-S"], "simple", 1, 0.55),
    "tpcb one shard 16": (["-f", SCRIPTS / "one_shard.sql"], "prepared", 16, 0.50),
    "tpcb two nodes 16": ([], "prepared", 16, 0.35),
    "insert 100 rows 1": (["-f", "INSERT"], "simple", 1, 0.45),
    "insert 100 rows 16": (["-f", "INSERT"], "simple", 16, 0.40),
    "look-up 32 shards 1": (["-f", SCRIPTS / "lookup.sql"], "prepared", 1, 0.30),
    "look-up 32 shards 16": (["-f", SCRIPTS / "lookup.sql"], "prepared", 16, 0.25),
}
INSERT_ROWS = 100


def prepare(server, scale):
    for database in ("plain", "altius"):
        server.run("pgbench", "-i", "-q", "-s", scale, database)
        server.psql(database, files=(SCRIPTS / "schema.sql",), scale=scale)
    for table, key in TABLES.items():
        server.psql("altius", f"SELECT create_distributed_table('{table}', '{key}', shard_count => 32)")
    for database in ("plain", "altius"):
        server.psql(database, *(f"VACUUM ANALYZE {table}" for table in TABLES))


def insert_script(folder):
    file = pathlib.Path(folder, "insert.sql")
    rows = ", ".join(f"(:base + {number}, {number}, 'row {number}')" for number in range(INSERT_ROWS))
    file.write_text(f"\\set base random(1, 1000000000)\nINSERT INTO bench_insert (id, number, filler) VALUES {rows};\n",
                    encoding="utf-8")
    file.chmod(0o644)
    return file


class Script:
    """One script in one protocol; a turn runs it for some seconds."""

    def __init__(self, server, arguments, mode, clients, options):
        self.server = server
        self.command = ["-n", "-M", mode, "-c", clients, "-j", min(clients, options.threads), "-T", options.seconds, "-s",
                        options.scale, *arguments]
        self.failed = 0.0

    def ready(self, database):
        """What turns before this one have left of small tables, and autovacuum would have cleaned."""
        self.server.psql(database, *(f"VACUUM {table}" for table in SMALL))

    def turn(self, database):
        """Transactions per second, and how many there were."""
        output = self.server.run("pgbench", *self.command, database)
        time.sleep(0.3)  # until the backends are gone
        failed = re.search(r"failed transactions: \d+ \(([0-9.]+)%\)", output)
        self.failed = max(self.failed, float(failed.group(1)) if failed else 0)
        count = re.search(r"actually processed: ([0-9]+)", output)
        return float(re.search(r"tps = ([0-9.]+)", output).group(1)), int(count.group(1))


def measure_script(server, report, name, script, pairs, budget=float("inf"), reach=None):
    measured = measuring.in_turns(server, script.turn, pairs, budget, script.ready)
    report.row(name, measured, "1/s", reach, failed=script.failed, note=f"{script.failed} % failed" if script.failed else "")


def measure(server, report, options, name):
    arguments, mode, clients, reach = ROWS[name]
    server.once("pgbench", options.scale, lambda: prepare(server, options.scale))
    with tempfile.TemporaryDirectory() as folder:
        arguments = [insert_script(folder) if part == "INSERT" else part for part in arguments]
        measure_script(server, report, name, Script(server, arguments, mode, clients, options), options.pairs, reach=reach)


def measure_letters(server, report, options):
    server.once("pgbench", options.scale, lambda: prepare(server, options.scale))
    for letter in options.pgbench:
        title, arguments = LETTERS[letter]
        for mode in options.mode.split(","):
            for clients in map(int, options.clients.split(",")):
                script = Script(server, arguments, mode, clients, options)
                measure_script(server, report, f"{title} {mode} {clients}", script, options.pairs)
