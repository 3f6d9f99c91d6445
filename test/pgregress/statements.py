# SPDX-License-Identifier: PostgreSQL
"""A regression script cut into its statements, as psql would cut it: quotes, comments, parentheses, bodies of SQL functions,
backslash commands, and the data that follows COPY."""

import re

TOKEN = re.compile(r"""
    (?P<comment>--[^\n]*)
  | (?P<block>/\*)
  | (?P<extended>[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<string>')
  | (?P<name>"(?:[^"]|"")*")
  | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][\w]*)?\$)
  | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$]*)
  | (?P<number>\d[\w.]*|\$\d+)
  | (?P<joined>\\;)
  | (?P<meta>\\[^\n]*)
  | (?P<blank>\s+)
  | (?P<other>.)
""", re.X | re.S)
PLAIN_STRING = re.compile(r"'(?:[^']|'')*'")
ESCAPED_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.S)
SENDS = re.compile(r"\\(?:g|gx|gset|gexec|gdesc|crosstabview|watch|r|reset)\b")
SHOWS = re.compile(r"\\(?:d|l|s[fv]|z|copy|lo_|g|crosstabview)")
STRINGS = re.compile(r"\bset\s+(?:local\s+|session\s+)?standard_conforming_strings\s*(?:to|=)\s*'?(\w+)", re.I)
COPY_IN = re.compile(r"\bcopy\b[^;]*?\bfrom\s+std(?:in|out)\b", re.I)


class Statement:
    """What psql sends at once, or a backslash command.  `data`: the lines that COPY FROM STDIN gets, None for other
    statements."""

    def __init__(self, script, line, text):
        self.script, self.line, self.text = script, line, text
        self.data, self.raw_data = None, ""
        self.bare = without_comments(text).strip()
        self.counts = not self.bare.startswith("\\") or bool(SHOWS.match(self.bare))

    @property
    def place(self):
        return f"{self.script}:{self.line}"


def without_comments(text):
    """For looking at a statement, not for running it."""
    return re.sub(r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/", lambda found: found.group(1) or " ", text, flags=re.S)


class Splitter:
    def __init__(self, script, text):
        self.script, self.text = script, text
        self.position, self.start = 0, 0
        self.conforming = True
        self.begin_statement()

    def begin_statement(self):
        self.start = self.position
        self.depth, self.bodies = 0, 0
        self.words, self.empty = [], True

    def statements(self):
        while self.position < len(self.text):
            ended = self.step()
            if ended:
                yield self.statement()
        if not self.empty:
            yield self.statement()

    def step(self):
        """One token; true when a statement ends with it."""
        token = TOKEN.match(self.text, self.position)
        kind, value = token.lastgroup, token.group()
        self.position = token.end()
        if kind in ("comment", "blank"):
            return False
        if kind == "block":
            self.skip_block()
            return False
        if kind == "meta":
            return self.meta(value)
        if kind == "string":
            pattern = PLAIN_STRING if self.conforming else ESCAPED_STRING
            whole = pattern.match(self.text, token.start())
            self.position = whole.end() if whole else len(self.text)
        elif kind == "dollar":
            end = self.text.find(value, self.position)
            self.position = len(self.text) if end < 0 else end + len(value)
        elif kind == "word":
            self.word(value.lower())
        elif value in "()":
            self.depth = max(0, self.depth + (1 if value == "(" else -1))
        elif value == ";" and self.depth == 0 and self.bodies == 0:
            return not self.empty
        self.empty = False
        return False

    def skip_block(self):
        depth = 1
        for found in re.compile(r"/\*|\*/").finditer(self.text, self.position):
            depth += 1 if found.group() == "/*" else -1
            if depth == 0:
                self.position = found.end()
                return
        self.position = len(self.text)

    def word(self, word):
        """Bodies of SQL functions hold semicolons, between BEGIN ATOMIC and END."""
        if len(self.words) < 4:
            self.words.append(word)
        creates = self.words[0] == "create" and any(one in ("function", "procedure") for one in self.words[1:4])
        if creates and self.depth == 0:
            if word == "begin" or (word == "case" and self.bodies):
                self.bodies += 1
            elif word == "end" and self.bodies:
                self.bodies -= 1

    def meta(self, value):
        """A backslash command goes to the end of its line.  Some send what stands before, others leave it."""
        if self.empty:
            return True
        return bool(SENDS.search(value))

    def statement(self):
        text = self.text[self.start:self.position]
        lead = re.match(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*", text, re.S).end()
        line = self.text.count("\n", 0, self.start + lead) + 1
        statement = Statement(self.script, line, text[lead:].strip())
        found = STRINGS.search(statement.bare)
        if found:
            self.conforming = found.group(1).lower() not in ("off", "false", "0", "no")
        self.take_data(statement)
        self.begin_statement()
        return statement

    def take_data(self, statement):
        """The lines that COPY FROM STDIN reads, up to a line with a backslash and a dot."""
        copies = COPY_IN.findall(statement.bare.replace("\\;", ";"))
        at = self.text.find("\n", self.position) + 1
        for _ in copies:
            end = re.compile(r"^\\\.\n", re.M).search(self.text, at)
            following = re.compile(r"^copy\b[^;]*\bfrom\s+std(?:in|out)\b", re.M | re.I).search(self.text, at)
            joined = "\\;" in statement.text
            if at == 0 or not end or (following and following.start() < end.start()):  # a statement that is an error
                statement.data = None if joined else ""
                return
            if joined:
                statement.raw_data += self.text[at:end.end()]
            else:
                statement.data = self.text[at:end.start()]
            at = self.position = end.end()


def split(script, text):
    return list(Splitter(script, text).statements())


INHERITS = re.compile(r"\binherits\s*\(([^)]*)\)|\b(?:no\s+)?inherit\s+(?!not\b)([\w.]+)|\battach\s+partition\s+([\w.]+)", re.I)
CHILD = re.compile(r"\balter\s+table\s+(?:only\s+|if\s+exists\s+)*([\w.]+)\s+inherit\s+\w", re.I)


def relatives(statements):
    """Names of tables that these statements will make parents by inheritance, or children or partitions later on."""
    found = set()
    for statement in statements:
        for groups in INHERITS.findall(statement.bare):
            found |= {name.split(".")[-1].strip(' "\n\t').lower() for group in groups for name in group.split(",")}
        found |= {name.split(".")[-1].lower() for name in CHILD.findall(statement.bare)}
    return {name for name in found if re.fullmatch(r"\w+", name)}


def schedule(path):
    """The scripts of a schedule, in its order."""
    names = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("test:"):
                names += line.split()[1:]
    return names
