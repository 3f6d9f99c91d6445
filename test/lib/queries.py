# SPDX-License-Identifier: PostgreSQL
"""Single statements on a server."""

import psycopg2


def connect(address, database, timeout, **options):
    """`address`: has a host and a port; `timeout`: in seconds, of the attempt to connect."""
    connection = psycopg2.connect(host=address.host, port=address.port, dbname=database, user="postgres", connect_timeout=timeout,
                                  **options)
    connection.autocommit = True
    return connection


def rows_of(cursor, statement, values):
    """Rows; of one column only its values."""
    cursor.execute(statement, values or None)
    rows = cursor.fetchall() if cursor.description else []
    return [row[0] if len(row) == 1 else row for row in rows]


class Queries:
    """What can be asked through connect(server, **options), which the class has that inherits this one."""

    def query(self, server, statement, *values):
        connection = self.connect(server, options="-c statement_timeout=60s")
        try:
            with connection.cursor() as cursor:
                return rows_of(cursor, statement, values)
        finally:
            connection.close()

    def value(self, server, statement, *values):
        return self.query(server, statement, *values)[0]
