# SPDX-License-Identifier: PostgreSQL
"""Random FROM clauses: tables, views, subqueries, CTEs, functions, and all kinds of joins between them."""

from .expressions import Scope, Source
from .schema import CI, DATE, FLOAT, INT, TEXT
from .tree import Tree, optional

JOINABLE = (INT, TEXT, DATE, FLOAT, CI)
CASTS = {INT: ["::bigint", "::numeric", "::float8", "::text::int"], TEXT: ["::varchar", " COLLATE blind"],
         CI: ["::varchar", ' COLLATE "C"'], FLOAT: ["::numeric"], DATE: ["::timestamp"]}


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
        if pick < 0.05:
            return self.lateral_total(scope)
        if pick < 0.11 and depth > 0:
            return self.lateral(scope, depth)
        if pick < 0.18:
            return self.nested(scope)
        if pick < 0.21:
            made = self.unnest(scope)
            if made is not None:
                return made
        text, source = self.source(depth, None)
        before = list(scope.sources)
        scope.sources.append(source)
        pair = self.equal_columns(before, [source])
        if pair is None or (source.small and self.chance(0.07)):
            return optional(" CROSS JOIN ", text)
        return self.joined(text, before, [source], pair, scope.outer)

    def joined(self, text, before, added, pair, outer=None):
        """JOIN text ON a condition around the pair of equal columns."""
        kind = self.rng.choice(["JOIN"] * 9 + ["LEFT JOIN"] * 5 + ["RIGHT JOIN"] * 2 + ["FULL JOIN"] * 2)
        equality = Tree(pair[0], " = ", pair[1])
        if kind == "FULL JOIN":  # PostgreSQL wants equalities alone
            return optional(f" {kind} ", text, " ON ", equality)
        parts = [equality]
        if self.chance(0.12):
            more = self.equal_columns(before, added)
            parts.append(optional(" AND ", more[0], " = ", more[1]))
        if self.chance(0.12):
            parts.append(self.key_condition(self.rng.choice([before, added]), outer))
        if self.chance(0.22):
            inner = Scope(added if self.chance(0.6) else before + added)
            parts.append(optional(" AND ", self.condition(inner, 1) if self.chance(0.2) else self.simple_condition(inner, 1)))
        return optional(f" {kind} ", text, " ON ", *parts)

    def key_condition(self, sources, outer):
        """AND key = constant, or a column of a query around: where a key is fixed for some of the rows only."""
        keyed = [source for source in sources if source.table is not None and source.table.key]
        if not keyed:
            return ""
        source = self.rng.choice(keyed)
        family = dict(source.columns)[source.table.key]
        around = outer.columns(family) if outer is not None and self.chance(0.5) else []
        value = "{0.alias}.{1}".format(*self.rng.choice(around)) if around else self.constant(family)
        return optional(f" AND {source.alias}.{source.table.key} = ", value)

    def nested(self, scope):
        """JOIN (a JOIN b ON ...) ON ...: the other association."""
        text, source = self.source(0, None)
        inner = Scope([source], scope.outer)
        group = Tree("(", text, self.join(inner, 0), ")", simpler=[text])
        before = list(scope.sources)
        pair = self.equal_columns(before, inner.sources)
        scope.sources += inner.sources
        return optional(" CROSS JOIN ", group) if pair is None else self.joined(group, before, inner.sources, pair, scope.outer)

    def lateral_total(self, scope):
        """An aggregate without GROUP BY, over the rows that belong to one of the sources so far: always one row."""
        outer = Scope(scope.sources)
        tables, inner = self.from_clause(0, outer, sources=self.rng.choice([1, 1, 2]))
        pair = self.equal_columns(scope.sources, inner.sources)
        where = Tree(" WHERE ", pair[0], " = ", pair[1], simpler=[""]) if pair else ""
        family = self.rng.choice([INT, INT, TEXT, DATE])
        alias = self.alias("l")
        made = Tree("LATERAL (SELECT ", self.aggregate(family, inner), " AS a, count(*) AS n FROM ", tables, where, f") {alias}")
        scope.sources.append(Source(alias, [("a", family), ("n", INT)]))
        return optional(" CROSS JOIN ", made) if self.chance(0.6) else optional(" LEFT JOIN ", made, " ON true")

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
        if not choices:
            return None
        mine, theirs = self.rng.choices(choices, weights)[0]
        return (mine, theirs) if not self.chance(0.06) else self.otherwise_equal(mine, theirs, left + right)

    def otherwise_equal(self, mine, theirs, sources):
        """The same pair in another sense of equality."""
        families = {f"{source.alias}.{name}": family for source in sources for name, family in source.columns}
        cast = self.rng.choice(CASTS[families[mine]])
        return (mine + cast, theirs) if "COLLATE" in cast or self.chance(0.5) else (mine, theirs + cast)
