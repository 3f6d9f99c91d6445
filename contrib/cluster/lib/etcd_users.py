# SPDX-License-Identifier: PostgreSQL
"""Users of a private etcd: root, and the one that Patroni and Altius log in as, who may do what he likes under /service/."""

import os
import subprocess
import time

from .common import Failure

ROOT = ["--user", "root:root"]


def patroni_major():
    words = subprocess.run(["patroni", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return int(words[-1].split(".")[0])


def ctl(endpoints, *arguments, text=""):
    """etcdctl's output; raises with its words when it fails."""
    command = ["etcdctl", "--endpoints", ",".join(endpoints), "--command-timeout", "10s", *arguments]
    try:
        done = subprocess.run(command, input=text, env={**os.environ, "ETCDCTL_API": "3"}, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=20)  # without a quorum its own limit may not hold
    except subprocess.TimeoutExpired as error:
        raise Failure(f"etcdctl {' '.join(arguments)} got no answer") from error
    if done.returncode != 0:
        raise Failure(f"etcdctl {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip()


def asks(endpoints, seconds=30):
    """Whether etcd asks for passwords; waits until it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ctl(endpoints, "user", "list")
            return False
        except Failure as failure:
            if "user name is empty" in str(failure) or "permission denied" in str(failure):
                return True
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def make(endpoints, user, password):
    """They may be there already, of an earlier time: etcd keeps them when it asks for passwords no more."""
    for command in ("user add root:root", "user grant-role root root", f"role add {user}",
                    f"role grant-permission {user} --prefix=true readwrite /service/", f"user add {user}:{password}",
                    f"user grant-role {user} {user}"):
        try:
            ctl(endpoints, *command.split())
        except Failure as failure:
            if "already exists" not in str(failure):
                raise
