# SPDX-License-Identifier: PostgreSQL
"""Whether two outcomes of a statement are the same, and if not, how they differ."""

import re

from session import Outcome

KINDS = {
    "rows": "other rows", "order": "other order", "accepted": "accepted where PostgreSQL refuses",
    "refused": "refused where PostgreSQL accepts", "message": "another error", "ended": "ended the session",
}
NUMBERED = re.compile(r"\bpg_(toast_temp|toast|temp)_\d+")
ORDER = re.compile(r"\border\s+by\b", re.I)
FOOTER = re.compile(r"^\(\d+ rows?\)$")


CONTEXT = re.compile(r"^CONTEXT:  .*(?:\n(?!(?:ERROR|WARNING|NOTICE|INFO|LOG|DETAIL|HINT|LOCATION|FATAL|PANIC):  ).+)*", re.M)


def normalized(text):
    """What is compared.  The context of a message is not: it says on which node, and through which functions."""
    lines = [NUMBERED.sub(r"pg_\1_N", line.rstrip()) for line in CONTEXT.sub("", text).split("\n")]
    return [line for line in lines if line]


MAKES_FUNCTION = re.compile(r"\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\s+(?:\w+\s*\.\s*)?(\w+)", re.I)


class Plans:
    """Which statements show plans: those with EXPLAIN, and those that call functions made with it."""

    def __init__(self):
        self.functions = set()

    def shown_by(self, statement):
        words = {word.lower() for word in re.findall(r"\w+", statement.bare)}
        if "explain" in words:
            self.functions |= {name.lower() for name in MAKES_FUNCTION.findall(statement.bare)}
            return True
        return not words.isdisjoint(self.functions)


def difference(statement, plain, other, shows_plans):
    """None, or one of KINDS."""
    if plain.output is None and other.output is None:
        return None
    if other.state == "ended" or other.output is None or plain.output is None:
        return None if plain.state == "ended" and other.state == "ended" else "ended"
    if statement.bare.startswith("\\"):  # SQLSTATE is that of a statement before
        plain, other = Outcome(plain.output), Outcome(other.output)
    if plain.failed != other.failed:
        return "refused" if other.failed else "accepted"
    if shows_plans and plain.state == other.state:
        return None
    ours, theirs = normalized(other.output), normalized(plain.output)
    if ours == theirs and plain.state == other.state:
        return None
    wrong = is_error(plain), is_error(other)
    if wrong[0] != wrong[1]:
        return "refused" if wrong[1] else "accepted"
    if wrong[0]:
        return "message"
    if sorted(ours) != sorted(theirs):
        return "rows"
    return "order" if order_shows(statement, theirs, ours) else None


def is_error(outcome):
    return outcome.failed or re.search(r"^ERROR:  ", outcome.output, re.M) is not None


def order_clause(text):
    """What stands behind the outermost ORDER BY of the statement, or None."""
    depth, at, flat = 0, None, re.sub(r"'(?:[^']|'')*'", lambda found: "'" * len(found.group()), text)
    for found in re.finditer(r"[()]|\border\s+by\b", flat, re.I):
        if found.group() == "(":
            depth += 1
        elif found.group() == ")":
            depth -= 1
        elif depth == 0:
            at = found.end()
    return None if at is None else flat[at:]


def without_notices(lines):
    """Those that functions raise come in the order of their calls, which none promises."""
    return [line for line in lines if not line.startswith("NOTICE:  ")]


def order_shows(statement, theirs, ours):
    """The same rows in another order: wrong when the statement's ORDER BY says otherwise, as far as its columns are printed."""
    clause = order_clause(statement.bare)
    if clause is None:
        return False
    theirs, ours = without_notices(theirs), without_notices(ours)
    clause = re.split(r"\b(?:limit|offset|fetch|for|union|\\g\w*)\b|;", clause, flags=re.I)[0]
    rule = next((number for number, line in enumerate(theirs) if re.fullmatch(r"[-+]+", line)), 0)
    if rule != 1 or "," in re.sub(r"\([^()]*\)", "", clause) and "(" in clause:
        return True
    header = [one.strip() for one in theirs[0].split("|")]
    columns = []
    for item in clause.split(","):
        name = re.sub(r"\b(?:asc|desc|nulls\s+(?:first|last)|using\s*\S+)|\bcollate\s+\S+", "", item, flags=re.I).strip(' "\n\t')
        name = name.split(".")[-1]
        if name.isdigit() and int(name) <= len(header):
            columns.append(int(name) - 1)
        elif header.count(name) == 1:
            columns.append(header.index(name))
        else:
            return True
    return keys(theirs, columns) != keys(ours, columns)


def keys(lines, columns):
    found = []
    for line in lines[2:]:
        cells = line.split("|")
        found.append([cells[column].strip() if column < len(cells) else "" for column in columns])
    return found
