# SPDX-License-Identifier: PostgreSQL
"""Processes of servers, to which something happens."""

import os
import pathlib


def family(pid):
    """The process and all below it."""
    found, level = [pid], [pid]
    while level:
        below = []
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent in level:
                below.append(int(status.parent.name))
        found += below
        level = below
    return found


def exists(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
