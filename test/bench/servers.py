# SPDX-License-Identifier: PostgreSQL
"""The cluster of 1+2 nodes, and beside it plain tables in another database of its coordinator."""

import os
import pathlib
import subprocess
import sys

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[2]
TOOL = TOP / "contrib/cluster/altius-cluster"
PORT = int(os.environ.get("ALTIUS_BENCH_PORT", "9600"))
SIDES = ("plain", "altius")  # names of databases, in the order of their turns
SETTINGS = {"fsync": "off", "max_wal_size": "4GB", "autovacuum": "off"}  # else the machine's disk and chance take part


def directory():
    if "ALTIUS_BENCH_DIR" in os.environ:
        return os.environ["ALTIUS_BENCH_DIR"]
    base = "/var/lib/postgresql" if os.getuid() == 0 else os.path.expanduser("~/.cache")
    return f"{base}/altius-bench-{PORT}"


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class Server:
    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.options = ["-h", "127.0.0.1", "-p", str(PORT), "-U", "postgres"]

    def up(self):
        settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
        run([TOOL, "up", "--dir", self.where, "--port", PORT, *settings])
        if not self.psql("postgres", "SELECT 1 FROM pg_database WHERE datname = 'plain'").strip():
            self.psql("postgres", "CREATE DATABASE plain")
        self.psql("plain", "CREATE TABLE IF NOT EXISTS bench_prepared (what text PRIMARY KEY, version text)")

    def down(self):
        run([TOOL, "down", "--dir", self.where])

    def program(self, name):
        return next((self.where / "server").rglob(f"bin/{name}"))

    def run(self, program, *arguments):
        return run([self.program(program), *self.options, *arguments])

    def psql(self, database, *commands, files=(), **variables):
        """Commands first, then files, in one session."""
        arguments = [part for command in commands for part in ("-c", command)]
        arguments += [part for file in files for part in ("-f", file)]
        arguments += [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        return self.run("psql", "-XqAt", "-c", "SET client_min_messages = warning", "-v", "ON_ERROR_STOP=1", *arguments, database)

    def copy(self, source, target):
        """Rows of a plain table into one of the other database."""
        command = f"{self.program('psql')} {' '.join(self.options)} -Xq -v ON_ERROR_STOP=1"
        run(["bash", "-o", "pipefail", "-c",
             f"{command} -c 'COPY {source} TO STDOUT' plain | {command} -c 'COPY {target} FROM STDIN' altius"])

    def session(self, database, schema="public", timeout=60):
        """Statements commit by themselves and are cancelled after so many seconds."""
        connection = psycopg2.connect(host="127.0.0.1", port=PORT, user="postgres", dbname=database,
                                      options=f"-c search_path={schema} -c statement_timeout={timeout}s")
        connection.autocommit = True
        return connection

    def once(self, what, version, prepare):
        """Calls prepare() unless it has come to its end before with the same version, in a cluster that was kept."""
        if self.psql("plain", f"SELECT version FROM bench_prepared WHERE what = '{what}'").strip() == str(version):
            return
        self.psql("plain", f"DELETE FROM bench_prepared WHERE what = '{what}'")
        prepare()
        self.psql("plain", f"INSERT INTO bench_prepared VALUES ('{what}', '{version}')")

    def processor_time(self):
        """Seconds that all backends of all nodes have used, those that have ended included."""
        postmasters = [file.read_text(encoding="utf-8").split()[0] for file in self.where.glob("*/postmaster.pid")]
        ticks = nanoseconds = 0
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                stat = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                if process.name in postmasters:
                    ticks += int(stat[13]) + int(stat[14])  # of children that have ended
                elif stat[1] in postmasters:
                    nanoseconds += int((process / "schedstat").read_text(encoding="utf-8").split()[0])
            except OSError:  # it has ended just now
                continue
        return ticks / os.sysconf("SC_CLK_TCK") + nanoseconds / 1e9
