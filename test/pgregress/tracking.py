# SPDX-License-Identifier: PostgreSQL
"""Which statements concern distributed tables, and which differences only follow from earlier ones.

Both go by the names in a statement: those of tables, and of the views, functions, cursors and prepared statements made from
them.  A difference in a statement that changes something makes what it changes suspect; a later difference in a statement that
names what is suspect is a consequence."""

import re

NAME = r'(?:(?:\w+|"[^"]+")\s*\.\s*)?(\w+|"[^"]+")'
KIND = (r"(?:(?:or\s+replace|unlogged|global|local|temp|temporary|recursive|materialized|foreign|unique|trusted|constraint|event"
        r"|access|text\s+search|user|concurrently|procedural|default)\s+)*"
        r"(?:table|view|index|sequence|function|procedure|routine|aggregate|type|domain|schema|role|user|group|trigger|rule|policy"
        r"|operator\s+class|operator\s+family|operator|cast|collation|conversion|server|wrapper|publication|subscription|statistics"
        r"|extension|language|method|tablespace|database|configuration|dictionary|parser|template)")
GUARD = r"(?:concurrently\s+)?(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?"
CHANGES = re.compile(
    rf"\b(?:(?:insert|merge)\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|copy|truncate(?:\s+table)?(?:\s+only)?"
    rf"|(?:create|alter|drop)\s+{KIND}\s+{GUARD}|reindex\s+\w+|cluster|refresh\s+materialized\s+view(?:\s+concurrently)?"
    rf"|prepare|declare|into(?:\s+table)?|nextval\s*\(|setval\s*\(|lock(?:\s+table)?|import)\s*'?{NAME}", re.I)
ON = re.compile(rf"\b(?:create|alter|drop)\s+{KIND}\b.*?\bon\s+(?:only\s+)?{NAME}", re.I | re.S)
LISTED = re.compile(rf"\b(?:drop\s+{KIND}\s+{GUARD}|truncate(?:\s+table)?)(.*)", re.I | re.S)
MADE_FROM = re.compile(rf"\b(?:create\s+{KIND}\s+{GUARD}|prepare\s+|declare\s+){NAME}", re.I)
REFERENCES = re.compile(rf"\breferences\s+{NAME}", re.I)
WORD = re.compile(r'"([^"]+)"|([A-Za-z_\x80-\U0010ffff][\w$]*)')
BEFORE_SHORT = re.compile(r"(?:\b(?:from|join|into|update|table|only|using|copy|truncate|on|view|call|execute|fetch|in|exists|references"
                          r"|cursor|close|move|inherit|analyze|vacuum)|,|\.|^\\d\S*)\s*$", re.I)
COMMON = frozenset("select from where table view a as on in is of to by".split())


def clean(name):
    return name[1:-1] if name.startswith('"') else name.lower()


def names(text):
    """The names in a statement; very short ones only where a relation's name stands, since others are mostly aliases."""
    found = set()
    for match in WORD.finditer(text):
        word = match.group(1) or match.group(2).lower()
        if len(word) > 2 or BEFORE_SHORT.search(text[max(0, match.start() - 24):match.start()]):
            found.add(word)
    return found


def changed(text):
    """The names of what a statement changes."""
    found = {clean(name) for name in CHANGES.findall(text)} | {clean(name) for name in ON.findall(text)}
    for rest in LISTED.findall(text):
        found |= {match.group(1) or match.group(2).lower() for match in WORD.finditer(rest)}
    return found - COMMON


class Tracking:
    """Follows the scripts, statement by statement."""

    def __init__(self):
        self.distributed, self.suspect = set(), set()
        self.parts = {}
        self.in_transaction, self.written = False, set()

    def begin_script(self):
        self.in_transaction, self.written = False, set()

    def reach(self, found, goal):
        """Whether one of the names is in `goal`, or made from what is."""
        seen, todo = set(), list(found)
        while todo:
            name = todo.pop()
            if name in goal:
                return True
            if name not in seen:
                seen.add(name)
                todo += self.parts.get(name, ())
        return False

    def look(self, statement, plain, other, kind):
        """(on distributed tables, consequence) of the statement, whose difference is `kind`."""
        text = statement.bare
        found = names(text)
        on_distributed = self.reach(found, self.distributed)
        aborted = "25P02" in (plain.state, other.state) and plain.state != other.state
        consequence = kind is not None and (aborted or self.reach(found, self.suspect))
        self.follow(text, found, plain, other, kind)
        self.distributed.update(name.lower() for name in other.tables)
        return on_distributed, consequence

    def follow(self, text, found, plain, other, kind):
        changes = changed(text)
        if re.match(r"(?:begin|start\s+transaction)\b", text, re.I):
            self.in_transaction, self.written = True, set()
        if kind in ("refused", "accepted", "ended"):
            self.suspect |= changes | (self.written if self.in_transaction else set())
        elif kind in ("rows",) and changes:
            self.suspect |= changes
        elif kind is None and not plain.failed and re.match(r"drop\b", text, re.I):
            self.suspect -= changes
        elif kind is None and not plain.failed and re.match(r"create\b", text, re.I):
            self.suspect -= {clean(name) for name in MADE_FROM.findall(text)}
        self.written |= changes
        if re.match(r"(?:commit|end|rollback|abort)\b(?!\s+to\b|.*\bprepared\b)", text, re.I):
            self.in_transaction, self.written = False, set()
        for name in MADE_FROM.findall(text):
            self.parts[clean(name)] = found - {clean(name)}
        for name in REFERENCES.findall(text):  # rows that are or are not there decide about changes of the table
            self.parts.setdefault(clean(name), set()).update(changes - {clean(name)})
