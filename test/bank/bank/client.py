# SPDX-License-Identifier: PostgreSQL
"""A client: it moves money in every way there is, and remembers what the server has said about each transfer."""

import collections
import os
import random
import signal
import threading
import time

import psycopg2

from .schema import ACCOUNTS, TILLS

DONE, FAILED, UNKNOWN = "acknowledged", "failed", "unknown"
OUTCOME_UNKNOWN = "08007"
STATEMENT_TIMEOUT = 20  # seconds; nothing may take so long
CANCEL_SHARE = 0.03     # of the statements that may be cancelled


class Client(threading.Thread):
    """`transfers` and `notes` say what became of each number: an error with the connection kept has undone it, unless it is 08007."""

    def __init__(self, bank, number, port, seed, options):
        super().__init__(daemon=True)
        self.bank = bank
        self.number = number
        self.port = port
        self.rng = random.Random(f"{seed}/{number}")
        self.connection = None
        self.made = 0
        self.stop = False
        self.transfers = {}
        self.notes = {}
        self.counts = collections.Counter()
        self.last = {}       # kind of operation -> when it last came through
        self.slowest = (0, "")
        self.wrong = []      # what a session saw that cannot be
        self.begun = None    # the last statement
        self.timed_out = []  # when it had begun, kind, message
        self.kinds = [self.block, self.block, self.both_orders, self.careful, self.order, self.with_cursor, self.at_once,
                      self.note, self.look, self.teller]
        if options.definer:
            self.kinds.append(self.teller_in_block)

    # The connection ----------------------------------------------------------------------------------------------------------

    def run(self):
        while not self.stop:
            kind = self.rng.choice(self.kinds)
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = self.bank.connect(self.port, f"-c statement_timeout={STATEMENT_TIMEOUT}s"
                                                                   f" -c application_name=bank_{self.number}")
                kind()
                self.last[kind.__name__] = time.monotonic()
                self.counts[kind.__name__] += 1
            except psycopg2.Error as error:
                self.count_error(kind.__name__, error)
                self.leave_transaction()
                if self.connection is None or self.connection.closed:
                    time.sleep(0.1)
        if self.connection is not None:
            self.connection.close()

    def count_error(self, kind, error):
        state = error.pgcode or "connection lost"
        self.counts[f"error {state}"] += 1
        if state.startswith("XX"):
            self.wrong.append(f"{kind}: {state}: {error}")
        elif state == "57014" and "timeout" in str(error):
            self.counts["statement_timeout"] += 1
            self.timed_out.append((self.begun, kind, str(error)))

    def leave_transaction(self):
        if self.connection is None or self.connection.closed:
            return
        try:
            self.execute("ROLLBACK", cancels=False)
        except psycopg2.Error:
            self.connection.close()

    def execute(self, statement, *values, cancels=True):
        timer = None
        if cancels and self.rng.random() < CANCEL_SHARE:
            timer = threading.Timer(self.rng.expovariate(100), self.cancel, [self.connection])
            timer.start()
        self.begun = begun = time.monotonic()
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else None
        finally:
            self.slowest = max(self.slowest, (time.monotonic() - begun, statement))
            if timer is not None:
                timer.cancel()

    @staticmethod
    def cancel(connection):
        """Not by psycopg2: that waits for the server, which may be frozen, and keeps all threads of this program waiting."""
        try:
            if not connection.closed:
                os.kill(connection.info.backend_pid, signal.SIGINT)
        except (ProcessLookupError, psycopg2.Error):
            pass

    # What is known -----------------------------------------------------------------------------------------------------------

    def next_number(self):
        self.made += 1
        return self.number * 10**7 + self.made

    def outcome_of(self, error):
        lost = self.connection.closed or error.pgcode is None
        return UNKNOWN if lost or error.pgcode == OUTCOME_UNKNOWN else FAILED

    def commit(self, number, statement="COMMIT", *values, known=None):
        """The statement that commits the number; what comes back of it is remembered."""
        known = self.transfers if known is None else known
        known[number] = UNKNOWN
        try:
            rows = self.execute(statement, *values)
        except psycopg2.Error as error:
            known[number] = self.outcome_of(error)
            if statement == "COMMIT":
                self.counts[f"COMMIT: {error.pgcode}"] += 1
            raise
        known[number] = DONE
        return rows

    def some_accounts(self, count=2):
        """Mostly any, often of a few that all like."""
        return self.rng.sample(range(ACCOUNTS if self.rng.random() < 0.7 else 6), count)

    def pay(self, account, amount):
        self.execute("UPDATE accounts SET balance = balance + %s, logged = logged + %s WHERE id = %s", amount, amount, account)

    def note_transfer(self, number, source, target, amount, till=None):
        self.execute("INSERT INTO transfers VALUES (%s, %s, %s, %s, %s)", number, source, target, amount, till)

    # Operations --------------------------------------------------------------------------------------------------------------

    def block(self):
        """A transaction over two or three nodes with a savepoint, now and then with a reference table."""
        source, target, wrong = self.some_accounts(3)
        amount, number, till = self.rng.randint(1, 50), self.next_number(), None
        self.transfers[number] = FAILED
        self.execute("BEGIN")
        self.pay(source, -amount)
        if self.rng.random() < 0.4:
            self.execute("SAVEPOINT s")
            self.pay(wrong, amount)
            self.execute("ROLLBACK TO s" if self.rng.random() < 0.7 else "ROLLBACK TO s; RELEASE s; SAVEPOINT t; ROLLBACK TO t")
        if self.rng.random() < 0.15:
            till = self.rng.randrange(TILLS)
            self.execute("UPDATE tills SET total = total + %s WHERE id = %s", amount, till)
        self.pay(target, amount)
        self.note_transfer(number, source, target, amount, till)
        if self.rng.random() < 0.05:
            self.execute("ROLLBACK")
        else:
            self.commit(number)

    def both_orders(self):
        """Two pairs of the accounts that all like, in any order: deadlocks."""
        amount, number = self.rng.randint(1, 50), self.next_number()
        self.transfers[number] = FAILED
        source, target = self.rng.sample(range(4), 2)
        self.execute("BEGIN")
        self.pay(source, -amount)
        self.pay(target, amount)
        self.note_transfer(number, source, target, amount)
        self.commit(number)

    def careful(self):
        source, target, wrong = self.some_accounts(3)
        number = self.next_number()
        self.commit(number, "SELECT careful_transfer(%s, %s, %s, %s, %s)", number, source, target, self.rng.randint(1, 50), wrong)

    def teller(self):
        source, target = self.some_accounts()
        number = self.next_number()
        self.commit(number, "SELECT teller_transfer(%s, %s, %s, %s)", number, source, target, self.rng.randint(1, 50))

    def teller_in_block(self):
        """As two roles in one transaction: the function must see what its caller has written, and not wait for it."""
        source, target = self.some_accounts()
        number, again = self.next_number(), self.next_number()
        self.transfers[number] = self.transfers[again] = FAILED
        self.execute("BEGIN")
        self.pay(source, -7)
        self.pay(target, 7)
        self.note_transfer(number, source, target, 7)
        self.execute("SELECT teller_transfer(%s, %s, %s, 5)", again, target, source)
        self.transfers[again] = UNKNOWN
        try:
            self.commit(number)
        finally:
            self.transfers[again] = self.transfers[number]

    def order(self):
        """A trigger pays, on other nodes."""
        source, target = self.some_accounts()
        number = self.next_number()
        sql = "INSERT INTO orders VALUES (%s, %s, %s, %s)" + (" RETURNING id" if self.rng.random() < 0.5 else "")
        self.commit(number, sql, number, source, target, self.rng.randint(1, 50))

    def with_cursor(self):
        """What a cursor shows is what was there at its DECLARE."""
        source, target = self.some_accounts()
        amount, number = self.rng.randint(2, 50), self.next_number()
        first = amount // 2
        self.transfers[number] = FAILED
        self.execute("BEGIN")
        self.pay(source, -first)
        before = self.execute("SELECT balance FROM accounts WHERE id = %s", source)
        self.execute("DECLARE c CURSOR FOR SELECT balance FROM accounts WHERE id = %s", source)
        self.execute("DECLARE everything CURSOR FOR SELECT id, balance FROM accounts")
        self.execute("FETCH 5 FROM everything")
        self.pay(source, first - amount)
        seen = self.execute("FETCH ALL FROM c")
        if seen != before:
            self.wrong.append(f"a cursor shows {seen}, declared when it was {before}")
        self.pay(target, amount)
        rest = self.execute("FETCH ALL FROM everything")
        if len(rest) != ACCOUNTS - 5:
            self.wrong.append(f"a cursor shows {len(rest) + 5} accounts of {ACCOUNTS}")
        self.note_transfer(number, source, target, amount)
        self.commit(number)

    def at_once(self):
        """One statement that commits by itself, over two or three shards, and returns what it did."""
        source, target = self.some_accounts()
        amount, number = self.rng.randint(1, 50), self.next_number()
        self.commit(number,
                    "WITH paid AS (UPDATE accounts SET balance = balance + CASE id WHEN %s THEN %s ELSE %s END,"
                    " logged = logged + CASE id WHEN %s THEN %s ELSE %s END WHERE id IN (%s, %s) RETURNING id)"
                    " INSERT INTO transfers SELECT %s, %s, %s, %s FROM (SELECT count(*) FROM paid) it (n) WHERE n = 2 RETURNING id",
                    source, -amount, amount, source, -amount, amount, source, target, number, source, target, amount)

    def note(self):
        """A single row, or two on two nodes, by a statement that commits by itself."""
        number = self.next_number()
        if self.rng.random() < 0.5:
            self.commit(number, "INSERT INTO notes VALUES (%s, 0) RETURNING id", number, known=self.notes)
            return
        other = self.next_number()
        self.notes[other] = UNKNOWN
        try:
            self.commit(number, "INSERT INTO notes VALUES (%s, %s), (%s, %s) RETURNING id", number, other, other, number,
                        known=self.notes)
        finally:
            self.notes[other] = self.notes[number]

    def look(self):
        self.execute("SELECT sum(balance), count(*) FROM accounts")
