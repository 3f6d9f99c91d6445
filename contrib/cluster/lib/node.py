# SPDX-License-Identifier: PostgreSQL
"""One server of a cluster."""

import os
import subprocess

from .common import Failure, SERVER_USER, run_as_server

HOST = "127.0.0.1"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_preload_libraries": "altius",
    "wal_level": "logical",
    "max_connections": "200",
    "max_prepared_transactions": "200",
    "max_worker_processes": "32",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_locks_per_transaction": "256",
    "shared_buffers": "128MB",
    "citus.node_conninfo": "sslmode=disable",
    "log_line_prefix": "%m [%p] %a ",
    "timezone": "UTC",
}


class Node:
    def __init__(self, cluster, name, port):
        self.cluster, self.name, self.host, self.port = cluster, name, HOST, port
        self.data = os.path.join(cluster.dir, name)
        self.log = os.path.join(cluster.dir, name + ".log")

    def psql_line(self):
        return f"psql -h {self.host} -p {self.port} -U postgres {self.cluster.db}"

    def running(self):
        """The postmaster's process id, or None.  A pid file left by a crash may name another program by now; a
        postmaster works in its data directory."""
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
                pid = int(file.readline())
            return pid if os.path.samefile(f"/proc/{pid}/cwd", self.data) else None
        except (OSError, ValueError):
            return None

    def write_settings(self):
        settings = {**SETTINGS, "port": str(self.port), "cluster_name": self.name, **self.cluster.settings}
        path = os.path.join(self.data, "altius.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# Written by altius-cluster at each start; use its --set, or postgresql.conf.\n")
            for name, value in settings.items():
                quoted = value.replace("'", "''")
                file.write(f"{name} = '{quoted}'\n")
        SERVER_USER.own(path)
        main = os.path.join(self.data, "postgresql.conf")
        with open(main, "r+", encoding="utf-8") as file:
            if "include = 'altius.conf'" not in file.read():
                file.write("\ninclude = 'altius.conf'\n")

    def pg_ctl(self, *arguments):
        return [self.cluster.program("pg_ctl"), "-D", self.data, *arguments]

    def start(self):
        # The server inherits pg_ctl's output, so that goes to the log, not to a pipe that never closes.
        with open(self.log, "a", encoding="utf-8") as log:
            SERVER_USER.own(self.log)
            done = subprocess.run(self.pg_ctl("-s", "-w", "-t", "120", "-l", self.log, "start"), cwd="/",
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                                  **SERVER_USER.run_options())
        if done.returncode != 0:
            raise Failure(f"{self.name} did not start; the end of {self.log}:\n{self.last_lines(15)}")

    def stop(self, mode):
        run_as_server(self.pg_ctl("-s", "-w", "-t", "60", "-m", mode, "stop"), f"stopping {self.name}")

    def query(self, sql, database=None):
        command = [self.cluster.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", str(self.port),
                   "-U", "postgres", "-d", database or self.cluster.db, "-c", sql]
        return run_as_server(command, f"a statement on {self.name}").strip()

    def create_database(self):
        name = self.cluster.db
        literal = name.replace("'", "''")
        if not self.query(f"SELECT 1 FROM pg_database WHERE datname = '{literal}'", "postgres"):
            identifier = name.replace('"', '""')
            self.query(f'CREATE DATABASE "{identifier}"', "postgres")
        self.query("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS altius")

    def last_lines(self, count):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-count:])
        except OSError:
            return ""

    def print_log(self, count, follow):
        os.execvp("tail", ["tail", "-n", str(count)] + (["-F"] if follow else []) + [self.log])
