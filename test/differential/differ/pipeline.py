# SPDX-License-Identifier: PostgreSQL
"""Statements in one pipeline, on psycopg2's own connection: libpq can, psycopg2 does not."""

import ctypes
import ctypes.util

libpq = ctypes.CDLL(ctypes.util.find_library("pq"))
for name in ("PQgetResult", "PQresultErrorField", "PQgetvalue", "PQcmdTuples"):
    getattr(libpq, name).restype = ctypes.c_void_p if name == "PQgetResult" else ctypes.c_char_p

COMMAND_OK, TUPLES_OK, FATAL_ERROR, SYNC, ABORTED = 1, 2, 7, 10, 11
SQLSTATE = ord("C")


def describe(result):
    """Rows as text, the number of rows changed, or the error."""
    status = libpq.PQresultStatus(result)
    if status == TUPLES_OK:
        rows = []
        for row in range(libpq.PQntuples(result)):
            rows.append(tuple(None if libpq.PQgetisnull(result, row, column) else libpq.PQgetvalue(result, row, column).decode()
                              for column in range(libpq.PQnfields(result))))
        return ("rows", tuple(sorted(rows, key=str)))
    if status == COMMAND_OK:
        return ("done", libpq.PQcmdTuples(result).decode())
    if status == FATAL_ERROR:
        return ("error", (libpq.PQresultErrorField(result, SQLSTATE) or b"lost").decode())
    return ("aborted" if status == ABORTED else f"status {status}", "")


def run(connection, statements):
    """What comes back for each, up to the sync."""
    conn = ctypes.c_void_p(connection.pgconn_ptr)
    libpq.PQenterPipelineMode(conn)
    for statement in statements:
        libpq.PQsendQueryParams(conn, statement.encode(), 0, None, None, None, None, 0)
    libpq.PQpipelineSync(conn)
    answers = []
    empty = 0
    while empty < 2:  # twice: the connection is gone
        result = libpq.PQgetResult(conn)
        if not result:
            empty += 1
            continue
        empty = 0
        result = ctypes.c_void_p(result)
        status = libpq.PQresultStatus(result)
        if status != SYNC:
            answers.append(describe(result))
        libpq.PQclear(result)
        if status == SYNC:
            break
    libpq.PQexitPipelineMode(conn)
    return answers
