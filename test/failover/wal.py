# SPDX-License-Identifier: PostgreSQL
"""What the write-ahead log of a server that was left behind says."""

import collections
import os
import re
import subprocess

import psycopg2
import psycopg2.errors

from lib.common import SERVER_USER

Found = collections.namedtuple("Found", "committed records ours marks end")
SHARDS = """SET citus.override_table_visibility = off;
            SELECT pg_relation_filenode(oid) FROM pg_class
            WHERE relname ~ '^(accounts|counters)_[0-9]+$' AND relkind = 'r'"""


def divergence(ha, member):
    """The timeline a new primary is on, and where it left the one before."""
    timeline = int(ha.value(member, "SELECT pg_walfile_name(pg_current_wal_lsn())")[:8], 16)
    history = ha.value(member, f"SELECT pg_read_file('pg_wal/{timeline:08X}.history')")
    return timeline, history.strip().splitlines()[-1].split("\t")[1]


def undone(ha, member):
    """A transaction that is rolled back: its number."""
    connection = ha.connect(member)
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT txid_current()")
            number = cursor.fetchone()[0]
            cursor.execute("ROLLBACK")
            return number
    finally:
        connection.close()


def refuses_commits(ha, member):
    """Whether it knows that another one leads: its own clients commit nothing."""
    try:
        ha.query(member, "SELECT txid_current()")
    except psycopg2.errors.SerializationFailure:
        return True
    return False


def commits_of_ours(ha, member, timeline, start):
    """Commits and prepared transactions in its log from `start` on that changed a shard of ours.  A transaction of the test's
    own marks the end, and proves that the reading works."""
    shards = set(map(str, ha.query(member, SHARDS)))
    mark = str(undone(ha, member))
    ha.query(member, "CHECKPOINT")
    end = ha.value(member, "SELECT pg_current_wal_flush_lsn()")
    lines = read_log(ha, member, timeline, start, end)
    changes, committed, marks = collections.Counter(), [], 0
    for line in lines:
        transaction = re.search(r"tx: +(\d+)", line)[1]
        relation = re.search(r"rel \d+/\d+/(\d+)", line)
        if line.startswith("rmgr: Heap") and relation and relation[1] in shards:
            changes[transaction] += 1
        marks += transaction == mark and "desc: ABORT" in line
        if re.search(r"desc: (COMMIT|PREPARE)", line):
            subtransactions = re.search(r"subxacts:([ \d]+)", line)
            family = [transaction, *(subtransactions[1].split() if subtransactions else [])]
            if "desc: COMMIT_PREPARED" in line or any(changes[member] for member in family):
                committed.append(line)
    return Found(committed, len(lines), sum(changes.values()), marks, end)


def segment(timeline, position):
    """The file's name, as pg_walfile_name would say with segments of 16 MB."""
    high, low = (int(part, 16) for part in position.split("/"))
    return f"{timeline:08X}{high:08X}{low >> 24:08X}"


def read_log(ha, member, timeline, start, end):
    # With the name of a segment it asks that one how large segments are, else any, which may be an empty one made ahead.
    command = [ha.cluster.program("pg_waldump"), "-p", os.path.join(member.data, "pg_wal"), "-s", start, "-e", end,
               segment(timeline, start)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          cwd="/", **SERVER_USER.run_options())
    if not done.stdout and done.returncode != 0:
        raise RuntimeError(f"pg_waldump failed: {done.stderr}")
    return done.stdout.splitlines()
