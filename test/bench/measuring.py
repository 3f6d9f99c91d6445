# SPDX-License-Identifier: PostgreSQL
"""Both sides in turns, and what comes out: a line of JSON for each row, a table at the end."""

import json
import os
import statistics
import time

from servers import SIDES


class Pairs:
    """What the turns of one row have measured: seconds, or rates, and processor time."""

    def __init__(self):
        self.figures = {side: [] for side in SIDES}
        self.processor = {side: [] for side in SIDES}

    def count(self):
        return len(self.figures["altius"])

    def median(self, side):
        return statistics.median(self.figures[side])

    @staticmethod
    def ratio_of(by_side):
        ratios = [ours / plain for plain, ours in zip(by_side["plain"], by_side["altius"]) if plain > 0]
        return statistics.median(ratios) if ratios else None

    def ratio(self):
        return self.ratio_of(self.figures)

    def processor_ratio(self):
        return self.ratio_of(self.processor)


def seconds_of(work):
    started = time.monotonic()
    work()
    return time.monotonic() - started


def in_turns(server, turn, pairs, budget, ready=lambda side: None):
    """plain, altius, plain, altius ...: turn(side) does the work and says (seconds or rate, transactions); ready(side) comes
    before it and isn't measured.  After `budget` seconds no further pair begins."""
    measured, started = Pairs(), time.monotonic()
    while measured.count() < pairs and (measured.count() == 0 or time.monotonic() - started < budget):
        for side in SIDES:
            ready(side)
            before = server.processor_time()
            figure, transactions = turn(side)
            measured.figures[side].append(figure)
            measured.processor[side].append((server.processor_time() - before) / max(transactions, 1))
    return measured


class Report:
    def __init__(self, file):
        self.file = file
        self.rows = []
        self.problems = []

    def row(self, name, measured, unit, reach=None, **more):
        """`reach`: the ratio to come to; of seconds at most so much, of rates at least."""
        self.line(name, measured.ratio(), measured.median("plain"), measured.median("altius"), measured.count(), unit, reach,
                  cpu_ratio=measured.processor_ratio(), **more)

    def line(self, name, ratio, plain, altius, pairs, unit, reach=None, **more):
        row = {"name": name, "ratio": ratio, "plain": plain, "altius": altius, "unit": unit, "pairs": pairs}
        if reach is not None:
            row |= {"reach": reach, "reached": ratio <= reach if unit == "s" else ratio >= reach}
        row |= {key: value for key, value in more.items() if value not in (None, "", 0)}
        row["load"] = os.getloadavg()[0]
        row = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
        self.rows.append(row)
        print(json.dumps(row), file=self.file, flush=True)

    def problem(self, text):
        """A difference between the sides, or an error: the run fails."""
        self.problems.append(text)
        print(json.dumps({"problem": text}), file=self.file, flush=True)

    def table(self):
        lines = [f"{'':34}{'plain':>12}{'altius':>12}{'ratio':>9}{'reach':>8}{'CPU':>8}  pairs"]
        for row in self.rows:
            unit = "s  " if row["unit"] == "s" else "/s "
            digits = 3 if row["unit"] == "s" else 0
            reach = f"{row['reach']:8.2f}" if "reach" in row else " " * 8
            processor = f"{row['cpu_ratio']:8.2f}" if "cpu_ratio" in row else " " * 8
            note = f"  {row['note']}" if "note" in row else ""
            lines.append(f"{row['name']:34}{row['plain']:10.{digits}f}{unit:>2}{row['altius']:9.{digits}f}{unit:>2}"
                         f"{row['ratio']:9.2f}{reach}{processor}{row['pairs']:7}{note}")
        return "\n".join(lines + [f"FAILED: {problem}" for problem in self.problems])
