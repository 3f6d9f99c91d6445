# SPDX-License-Identifier: PostgreSQL
"""The private copy of the server's install tree, and the extension built into it.

PostgreSQL finds its files relative to its own binary, so a copy under another prefix is a complete installation; the
copy's pg_config then makes `make install` write there and nowhere else."""

import fcntl
import glob
import os
import pathlib
import re
import shutil
import subprocess

from .common import Failure, run, say

SOURCE = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = ("postgres", "initdb", "pg_ctl", "pg_config", "psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup",
            "pg_receivewal", "pg_rewind", "pg_controldata", "pg_isready", "pg_waldump", "pgbench")


def system_pg_config():
    """The newest installed server that has its build files; PG_CONFIG in the environment decides otherwise."""
    if os.environ.get("PG_CONFIG"):
        return os.environ["PG_CONFIG"]
    found = []
    for path in glob.glob("/usr/lib/postgresql/*/bin/pg_config"):
        directory = os.path.dirname(path)
        if os.path.exists(f"{directory}/postgres") and os.path.exists(f"{directory}/../lib/pgxs"):
            found.append((int(path.split("/")[4]), path))
    if found:
        return max(found)[1]
    path = shutil.which("pg_config")
    if path:
        return path
    raise Failure("no PostgreSQL server with its build files was found", "Run contrib/install-deps, or set PG_CONFIG.")


def paths(pg_config):
    """pg_config's answers as a dictionary."""
    return dict(line.split(" = ", 1) for line in run([pg_config], "pg_config").splitlines() if " = " in line)


def private_root(cluster):
    """Copies the server's install tree to the cluster's directory, unless the copy is there and of the same version."""
    config = paths(system_pg_config())
    prefix = os.path.commonpath([config[name] for name in ("BINDIR", "PKGLIBDIR", "SHAREDIR", "INCLUDEDIR-SERVER")])

    def inside(path):
        return os.path.join(cluster.root, os.path.relpath(path, prefix))

    bindir = inside(config["BINDIR"])
    cluster.pg_config = os.path.join(bindir, "pg_config")
    marker = pathlib.Path(cluster.root, "version")
    if marker.exists() and marker.read_text() == config["VERSION"]:
        return
    shutil.rmtree(cluster.root, ignore_errors=True)
    os.makedirs(bindir)
    for program in PROGRAMS:
        path = os.path.join(config["BINDIR"], program)
        if os.path.exists(path):
            shutil.copy2(path, bindir)
    # A server in use is not rebuilt: the bitcode, most of the size, is only read.
    bitcode = os.path.join(config["PKGLIBDIR"], "bitcode")
    shutil.copytree(config["PKGLIBDIR"], inside(config["PKGLIBDIR"]), symlinks=True,
                    ignore=lambda path, names: ["bitcode"] if path == config["PKGLIBDIR"] else [])
    if os.path.exists(bitcode):
        os.symlink(bitcode, inside(bitcode))
    shutil.copytree(config["SHAREDIR"], inside(config["SHAREDIR"]), symlinks=True, ignore=shutil.ignore_patterns("man"))
    for name in ("INCLUDEDIR", "INCLUDEDIR-SERVER", "LIBDIR"):
        link = inside(config[name])
        if not os.path.lexists(link) and os.path.exists(config[name]):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(config[name], link)
    marker.write_text(config["VERSION"])


def installed(cluster):
    if not cluster.pg_config or not os.path.exists(cluster.pg_config):
        return False
    config = paths(cluster.pg_config)
    return (os.path.exists(os.path.join(config["PKGLIBDIR"], "altius.so"))
            and os.path.exists(os.path.join(config["SHAREDIR"], "extension", "altius.control")))


def install(cluster):
    """Builds the extension in the source tree and installs it into the private copy."""
    private_root(cluster)
    compile_extension(cluster.pg_config, ["install"])


def compile_extension(pg_config, then=()):
    """make all, then further targets; one at a time in a source tree, which several clusters may be built from."""
    out = SOURCE / "build"
    out.mkdir(exist_ok=True)
    with open(out / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make = ["make", "-C", str(SOURCE), f"PG_CONFIG={pg_config}"]
        if os.environ.get("CXX"):
            make.append(f"CXX={os.environ['CXX']}")
        elif shutil.which("ccache"):
            make.append("CXX=ccache g++")
        show_progress(make + [f"-j{os.cpu_count() or 1}", "all"], out / "make.log")
        for target in then:
            run(make + [target], f"make {target}")


def show_progress(command, log_path):
    """Runs make; says which share of the files is compiled where a person watches, else one line."""
    planned = subprocess.run(command + ["-n"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    total = len(re.findall(r"\.\.\. -c -o \S+\.o ", planned.stdout))
    if total:
        say(f"Building the extension ({total} files to compile)")
    with open(log_path, "w", encoding="utf-8") as log:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace") as process:
            done = 0
            tty = os.isatty(1)
            for line in process.stdout:
                log.write(line)
                if re.search(r"\.\.\. -c -o \S+\.o ", line):
                    done += 1
                    if tty:
                        print(f"\r  {done}/{total}", end="", flush=True)
            if tty and done:
                print("\r\033[K", end="", flush=True)
    if process.returncode != 0:
        text = log_path.read_text(encoding="utf-8")
        errors = re.findall(r".*(?:error|warning):.*", text)
        tail = "\n".join(errors[:20] or text.splitlines()[-20:])
        raise Failure(f"the build failed; all of it is in {log_path}\n{tail}")


if __name__ == "__main__":
    compile_extension(system_pg_config())
