# SPDX-License-Identifier: PostgreSQL
"""Runs a script's statements on one side through psql, and says what each of them printed and with which SQLSTATE.

psql gets the script as it is, with a command after each statement that prints a mark.  Tables are distributed between the marks
of a statement that may have made some and the next one."""

import os
import re
import subprocess
import time

from servers import DATABASE

MARK = re.compile(r"^@@(\w) (\d+)(?: (\S+))?$")
MAKES_TABLES = re.compile(r"\b(?:create\b.*\b(?:table|schema)|into|execute|gexec|import\s+foreign)\b", re.I | re.S)
LOST = ("server closed the connection", "connection to server was lost", "terminating connection")
PATIENCE = 900  # seconds for a script


class Outcome:
    def __init__(self, output=None, state="", tables=()):
        self.output, self.state, self.tables = output, state, list(tables)

    @property
    def failed(self):
        return self.state not in ("00000", "")


class Session:
    def __init__(self, side, source, libraries, scratch):
        self.side, self.scratch, self.local = side, scratch, "{}"
        os.makedirs(scratch, exist_ok=True)
        os.chmod(scratch, 0o777)
        self.results = os.path.join(scratch, "results")
        os.makedirs(self.results, exist_ok=True)
        os.chmod(self.results, 0o777)
        regress = str(source / "src" / "test" / "regress")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        self.environment.update(
            PGHOST=side.coordinator().host, PGPORT=str(side.port), PGUSER="postgres", PGAPPNAME="pg_regress", PGTZ="America/Los_Angeles",
            PGDATESTYLE="Postgres, MDY", PGOPTIONS="-c intervalstyle=postgres_verbose -c statement_timeout=120s",
            PG_ABS_SRCDIR=regress, PG_ABS_BUILDDIR=scratch, PG_LIBDIR=libraries, PG_DLSUFFIX=".so", LC_ALL="C.UTF-8",
            PSQL_PAGER="cat")

    def run(self, name, statements, local):
        """`local`: the tables that stay local.  An outcome for each statement; one without output was not reached: in a branch of \\if that is not taken."""
        outcomes = [Outcome() for _ in statements]
        self.local = "{" + ",".join(sorted(local)) + "}"
        first = 0
        while first < len(statements):
            printed = self.psql(self.script(name, statements, first))
            ended = self.read(printed, statements, outcomes, first)
            if ended is None:
                break
            first = ended + 1
            self.wait_for_server()
        return outcomes

    def script(self, name, statements, first):
        parts = []
        for number in range(first, len(statements)):
            statement = statements[number]
            parts.append(self.text(name, statement))
            parts.append(f"\\echo @@s {number} :SQLSTATE\n")
            if MAKES_TABLES.search(statement.bare):
                parts.append(f"CALL pgregress.distribute('{self.local}');\n\\echo @@h {number}\n")
        return "".join(parts)

    def text(self, name, statement):
        """Data goes through a file, so that a COPY that is refused does not leave it to be read as statements."""
        if statement.data is None:
            return statement.text + "\n" + statement.raw_data
        path = os.path.join(self.scratch, f"{name}.{statement.line}.data")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(statement.data)
        command = " ".join(statement.bare.rstrip(";").split())
        return "\\" + re.sub(r"\bfrom\s+std(?:in|out)\b", lambda _: f"from '{path}'", command, count=1, flags=re.I) + "\n"

    def psql(self, script):
        path = os.path.join(self.scratch, "script.sql")
        output = os.path.join(self.scratch, "script.out")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(script)
        with open(path, encoding="utf-8", errors="surrogateescape") as given, open(output, "w", encoding="utf-8") as printed:
            command = [self.side.program("psql"), "-X", "-q", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on",
                       "-d", DATABASE]
            try:
                subprocess.run(command, stdin=given, stdout=printed, stderr=subprocess.STDOUT, env=self.environment,
                               cwd=self.scratch, timeout=PATIENCE, check=False)
            except subprocess.TimeoutExpired:
                printed.write("server closed the connection: the script took too long\n")
        with open(output, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return file.read()

    @staticmethod
    def read(printed, statements, outcomes, first):
        """Fills in the outcomes; the number of the statement with which the session ended, None for the end of the script."""
        lines, last, helper = [], first - 1, False
        for line in printed.split("\n"):
            mark = MARK.match(line)
            if not mark:
                if not line.startswith("\\echo @@"):
                    lines.append(line)
                continue
            kind, number = mark.group(1), int(mark.group(2))
            if kind == "h":
                found = [re.match(r"INFO:  distributed (.*)", one) for one in lines]
                outcomes[number].tables = [one.group(1) for one in found if one]
            else:
                outcomes[number] = Outcome("\n".join(lines), mark.group(3) or "")
                last = number
            lines = []
        rest = "\n".join(lines)
        if not any(word in rest for word in LOST):
            return None
        ended = min(last + 1, len(statements) - 1)
        outcomes[ended] = Outcome(rest, "ended")
        return ended

    def wait_for_server(self):
        for _ in range(120):
            try:
                self.side.coordinator().query("SELECT 1")
                return
            except Exception:  # pylint: disable=broad-except
                time.sleep(0.5)
