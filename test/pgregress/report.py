# SPDX-License-Identifier: PostgreSQL
"""Counts per script and in all, and the list of the differences."""

import collections
import json
import re

from compare import KINDS


class Count:
    def __init__(self):
        self.statements = self.same = self.distributed = self.distributed_same = self.unsteady = 0
        self.kinds = collections.Counter()
        self.consequences = self.accepted_differences = 0

    def add(self, other):
        for name in ("statements", "same", "distributed", "distributed_same", "unsteady", "consequences", "accepted_differences"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.kinds += other.kinds

    def line(self, name):
        def share(part, whole):
            return f"{100 * part / whole:5.1f}" if whole else "    -"
        kinds = "".join(f"{self.kinds[kind] or '':>9}" for kind in KINDS)
        return (f"{name:<24}{self.statements:>7}{share(self.same, self.statements):>7}{self.distributed:>7}"
                f"{share(self.distributed_same, self.distributed):>7}{kinds}{self.consequences or '':>9}"
                f"{self.accepted_differences or '':>9}{self.unsteady or '':>9}")


HEAD = (f"{'script':<24}{'stmts':>7}{'same%':>7}{'distr':>7}{'same%':>7}" + "".join(f"{kind:>9}" for kind in KINDS)
        + f"{'follows':>9}{'listed':>9}{'unsteady':>9}")


def is_internal(outcome, kind):
    """What never has a reason, nor is it ever a consequence."""
    return (outcome.state or "").startswith("XX") or kind == "ended"


class Listed:
    """The published list: reasons, each with patterns of script and statement."""

    def __init__(self, path):
        self.entries, reason = [], ""
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("## "):
                    reason = line[3:].strip()
                found = re.match(r"    (\S+)\s+(.*\S)", line)
                if found:
                    self.entries.append((re.compile(found.group(1)), re.compile(found.group(2), re.I | re.S), reason))

    def reason(self, statement, outcome, kind):
        """Why it differs; an internal error or the end of a session has no reason, and where only order or sizes are open, rows
        alone may differ."""
        if is_internal(outcome, kind):
            return None
        text = statement.bare + "\n" + (outcome.output or "")
        for script, pattern, reason in self.entries:
            if "(rows)" in reason and kind not in ("rows", "order"):
                continue
            if script.fullmatch(statement.script) and pattern.search(text):
                return reason
        return None


class Report:
    def __init__(self, path, listed):
        self.file = open(path, "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self.listed = listed
        self.total, self.reasons = Count(), collections.Counter()
        self.unlisted = 0
        print(HEAD)

    def statement(self, count, statement, plain, other, found):
        """`found`: kind, on distributed tables, consequence, unsteady."""
        kind, distributed, consequence, unsteady = found
        count.statements += 1
        count.unsteady += unsteady
        count.distributed += distributed
        if kind is None:
            count.same += 1
            count.distributed_same += distributed
            return
        count.kinds[kind] += 1
        count.consequences += consequence
        reason = None if consequence else self.listed.reason(statement, other, kind)
        if reason:
            count.accepted_differences += 1
            self.reasons[reason] += 1
        elif not consequence or is_internal(other, kind):
            self.unlisted += 1
        self.write(statement, plain, other, found, reason)

    def write(self, statement, plain, other, found, reason):
        kind, distributed, consequence, _ = found
        self.file.write(json.dumps(
            {"place": statement.place, "kind": kind, "distributed": distributed, "follows": consequence, "listed": reason,
             "statement": statement.text, "plain": plain.output, "plain_state": plain.state, "cluster": other.output,
             "cluster_state": other.state}) + "\n")

    def script(self, name, count):
        print(count.line(name), flush=True)
        self.total.add(count)
        self.file.flush()

    def end(self):
        print(self.total.line("all"))
        total, distributed = self.total.statements, self.total.distributed
        if total:
            print(f"{total} statements, {100 * self.total.same / total:.2f} % the same; {distributed} on distributed tables, "
                  f"{100 * self.total.distributed_same / max(1, distributed):.2f} % the same")
            differing = total - self.total.same
            print(f"{differing} differ: " + ", ".join(f"{self.total.kinds[kind]} {text}" for kind, text in KINDS.items())
                  + f"; {self.total.consequences} follow from earlier ones, {self.total.accepted_differences} stand in the list, {self.unlisted} do not")
        for reason, number in self.reasons.most_common():
            print(f"  {number:>5}  {reason}")
        self.file.close()
