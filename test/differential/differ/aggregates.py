# SPDX-License-Identifier: PostgreSQL
"""Random aggregates and window functions whose result does not depend on the order of rows."""

from .expressions import SIMPLE, Scope
from .schema import ARRAY, BOOL, CI, DATE, ENUM, FLOAT, INT, NUM, ROW, TEXT
from .tree import Tree, optional


class Aggregates:
    """Mixin of the generator."""

    def aggregate(self, family, scope, plain=False):
        """An aggregate of that family; `plain` ones may serve as window functions too."""
        local = Scope(scope.sources)  # an argument of outer columns alone would belong to the outer query
        argument = lambda kind: self.expression(kind, local, 1)
        made = getattr(self, f"aggregate_{family}")(argument, plain)
        if " FILTER " not in str(made.parts[-1]) and family != ROW and self.chance(0.15):
            made = Tree(made, optional(" FILTER (WHERE ", self.condition(local, 0), ")"))
        return Tree(made, simpler=["count(*)"] if family == INT else [f"max({SIMPLE[family]})"], type=family)

    def aggregate_int(self, argument, plain):
        pick = self.rng.random()
        family = self.rng.choice([INT, TEXT, DATE, NUM])
        if pick < 0.04:
            divisor = argument(INT)
            return Tree("sum((", argument(INT), ") / (", divisor, "))", Tree(" FILTER (WHERE (", divisor, ") <> 0)"))
        if pick < 0.08 and not plain:
            made = self.blind_count(argument)
            if made is not None:
                return made
        if pick < 0.25:
            return Tree("count(*)")
        if pick < 0.4:
            return Tree("count(", argument(family), ")")
        if pick < 0.5 and not plain:
            return Tree("count(DISTINCT ", argument(family), ")")
        if pick < 0.55 and not plain:
            return Tree("sum(DISTINCT ", argument(INT), ")")
        if pick < 0.6 and not plain:
            kind = self.rng.choice(["percentile_disc(0.5)", "mode()"])
            return Tree(kind, " WITHIN GROUP (ORDER BY ", argument(INT), ")")
        if pick < 0.63 and not plain:
            return Tree("rank(5) WITHIN GROUP (ORDER BY (", argument(INT), ")::int)")
        if pick < 0.66:
            return Tree(self.rng.choice(["bit_and", "bit_or"]), "((", argument(INT), ")::int)")
        return Tree(self.rng.choice(["sum", "sum", "min", "max"]), "(", argument(INT), ")")

    def blind_count(self, argument):
        """Counts in another sense of equality than the column's own."""
        how = self.rng.choice(["({})::text COLLATE blind", "({})::text::bpchar", "({})::bigint"])
        before, after = how.split("{}")
        return Tree("count(DISTINCT ", before, argument(INT if "bigint" in how else TEXT), after, ")")

    def aggregate_num(self, argument, plain):
        pick = self.rng.random()
        if pick < 0.15:
            return Tree(self.rng.choice(["stddev_pop", "variance", "stddev"]), "((", argument(INT), ")::int)")
        if pick < 0.4:
            return Tree("avg(", argument(INT), ")")
        if pick < 0.47 and not plain:
            return Tree("avg(DISTINCT ", argument(NUM), ")")
        return Tree(self.rng.choice(["sum", "avg", "min", "max"]), "(", argument(NUM), ")")

    def aggregate_text(self, argument, plain):
        if plain or self.chance(0.6):
            return Tree(self.rng.choice(["min", "max"]), "(", argument(TEXT), ")")
        text = argument(TEXT)
        return Tree("string_agg(", self.rng.choice(["", "DISTINCT "]), "(", text, ")::text, ',' ORDER BY (", text, ")::text)")

    def aggregate_date(self, argument, plain):
        return Tree(self.rng.choice(["min", "max"]), "(", argument(DATE), ")")

    def aggregate_bool(self, argument, plain):
        return Tree(self.rng.choice(["bool_and", "bool_or", "every"]), "(", argument(BOOL), ")")

    def aggregate_float(self, argument, plain):
        if not plain and self.chance(0.25):
            return Tree("percentile_cont(0.5) WITHIN GROUP (ORDER BY ", argument(FLOAT), ")")
        return Tree(self.rng.choice(["sum", "avg", "min", "max"]), "(", argument(FLOAT), ")")

    def aggregate_array(self, argument, plain):
        if plain:
            return Tree("max(", argument(ARRAY), ")")
        number = argument(INT)
        return Tree("array_agg(", self.rng.choice(["", "DISTINCT "]), "(", number, ")::int ORDER BY (", number, ")::int)")

    def aggregate_enum(self, argument, plain):
        return Tree(self.rng.choice(["min", "max"]), "(", argument(ENUM), ")")

    def aggregate_row(self, argument, plain):
        if plain or self.chance(0.5):
            return Tree("ROW((", self.aggregate_int(argument, True), ")::int, ", self.aggregate_text(argument, True), "::text)")
        row = argument(ROW)
        return Tree("(array_agg(", row, " ORDER BY ", row, "))[1]")

    # Windows ------------------------------------------------------------------------------------------------------------

    def window_function(self, scope):
        """A window function and its family."""
        every = ", ".join(f"{source.alias}.{name}" + (' COLLATE "C"' if family == CI else "") for source, name, family in scope.columns())
        partition = self.window_partition(scope)
        pick = self.rng.random()
        if pick < 0.2:
            name = self.rng.choice(["row_number()", "row_number()", "ntile(3)"])
            return Tree(name, " OVER (", partition, f"ORDER BY {every})"), INT
        if pick < 0.35:
            family = self.rng.choice([INT, TEXT, NUM])
            name = self.rng.choice(["rank()", "dense_rank()", "count(*)"])
            return Tree(name, " OVER (", partition, "ORDER BY ", self.expression(family, scope, 1), ")"), INT
        family = self.rng.choice([INT, INT, NUM, TEXT, DATE, FLOAT])
        if pick < 0.5:
            family = ROW if self.chance(0.15) else family
            name = self.rng.choice(["lag", "lead", "first_value", "last_value"])
            return Tree(f"{name}(", self.expression(family, scope, 1), ") OVER (", partition, f"ORDER BY {every})"), family
        aggregate = self.aggregate(family, scope, plain=True)
        if pick < 0.65:
            frame = self.rng.choice(["ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", "ROWS UNBOUNDED PRECEDING",
                                     "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING"])
            return Tree(aggregate, " OVER (", partition, f"ORDER BY {every} {frame})"), family
        order = Tree("ORDER BY ", self.expression(INT, scope, 1), simpler=[""]) if self.chance(0.5) else ""
        return Tree(aggregate, " OVER (", partition, order, ")"), family

    def window_partition(self, scope):
        if self.chance(0.25):
            return ""
        keys = [f"{source.alias}.{source.table.key}" for source in scope.sources if source.table and source.table.key]
        if keys and self.chance(0.5):
            return optional(f"PARTITION BY {self.rng.choice(keys)} ")
        family = self.rng.choice([INT, TEXT, BOOL])
        column = self.column(family, Scope(scope.sources))
        return optional("PARTITION BY ", column, " ") if column is not None else ""
