# SPDX-License-Identifier: PostgreSQL
"""Whether a port can be listened on, and who has it if not."""

import glob
import os
import socket
import time

from .common import Failure

PATIENCE = 5.0  # seconds: a server that is just stopping gives its port up soon


def check_free(host, port, purpose):
    deadline = time.monotonic() + PATIENCE
    while True:
        problem = refused(host, port)
        if problem is None:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    who = holder(port)
    raise Failure(f"port {port} for {purpose} is in use{' by ' + who if who else ''}",
                  "Choose another --port, or stop the program that has it.") from problem


def refused(host, port):
    """The error of listening there, or None.  Connections that have just ended do not count, nor for the server."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def holder(port):
    """Process and command line of who listens on the port, as far as this user may see it."""
    sockets = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    for link in glob.glob("/proc/[0-9]*/fd/*") if sockets else []:
        try:
            if os.readlink(link) not in sockets:
                continue
            pid = link.split("/")[2]
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                return f"process {pid} ({file.read().replace(chr(0), ' ').strip()[:200]})"
        except OSError:
            continue
    return None


def listening_inodes(port):
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                yield row[9]
