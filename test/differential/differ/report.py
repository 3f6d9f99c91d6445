# SPDX-License-Identifier: PostgreSQL
"""Counts and prints what was found."""

import collections
import re


class Report:
    def __init__(self, out):
        self.out = out
        self.passed = 0
        self.skipped = 0
        self.empty = 0
        self.wrong = 0
        self.crashes = 0
        self.refused = collections.Counter()
        self.examples = {}

    def failed(self):
        return self.wrong + self.crashes + sum(self.refused.values())

    @staticmethod
    def pattern(outcome):
        """The message without names and numbers."""
        message = re.sub(r"\[.*\]", "", f"{outcome.sqlstate}: {outcome.message}")
        return re.sub(r"(?<=\D)_?\d+|\"[^\"]*\"", "#", message)

    def is_new(self, outcome):
        return self.pattern(outcome) not in self.refused

    def refuse(self, label, statement, outcome):
        message = self.pattern(outcome)
        self.refused[message] += 1
        if message not in self.examples or len(statement) < len(self.examples[message][1]):
            self.examples[message] = (label, statement, outcome.message)

    def finding(self, kind, label, statement, plain, cluster):
        if kind == "crash":
            self.crashes += 1
        else:
            self.wrong += 1
        self.out(f"\n=== {kind}: {label}\n{statement}\n--- PostgreSQL\n{plain}\n--- cluster\n{cluster}")

    def summary(self):
        if self.refused:
            self.out("\nErrors on the cluster only:")
        for message, number in self.refused.most_common():
            label, statement, full = self.examples[message]
            self.out(f"{number:5}  {message}\n       {label}: {full}\n       {statement}")
        self.out(f"\nwrong results: {self.wrong}, crashes: {self.crashes}, refused: {sum(self.refused.values())}; "
                 f"not counted, since PostgreSQL fails too: {self.skipped}; without a row: {self.empty}")
        self.out(f"{self.passed} passed, {self.failed()} failed")
