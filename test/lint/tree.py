# SPDX-License-Identifier: PostgreSQL
"""What the lints share: the files of the tree, and how a lint reports.  Each lint is a script with one reason."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

FLOORS = {
    "base": 0, "core": 1, "pg": 2, "door": 3, "catalog": 4, "remote": 5, "txn": 6, "plan": 7, "deparse": 7, "trigger": 7,
    "task": 8, "statistics": 8, "planner": 9, "executor": 9, "ingest": 9, "ddl": 9, "cluster": 10, "rebalance": 10, "ha": 10, "monitor": 10,
    "entry": 11,
}


def files(*patterns):
    """Paths of the tree that git knows or would add, relative to the root."""
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns], cwd=ROOT,
                            stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return [path for path in sorted(set(listed)) if (ROOT / path).is_file()]


def sources():
    return [path for path in files("src", "include") if path.endswith((".cpp", ".hpp"))]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def folder(path):
    """src/core/shard/x.cpp and include/altius/core/shard/x.hpp lie in the folder core."""
    parts = pathlib.PurePath(path).parts
    return parts[1] if parts[0] == "src" else parts[2]


def without_comments(text):
    """The same text with comments and the insides of string literals blanked; lines keep their numbers."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        kept = re.sub(r"[^\n]", " ", found)
        return kept if found.startswith("/") else '"' + kept[1:-1] + '"'

    return pattern.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def allowed(name):
    """Exceptions, one a line with its reason: `entry  # why`."""
    path = ROOT / "test" / "lint" / (name + ".allow")
    entries = set()
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            entry, hash_sign, reason = line.partition("#")
            if entry.strip():
                if not hash_sign or not reason.strip():
                    sys.exit(f"{path}: \"{line}\" has no reason")
                entries.add(entry.strip())
    return entries


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
