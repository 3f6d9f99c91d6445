# SPDX-License-Identifier: PostgreSQL
"""What all parts of altius-cluster share: errors, output, and running programs as the servers' user."""

import os
import pwd
import subprocess
import sys


class Failure(Exception):
    """Something the user should read; `hint` says what to do about it."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint


class ServerUser:
    """The user the servers run as: postgres when we are root, else ourselves."""

    def __init__(self):
        if os.getuid() == 0:
            try:
                self.entry = pwd.getpwnam("postgres")
            except KeyError:
                sys.exit("altius-cluster: there is no user postgres; run contrib/install-deps first")
        else:
            self.entry = pwd.getpwuid(os.getuid())
        self.home = self.entry.pw_dir

    def run_options(self):
        """Options for subprocess that make a program run as this user."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        if os.getuid() != 0:
            return {"env": environment}
        environment.update(HOME=self.home, USER=self.entry.pw_name, LOGNAME=self.entry.pw_name)
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": [], "env": environment}

    def in_netns(self, name, command, options):
        """Entering a namespace takes root, so the user changes behind it."""
        enter = ["nsenter", f"--net=/run/netns/{name}", f"--setuid={self.entry.pw_uid}", f"--setgid={self.entry.pw_gid}"]
        return [*enter, *command], {"env": options["env"]}

    def own(self, path):
        if os.getuid() == 0:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)


SERVER_USER = ServerUser()


def say(text, file=None):
    print(text, file=file or sys.stdout, flush=True)


def run(command, what, **options):
    """Runs a program and returns what it printed; a failure shows the last lines of it."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **options)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-30:])
        raise Failure(f"{what} failed ({' '.join(map(str, command))})\n{tail}")
    return done.stdout


def run_as_server(command, what, **options):
    """Same, as the servers' user, from a directory that user can read."""
    return run(command, what, cwd="/", **SERVER_USER.run_options(), **options)
