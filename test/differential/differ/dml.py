# SPDX-License-Identifier: PostgreSQL
"""Random statements that change rows, alone and in transactions."""

from .expressions import Scope, Source
from .schema import ARRAY, DATE, FLOAT, INT, NUM, ROW, TEXT, WORDS
from .selects import Query, Selects
from .tree import Tree, joined, optional

CHANGED = ["orders", "items", "events", "visits", "words", "marks", "kinds", "here"]
MOVES = ("items", "visits")  # of which the distribution column may change
KEEP = {"events": ["k", "d"], "words": ["word"]}  # columns an UPDATE leaves alone, besides the keys


class Case:
    """Statements that are run in order, with the tables they change."""

    def __init__(self, steps, tables, transaction=False):
        self.steps = steps  # [(Tree, Query or None)]
        self.tables = tables
        self.transaction = transaction

    def __str__(self):
        return ";\n".join(str(tree) for tree, _ in self.steps)


class Dml(Selects):
    """Makes cases."""

    def case(self):
        self.touched = []
        if self.chance(0.2):
            return self.transaction()
        step = self.change()
        return Case([step], self.touched)

    def prepared_case(self):
        """One change, executed with other values each time."""
        self.touched = []
        tree, query = self.change()
        parameters = self.parameters
        if not parameters or str(tree).startswith("TRUNCATE"):
            self.parameters = None
            return self.case()
        steps = [(Tree(f"PREPARE p ({', '.join(kind for kind, _ in parameters)}) AS ", tree), None)]
        for turn in range(3):
            values = [text if turn == 0 else str(self.rng.randint(1, 30)) if kind == "int" else f"'{self.rng.choice(WORDS)}'"
                      for kind, text in parameters]
            steps.append((Tree(f"EXECUTE p ({', '.join(values)})"), query))
        return Case(steps, self.touched)

    def transaction(self):
        steps, depth = [(Tree("BEGIN"), None)], 0
        for _ in range(self.rng.randint(2, 5)):
            if self.chance(0.25):
                depth += 1
                steps.append((Tree(f"SAVEPOINT s{depth}"), None))
            steps.append(self.change() if self.chance(0.7) else self.look())
            if depth and self.chance(0.4):
                word = self.rng.choice(["ROLLBACK TO", "ROLLBACK TO", "RELEASE"])
                steps.append((Tree(f"{word} s{depth}"), None))
                depth -= 1 if word == "RELEASE" else 0
        steps.append((Tree(self.rng.choice(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK"])), None))
        return Case(steps, self.touched, transaction=True)

    def look(self):
        """A SELECT between the changes, on a changed table when there is one."""
        everything = self.tables
        if self.touched and self.chance(0.7):
            self.tables = [table for table in everything if table.name in self.touched]
        query = self.query(1, top=True)
        self.tables = everything
        return query.tree, query

    def target(self, names=CHANGED):
        table = self.rng.choice([table for table in self.tables if table.name in names])
        if table.name not in self.touched:
            self.touched.append(table.name)
        return table

    def change(self):
        pick = self.rng.random()
        if pick < 0.22:
            tree, columns = self.insert_values(self.target())
        elif pick < 0.42:
            tree, columns = self.insert_select(self.target())
        elif pick < 0.68:
            tree, columns = self.update(self.target())
        elif pick < 0.82:
            tree, columns = self.delete(self.target())
        elif pick < 0.89:
            tree, columns = self.merge(self.target()), None
        elif pick < 0.98:
            return self.modifying_cte()
        else:
            return Tree(f"TRUNCATE {self.target(['visits', 'words', 'here']).name}"), None
        return tree, Query(tree, columns) if columns else None

    # INSERT -------------------------------------------------------------------------------------------------------------

    def insert_columns(self, table):
        """The columns an INSERT names: those that must have a value, and some others."""
        needed = set(table.unique) | {table.key} | ({"d"} if table.name == "events" else set()) \
            | ({"k"} if table.name == "here" else set())
        return [(name, family) for name, family in table.families() if name in needed or self.chance(0.7)]

    def insert_values(self, table):
        columns = self.insert_columns(table)
        rows = []
        for _ in range(self.rng.choice([1, 1, 2, 5, 12])):
            values = []
            for name, family in columns:
                value = self.new_key(table, name) if name in table.unique else self.constant(family)
                if name not in table.unique and name not in (table.key, "d") and self.chance(0.15):
                    value = Tree(self.rng.choice(["DEFAULT", "NULL"]))
                elif family == INT and name not in table.unique and self.chance(0.1):
                    value = Tree("(SELECT max(kind) FROM kinds)")
                values.append(value)
            rows.append(Tree("(", *[part for value in values for part in (", ", value)][1:], ")"))
        tree = Tree(f"INSERT INTO {table.name}", self.target_alias(table), f" ({', '.join(name for name, _ in columns)}) VALUES ",
                    joined(", ", rows), self.on_conflict(table))
        return self.returning(tree, table)

    def target_alias(self, table):
        return " AS t"

    def new_key(self, table, name):
        """A value of a unique column: one that exists now and then."""
        if table.name == "words":
            return Tree(f"'{self.rng.choice(['owl', 'cat', 'dog', 'new' + str(self.rng.randint(1, 10**6))])}'")
        if name == "k":
            return self.constant(INT)
        return Tree(str(self.rng.choice([self.rng.randint(1, 30), self.rng.randint(100, 10**6)])))

    def on_conflict(self, table):
        if not table.unique or not self.chance(0.6):
            return ""
        where = f" ON CONFLICT ({', '.join(table.unique)}) DO "
        if self.chance(0.5):
            return Tree(self.rng.choice([where, " ON CONFLICT DO "]), "NOTHING")
        name, family = self.rng.choice(self.settable(table))
        scope = Scope([Source("t", table.families(), table), Source("excluded", table.families())])
        condition = optional(" WHERE ", self.simple_condition(scope, 1)) if self.chance(0.3) else ""
        return Tree(where, f"UPDATE SET {name} = ", self.expression(family, scope, 1), condition)

    def insert_select(self, table):
        columns = self.insert_columns(table)
        names = ", ".join(name for name, _ in columns)
        if table.unique:
            source = self.unique_source(table, columns)
        elif self.chance(0.5):
            source = self.direct_source(table, columns)
        else:
            source = self.query_source(table, columns)
        conflict = Tree(f" ON CONFLICT ({', '.join(table.unique)}) DO NOTHING") if table.unique and self.chance(0.5) else ""
        tree = Tree(f"INSERT INTO {table.name} AS t ({names}) ", source, conflict)
        return self.returning(tree, table)

    def assignable(self, table, name, family, expression):
        """The expression, made fit for the column."""
        required = name == table.key or name in table.unique or name == "d" and table.name == "events"
        if required:
            other = {INT: "3", TEXT: "'none'", DATE: "date '2020-01-09'", FLOAT: "0.25"}[family]
            expression = Tree("coalesce(", expression, f", {other})")
        if (table.name, name) == ("here", "v"):
            expression = Tree("(", expression, ") % 1000")
        if (table.name, name) == ("events", "what"):
            expression = Tree("left(", expression, ", 40)")
        return Tree(expression, f" AS {name}")

    def direct_source(self, table, columns):
        """Straight from one or two tables, the key often from a key."""
        tables, scope = self.from_clause(0, None, sources=self.rng.choice([1, 1, 2]))
        items = []
        for name, family in columns:
            keys = [source for source in scope.sources if source.table is not None and source.table.key
                    and dict(source.columns)[source.table.key] == family]
            if name == table.key and keys and self.chance(0.7):
                source = self.rng.choice(keys)
                items.append(self.assignable(table, name, family, Tree(f"{source.alias}.{source.table.key}")))
            else:
                items.append(self.assignable(table, name, family, self.expression(family, scope, 1)))
        condition = optional(" WHERE ", self.condition(scope, 1)) if self.chance(0.6) else ""
        order = ", ".join(str(number) for number in range(1, len(items) + 1))
        limit = f" ORDER BY {order} LIMIT 150" if len(scope.sources) > 1 else ""
        return Tree("SELECT ", *[part for item in items for part in (", ", item)][1:], " FROM ", tables, condition, limit)

    def query_source(self, table, columns):
        """From any query at all."""
        query = self.query(1, [family for _, family in columns])
        items = [self.assignable(table, name, family, Tree(f"q.{made}"))
                 for (name, family), (made, _) in zip(columns, query.columns)]
        order = ", ".join(str(number) for number in range(1, len(items) + 1))
        return Tree("SELECT ", *[part for item in items for part in (", ", item)][1:], " FROM (", query.tree,
                    f") q ORDER BY {order} LIMIT 60")

    def unique_source(self, table, columns):
        """From the table itself, with new keys."""
        shift = self.rng.randint(100, 10**6)
        scope = Scope([Source("o", table.families(), table)])
        items = []
        for name, family in columns:
            if name in table.unique and name != "k":
                new = f"o.{name} || '{shift}'" if family == TEXT else f"o.{name} + {shift}"
                items.append(Tree(f"{new} AS {name}"))
            elif name in table.unique:
                items.append(Tree(self.rng.choice([f"o.{name}", f"o.{name} + 1"])))
            else:
                items.append(self.assignable(table, name, family, self.expression(family, scope, 1)))
        condition = optional(" WHERE ", self.condition(scope, 1)) if self.chance(0.8) else ""
        return Tree("SELECT ", *[part for item in items for part in (", ", item)][1:], f" FROM {table.name} o", condition)

    # UPDATE and DELETE --------------------------------------------------------------------------------------------------

    def settable(self, table):
        return [(name, family) for name, family in table.families()
                if name not in table.unique and name != table.key and name not in KEEP.get(table.name, ())]

    def update(self, table):
        scope = Scope([Source("t", table.families(), table)])
        extra, conditions = self.joined_source(table, scope, " FROM ")
        chosen = self.rng.sample(self.settable(table), self.rng.choice([1, 1, 2, 2]))
        moves = table.name in MOVES and self.chance(0.3)  # rows go to other shards
        if moves:
            chosen.append((table.key, INT))
        together = self.together(table, scope, chosen) if len(chosen) > 1 and not moves and self.chance(0.5) else None
        sets = [together] if together else [self.assignment(table, name, family, scope) for name, family in chosen]
        conditions += self.narrowing(table, scope)
        where = optional(" WHERE ", joined(" AND ", conditions)) if conditions else ""
        tree = Tree(f"UPDATE {table.name} t SET ", joined(", ", sets), extra, where)
        return self.returning(tree, table) if moves else self.returning(tree, table, scope)

    def assignment(self, table, name, family, scope, depth=2):
        if family == ARRAY and self.chance(0.6):
            parts = [Tree(f"{name}[{number}] = ", self.expression(INT, scope, min(depth, 1))) for number in self.rng.sample([1, 2, 4], 2)]
            return joined(", ", parts)
        return Tree(f"{name} = ", self.fitting(table, name, family, self.expression(family, scope, depth)))

    def together(self, table, scope, chosen):
        """All columns from one subquery."""
        if any(family not in (INT, TEXT, NUM, DATE) for _, family in chosen):
            return None
        tables, inner = self.from_clause(0, None, sources=1)
        pair = self.equal_columns(scope.sources, inner.sources) if self.chance(0.7) else None
        values = [self.fitting(table, name, family, self.aggregate(family, inner)) for name, family in chosen]
        names = ", ".join(name for name, _ in chosen)
        return Tree(f"({names}) = (SELECT ", *[part for value in values for part in (", ", value)][1:], " FROM ", tables,
                    optional(f" WHERE {pair[0]} = {pair[1]}") if pair else "", ")")

    def fitting(self, table, name, family, expression):
        if name == table.key:
            return Tree("coalesce(", expression, ", 7) % 1000")
        if (table.name, name) == ("here", "v"):
            return Tree("(", expression, ") % 1000")
        if (table.name, name) == ("events", "what"):
            return Tree("left(", expression, ", 40)")
        if family == NUM:
            return Tree("(", expression, ") % 100000")
        return expression

    def delete(self, table):
        scope = Scope([Source("t", table.families(), table)])
        extra, conditions = self.joined_source(table, scope, " USING ")
        conditions += self.narrowing(table, scope)
        if len(conditions) < 2:
            conditions.append(self.condition(scope, 1))
        tree = Tree(f"DELETE FROM {table.name} t", extra, " WHERE ", joined(" AND ", conditions))
        return self.returning(tree, table, scope)

    # MERGE --------------------------------------------------------------------------------------------------------------

    def merge(self, table):
        """By the key, or some other column, of which the source has each value once."""
        if self.chance(0.4):
            return self.merge_by_column(table)
        key = table.key or (table.unique + ["k"])[0]
        family = dict(table.families())[key]
        source, scope = self.keyed_source(family)
        scope.sources.insert(0, Source("t", table.families(), table))
        also = optional(" AND ", self.simple_condition(scope, 1)) if self.chance(0.25) else ""
        cases = [self.when_matched(table, scope) for _ in range(self.rng.choice([0, 1, 1, 2]))]
        if not cases or self.chance(0.6):
            cases.append(self.when_not_matched(table, key, Scope(scope.sources[1:])))
        return Tree(f"MERGE INTO {table.name} t USING ", source, f" ON t.{key} = g.key", also, *cases)

    def merge_by_column(self, table):
        """Rows of any shard may match; a row that matches nothing is inserted with a key of its own."""
        name, family = self.rng.choice([column for column in table.families() if column[1] in (INT, TEXT)])
        source, scope = self.keyed_source(family)
        scope.sources.insert(0, Source("t", table.families(), table))
        also = optional(" AND ", self.condition(scope, 1)) if self.chance(0.3) else ""
        cases = [self.when_matched(table, scope, anything=True) for _ in range(self.rng.choice([0, 1, 1, 2]))]
        if not cases or self.chance(0.5):
            key = table.key or (table.unique + ["k"])[0]
            cases.append(self.when_not_matched(table, key, Scope(scope.sources[1:]), other_key=True))
        return Tree(f"MERGE INTO {table.name} t USING ", source, f" ON t.{name} = g.key", also, *cases)

    def keyed_source(self, family):
        tables, inner = self.from_clause(0, None, sources=1)
        value = self.column(family, inner) or self.constant(family)
        kind, other = {INT: ("int", "7"), TEXT: ("text", "'none'"), FLOAT: ("float8", "0.25")}[family]
        families = [self.rng.choice([INT, TEXT, DATE]) for _ in range(2)]
        source = Tree("(SELECT coalesce(", value, f"::{kind}, {other}) AS key, ", self.aggregate(families[0], inner), " AS a, ",
                      self.aggregate(families[1], inner), " AS b FROM ", tables, " GROUP BY 1) g")
        return source, Scope([Source("g", [("key", family), ("a", families[0]), ("b", families[1])])])

    def when(self, scope, matched):
        condition = optional(" AND ", self.simple_condition(scope, 1)) if self.chance(0.5) else ""
        return Tree(f" WHEN {'' if matched else 'NOT '}MATCHED", condition, " THEN ")

    def when_matched(self, table, scope, anything=False):
        deed = self.rng.choice(["UPDATE", "UPDATE", "UPDATE", "DELETE", "DO NOTHING"])
        if deed != "UPDATE":
            return Tree(self.when(scope, True), deed)
        chosen = self.rng.sample(self.settable(table), self.rng.choice([1, 2]))
        inner, depth = (scope, 2) if anything else self.rng.choice([(scope, 1), (Scope(scope.sources[1:]), 1)])
        sets = [self.assignment(table, name, family, inner, depth) for name, family in chosen]
        return Tree(self.when(scope, True), "UPDATE SET ", joined(", ", sets))

    def when_not_matched(self, table, key, scope, other_key=False):
        family = dict(table.families())[key]
        value = Tree("g.key")
        if other_key:
            if key in table.unique:
                value = self.new_key(table, key)
            elif family == INT:
                value = self.fitting(table, table.key or "", family, self.expression(family, scope, 1))
            else:
                value = self.constant(family)
        columns = [column for column in self.insert_columns(table) if column[0] != key]
        values = []
        for name, family in columns:
            if name in table.unique or name == "d" and table.name == "events":
                values.append(self.new_key(table, name) if name in table.unique else self.constant(family))
            else:
                values.append(self.fitting(table, name, family, self.expression(family, scope, 1)))
        return Tree(self.when(scope, False), f"INSERT ({', '.join([key] + [name for name, _ in columns])}) VALUES (", value,
                    *[part for value in values for part in (", ", value)], ")")

    def narrowing(self, table, scope):
        conditions = []
        if table.key and self.chance(0.35):
            conditions.append(Tree(f"t.{table.key} = ", self.constant(dict(table.families())[table.key]), simpler=["true"]))
        if self.chance(0.75):
            conditions.append(self.condition(scope, 2))
        return conditions

    def joined_source(self, table, scope, word):
        """A second relation in which each row of the target finds one partner at most."""
        if not self.chance(0.35):
            return "", []
        names = table.names()
        if "kind" in names and table.name != "kinds" and self.chance(0.4):
            kinds = next(other for other in self.tables if other.name == "kinds")
            scope.sources.append(Source("r", kinds.families(), kinds))
            return Tree(word, "kinds r"), [Tree("t.kind = r.kind")]
        tables, inner = self.from_clause(0, None, sources=1)
        pair = self.equal_columns(scope.sources, inner.sources)
        if pair is None:
            return "", []
        mine, theirs = pair
        family = self.rng.choice([INT, TEXT, DATE])
        aggregate = self.aggregate(family, inner)
        scope.sources.append(Source("g", [("a", family)]))
        return (Tree(word, f"(SELECT {theirs} AS key, ", aggregate, " AS a FROM ", tables, f" GROUP BY {theirs}) g"),
                [Tree(f"{mine} = g.key")])

    def returning(self, tree, table, scope=None):
        """Adds RETURNING to some; gives the columns it returns."""
        if not self.chance(0.35):
            return tree, None
        scope = scope or Scope([Source("t", table.families(), table)])
        if self.chance(0.3):
            return Tree(tree, " RETURNING t.*"), table.families()
        families = [self.rng.choice([INT, INT, TEXT, TEXT, NUM, DATE, ROW]) for _ in range(self.rng.randint(1, 3))]
        # A subquery that makes a row is refused.
        items = [(self.uncorrelated(family) if family != ROW and self.chance(0.15) else self.expression(family, scope, self.rng.choice([1, 1, 2])),
                  family)
                 for family in families]
        head, columns = self.select_list(items)
        return Tree(tree, " RETURNING ", head), columns

    def uncorrelated(self, family):
        tables, inner = self.from_clause(0, None, sources=1)
        return Tree("(SELECT ", self.aggregate(family, inner), " FROM ", tables, ")", simpler=["NULL"])

    # Data-modifying CTEs ------------------------------------------------------------------------------------------------

    def modifying_cte(self):
        table = self.target()
        make = self.rng.choice([self.update, self.delete, self.insert_values])
        tree, _ = make(table)
        text = str(tree)
        if " RETURNING " in text:
            text = text[:text.rindex(" RETURNING ")]
        inner = Source("w", table.families())
        prefix = Tree("WITH w AS (", text, " RETURNING t.*) ")
        if self.chance(0.5):
            self.ctes.append(inner)
            query = self.query(0, top=True)
            self.ctes.pop()
            return Tree(prefix, query.tree), Query(Tree(prefix, query.tree), query.columns, query.order)
        others = [name for name in ("items", "visits", "events", "here") if name != table.name]
        target = self.target(others)
        columns = self.insert_columns(target)
        scope = Scope([Source("w", table.families())])
        items = [self.assignable(target, name, family, self.expression(family, scope, 0)) for name, family in columns]
        insert = Tree(f"INSERT INTO {target.name} ({', '.join(name for name, _ in columns)}) SELECT ",
                      *[part for item in items for part in (", ", item)][1:], " FROM w")
        return Tree(prefix, insert), None
