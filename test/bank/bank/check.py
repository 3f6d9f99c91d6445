# SPDX-License-Identifier: PostgreSQL
"""What must hold at the end."""

import collections
import time

from .client import DONE, FAILED
from .schema import ACCOUNTS, START_BALANCE

PREPARED = "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()"
LOCKS = """SELECT count(*) FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
WHERE pid IS DISTINCT FROM pg_backend_pid() AND coalesce(a.backend_type, 'client backend') <> 'autovacuum worker'
AND (locktype IN ('transactionid', 'tuple') OR mode NOT IN ('AccessShareLock', 'ExclusiveLock', 'ShareUpdateExclusiveLock'))"""


def wait_until_clean(bank, last_fault, limit):
    """Seconds after the last fault until nothing is prepared and nothing locked; None: never within the limit."""
    while True:
        left = [(port, bank.ask(port, PREPARED)[0][0], bank.ask(port, LOCKS)[0][0]) for port in bank.ports]
        after = time.monotonic() - last_fault
        if not any(prepared or locks for _, prepared, locks in left):
            return after, []
        if after > limit:
            return None, [f"port {port}: {prepared} prepared, {locks} locks {after:.0f} s after the last fault"
                          for port, prepared, locks in left if prepared or locks]
        time.sleep(0.5)


class Check:
    def __init__(self, bank, clients):
        self.bank = bank
        self.clients = clients
        self.problems = []

    def all(self):
        known, notes = {}, {}
        for client in self.clients:
            known.update(client.transfers)
            notes.update(client.notes)
            self.problems += [f"client {client.number}: {what}" for what in client.wrong]
        transfers = self.rows("SELECT id, source, target, amount, till FROM transfers")
        self.against_known("transfer", known, [row[0] for row in transfers])
        self.orders({row[0] for row in transfers})
        self.pairs(notes)
        self.balances(transfers)
        self.tills(transfers)
        return self.problems

    def rows(self, sql, port=None):
        return self.bank.ask(port or self.bank.ports[0], sql)

    def found(self, what, numbers):
        if numbers:
            self.problems.append(f"{what}: {len(numbers)}, such as {sorted(numbers)[:5]}")

    def against_known(self, what, known, present):
        times = collections.Counter(present)
        self.found(f"{what} there twice", [number for number, count in times.items() if count > 1])
        self.found(f"{what} acknowledged, but lost", [number for number, state in known.items() if state == DONE and number not in times])
        self.found(f"{what} failed, but there", [number for number, state in known.items() if state == FAILED and number in times])
        self.found(f"{what} that nobody made", set(times) - set(known))

    def orders(self, transfers):
        orders = [row[0] for row in self.rows("SELECT id FROM orders")]
        self.found("order without its transfer", set(orders) - transfers)
        self.found("order there twice", [number for number, count in collections.Counter(orders).items() if count > 1])

    def pairs(self, notes):
        rows = self.rows("SELECT id, pair FROM notes")
        self.against_known("note", notes, [row[0] for row in rows])
        present = {row[0] for row in rows}
        self.found("half a pair of notes", [number for number, pair in rows if pair and pair not in present])

    def balances(self, transfers):
        expected = collections.Counter()
        for _, source, target, amount, _ in transfers:
            expected[source] -= amount
            expected[target] += amount
        for port in self.bank.ports:
            accounts = self.rows("SELECT id, balance, logged FROM accounts", port)
            total = sum(balance for _, balance, _ in accounts)
            if len(accounts) != ACCOUNTS or total != START_BALANCE * ACCOUNTS:
                self.problems.append(f"port {port}: {len(accounts)} accounts with {total}")
            self.found(f"port {port}: accounts with half a transfer",
                       [account for account, balance, logged in accounts
                        if logged != expected[account] or balance != START_BALANCE + logged])

    def tills(self, transfers):
        expected = collections.Counter()
        for _, _, _, amount, till in transfers:
            if till is not None:
                expected[till] += amount
        for port in self.bank.ports:
            self.found(f"port {port}: tills that are wrong",
                       [till for till, total in self.rows("SELECT id, total FROM tills", port) if total != expected[till]])
