# SPDX-License-Identifier: PostgreSQL
"""TPC-H in two layouts.  Each query is asked of plain tables and of distributed ones, whose rows must be the same."""

import datetime
import decimal
import pathlib
import re
import statistics
import time

import psycopg2

import measuring

FILES = pathlib.Path(__file__).resolve().parent / "tpch"
KEYS = {"region": "r_regionkey", "nation": "n_nationkey", "supplier": "s_suppkey", "part": "p_partkey", "partsupp": "ps_partkey",
        "customer": "c_custkey", "orders": "o_orderkey", "lineitem": "l_orderkey"}
LAYOUTS = ("own", "colocated")
REACH = {"own": 1.5, "colocated": 1.0}


def queries(scale):
    """Text by name: Q1 to Q22."""
    parts = re.split(r"^-- (Q\d+) .*\n", (FILES / "queries.sql").read_text(encoding="utf-8"), flags=re.M)
    return {name: text.strip().rstrip(";").replace(":scale", str(scale)) for name, text in zip(parts[1::2], parts[2::2])}


def distribute(layout, schema):
    """Own: no table beside another.  Colocated: orders and lineitem by their common key, copies of all others on each node."""
    for table, key in KEYS.items():
        name = f"{schema}.{table}"
        if layout == "own":
            yield f"SELECT create_distributed_table('{name}', '{key}', colocate_with => 'none', shard_count => 32)"
        elif table == "lineitem":
            yield f"SELECT create_distributed_table('{name}', '{key}', colocate_with => '{schema}.orders')"
        elif table == "orders":
            yield f"SELECT create_distributed_table('{name}', '{key}', colocate_with => 'none', shard_count => 32)"
        else:
            yield f"SELECT create_reference_table('{name}')"


def prepare_plain(server, scale):
    schema = schema_of("plain", scale)
    server.psql("plain", f"DROP SCHEMA IF EXISTS draws, {schema} CASCADE", f"CREATE SCHEMA {schema}",
                f"SET search_path = {schema}, public", files=(FILES / "schema.sql", FILES / "generate.sql"), scale=scale)
    server.psql("plain", *(f"VACUUM ANALYZE {schema}.{table}" for table in KEYS))


def prepare_layout(server, scale, layout):
    plain, schema = schema_of("plain", scale), schema_of(layout, scale)
    server.psql("altius", f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}",
                f"SET search_path = {schema}, public", files=(FILES / "schema.sql",))
    server.psql("altius", *distribute(layout, schema))
    for table in KEYS:
        server.copy(f"{plain}.{table}", f"{schema}.{table}")
    server.psql("altius", *(f"VACUUM ANALYZE {schema}.{table}" for table in KEYS))


def prepare(server, scale, layout):
    server.once(schema_of("plain", scale), "made", lambda: prepare_plain(server, scale))
    server.once(schema_of(layout, scale), "made", lambda: prepare_layout(server, scale, layout))


def schema_of(layout, scale):
    return f"tpch_{layout}_{scale:g}".replace(".", "_")


def plain_values(row):
    """Equal values look equal: numbers without zeros at their end, floats as far as their sums don't depend on the order."""
    for value in row:
        if isinstance(value, decimal.Decimal):
            yield format(value.normalize(), "f")
        elif isinstance(value, float):
            yield f"{value:.9g}"
        elif isinstance(value, datetime.date):
            yield value.isoformat()
        else:
            yield str(value)


class Query:
    """One query's turns; rows of both sides are kept until they are compared."""

    def __init__(self, name, text, sessions):
        self.name, self.text, self.sessions = name, text, sessions
        self.rows, self.timeouts = {}, 0

    def turn(self, side):
        started = time.monotonic()
        with self.sessions[side].cursor() as cursor:
            try:
                cursor.execute(self.text)
                self.rows[side] = [tuple(plain_values(row)) for row in cursor.fetchall()]
            except psycopg2.errors.QueryCanceled:
                self.timeouts += 1
        return time.monotonic() - started, 1

    def problem(self):
        plain, ours = self.rows.get("plain"), self.rows.get("altius")
        if plain is None or ours is None:
            return None
        if not plain or all(value == "None" for value in plain[0]):
            return "plain tables give no rows"
        if plain != ours:
            missing = [row for row in plain if row not in ours][:3]
            return f"{len(plain)} rows of plain tables, {len(ours)} of distributed ones, first missing: {missing or 'none, another order'}"
        return None


def measure_layout(server, report, layout, options):
    scale = options.tpch_scale
    sessions = {"plain": server.session("plain", schema_of("plain", scale), options.timeout),
                "altius": server.session("altius", schema_of(layout, scale), options.timeout)}
    with sessions["altius"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM region")  # connections to the nodes are no part of it
    total, ratios, fewest, timeouts = dict.fromkeys(sessions, 0.0), [], options.pairs, 0
    for name, text in queries(scale).items():
        query = Query(name, text, sessions)
        try:
            measured = measuring.in_turns(server, query.turn, options.pairs, options.budget)
        except psycopg2.Error as error:
            report.problem(f"TPC-H {layout} {name}: {str(error).strip()}")
            continue
        if query.problem():
            report.problem(f"TPC-H {layout} {name}: {query.problem()}")
        for side in sessions:
            total[side] += measured.median(side)
        ratios.append(measured.ratio())
        fewest, timeouts = min(fewest, measured.count()), timeouts + bool(query.timeouts)
        report.row(f"tpch {layout} {name}", measured, "s", note="timeout" if query.timeouts else "")
    if ratios:
        report.line(f"tpch {layout}", total["altius"] / total["plain"], total["plain"], total["altius"], fewest, "s", REACH[layout],
                    worst=max(ratios), median=statistics.median(ratios), timeouts=timeouts, queries=len(ratios),
                    note=f"worst query {max(ratios):.1f}")
    for session in sessions.values():
        session.close()


def measure(server, report, options, layout):
    prepare(server, options.tpch_scale, layout)
    measure_layout(server, report, layout, options)
