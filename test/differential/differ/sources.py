# SPDX-License-Identifier: PostgreSQL
"""Random FROM clauses: tables, views, subqueries, CTEs, functions, and all kinds of joins between them."""

from .expressions import Scope, Source
from .schema import DATE, INT, TEXT
from .tree import Tree, optional

JOINABLE = (INT, TEXT, DATE)


class Sources:
    """Mixin of the generator."""

    def from_clause(self, depth, outer, sources=None):
        """The text of a FROM clause and the scope it makes."""
        count = sources or self.rng.choice([1, 1, 1, 2, 2, 2, 2, 3, 3])
        scope = Scope(outer=outer)
        text, first = self.source(depth, None)
        scope.sources.append(first)
        parts = [text]
        for _ in range(count - 1):
            parts.append(self.join(scope, depth))
        return Tree(*parts), scope

    def source(self, depth, outer):
        """One relation with its alias; `outer` is given for LATERAL only."""
        if self.ctes and self.chance(0.45):
            cte = self.rng.choice(self.ctes)
            alias = self.alias()
            return Tree(f"{cte.alias} {alias}"), Source(alias, cte.columns)
        pick = self.rng.random()
        if depth > 0 and pick < 0.16:
            alias = self.alias("s")
            inner = self.query(depth - 1)
            return Tree("(", inner.tree, f") {alias}"), Source(alias, inner.columns)
        if pick < 0.2:
            return self.values()
        table = self.rng.choice(self.tables)
        alias = self.alias()
        return Tree(f"{table.name} {alias}"), Source(alias, table.families(), table)

    def values(self):
        alias = self.alias()
        if self.chance(0.5):
            return Tree(f"generate_series(1, {self.rng.randint(3, 12)}) {alias}(n)"), Source(alias, [("n", INT)])
        rows = ", ".join(f"({self.rng.randint(1, 30)}, '{self.rng.choice(['ape', 'bee', 'cat', 'dog', 'eel'])}')"
                         for _ in range(self.rng.randint(2, 5)))
        return Tree(f"(VALUES {rows}) {alias}(n, w)"), Source(alias, [("n", INT), ("w", TEXT)])

    def join(self, scope, depth):
        """Adds one more source to the scope; gives the text of the join."""
        pick = self.rng.random()
        if pick < 0.07 and depth > 0:
            return self.lateral(scope, depth)
        if pick < 0.1:
            made = self.unnest(scope)
            if made is not None:
                return made
        text, source = self.source(depth, None)
        before = list(scope.sources)
        scope.sources.append(source)
        pair = self.equal_columns(before, [source])
        if pair is None or (source.small and self.chance(0.07)):
            return optional(" CROSS JOIN ", text)
        kind = self.rng.choice(["JOIN"] * 9 + ["LEFT JOIN"] * 5 + ["RIGHT JOIN"] * 2 + ["FULL JOIN"] * 2)
        equality = Tree(pair[0], " = ", pair[1])
        if kind == "FULL JOIN":  # PostgreSQL wants equalities alone
            return optional(f" {kind} ", text, " ON ", equality)
        parts = [equality]
        if self.chance(0.12):
            more = self.equal_columns(before, [source])
            parts.append(optional(" AND ", more[0], " = ", more[1]))
        if self.chance(0.22):
            inner = Scope([source] if self.chance(0.6) else before + [source])
            parts.append(optional(" AND ", self.simple_condition(inner, 1)))
        return optional(f" {kind} ", text, " ON ", *parts)

    def lateral(self, scope, depth):
        inner = self.query(depth - 1, None, Scope(scope.sources), correlated=True)
        alias = self.alias("l")
        made = optional(self.rng.choice([" LEFT JOIN", " JOIN"]), " LATERAL (", inner.tree, f") {alias} ON true")
        scope.sources.append(Source(alias, inner.columns))
        return made

    def unnest(self, scope):
        arrays = scope.columns("array")
        if not arrays:
            return None
        source, name, _ = self.rng.choice(arrays)
        alias = self.alias("u")
        scope.sources.append(Source(alias, [("element", INT)]))
        return optional(f" CROSS JOIN unnest({source.alias}.{name}) {alias}(element)")

    def equal_columns(self, left, right):
        """A column of each side that make a sensible equality, as text; None when there is none."""
        choices, weights = [], []
        for one in left:
            for other in right:
                for name, family in one.columns:
                    for twin, other_family in other.columns:
                        if family != other_family or family not in JOINABLE:
                            continue
                        keys = one.table and other.table and name == one.table.key and twin == other.table.key
                        small = one.small or other.small
                        weight = 30 if keys else 12 if name == twin and (name != "kind" or small) else 1
                        choices.append((f"{one.alias}.{name}", f"{other.alias}.{twin}"))
                        weights.append(weight)
        return self.rng.choices(choices, weights)[0] if choices else None
