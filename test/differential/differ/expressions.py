# SPDX-License-Identifier: PostgreSQL
"""Random expressions over the columns in scope.  All are deterministic and fail for no value of the test's tables."""

from .schema import ARRAY, BOOL, CI, DATE, ENUM, FLOAT, INT, NUM, ROW, TEXT, WORDS
from .tree import Tree, optional

SIMPLE = {INT: "1", NUM: "1.5", TEXT: "'x'", DATE: "date '2020-01-05'", BOOL: "true", FLOAT: "0.5::float8",
          CI: "'x'", ARRAY: "'{1}'::int[]", ENUM: "'ok'::mood", ROW: "ROW(1, 'x'::text)"}


class Source:
    """A relation in a FROM clause."""

    def __init__(self, alias, columns, table=None):
        self.alias = alias
        self.columns = columns  # [(name, family)]
        self.table = table
        self.small = table is None or table.rows <= 20


class Scope:
    """The sources an expression may use; `outer` is the scope of the query around."""

    def __init__(self, sources=(), outer=None):
        self.sources = list(sources)
        self.outer = outer

    def columns(self, family=None):
        return [(source, name, kind) for source in self.sources for name, kind in source.columns
                if family is None or kind == family]


OTHER_TYPES = {
    INT: ["{0}::bigint", "{0}::smallint", "{0}.0", "{0}.5", "{0}::numeric", "{0}::float8", "'{0}'::text::int", "({0} + 0)"],
    TEXT: ["'{0}'::varchar", "'{0}'::text", "'{0} '::text", "'{0}'::name", "lower('{0}')", "'{0}' COLLATE \"C\"", "upper('{0}') COLLATE blind"],
    FLOAT: ["{0}", "{0}::numeric", "{0}::real", "{0}.25", "'{0}.5'"],
    DATE: ["'2020-01-{0:02}'::timestamp", "'2020-01-{0:02}'"],
}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Expressions:
    """Mixin of the generator: needs self.rng, self.scalar_sublink, self.sublink_condition."""

    def chance(self, probability):
        return self.rng.random() < probability

    def constant(self, family):
        rng = self.rng
        if family == INT:
            value = str(rng.choice([rng.randint(1, 30), rng.randint(1, 30), rng.randint(-3, 45)]))
            return self.parameter(value, "int")
        if family == NUM:
            return Tree(f"{rng.randint(0, 400) / 10}", type=NUM)
        if family == TEXT:
            return self.parameter(quoted(rng.choice(WORDS)), "text")
        if family == CI:
            return Tree(quoted(rng.choice([str, str.upper])(rng.choice(WORDS[:12]))), type=CI)
        if family == DATE:
            return Tree(f"date '2020-0{rng.randint(1, 3)}-{rng.randint(1, 28):02}'", type=DATE)
        if family == BOOL:
            return Tree(rng.choice(["true", "false", "NULL::boolean"]), type=BOOL)
        if family == FLOAT:
            return Tree(f"{rng.randint(0, 200) / 4}::float8", type=FLOAT)
        if family == ENUM:
            return Tree(rng.choice(["'sad'::mood", "'ok'::mood", "'happy'::mood"]), type=ENUM)
        if family == ROW:
            return Tree(f"ROW({rng.randint(1, 30)}, {quoted(rng.choice(WORDS))}::text)", type=ROW)
        return Tree(f"ARRAY[{rng.randint(0, 9)}, {rng.randint(0, 9)}]", type=ARRAY)

    def parameter(self, text, type_name):
        """A constant, or a parameter of the prepared statement being made."""
        family = INT if type_name == "int" else TEXT
        if self.parameters is None or len(self.parameters) >= 6 or not self.chance(0.6):
            return Tree(text, type=family)
        self.parameters.append((type_name, text))
        return Tree(f"${len(self.parameters)}", type=family)

    def column(self, family, scope):
        """A column of that family, now and then of a query around; None when there is none."""
        outer = scope.outer
        if outer is not None and self.chance(0.15):
            found = outer.columns(family)
            if found:
                source, name, _ = self.rng.choice(found)
                return Tree(f"{source.alias}.{name}", type=family)
        found = scope.columns(family)
        if not found:
            return None
        source, name, _ = self.rng.choice(found)
        return Tree(f"{source.alias}.{name}", type=family)

    def expression(self, family, scope, depth=2):
        column = self.column(family, scope)
        if depth <= 0 or self.chance(0.55) or family == CI:
            return column if column is not None and self.chance(0.93) else self.constant(family)
        below = lambda kind: self.expression(kind, scope, depth - 1)
        made = getattr(self, f"make_{family}")(below, scope, depth)
        children = [part for part in made.parts if isinstance(part, Tree) and part.type == family]
        simpler = children + ([column] if column is not None else []) + [SIMPLE[family]]
        return Tree(made, simpler=simpler, type=family)

    def common(self, family, below, scope, depth):
        """Forms every family has; None leaves it to the family."""
        pick = self.rng.random()
        if pick < 0.12:
            return Tree("CASE WHEN ", self.condition(scope, depth - 1), " THEN ", below(family), " ELSE ", below(family), " END")
        if pick < 0.22:
            return Tree("coalesce(", below(family), ", ", below(family), ")")
        if pick < 0.28 and family != ARRAY:
            return Tree(self.rng.choice(["greatest", "least"]) + "(", below(family), ", ", below(family), ")")
        if pick < 0.33:
            return Tree("nullif(", below(family), ", ", below(family), ")")
        if pick < 0.36 and family != ROW and scope.columns(INT):  # what would fail is never reached
            never = self.column(INT, Scope(scope.sources))
            return Tree("CASE WHEN ", never, " > 1000 THEN (SELECT ", SIMPLE[family], " FROM kinds) ELSE ", below(family), " END")
        if pick < 0.45 and family in (INT, NUM, TEXT, DATE) and depth > 1:
            return self.scalar_sublink(family, scope, depth)
        return None

    def make_int(self, below, scope, depth):
        made = self.common(INT, below, scope, depth)
        if made is not None:
            return made
        pick = self.rng.randrange(11)
        if pick == 9:
            divisor = below(INT)
            return Tree("CASE WHEN (", divisor, ") <> 0 THEN ", below(INT), " / (", divisor, ") END")
        if pick == 10 and scope.sources:  # a whole row, null where an outer join found none
            return Tree(f"({self.rng.choice(scope.sources).alias} IS NULL)::int")
        if pick == 0:
            return Tree("length(", below(TEXT), ")")
        if pick == 1:
            return Tree("extract(", self.rng.choice(["day", "month", "dow"]), " FROM ", below(DATE), ")::int")
        if pick == 2:
            return Tree("(", below(INT), f" % {self.rng.randint(2, 9)})")
        if pick == 3:
            return Tree("abs(", below(INT), ")")
        if pick == 4:
            return Tree("(", below(INT), f" * {self.rng.randint(-2, 3)})")
        if pick == 5:
            return Tree("round(", below(NUM), ")::int")
        if pick == 6:
            return Tree("coalesce(cardinality(", below(ARRAY), "), 0)")
        if pick == 7 and self.functions:
            return Tree("add_one((", below(INT), ")::int)")
        return Tree("(", below(INT), self.rng.choice([" + ", " - "]), below(INT), ")")

    def make_num(self, below, scope, depth):
        made = self.common(NUM, below, scope, depth)
        if made is not None:
            return made
        pick = self.rng.randrange(4)
        if pick == 0:
            return Tree("round(", below(NUM), f", {self.rng.randint(0, 2)})")
        if pick == 1:
            return Tree("(", below(INT), ")::numeric")
        if pick == 2:
            return Tree("(", below(NUM), f" * {self.rng.choice(['0.5', '2', '-1'])})")
        return Tree("(", below(NUM), self.rng.choice([" + ", " - "]), below(NUM), ")")

    def make_text(self, below, scope, depth):
        made = self.common(TEXT, below, scope, depth)
        if made is not None:
            return made
        pick = self.rng.randrange(7)
        if pick == 0:
            return Tree("(", below(TEXT), " || ", below(TEXT), ")")
        if pick == 1:
            return Tree(self.rng.choice(["upper", "lower", "initcap", "reverse"]) + "(", below(TEXT), ")")
        if pick == 2:
            return Tree("substr(", below(TEXT), f", {self.rng.randint(1, 2)}, {self.rng.randint(1, 3)})")
        if pick == 3:
            return Tree("(", below(INT), ")::text")
        if pick == 4:
            return Tree("to_char(", below(DATE), ", 'YYYY-MM')")
        if pick == 5:
            if scope.sources:  # a whole row, printed
                return Tree(f"{self.rng.choice(scope.sources).alias}::text")
        return Tree("left(", below(TEXT), ", 2)")

    def make_date(self, below, scope, depth):
        made = self.common(DATE, below, scope, depth)
        if made is not None:
            return made
        if self.chance(0.4):
            return Tree("date_trunc('month', ", below(DATE), ")::date")
        return Tree("(", below(DATE), f" + {self.rng.randint(1, 20)})")

    def make_bool(self, below, scope, depth):
        return Tree("(", self.condition(scope, depth - 1), ")")

    def make_float(self, below, scope, depth):
        made = self.common(FLOAT, below, scope, depth)
        if made is not None:
            return made
        if self.chance(0.4):
            return Tree("(", below(INT), ")::float8")
        return Tree("(", below(FLOAT), self.rng.choice([" + ", " - "]), below(FLOAT), ")")

    def make_array(self, below, scope, depth):
        if self.chance(0.3):
            return Tree("ARRAY[(", below(INT), ")::int, (", below(INT), ")::int]")
        return Tree("(", below(ARRAY), " || ", below(ARRAY), ")")

    def make_enum(self, below, scope, depth):
        return self.common(ENUM, below, scope, depth) or Tree("coalesce(", below(ENUM), ", ", below(ENUM), ")")

    def make_row(self, below, scope, depth):
        return self.common(ROW, below, scope, depth) or Tree("ROW((", below(INT), ")::int, (", below(TEXT), ")::text)")

    # Conditions ---------------------------------------------------------------------------------------------------------

    def condition(self, scope, depth=2):
        pick = self.rng.random()
        if depth > 0 and pick < 0.2:
            left, right = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            return Tree("(", left, self.rng.choice([" AND ", " AND ", " OR "]), right, ")", simpler=[left, right])
        if depth > 0 and pick < 0.25:
            inner = self.condition(scope, depth - 1)
            return Tree("NOT (", inner, ")", simpler=[inner, "true"])
        if depth > 0 and pick < 0.45 and self.sublinks_left > 0:
            return self.sublink_condition(scope, depth)
        return Tree(self.simple_condition(scope, depth), simpler=["true"])

    def simple_condition(self, scope, depth):
        present = {family for _, _, family in scope.columns()} - {ARRAY}
        family = self.rng.choice(sorted(present)) if present else INT
        if family == CI:
            return self.blind_condition(scope)
        if self.chance(0.08) and family in OTHER_TYPES:
            column = self.column(family, Scope(scope.sources))
            return Tree(column, self.rng.choice([" = ", " = ", " <> "]), self.other_type(family))
        if family == BOOL:
            return Tree(self.expression(BOOL, scope, 0), self.rng.choice(["", " IS TRUE", " IS NOT TRUE", " IS NOT NULL"]))
        left = self.expression(family, scope, depth - 1)
        pick = self.rng.random()
        if pick < 0.5:
            operator = self.rng.choice(["=", "<>", "<", ">", "<=", ">=", "<=", ">="])
            right = self.constant(family) if self.chance(0.6) else self.expression(family, scope, depth - 1)
            return Tree(left, f" {operator} ", right)
        if pick < 0.6:
            values = [self.constant(family) for _ in range(self.rng.randint(2, 6))]
            parts = [part for value in values for part in (", ", value)][1:]
            return Tree(left, self.rng.choice([" IN (", " IN (", " NOT IN ("]), *parts, ")")
        if pick < 0.7:
            return Tree(left, " BETWEEN ", self.constant(family), " AND ", self.expression(family, scope, 0))
        if pick < 0.8:
            return Tree(left, self.rng.choice([" IS NULL", " IS NOT NULL", " IS NOT NULL"]))
        if pick < 0.88:
            return Tree(left, " IS ", optional("NOT "), "DISTINCT FROM ", self.expression(family, scope, 0))
        if family == TEXT:
            pattern = self.rng.choice(["'%e%'", "'_o%'", "'s%'", "'%t'", "'%''%'"])
            return Tree(left, self.rng.choice([" LIKE ", " ILIKE ", " NOT LIKE "]), pattern)
        if family == INT and self.chance(0.5):
            return Tree(left, " = ANY (", self.expression(ARRAY, scope, 0), ")")
        return Tree("(", left, ", 1) > (", self.expression(family, scope, 0), ", 0)")

    def other_type(self, family):
        """A value that the column is compared with by another operator than its type's own, or that is cast first."""
        value = self.rng.choice(WORDS) if family == TEXT else self.rng.randint(1, 28)
        return Tree(self.rng.choice(OTHER_TYPES[family]).format(value))

    def blind_condition(self, scope):
        """On a text of which capital letters do not count."""
        column = self.column(CI, Scope(scope.sources))
        pick = self.rng.random()
        if pick < 0.5:
            return Tree(column, self.rng.choice([" = ", " = ", " <> "]), self.constant(CI))
        if pick < 0.7:
            return Tree(column, " IN (", self.constant(CI), ", ", self.constant(CI), ")")
        if pick < 0.85:
            return Tree(column, ' COLLATE "C" = ', self.constant(CI))
        return Tree(column, " IS NOT NULL")
