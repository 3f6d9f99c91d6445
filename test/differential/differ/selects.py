# SPDX-License-Identifier: PostgreSQL
"""Random SELECTs."""

from .aggregates import Aggregates
from .expressions import SIMPLE, Expressions, Scope, Source
from .schema import ARRAY, BOOL, CI, DATE, ENUM, FLOAT, INT, NUM, ROW, TEXT
from .sources import Sources
from .tree import Tree, joined, optional

COMMON = [INT, INT, INT, TEXT, NUM, DATE, FLOAT, BOOL, ARRAY, ENUM, ROW]


class Query:
    """A SELECT with its output columns; `order` is the ORDER BY that makes its order total, if it has one."""

    def __init__(self, tree, columns, order=None, distinct_on=False):
        self.tree = tree
        self.columns = columns
        self.order = order
        self.distinct_on = distinct_on

    def ordered(self):
        """Still, after parts may have been taken out.  PostgreSQL sorts by no column that WHERE fixes, though grouping sets
        make it null."""
        fixed_or_null = any(word in str(self.tree) for word in ("ROLLUP", "CUBE", "GROUPING SETS"))
        return self.order is not None and str(self.order) != "" and not fixed_or_null


class Selects(Expressions, Aggregates, Sources):
    """Makes queries; one object for a whole run, `begin` for each statement."""

    def __init__(self, rng):
        self.rng = rng
        self.begin([])

    def begin(self, tables, prepared=False, functions=True):
        self.tables = tables
        self.functions = functions
        self.parameters = [] if prepared else None
        self.ctes = []
        self.aliases = 0
        self.sublinks_left = 3

    def alias(self, letter="t"):
        self.aliases += 1
        return f"{letter}{self.aliases}"

    # Whole queries ------------------------------------------------------------------------------------------------------

    def statement(self):
        """A SELECT for the top level."""
        if self.chance(0.03):
            return self.recursive()
        if self.chance(0.02):
            return self.locking()
        if self.chance(0.25):
            return self.with_query(depth=2)
        return self.query(depth=2, top=True)

    def query(self, depth, want=None, outer=None, top=False, correlated=False):
        pick = self.rng.random()
        if depth > 0 and pick < 0.12 and not correlated:
            return self.ending(self.set_operation(depth, want, outer), top)
        if depth > 1 and pick < 0.16 and not top and outer is None:
            return self.with_query(depth - 1, want)
        return self.ending(self.core(depth, want, outer, correlated), top)

    def ending(self, query, top):
        """ORDER BY all columns, so that the order is total and LIMIT takes the same rows everywhere."""
        if not query.distinct_on and not self.chance(0.5 if top else 0.2):
            return query
        numbers = list(range(1, len(query.columns) + 1))
        if not query.distinct_on:
            self.rng.shuffle(numbers)
        keys = [f"{number}{self.rng.choice(['', '', ' DESC', ' DESC NULLS LAST', ' NULLS FIRST'])}" for number in numbers]
        limit = ""
        if self.chance(0.45 if top else 0.9):
            count = self.rng.randint(1, 25) if self.chance(0.9) else "(SELECT count(*) FROM kinds)"
            limit = optional(f" LIMIT {count}", optional(f" OFFSET {self.rng.randint(1, 10)}")
                             if self.chance(0.35) else "")
        elif self.chance(0.1):
            limit = optional(f" OFFSET {self.rng.randint(1, 10)}")
        order = Tree(" ORDER BY ", ", ".join(keys), limit, simpler=[] if query.distinct_on else [""])
        return Query(Tree(query.tree, order), query.columns, order, query.distinct_on)

    def with_query(self, depth, want=None):
        parts, before = [], len(self.ctes)
        for number in range(self.rng.choice([1, 1, 2])):
            name = self.alias("cte")
            query = self.query(depth - 1)
            hint = self.rng.choice(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])
            parts.append(Tree(", " if number else "", f"{name} AS ", optional(hint), "(", query.tree, ")"))
            self.ctes.append(Source(name, query.columns))
        main = self.query(depth, want, top=True)
        del self.ctes[before:]
        return Query(Tree("WITH ", *parts, " ", main.tree, simpler=[main.tree]), main.columns, main.order)

    def recursive(self):
        """Recursion over a reference or a distributed table, joined with something else."""
        text, columns = self.rng.choice([
            ("SELECT kind, 0 FROM kinds WHERE parent IS NULL UNION ALL "
             "SELECT c.kind, r.b + 1 FROM kinds c JOIN r ON c.parent = r.a WHERE r.b < 5", [("a", INT), ("b", INT)]),
            ("SELECT k, id FROM orders WHERE v > 30 UNION SELECT o.k, o.id FROM orders o JOIN r ON o.k = r.b",
             [("a", INT), ("b", INT)]),
        ])
        self.ctes.append(Source("r", columns))
        main = self.query(1, top=True)
        self.ctes.pop()
        tree = Tree(f"WITH RECURSIVE r(a, b) AS ({text}) ", main.tree, simpler=[main.tree])
        return Query(tree, main.columns, main.order)

    def locking(self):
        table = self.rng.choice([table for table in self.tables if table.kind != "view"])
        scope = Scope([Source("t", table.families(), table)])
        tree = Tree(f"SELECT * FROM {table.name} t WHERE ", self.condition(scope, 1),
                    self.rng.choice([" FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE OF t"]))
        return Query(tree, table.families())

    def set_operation(self, depth, want, outer):
        families = want or [self.rng.choice(COMMON) for _ in range(self.rng.randint(1, 3))]
        operator = self.rng.choice(["UNION ALL", "UNION ALL", "UNION", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL",
                                    "EXCEPT ALL"])
        left = self.query(depth - 1, families, outer)
        right = self.query(depth - 1, families, outer)
        tree = Tree("(", left.tree, f") {operator} (", right.tree, ")",
                    simpler=[left.tree, right.tree])
        return Query(tree, left.columns)

    # One SELECT ---------------------------------------------------------------------------------------------------------

    def core(self, depth, want, outer, correlated):
        tables, scope = self.from_clause(depth, outer)
        conditions = self.where(scope, depth, correlated)
        pick = self.rng.random()
        if pick < 0.4:
            made = self.aggregation(scope, want)
        elif pick < 0.52 and want is None:
            made = self.windows(scope)
        else:
            made = self.projection(scope, want, depth)
        head, tail, columns, distinct_on = made
        where = optional(" WHERE ", Tree(*conditions)) if conditions else ""
        return Query(Tree("SELECT ", head, " FROM ", tables, where, tail), columns, distinct_on=distinct_on)

    def where(self, scope, depth, correlated):
        conditions = []
        if correlated and scope.outer is not None:
            pair = self.equal_columns(scope.outer.sources, scope.sources)
            if pair:
                conditions.append(Tree(pair[0], " = ", pair[1], simpler=["true"]))
        if self.chance(0.14):  # restricted to one shard group
            keyed = [source for source in scope.sources if source.table is not None and source.table.key]
            if keyed:
                source = self.rng.choice(keyed)
                family = dict(source.columns)[source.table.key]
                conditions.append(Tree(f"{source.alias}.{source.table.key} = ", self.constant(family), simpler=["true"]))
        if self.chance(0.55):
            conditions.append(self.condition(scope, min(depth, 2)))
        return [joined(" AND ", conditions)] if conditions else []

    def projection(self, scope, want, depth):
        if want is None and self.chance(0.06):
            source = self.rng.choice(scope.sources)
            if source.columns and CI not in dict(source.columns).values():
                return f"{source.alias}.*", "", list(source.columns), False
        families = want or [self.rng.choice(COMMON) for _ in range(self.rng.randint(1, 4))]
        items = [self.expression(family, scope, min(depth, 2)) for family in families]
        pick, distinct, distinct_on = self.rng.random(), "", False
        if pick < 0.1:
            distinct = optional("DISTINCT ")
        elif pick < 0.15:  # which row stays is decided by all columns, see ending
            column = self.column(families[0], Scope(scope.sources))
            if column is not None:
                column = self.alike(column, families[0])
                items[0], distinct_on = column, True
                distinct = Tree("DISTINCT ON (", column, ") ", simpler=[""])
        head, columns = self.select_list(list(zip(items, families)))
        return Tree(distinct, head), "", columns, distinct_on

    def select_list(self, items):
        parts, columns = [], []
        for number, (item, family) in enumerate(items, 1):
            name = f"c{number}"
            separated = Tree(", " if number > 1 else "", self.alike(item, family), f" AS {name}")
            parts.append(Tree(separated, simpler=[""] if number > 1 else []))
            columns.append((name, family))
        return Tree(*parts), columns

    @staticmethod
    def alike(item, family):
        """Equal values of type char look different when only some are padded: the text of all has no blanks at its end."""
        return Tree("(", item, ")::text") if family == TEXT and ".code" in str(item) else item

    def windows(self, scope):
        items = []
        for _ in range(self.rng.randint(0, 2)):
            family = self.rng.choice([INT, TEXT, DATE])
            items.append((self.expression(family, scope, 1), family))
        for _ in range(self.rng.randint(1, 2)):
            items.append(self.window_function(scope))
        head, columns = self.select_list(items)
        return head, "", columns, False

    def aggregation(self, scope, want):
        groups = self.group_expressions(scope, want)
        families = want or [self.rng.choice(COMMON) for _ in range(self.rng.randint(1, 3))]
        items = [] if want else [group for group in groups if self.chance(0.85)]
        for family in families:
            usable = [group for group in groups if group[1] == family]
            if want and usable and self.chance(0.5):
                items.append(self.rng.choice(usable))
            else:
                items.append((self.aggregate(family, scope), family))
        by, sets = "", False
        if groups:
            by, sets = self.group_by([expression for expression, _ in groups])
        if sets and want is None and self.chance(0.6):
            items.append((Tree("grouping(", groups[0][0], ")"), INT))
        if groups and want is None and self.chance(0.06):
            items.append((Tree("sum(count(*)) OVER ()"), INT))
        having = ""
        if self.chance(0.25):
            family = self.rng.choice([INT, INT, NUM, TEXT])
            operator = self.rng.choice([">", "<", ">=", "<>"])
            value = self.scalar_sublink(family, Scope(outer=scope.outer), 0) if self.chance(0.15) else None
            having = optional(" HAVING ", self.aggregate(family, scope), f" {operator} ", value or self.constant(family))
        head, columns = self.select_list(items)
        distinct = optional("DISTINCT ") if self.chance(0.05) else ""
        return Tree(distinct, head), Tree(by, having), columns, False

    def group_expressions(self, scope, want):
        groups = []
        local = Scope(scope.sources)
        for _ in range(self.rng.choice([0, 1, 1, 1, 2, 2, 3])):
            keys = [source for source in scope.sources if source.table is not None and source.table.key]
            if keys and self.chance(0.4):
                source = self.rng.choice(keys)
                family = dict(source.columns)[source.table.key]
                if family == CI:
                    continue
                groups.append((Tree(f"{source.alias}.{source.table.key}", type=family), family))
                continue
            family = self.rng.choice((want or []) + [INT, INT, TEXT, DATE, BOOL, ENUM])
            if self.column(family, local) is None:
                continue
            if self.chance(0.75):
                groups.append((self.column(family, local), family))
            elif family == INT:
                groups.append((Tree("(", self.column(INT, local), f" % {self.rng.randint(2, 5)})", type=INT), INT))
            elif family == TEXT:
                groups.append((Tree("left(", self.column(TEXT, local), ", 1)", type=TEXT), TEXT))
        return groups

    def group_by(self, expressions):
        listed = joined(", ", expressions)
        pick = self.rng.random()
        if pick < 0.08:
            return Tree(" GROUP BY ROLLUP (", listed, ")", simpler=[Tree(" GROUP BY ", listed)]), True
        if pick < 0.12:
            return Tree(" GROUP BY CUBE (", listed, ")", simpler=[Tree(" GROUP BY ", listed)]), True
        if pick < 0.18:
            return Tree(" GROUP BY GROUPING SETS ((", listed, "), (", expressions[-1], "), ())"), True
        return Tree(" GROUP BY ", listed, simpler=[""]), False

    # Sublinks -----------------------------------------------------------------------------------------------------------

    def scalar_sublink(self, family, scope, depth):
        """A subquery of exactly one row, or of none."""
        if self.sublinks_left <= 0:
            return None
        self.sublinks_left -= 1
        tables, inner = self.from_clause(0, scope, sources=1)
        conditions = self.where(inner, 0, correlated=self.chance(0.65))
        where = optional(" WHERE ", *conditions) if conditions else ""
        if self.chance(0.25):
            column = self.column(family, Scope(inner.sources))
            if column is not None:
                return Tree("(SELECT ", column, " FROM ", tables, where, " ORDER BY 1 LIMIT 1)", simpler=[SIMPLE[family]])
        return Tree("(SELECT ", self.aggregate(family, inner), " FROM ", tables, where, ")", simpler=[SIMPLE[family]])

    def sublink_condition(self, scope, depth):
        self.sublinks_left -= 1
        pick = self.rng.random()
        if pick < 0.4:
            inner = self.query(0, None, scope, correlated=self.chance(0.85))
            return Tree(self.rng.choice(["", "", "NOT "]), "EXISTS (", inner.tree, ")", simpler=["true"])
        family = self.rng.choice([INT, INT, TEXT, DATE])
        left = self.expression(family, scope, 0)
        inner = self.query(depth - 1, [family], scope, correlated=self.chance(0.3))
        if pick < 0.75:
            return Tree(left, self.rng.choice([" IN (", " IN (", " NOT IN ("]), inner.tree, ")", simpler=["true"])
        if pick < 0.85 and family == INT:
            second = self.expression(TEXT, scope, 0)
            pairs = self.query(0, [INT, TEXT], scope)
            return Tree("(", left, ", ", second, ") IN (", pairs.tree, ")", simpler=["true"])
        operator = self.rng.choice(["=", "<", ">=", "<>"])
        return Tree(left, f" {operator} {self.rng.choice(['ANY', 'ALL'])} (", inner.tree, ")", simpler=["true"])
