# SPDX-License-Identifier: PostgreSQL
"""The two sides: PostgreSQL alone, and a cluster; and what their scripts expect to find on the machine."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "contrib" / "cluster"))

from lib import build  # noqa: E402
from lib.cluster import Cluster  # noqa: E402
from lib.common import SERVER_USER, run  # noqa: E402

DATABASE = "regression"
SETTINGS = {"fsync": "off", "log_min_messages": "warning", "citus.shard_count": "4"}
FORMATS = ("lc_messages = 'C'", "lc_monetary = 'C'", "lc_numeric = 'C'", "lc_time = 'C'", "bytea_output = 'hex'",
           "timezone_abbreviations = 'Default'")


class Side(Cluster):
    """A fresh cluster in a directory of its own.  Whatever was there goes."""

    def __init__(self, name, directory, port, workers):
        old = Cluster(directory)
        if old.exists:
            old.stop(keep=False)
        shutil.rmtree(directory, ignore_errors=True)
        super().__init__(directory)
        self.name, self.port, self.workers, self.db = name, port, workers, DATABASE
        self.settings = dict(SETTINGS)

    def begin(self):
        self.prepare_directory()
        self.install()
        self.bring_up(self.nodes(), restart=False)
        node = self.coordinator()
        for setting in FORMATS:
            node.query(f"ALTER DATABASE {DATABASE} SET {setting}")
        node.query((HERE / "helper.sql").read_text(encoding="utf-8"))

    def install(self):
        build.install(self)

    def end(self):
        self.stop(keep=False)
        shutil.rmtree(self.dir)

    def crashes(self):
        """Lines of the servers' logs that none should hold."""
        words = ("was terminated by signal", "PANIC:", "TRAP:")
        for node in self.nodes():
            with open(node.log, encoding="utf-8", errors="replace") as file:
                yield from (f"{node.name}: {line.strip()}" for line in file if any(word in line for word in words))


class Plain(Side):
    """PostgreSQL without the extension, from the system's own installation."""

    def __init__(self, name, directory, port, first_oid=None):
        super().__init__(name, directory, port, workers=0)
        self.settings["shared_preload_libraries"] = ""
        self.first_oid = first_oid

    def install(self):
        self.pg_config = build.system_pg_config()

    def create(self, register=True):
        super().create(register)
        if self.first_oid:  # a second run with other numbers shows what depends on them
            subprocess.run([self.program("pg_resetwal"), "-o", str(self.first_oid), self.coordinator().data], cwd="/",
                           check=True, stdout=subprocess.DEVNULL, **SERVER_USER.run_options())

    def set_up(self):
        self.coordinator().query(f"CREATE DATABASE {DATABASE} TEMPLATE template0", "postgres")


def build_libraries(source, directory):
    """regress.so from the source tree, and what the scripts load from contrib, side by side."""
    config = build.paths(build.system_pg_config())
    os.makedirs(directory, exist_ok=True)
    target = os.path.join(directory, "regress.so")
    if not os.path.exists(target):
        run(["cc", "-shared", "-fPIC", "-O1", "-w", f"-I{config['INCLUDEDIR-SERVER']}", "-o", target,
             str(source / "src" / "test" / "regress" / "regress.c")], "compiling regress.c")
    for name in ("autoinc.so", "refint.so"):
        path = os.path.join(directory, name)
        if not os.path.exists(path):
            shutil.copy(os.path.join(config["PKGLIBDIR"], name), path)
    return directory
