# SPDX-License-Identifier: PostgreSQL
"""Calls of the extension's functions with rubbish, in all places where a function can stand."""

FUNCTIONS = """
SELECT n.nspname, p.proname, p.prokind::text, p.proretset, p.prorettype::regtype::text, p.provariadic <> 0,
  ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, o) ORDER BY o)::text[],
  ARRAY(SELECT coalesce(p.proargnames[o], '') FROM generate_series(1, p.pronargs) o)::text[], p.pronargdefaults,
  has_function_privilege('hostile_mallory', p.oid, 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND extname = 'altius'
ORDER BY 1, 2, 7
"""

# They end sessions or wait by design, and for numbers of sessions rubbish may hit one that is.
SPARED = {"pg_terminate_backend": "ends whichever of the caller's own sessions the number says"}


class Function:
    def __init__(self, row):
        schema, self.name, self.kind, self.set, self.result, self.variadic, self.types, self.names, self.defaults, allowed = row
        self.full = f"{schema}.{self.name}"
        self.weight = 1 + min(len(self.types), 3) * 4 if allowed else 1  # a call that is refused shows little

    def __repr__(self):
        return f"{self.full}({','.join(self.types)})"


def functions(stage):
    found = [Function(row) for row in stage.ask(stage.coordinator, FUNCTIONS)]
    return [function for function in found if function.name not in SPARED]


def dollar(text, tag="q"):
    return f"${tag}${text}${tag}$"


class Calls:
    """Each generated call is a list of statements, of which all but one prepare or tidy up."""

    def __init__(self, rng, values):
        self.rng, self.values = rng, values
        self.number = 0

    def arguments(self, function):
        values = [self.values.of(kind, name) for kind, name in zip(function.types, function.names)]
        if function.variadic:
            values += [self.values.anything() for _ in range(self.rng.choice((0, 0, 1, 5, 98)))]
        kind = self.rng.random()
        if kind < 0.1 and function.defaults:
            values = values[:len(values) - self.rng.randint(1, function.defaults)]
        elif kind < 0.15 and values and all(function.names) and not function.variadic:
            values = [f"{name} => {value}" for name, value in zip(function.names, values)]
        elif kind < 0.18 and values:
            values[self.rng.randrange(len(values))] = self.rng.choice(("'unknown'", "NULL", "(SELECT NULL)", "ROW(1)", "5", "$1"))
        return ", ".join(values)

    def call(self, function):
        return f"{function.full}({self.arguments(function)})"

    def generate(self, function):
        self.number += 1
        call = self.call(function)
        if function.kind == "p":
            return self.rng.choice(([f"CALL {call}"], ["BEGIN", f"CALL {call}"], [f"DO {dollar(f'BEGIN CALL {call}; END')}"]))
        here = self.rng.random()
        if here < 0.3:
            return [self.plain(function, call)]
        if here < 0.75:
            return self.placed(call)
        return self.elsewhere(call)

    def record(self, function):
        return self.rng.choice(("", "", " AS t(a int)", " AS t(a int, b text)", " AS t(a bigint, b text, c int, d point)", " AS t()"))

    def plain(self, function, call):
        if function.result == "record" and self.rng.random() < 0.5:
            return f"SELECT * FROM {call}{self.rng.choice((' AS t(a int)', ' AS t(a int, b text)', self.record(function)))}"
        return self.rng.choice((
            f"SELECT {call}", f"SELECT * FROM {call}{self.record(function)}", f"SELECT * FROM {call} WITH ORDINALITY",
            f"SELECT * FROM {call} AS t(a int)", f"SELECT * FROM ROWS FROM ({call}, generate_series(1, 2))", f"SELECT {call} OVER ()",
            f"SELECT ({call}).*", f"VALUES ({call}), (NULL)", f"SELECT * FROM generate_series(1, 3) i, LATERAL {call}",
            f"EXPLAIN (VERBOSE, COSTS OFF) SELECT {call}", f"EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {call}{self.record(function)}"))

    def placed(self, call):
        """In a statement over tables, in a definition, or wrapped up."""
        relation = f"playground.made_{self.number}"
        return self.rng.choice((
            [f"SELECT count(*) FROM playground.d WHERE {call} IS NOT NULL"],
            [f"SELECT {call}, k FROM playground.d ORDER BY 2 LIMIT 3"],
            [f"SELECT * FROM playground.d JOIN playground.p USING (k) WHERE k = 3 AND ({call}) IS NULL"],
            [f"SELECT {call} FROM playground.ref"], [f"SELECT k, (SELECT {call}) FROM playground.d WHERE k = 2"],
            [f"SELECT v, count({call}) FROM playground.d GROUP BY v HAVING count({call}) > 0"],
            [f"SELECT x.k FROM playground.d x, LATERAL (SELECT {call} AS f WHERE x.k > 0) y"],
            ["BEGIN", f"INSERT INTO playground.d (k, v) VALUES (1000, ({call})::text) RETURNING *"],
            ["BEGIN", f"INSERT INTO playground.d (k, v) SELECT k + 1000, ({call})::text FROM playground.ref"],
            ["BEGIN", f"INSERT INTO playground.d (k) VALUES (1001) RETURNING ({call})"],
            ["BEGIN", f"UPDATE playground.d SET v = ({call})::text WHERE k = 1 RETURNING v"],
            ["BEGIN", f"UPDATE playground.ref SET v = ({call})::text"], ["BEGIN", f"DELETE FROM playground.t WHERE ({call}) IS NULL"],
            ["BEGIN", f"CREATE TABLE {relation} (k int, b text DEFAULT ({call})::text)",
             f"SELECT create_distributed_table('{relation}', 'k', colocate_with => 'none')", f"INSERT INTO {relation} VALUES (1), (2)"],
            ["BEGIN", f"CREATE TABLE {relation} (k int, CHECK (({call}) IS NULL))", f"SELECT create_reference_table('{relation}')",
             f"INSERT INTO {relation} VALUES (1)"],
            ["BEGIN", f"ALTER TABLE playground.d ADD COLUMN made text DEFAULT ({call})::text"],
            ["BEGIN", f"CREATE VIEW {relation} AS SELECT k, {call} AS f FROM playground.d", f"SELECT * FROM {relation} WHERE k < 3"],
            [f"PREPARE made AS SELECT {call}, k FROM playground.d WHERE k = $1"] + ["EXECUTE made (1)"] * 7 + ["DEALLOCATE made"],
            ["BEGIN", f"DECLARE made CURSOR FOR SELECT {call} FROM playground.d", "FETCH 2 FROM made", "CLOSE made"],
            [f"DO {dollar(f'BEGIN PERFORM {call}; EXCEPTION WHEN OTHERS THEN PERFORM count(*) FROM playground.d; END')}"],
            ["BEGIN", f"SELECT {call}", "SELECT count(*) FROM playground.d", "COMMIT"],
            ["BEGIN ISOLATION LEVEL SERIALIZABLE", "UPDATE playground.d SET n = 1 WHERE k = 2", "SAVEPOINT s", f"SELECT {call}",
             "ROLLBACK TO s", "SELECT sum(n) FROM playground.d", "ROLLBACK"],
            ["BEGIN", "UPDATE playground.d SET n = 1 WHERE k = 2", "UPDATE playground.d SET n = 1 WHERE k = 3", f"SELECT {call}", "COMMIT"],
            [f"COPY (SELECT {call}) TO STDOUT"], [f"SELECT {call} UNION ALL SELECT NULL FROM playground.d"],
            ["BEGIN", f"CREATE FUNCTION {relation}() RETURNS SETOF text LANGUAGE sql AS {dollar(f'SELECT ({call})::text FROM playground.d')}",
             f"SELECT {relation}() FROM playground.ref"],
            ["BEGIN READ ONLY", f"SELECT {call}"], [f"SET search_path = playground, pg_catalog", f"SELECT {call}", "RESET search_path"],
        ))

    def elsewhere(self, call):
        """In sessions between nodes: by run_command_*, in triggers and functions that run beside the rows."""
        statement = f"SELECT {call}"
        return self.rng.choice((
            [f"SELECT * FROM run_command_on_workers({dollar(statement)})"],
            [f"SELECT * FROM run_command_on_all_nodes({dollar(statement)})"],
            [f"SELECT * FROM run_command_on_coordinator({dollar(statement)})"],
            [f"SELECT * FROM run_command_on_shards('playground.d', {dollar(statement + ' FROM %s')})"],
            [f"SELECT * FROM run_command_on_placements('playground.ref', {dollar(statement)}, false)"],
            ["BEGIN", f"SELECT * FROM altius_internal.ask_all_nodes({dollar(statement)})", "SELECT count(*) FROM playground.d", "COMMIT"],
            [f"SELECT * FROM altius_internal.ask_all_nodes({dollar(statement)}, false)"],
            self.in_trigger(statement), self.in_trigger(statement),
            [f"SELECT playground.run({dollar(statement)}, k) FROM playground.d WHERE k = 5"],
            [f"SELECT count(playground.run({dollar(statement)}, k)) FROM playground.d"],
            ["BEGIN", f"UPDATE playground.d SET v = playground.run({dollar(statement)}, k) WHERE k = 7"],
        ))

    def in_trigger(self, statement):
        return ["BEGIN", f"SET LOCAL hostile.payload = {dollar(statement)}",
                self.rng.choice(("INSERT INTO playground.d (k) VALUES (2000), (2001), (2002)", "UPDATE playground.d SET n = n WHERE k = 9",
                                 "UPDATE playground.ref SET v = 'y'", "COPY playground.d (k, v) FROM STDIN"))]
