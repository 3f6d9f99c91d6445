# SPDX-License-Identifier: PostgreSQL
"""A connection that no statement can hold for ever, and what a statement came to."""

import select
import socket
import threading
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras

PATIENCE = 10  # seconds that a statement may take, whatever its statement_timeout
AFTER_CANCEL = 3  # and then to end, when it is cancelled
deadline = None


class Hang(Exception):
    """A statement that neither ends nor is cancelled."""


def _wait(connection):
    """psycopg2 calls this in place of a blocking read."""
    ends = deadline
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        left = ends - time.monotonic() if ends is not None else 60
        if left <= 0:
            if ends != deadline:
                raise Hang()
            connection.cancel()
            ends = time.monotonic() + AFTER_CANCEL
            left = AFTER_CANCEL
        if state == psycopg2.extensions.POLL_READ:
            select.select([connection.fileno()], [], [], min(left, 1))
        elif state == psycopg2.extensions.POLL_WRITE:
            select.select([], [connection.fileno()], [], min(left, 1))


class Outcome:
    """What became of a statement: `state` is its SQLSTATE, '' for success, 'lost' with the connection, 'hang'."""

    def __init__(self, state, message="", rows=None, seconds=0):
        self.state, self.message, self.rows, self.seconds = state, message, rows, seconds

    def __str__(self):
        if self.state:
            return f"{self.state}: {self.message.strip()[:300]}"
        return "ok" if self.rows is None else f"ok: {str(self.rows)[:300]}"


class Session:
    """A role's session on one node; opens itself anew when it was lost."""

    def __init__(self, server, user, database, **more):
        self.parameters = dict(host=server.host, port=server.port, user=user, dbname=database, connect_timeout=10, **more)
        self.server, self.user = server, user
        self.connection, self.pid = None, None

    def open(self):
        global deadline
        if self.connection is not None and not self.connection.closed:
            return
        started = time.monotonic()
        while True:
            deadline = None
            try:
                self.connection = psycopg2.connect(**self.parameters)
                self.pid = self.connection.info.backend_pid
                self.connection.autocommit = True
                return
            except psycopg2.OperationalError as error:
                if "FATAL" in str(error) and "database system" not in str(error) or time.monotonic() - started > 30:
                    raise
                time.sleep(0.3)  # a server that has crashed needs a moment

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def run(self, sql, copy=None):
        """One message of the simple protocol; `copy`: the bytes for COPY FROM STDIN, or a place for COPY TO STDOUT."""
        global deadline
        started = time.monotonic()
        try:
            self.open()
        except psycopg2.OperationalError as error:
            return Outcome("refused", str(error), seconds=time.monotonic() - started)
        deadline = started + PATIENCE
        try:
            with self.connection.cursor() as cursor:
                if copy is not None:
                    return self._copy(cursor, sql, copy, started)
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description is not None else None
            return Outcome("", rows=rows, seconds=time.monotonic() - started)
        except psycopg2.Error as error:
            return self._failed(error, time.monotonic() - started)
        except UnicodeDecodeError as error:  # rubbish made its way back
            return Outcome("", str(error), seconds=time.monotonic() - started)
        except Hang:
            self.close()
            return Outcome("hang", "not even a cancel ended it", seconds=time.monotonic() - started)
        finally:
            deadline = None

    def _copy(self, cursor, sql, data, started):
        # psycopg2 does COPY with blocking calls: what no cancel ends has the socket taken away from below.
        pipe = socket.fromfd(self.connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        alarms = [threading.Timer(PATIENCE, self.connection.cancel),
                  threading.Timer(PATIENCE + AFTER_CANCEL, pipe.shutdown, [socket.SHUT_RDWR])]
        for alarm in alarms:
            alarm.start()
        psycopg2.extensions.set_wait_callback(None)
        try:
            cursor.copy_expert(sql, data)
        finally:
            psycopg2.extensions.set_wait_callback(_wait)
            for alarm in alarms:
                alarm.cancel()
            pipe.close()
        return Outcome("", seconds=time.monotonic() - started)

    def _failed(self, error, seconds):
        if self.connection is None or self.connection.closed:
            self.close()
            if seconds >= PATIENCE + AFTER_CANCEL:
                return Outcome("hang", "no end of it", seconds=seconds)
            return Outcome("lost", f"{error.pgcode or ''} {error}", seconds=seconds)
        state = "hang" if seconds > PATIENCE + AFTER_CANCEL else error.pgcode or "client"
        return Outcome(state, str(error), seconds=seconds)

    def settle(self):
        """Leaves whatever transaction the last statement has left open."""
        if self.connection is None or self.connection.closed:
            return
        if self.connection.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            self.run("ROLLBACK")


psycopg2.extensions.set_wait_callback(_wait)
