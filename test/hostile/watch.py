# SPDX-License-Identifier: PostgreSQL
"""What must not happen, looked for from outside: in the servers' logs, in the catalogs and metadata of all nodes, in others' rows."""

import re
import time

CRASH = re.compile(r"was terminated by signal|PANIC:|TRAP:|server process .* exited with exit code")
# What mallory's code says when it runs with other rights, and what a server logs with a setting that was smuggled in.
ROSE = re.compile(r"hostile: ran with the rights of .*|LOG:\s+(?:00000: )?(?:statement|duration): .*")
INTERNAL = re.compile(r"(?:ERROR|FATAL|WARNING):\s+(XX\d{3}): (.*)")


class Log:
    """The part of a server's log that was written since the last look."""

    def __init__(self, stage, server):
        self.path = stage.ask(server, "SHOW data_directory")[0][0].rstrip("/") + ".log"
        self.file = open(self.path, encoding="utf-8", errors="replace")
        self.file.seek(0, 2)

    def news(self):
        crashes, rose, internal = [], [], []
        for line in self.file.readlines():
            line = line[:2000]
            if CRASH.search(line):
                crashes.append(line.strip())
            if "LOG:" in line and ROSE.search(line):
                rose.append(ROSE.search(line).group(0))
            found = INTERNAL.search(line)
            if found:
                internal.append(f"{found.group(1)}: {found.group(2)[:300]}")
        return crashes, rose, internal


MINE = "'hostile_mallory'::regrole"
NOT_TEMP = "n.nspname !~ '^pg_(toast_)?temp'"
OF_RELATION = f"JOIN pg_class c ON c.oid = x.{{0}} JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relowner <> {MINE} AND {NOT_TEMP}"

ROWS = {
    "pg_dist_node": "SELECT x::text FROM pg_dist_node x",
    "pg_dist_local_group": "SELECT x::text FROM pg_dist_local_group x",
    "pg_dist_node_metadata": "SELECT x::text FROM pg_dist_node_metadata x",
    "pg_dist_authinfo": "SELECT x::text FROM pg_dist_authinfo x",
    "pg_dist_poolinfo": "SELECT x::text FROM pg_dist_poolinfo x",
    "pg_dist_rebalance_strategy": "SELECT x::text FROM pg_dist_rebalance_strategy x",
    "pg_dist_schema": f"SELECT x::text FROM pg_dist_schema x LEFT JOIN pg_namespace n ON n.oid = schemaid WHERE nspowner IS DISTINCT FROM {MINE}",
    "pg_dist_partition": f"SELECT x::text FROM pg_dist_partition x LEFT JOIN pg_class c ON c.oid = logicalrelid"
                         f" WHERE relowner IS DISTINCT FROM {MINE}",
    "pg_dist_shard": f"SELECT x::text FROM pg_dist_shard x LEFT JOIN pg_class c ON c.oid = logicalrelid WHERE relowner IS DISTINCT FROM {MINE}",
    "pg_dist_placement": f"SELECT x::text FROM pg_dist_placement x LEFT JOIN pg_dist_shard s USING (shardid)"
                         f" LEFT JOIN pg_class c ON c.oid = logicalrelid WHERE relowner IS DISTINCT FROM {MINE}",
    "pg_dist_colocation": f"SELECT x::text FROM pg_dist_colocation x WHERE NOT EXISTS (SELECT FROM pg_dist_partition p JOIN pg_class c"
                          f" ON c.oid = logicalrelid WHERE p.colocationid = x.colocationid AND relowner = {MINE})",
    "pg_dist_object": f"SELECT x::text FROM pg_dist_object x WHERE NOT EXISTS (SELECT FROM pg_shdepend s WHERE s.classid = x.classid"
                      f" AND s.objid = x.objid AND refobjid = {MINE} AND deptype = 'o')",
    "pg_dist_background_task": f"SELECT x::text FROM pg_dist_background_task x WHERE owner <> {MINE}",
    "pg_authid": "SELECT x::text FROM pg_authid x",
    "pg_auth_members": "SELECT x::text FROM pg_auth_members x",
    "pg_db_role_setting": f"SELECT x::text FROM pg_db_role_setting x WHERE setrole <> {MINE}",
    "pg_class": f"SELECT (x.oid, relname, relnamespace, relowner, relam, relkind, relpersistence, relrowsecurity, relforcerowsecurity,"
                f" relhastriggers, relreplident, relfilenode, reloptions, relacl, relispartition, relhasrules)::text FROM pg_class x"
                f" JOIN pg_namespace n ON n.oid = relnamespace WHERE relowner <> {MINE} AND {NOT_TEMP}",
    "pg_attribute": "SELECT x::text FROM pg_attribute x " + OF_RELATION.format("attrelid"),
    "pg_attrdef": "SELECT x::text FROM pg_attrdef x " + OF_RELATION.format("adrelid"),
    "pg_trigger": "SELECT x::text FROM pg_trigger x " + OF_RELATION.format("tgrelid"),
    "pg_rewrite": "SELECT md5(x::text) FROM pg_rewrite x " + OF_RELATION.format("ev_class"),
    "pg_policy": "SELECT x::text FROM pg_policy x " + OF_RELATION.format("polrelid"),
    "pg_index": "SELECT x::text FROM pg_index x " + OF_RELATION.format("indexrelid"),
    "pg_constraint": "SELECT x::text FROM pg_constraint x " + OF_RELATION.format("conrelid"),
    "pg_proc": f"SELECT (x.oid, proname, proowner, prosecdef, proacl, proconfig, md5(prosrc))::text FROM pg_proc x WHERE proowner <> {MINE}",
    "pg_type": f"SELECT x::text FROM pg_type x JOIN pg_namespace n ON n.oid = typnamespace WHERE typowner <> {MINE} AND {NOT_TEMP}",
    "pg_namespace": f"SELECT n::text FROM pg_namespace n WHERE nspowner <> {MINE} AND {NOT_TEMP}",
    "pg_operator": f"SELECT x::text FROM pg_operator x WHERE oprowner <> {MINE}",
    "pg_database": "SELECT (oid, datname, datdba, datacl)::text FROM pg_database",
    **{name: f"SELECT x::text FROM {name} x" for name in (
        "pg_event_trigger", "pg_publication", "pg_subscription", "pg_extension", "pg_default_acl", "pg_foreign_server", "pg_tablespace",
        "pg_language", "pg_cast", "pg_largeobject_metadata", "pg_seclabels", "pg_prepared_xacts")},
}

LEFT_OVER = {
    "prepared transactions": "SELECT gid FROM pg_prepared_xacts",
    "open transactions": "SELECT usename || ': ' || state || ': ' || left(query, 200) FROM pg_stat_activity WHERE datname = 'hostile'"
                         " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'",
    "advisory locks": "SELECT l::text FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND datname = 'hostile'",
    "replication slots": "SELECT slot_name::text FROM pg_replication_slots",
}


def fingerprint(stage):
    """{(server, what): rows}"""
    seen = {}
    for server in stage.servers:
        for what, query in ROWS.items():
            seen[server, what] = {row[0] for row in stage.ask(server, query)}
        tables = stage.ask(server, "SELECT oid::regclass::text FROM pg_class WHERE relowner = 'hostile_alice'::regrole AND relkind IN ('r', 'S')"
                                   " ORDER BY 1")
        for (table,) in tables:
            seen[server, table] = {str(row) for row in stage.ask(server, f"SELECT * FROM {table}")}
    return seen


def changes(before, after):
    found = []
    for key in sorted(set(before) | set(after), key=str):
        lost, added = before.get(key, set()) - after.get(key, set()), after.get(key, set()) - before.get(key, set())
        server, what = key
        for sign, rows in (("-", lost), ("+", added)):
            found += [f"{server}: {what}: {sign} {row[:300]}" for row in sorted(rows)[:5]]
    return found


def left_over(stage, patience=15):
    """What sessions that have ended still hold; background work is given some time to finish it."""
    started = time.monotonic()
    while True:
        found = [f"{server}: {what}: {row[0]}" for server in stage.servers for what, query in LEFT_OVER.items()
                 for row in stage.ask(server, query)]
        if not found or time.monotonic() - started > patience:
            return found
        time.sleep(0.5)
