#!/usr/bin/python3
# SPDX-License-Identifier: PostgreSQL
"""Clients that move money between accounts, on all nodes at once, while servers come and go.

    load.py run SECONDS RESULTS PORT...    16 clients; writes what they know about their transfers to RESULTS (JSON)
    load.py check RESULTS PORT             compares the tables with that; prints one line per finding, then "checked"

A client knows for each transfer whether it was committed (the server said so), undone (an error before COMMIT, or a
definite one at COMMIT) or uncertain (the connection was lost in COMMIT).
"""

import collections
import json
import random
import sys
import threading
import time

import psycopg2

CLIENTS = 16
ACCOUNTS = 48
UNCERTAIN_AT_COMMIT = ("08", "57", "58", "40003")  # the beginnings of SQLSTATEs that leave the outcome of a COMMIT open


class Client(threading.Thread):
    def __init__(self, number, port, until):
        super().__init__(daemon=True)
        self.number = number
        self.port = port
        self.until = until
        self.rng = random.Random(number)
        self.connection = None
        self.made = 0
        self.transfers = {"committed": [], "undone": [], "uncertain": []}
        self.counts = collections.Counter()

    def run(self):
        while time.monotonic() < self.until:
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="altius", user="postgres",
                                                       connect_timeout=5, options="-c statement_timeout=20s")
                    self.connection.autocommit = True
                self.rng.choices([self.transfer, self.both_at_once, self.look], [70, 22, 8])[0]()
            except psycopg2.Error as error:
                state = error.pgcode or "connection lost"
                self.counts[state] += 1
                self.leave_transaction()
                if state in ("XX000", "connection lost"):
                    self.counts[f"{state}: {str(error).splitlines()[0][:120]}"] += 1
                    time.sleep(0.05)

    def leave_transaction(self):
        if self.connection is None or self.connection.closed:
            return
        try:
            self.execute("ROLLBACK")
        except psycopg2.Error:
            self.connection.close()

    def execute(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def pay(self, account, amount):
        self.execute("UPDATE accounts SET balance = balance + %s, logged = logged + %s WHERE id = %s", amount, amount, account)

    def transfer(self):
        """A block over two or three nodes, in any order of accounts, so that deadlocks happen."""
        source, target, wrong = self.rng.sample(range(ACCOUNTS), 3)
        amount = self.rng.randint(1, 50)
        self.made += 1
        number = self.number * 10**6 + self.made
        state = "undone"
        try:
            self.execute("BEGIN")
            self.pay(source, -amount)
            if self.rng.random() < 0.3:
                self.execute("SAVEPOINT s")
                self.pay(wrong, amount)
                self.execute("ROLLBACK TO s")
            self.pay(target, amount)
            self.execute("INSERT INTO transfers VALUES (%s, %s, %s, %s)", number, source, target, amount)
            if self.rng.random() < 0.05:
                self.execute("ROLLBACK")
            else:
                state = self.commit()
        finally:
            self.transfers[state].append(number)

    def commit(self):
        try:
            self.execute("COMMIT")
            return "committed"
        except psycopg2.Error as error:
            state = error.pgcode
            open_end = state is None or state.startswith(UNCERTAIN_AT_COMMIT)
            self.counts[f"COMMIT: {state}"] += 1
            self.leave_transaction()
            return "uncertain" if open_end else "undone"

    def both_at_once(self):
        """One statement over two shards."""
        source, target = self.rng.sample(range(ACCOUNTS), 2)
        amount = self.rng.randint(1, 50)
        self.execute("UPDATE accounts SET balance = balance + CASE id WHEN %s THEN %s ELSE %s END WHERE id IN (%s, %s)",
                     source, -amount, amount, source, target)
        self.counts["both at once"] += 1

    def look(self):
        self.execute("SELECT sum(balance), count(*) FROM accounts")
        self.counts["sums read"] += 1


def run(seconds, results, ports):
    until = time.monotonic() + seconds
    clients = [Client(number, ports[number % len(ports)], until) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(seconds + 90)
    stuck = [client.number for client in clients if client.is_alive()]
    transfers = {state: sum((client.transfers[state] for client in clients), []) for state in clients[0].transfers}
    counts = sum((client.counts for client in clients), collections.Counter())
    with open(results, "w") as file:
        json.dump({"transfers": transfers, "counts": counts, "stuck": stuck}, file)
    print(", ".join(f"{len(numbers)} {state}" for state, numbers in transfers.items()))
    for name, count in counts.most_common():
        print(f"{count:7} {name}")
    if stuck:
        print(f"stuck clients: {stuck}")


def check(results, port):
    with open(results) as file:
        known = json.load(file)
    connection = psycopg2.connect(host="127.0.0.1", port=port, dbname="altius", user="postgres")
    cursor = connection.cursor()
    cursor.execute("SELECT id, source, target, amount FROM transfers")
    rows = cursor.fetchall()
    present = {row[0] for row in rows}
    if len(present) != len(rows):
        print("a transfer is there twice")
    lost = sorted(set(known["transfers"]["committed"]) - present)
    if lost:
        print(f"committed, but lost: {len(lost)} transfers, such as {lost[:5]}")
    undone = sorted(set(known["transfers"]["undone"]) & present)
    if undone:
        print(f"undone, but there: {len(undone)} transfers, such as {undone[:5]}")
    expected = collections.Counter()
    for _, source, target, amount in rows:
        expected[source] -= amount
        expected[target] += amount
    cursor.execute("SELECT id, logged, balance FROM accounts")
    accounts = cursor.fetchall()
    wrong = [(account, logged, expected[account]) for account, logged, _ in accounts if logged != expected[account]]
    if wrong:
        print(f"half a transfer: {len(wrong)} accounts, such as (account, logged, expected) {wrong[:5]}")
    if len(accounts) != ACCOUNTS or sum(balance for _, _, balance in accounts) != 1000 * ACCOUNTS:
        print(f"the sum of {len(accounts)} accounts is {sum(balance for _, _, balance in accounts)}")
    if known["stuck"]:
        print(f"clients {known['stuck']} never came back")
    print("checked")


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(float(sys.argv[2]), sys.argv[3], [int(port) for port in sys.argv[4:]])
    else:
        check(sys.argv[2], int(sys.argv[3]))
