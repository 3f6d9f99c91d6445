# SPDX-License-Identifier: PostgreSQL
"""A program that goes on in the background: started as the servers' user, found again by its pid file."""

import os
import signal
import subprocess
import time

from .common import Failure, SERVER_USER


class Process:
    """Works in a directory of its own, which tells its process from another one with the same number."""

    def __init__(self, name, directory, log):
        self.name, self.directory, self.log = name, directory, log
        self.file = os.path.join(directory, "pid")

    def pid(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                pid = int(file.readline())
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return None
            return pid if os.path.samefile(f"/proc/{pid}/cwd", self.directory) else None
        except (OSError, ValueError):
            return None

    def start(self, command, path=None, netns=None):
        """`path` comes first in the program's PATH.  In a network namespace only root can start it."""
        if self.pid():
            return
        options = SERVER_USER.run_options()
        if path:
            options["env"]["PATH"] = f"{path}:{options['env'].get('PATH', '/usr/bin:/bin')}"
        if netns:
            command, options = SERVER_USER.in_netns(netns, command, options)
        os.makedirs(self.directory, exist_ok=True)
        SERVER_USER.own(self.directory)
        with open(self.log, "a", encoding="utf-8") as log:
            SERVER_USER.own(self.log)
            try:
                # Not waited for: it outlives us.
                process = subprocess.Popen(command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True, **options)  # pylint: disable=consider-using-with
            except FileNotFoundError as error:
                raise Failure(f"{command[0]} is not installed", "Run contrib/install-deps.") from error
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(f"{process.pid}\n")

    def signal(self, number):
        pid = self.pid()
        if pid:
            os.kill(pid, number)

    def stop(self, mode="fast", seconds=60):
        """Asks it to end and waits; what does not listen, or is to end at once, is killed."""
        self.signal(signal.SIGKILL if mode == "immediate" else signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.pid() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.signal(signal.SIGKILL)

    def print_log(self, count, follow):
        os.execvp("tail", ["tail", "-n", str(count)] + (["-F"] if follow else []) + [self.log])

    def last_lines(self, count):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-count:])
        except OSError:
            return ""


def kill_tree(pid):
    """kill -9 of a process and all below it, as if the machine had lost its power."""
    os.kill(pid, signal.SIGSTOP)  # it starts no more of them
    children = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == pid:
                        children.append(int(entry))
            except OSError:
                pass
    for one in [pid] + children:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass
