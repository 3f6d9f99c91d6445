# SPDX-License-Identifier: PostgreSQL
"""What PostgreSQL's catalogs say of the shards of a table, without their numbers: it must be the same wherever they lie."""

# Each returns texts; %(oid)s is the shard.
QUESTIONS = {
    "relation": """SELECT concat_ws(' ', c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
        (SELECT amname FROM pg_am a WHERE a.oid = c.relam), pg_get_userbyid(c.relowner), c.relacl, c.reloptions, c.reltablespace,
        (SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid), pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid),
        obj_description(c.oid, 'pg_class')) FROM pg_class c WHERE c.oid = %(oid)s""",
    "columns": """SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attstorage,
        attcompression, nullif(attstattarget, -1), attcollation::regcollation,
        ARRAY(SELECT o FROM unnest(attoptions) o WHERE o !~ '^pg_attver='), attacl, pg_get_expr(d.adbin, d.adrelid),
        col_description(attrelid, attnum)) FROM pg_attribute a
        LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = %(oid)s AND attnum > 0 AND NOT attisdropped ORDER BY attname""",
    "constraints": """SELECT concat_ws(' ', conname, contype, convalidated, condeferrable, condeferred, connoinherit,
        pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = %(oid)s ORDER BY conname""",
    "indexes": """SELECT concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready, indisclustered, indisreplident, indisprimary,
        indimmediate, (SELECT string_agg(attnum || ':' || attstattarget, ',' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = indexrelid AND attstattarget >= 0)) FROM pg_index WHERE indrelid = %(oid)s
        ORDER BY pg_get_indexdef(indexrelid)""",
    "triggers": """SELECT concat_ws(' ', tgname, tgenabled, pg_get_triggerdef(oid)) FROM pg_trigger
        WHERE tgrelid = %(oid)s AND NOT tgisinternal ORDER BY tgname""",
    "policies": """SELECT concat_ws(' ', polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),
        pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE polrelid = %(oid)s ORDER BY polname""",
    "statistics": """SELECT concat_ws(' ', stxname, stxkind, nullif(stxstattarget, -1), pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext
        WHERE stxrelid = %(oid)s ORDER BY stxname""",
}

SHARDS = """SELECT s.shardid, p.groupid FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid)
    WHERE s.logicalrelid = %s::regclass ORDER BY 1"""


def of_shard(servers, table, shard, group):
    said = {}
    oid = servers.value(group, f"SELECT '{table}_{shard}'::regclass::oid::int8")
    for name, question in QUESTIONS.items():
        rows = servers.query(group, question % {"oid": oid})
        said[name] = sorted(str(row).replace(f"_{shard}", "_#") for row in rows)
    return said


def generic(texts, shards):
    """Without the numbers of any shard: foreign keys name shards of other tables."""
    for shard in shards:
        texts = [text.replace(f"_{shard}", "_#") for text in texts]
    return texts


def of_table(servers, table):
    """What all shards of the table say, if they say the same; else a dictionary of different answers."""
    everything = servers.query(0, "SELECT shardid FROM pg_dist_shard")
    answers = {}
    for shard, group in servers.query(0, SHARDS, table):
        said = {name: generic(texts, everything) for name, texts in of_shard(servers, table, shard, group).items()}
        answers.setdefault(repr(said), (said, []))[1].append(f"{shard} on {group}")
    return [(said, shards) for said, shards in answers.values()]


def differences(before, after):
    """Lines that say what the shards of `after` have otherwise than the first of `before`."""
    basis, lines = before[0][0], []
    for said, shards in after:
        for name, texts in said.items():
            if texts != basis[name]:
                lost, new = sorted(set(basis[name]) - set(texts)), sorted(set(texts) - set(basis[name]))
                lines.append(f"{name} of {', '.join(shards)}: lost {lost}, new {new}")
    return lines
