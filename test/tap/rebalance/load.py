#!/usr/bin/python3
# SPDX-License-Identifier: PostgreSQL
"""Clients that write at a fixed rate while shards move, and log each write; readers beside them.

    load.py run DIR CUSTOMERS RATE PORT...   8 writers (RATE writes a second, all together), 2 readers and a metronome,
                                             until the file DIR/stop exists; each writes its log to DIR
    load.py check DIR CUSTOMERS PORT         replays the logs and compares every row of the tables; then "checked N rows"
    load.py report DIR                       latencies for each phase (DIR/phases has lines "MONOTONIC NAME")

A writer owns the customers whose id has its number as the remainder, so its log alone says what their rows must be.  A
write has two latencies: from when it was sent, and from when it was due (a stall delays the writes behind it, too).  The
metronome does nothing but sleep: what it oversleeps, the machine has stalled and no server is to blame.
"""

import json
import multiprocessing
import os
import random
import sys
import time

import psycopg2

WRITERS = 8
KINDS = {"update": 40, "order": 15, "event": 15, "change": 10, "delete": 5, "transfer": 15}
ORDERS, EVENTS = 4, 5  # for each customer, at the beginning


def connect(port, name):
    connection = psycopg2.connect(host="127.0.0.1", port=port, dbname="altius", user="postgres", application_name=name)
    connection.autocommit = True
    return connection


class Log:
    def __init__(self, path):
        self.file = open(path, "w")

    def put(self, *fields):
        self.file.write(json.dumps(fields) + "\n")


class Writer:
    """One line of the log: kind, due, sent, done, error, what was written."""

    def __init__(self, number, directory, customers, port):
        self.rng = random.Random(number)
        self.number, self.customers, self.directory = number, customers, directory
        self.log = Log(f"{directory}/writer{number}.log")
        self.port, self.connection = port, connect(port, f"writer {number}")
        self.cursor = self.connection.cursor()
        self.made = 0
        self.events = {}   # (customer, at) that are known to be there, beside those from the beginning
        self.deleted = set()

    def own_customer(self):
        return self.rng.randrange(self.customers // WRITERS) * WRITERS + self.number

    def execute(self, statement, *values):
        self.cursor.execute(statement, values)
        if self.cursor.description is None and statement[:6] in ("UPDATE", "DELETE", "INSERT") and self.cursor.rowcount != 1:
            raise psycopg2.DataError(f"{self.cursor.rowcount} rows instead of 1: {statement} {values}")

    def update(self):
        customer, amount = self.own_customer(), self.rng.randint(-50, 50)
        yield customer, amount
        self.execute("UPDATE customers SET balance = balance + %s, writes = writes + 1 WHERE id = %s", amount, customer)

    def order(self):
        customer, number = self.own_customer(), self.new_number()
        yield customer, number
        self.execute("INSERT INTO orders VALUES (%s, %s, %s, 'new')", customer, number, number % 97)

    def event(self):
        customer, number = self.own_customer(), self.new_number()
        yield customer, number
        self.execute("INSERT INTO events VALUES (%s, %s, %s, 'new')", customer, number, number % 7)
        self.events[customer, number] = True

    def some_event(self):
        """A row of the table without a primary key."""
        if self.events and self.rng.random() < 0.5:
            key = self.rng.choice(list(self.events)[-50:])
        else:
            customer = self.own_customer()
            key = (customer, customer + self.customers * self.rng.randrange(EVENTS))
        return None if key in self.deleted else key

    def change(self):
        key = self.some_event() or self.some_event()
        if key is None:
            return
        text = f"changed {self.new_number()}"
        yield key[0], key[1], text
        self.execute("UPDATE events SET payload = %s WHERE customer = %s AND at = %s", text, *key)

    def delete(self):
        key = self.some_event()
        if key is None:
            return
        yield key
        self.execute("DELETE FROM events WHERE customer = %s AND at = %s", *key)
        self.events.pop(key, None)
        self.deleted.add(key)

    def transfer(self):
        """Over two shard groups, most often on two nodes."""
        source, target = self.own_customer(), self.own_customer()
        if source == target:
            return
        amount, number = self.rng.randint(1, 50), self.new_number()
        yield source, target, amount, number
        pay = "UPDATE customers SET balance = balance + %s, writes = writes + 1 WHERE id = %s"
        self.execute("BEGIN")
        self.execute(pay, -amount, source)
        self.execute(pay, amount, target)
        self.execute("INSERT INTO orders VALUES (%s, %s, %s, 'paid')", source, number, amount)
        self.execute("INSERT INTO orders VALUES (%s, %s, %s, 'got')", target, number, amount)
        self.execute("COMMIT")

    def new_number(self):
        self.made += 1
        return 10**9 + self.made * WRITERS + self.number

    def write(self, due):
        kind = self.rng.choices(list(KINDS), KINDS.values())[0]
        steps = getattr(self, kind)()
        values = next(steps, None)
        if values is None:
            return
        sent, error = time.monotonic(), None
        try:
            next(steps, None)
        except psycopg2.Error as failure:
            error = f"{failure.pgcode} {str(failure).splitlines()[0]}"
        done = time.monotonic()
        self.log.put(kind, due, sent, done, error, values)
        if error is not None:
            self.recover()

    def recover(self):
        try:
            self.cursor.execute("ROLLBACK")
        except psycopg2.Error:
            self.connection.close()
            self.connection = connect(self.port, f"writer {self.number}")
            self.cursor = self.connection.cursor()

    def run(self, rate):
        due = time.monotonic() + self.number / rate / WRITERS
        while not os.path.exists(f"{self.directory}/stop"):
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.write(due)
            due += WRITERS / rate
        self.log.file.close()


class Reader:
    """Reads never wait, see every customer once, and never see a customer as it was before."""

    def __init__(self, number, directory, customers, port):
        self.rng = random.Random(100 + number)
        self.directory, self.customers = directory, customers
        self.log = Log(f"{directory}/reader{number}.log")
        self.cursor = connect(port, f"reader {number}").cursor()
        self.seen = {}
        self.watched = [self.rng.randrange(customers) for _ in range(200)]

    def look_up(self):
        customer = self.rng.choice(self.watched)
        self.cursor.execute("SELECT writes FROM customers WHERE id = %s", (customer,))
        rows = self.cursor.fetchall()
        if len(rows) != 1 or rows[0][0] < self.seen.get(customer, 0):
            return f"customer {customer}: {rows}, but {self.seen.get(customer)} writes were seen before"
        self.seen[customer] = rows[0][0]
        return None

    def count(self):
        self.cursor.execute("SELECT count(*) FROM customers")
        found = self.cursor.fetchone()[0]
        return None if found == self.customers else f"{found} customers"

    def read(self, kind, due):
        sent = time.monotonic()
        try:
            error = getattr(self, kind)()
        except psycopg2.Error as failure:
            error = f"{failure.pgcode} {str(failure).splitlines()[0]}"
        self.log.put(kind, due, sent, time.monotonic(), error, None)

    def run(self, _):
        due, number = time.monotonic(), 0
        while not os.path.exists(f"{self.directory}/stop"):
            time.sleep(max(0, due - time.monotonic()))
            self.read("count" if number % 50 == 49 else "look_up", due)
            number += 1
            due = max(due + 0.02, time.monotonic() - 1)
        self.log.file.close()


class Metronome:
    def __init__(self, directory):
        self.directory, self.log = directory, Log(f"{directory}/metronome.log")

    def run(self, _):
        while not os.path.exists(f"{self.directory}/stop"):
            due = time.monotonic() + 0.005
            time.sleep(0.005)
            self.log.put("tick", due, due, time.monotonic(), None, None)
        self.log.file.close()


def work(make, arguments, rate):
    make(*arguments).run(rate)


def run(directory, customers, rate, ports):
    jobs = [(Writer, (number, directory, customers, ports[number % len(ports)])) for number in range(WRITERS)]
    jobs += [(Reader, (number, directory, customers, ports[number % len(ports)])) for number in range(2)]
    jobs.append((Metronome, (directory,)))
    processes = [multiprocessing.Process(target=work, args=(make, arguments, rate)) for make, arguments in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


def entries(directory, who):
    for name in sorted(os.listdir(directory)):
        if name.startswith(who) and name.endswith(".log"):
            with open(f"{directory}/{name}") as file:
                for line in file:
                    yield json.loads(line)


# What must be there ------------------------------------------------------------------------------------------------------

class Expected:
    """Rows by key: those that some client wrote; all others are as at the beginning."""

    def __init__(self, directory):
        self.customers, self.orders, self.events = {}, {}, {}
        for kind, _, _, _, error, values in entries(directory, "writer"):
            if error is None:
                getattr(self, kind)(*values)

    def update(self, customer, amount):
        balance, writes = self.customers.get(customer, (1000, 0))
        self.customers[customer] = (balance + amount, writes + 1)

    def order(self, customer, number):
        self.orders[customer, number] = (number % 97, "new")

    def event(self, customer, number):
        self.events[customer, number] = (number % 7, "new")

    def change(self, customer, at, text):
        self.events[customer, at] = (at % 7, text)

    def delete(self, customer, at):
        self.events[customer, at] = None

    def transfer(self, source, target, amount, number):
        self.update(source, -amount)
        self.update(target, amount)
        self.orders[source, number] = (amount, "paid")
        self.orders[target, number] = (amount, "got")


class Check:
    def __init__(self, directory, customers, port):
        self.expected, self.count, self.port = Expected(directory), customers, port
        self.rows = self.wrong = 0

    def complain(self, text):
        self.wrong += 1
        if self.wrong <= 20:
            print(text)

    def table(self, name, columns, key_columns, written, initial, initial_keys):
        """Each row once, as it must be; `initial` gives the row of a key from the beginning, or None."""
        pending = {key: row for key, row in written.items() if row is not None}
        untouched = sum(1 for key in initial_keys if key not in written)
        seen = set()
        read_end, write_end = os.pipe()
        child = multiprocessing.Process(target=self.copy, args=(f"COPY {name} ({columns}) TO STDOUT", read_end, write_end))
        child.start()
        os.close(write_end)
        with os.fdopen(read_end) as lines:
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                key = tuple(map(int, fields[:key_columns]))
                key = key[0] if key_columns == 1 else key
                row = tuple(int(field) if field.lstrip("-").isdigit() else field for field in fields[key_columns:])
                self.rows += 1
                if key in written:
                    if pending.pop(key, None) != row:
                        self.complain(f"{name} {key}: {row}, but {written[key]} was written")
                elif key in seen or initial(key) != row:
                    self.complain(f"{name} {key}: {row} is there twice or was never written")
                else:
                    seen.add(key)
        child.join()
        for key, row in pending.items():
            self.complain(f"{name} {key}: {row} is lost")
        if len(seen) != untouched:
            self.complain(f"{name}: {untouched - len(seen)} rows from the beginning are lost")

    def copy(self, statement, read_end, write_end):
        os.close(read_end)
        with os.fdopen(write_end, "w") as out:
            connect(self.port, "check").cursor().copy_expert(statement, out)

    def run(self):
        count = self.count

        def order(key):
            customer, number = key
            return (number % 97, f"order {number}") if number % count == customer and number < count * ORDERS else None

        def event(key):
            customer, at = key
            return (at % 7, f"event {at}") if at % count == customer and at < count * EVENTS else None

        self.table("customers", "id, balance, writes", 1, self.expected.customers,
                   lambda key: (1000, 0) if key < count else None, range(count))
        self.table("orders", "customer, id, amount, note", 2, self.expected.orders, order,
                   ((number % count, number) for number in range(count * ORDERS)))
        self.table("events", "customer, at, kind, payload", 2, self.expected.events, event,
                   ((number % count, number) for number in range(count * EVENTS)))
        print(f"{self.wrong} rows are wrong" if self.wrong else f"checked {self.rows} rows")


# How long it took --------------------------------------------------------------------------------------------------------

def phase_of(phases, moment):
    name = phases[0][1]
    for begun, phase in phases:
        if begun <= moment:
            name = phase
    return name


def report(directory):
    with open(f"{directory}/phases") as file:
        phases = [(float(line.split()[0]), line.split(None, 1)[1].strip()) for line in file]
    table = {name: {"writes": [], "due": [], "reads": [], "machine": []} for _, name in phases}
    errors, kinds = [], {}
    for who in ("writer", "reader", "metronome"):
        for kind, due, sent, done, error, _ in entries(directory, who):
            row = table[phase_of(phases, sent)]
            if error is not None:
                errors.append((sent, f"{who} {kind} while \"{phase_of(phases, sent)}\": {error}"))
            if who == "writer":
                row["writes"].append(done - sent)
                row["due"].append(done - due)
                kinds.setdefault(kind, []).append(done - sent)
            else:
                row["reads" if who == "reader" else "machine"].append(done - sent)
    print(f"{'milliseconds':<12} {'writes':>24}{'p50':>8}{'p99':>8}{'max':>8}  from due:{'p99':>7}{'max':>8}  reads:{'p99':>7}{'max':>8}"
          "  machine alone:     p99     max")
    for _, name in phases:
        print(f"{name:<28} {len(table[name]['writes']):>8}" + spread(table[name]["writes"], (50, 99, 100)) + " " * 11
              + spread(table[name]["due"], (99, 100))[1:] + " " * 8 + spread(table[name]["reads"], (99, 100))[1:] + " " * 16
              + spread(table[name]["machine"], (99, 100)))
    for kind, latencies in sorted(kinds.items()):
        print(f"  {kind:<26} {len(latencies):>8}{spread(latencies, (50, 99, 100))}")
    print(f"longest write {1000 * max(max(row['writes'], default=0) for row in table.values()):.1f} ms")
    print(f"{len(errors)} failed")
    for _, error in sorted(errors)[:10]:
        print("  " + error)


def spread(latencies, percents):
    ordered = sorted(latencies) or [0]
    return "".join(f"{1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]:8.1f}" for percent in percents)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), [int(port) for port in sys.argv[5:]])
    elif sys.argv[1] == "check":
        Check(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run()
    else:
        report(sys.argv[2])
