# SPDX-License-Identifier: PostgreSQL
"""Random scripts: what a session does in several statements, with transactions, savepoints, settings, roles, cursors, errors and
cancels.  They may be wrong: then both sides must refuse alike."""

from .script_schema import READER, WRITER


class Step:
    """`way`: simple (one message, perhaps of several statements), pipeline (a list of statements), copy (with data), copy out."""

    def __init__(self, text, way="simple", data=None, cancel=False):
        self.text = text
        self.way = way
        self.data = data
        self.cancel = cancel  # while it runs, by somebody else

    def __str__(self):
        text = " ;; ".join(self.text) if self.way == "pipeline" else self.text
        notes = {"pipeline": "  -- in a pipeline", "copy": f"  -- with {self.data!r}"}.get(self.way, "")
        return text + ";" + notes + ("  -- cancelled" if self.cancel else "")

    def ordered(self):
        """What is said of the last statement."""
        last = self.text.rsplit("; ", 1)[-1]
        return " ORDER BY " in last and "RETURNING" not in last and "EXECUTE" not in last or last.startswith("FETCH")


class Maker:
    def __init__(self, rng, everywhere, switch_roles):
        self.rng = rng
        self.everywhere = everywhere  # the tables that are on this node alone, too
        self.switch_roles = switch_roles
        self.block = False
        self.wrote = False
        self.savepoints = 0
        self.cursors = []
        self.prepared = []
        self.temporary = False
        self.aborted = False  # whether PostgreSQL has a transaction open that can only be rolled back: told from outside

    def chance(self, share):
        return self.rng.random() < share

    def one_of(self, *choices):
        return self.rng.choice(choices)

    def script(self):
        """One step after the other."""
        for _ in range(self.rng.randint(4, 14)):
            yield self.step()
        if self.block and self.chance(0.85):
            yield Step(self.one_of("COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "COMMIT AND CHAIN"))

    def step(self):
        if self.aborted and self.chance(0.8):
            if self.savepoints > 0 and self.chance(0.75):
                return Step(f"ROLLBACK TO s{self.rng.randint(1, self.savepoints)}")
            self.block = self.wrote = False
            return Step("ROLLBACK")
        """Roles stay as they are once the transaction has taken locks, unless they are to be switched then, too."""
        kinds = [(self.change_step, 30), (self.select_step, 18), (self.transaction_step, 22), (self.setting_step, 14),
                 (self.cursor_step, 10), (self.plpgsql_step, 8), (self.prepared_step, 6), (self.copy_step, 4), (self.error_step, 4),
                 (self.together_step, 5), (self.pipeline_step, 5), (self.cancel_step, 2), (self.temporary_step, 4),
                 (self.role_step, 5), (self.notify_step, 2)]
        make = self.rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        return make()

    # Statements --------------------------------------------------------------------------------------------------------------

    def id(self):
        return self.rng.randint(1, 30)

    def condition(self):
        return self.one_of(f"id = {self.id()}", f"id IN ({self.id()}, {self.id()}, {self.id()})", f"id % {self.rng.randint(2, 5)} = 0",
                           f"id < {self.id()}", "true", f"v > {self.rng.randint(0, 50)}")

    def change(self):
        self.wrote = True
        table = self.one_of("t", "t", "t", "u", "s", "r", *(["here"] if self.everywhere else []))
        returning = self.one_of("", "", f" RETURNING {table}.id, {table}.v", " RETURNING *")
        pick = self.rng.random()
        if pick < 0.35:
            return self.insert(table, returning)
        if pick < 0.7:
            value = self.one_of(f"v + {self.rng.randint(1, 9)}", f"{self.rng.randint(0, 60)}", f"(SELECT max(v) FROM r) + {self.rng.randint(0, 9)}",
                                "v * 2")
            if table in ("t", "r") and self.chance(0.2):
                value += ", note = coalesce(current_setting('app.tenant', true), 'none')"
            return f"UPDATE {table} SET v = {value} WHERE {self.condition()}{returning}"
        if pick < 0.8:
            return f"DELETE FROM {table} WHERE {self.condition()}{returning}"
        if pick < 0.86:
            return f"UPDATE t SET v = t.v + u.v FROM u WHERE u.id = t.id AND u.{self.condition()}"
        if pick < 0.92:
            return f"WITH gone AS (DELETE FROM u WHERE {self.condition()} RETURNING *) INSERT INTO l SELECT 'gone ' || id % 3, id FROM gone"
        if pick < 0.95:
            return "TRUNCATE " + self.one_of("u", "l", "s")
        return f"INSERT INTO l SELECT note, count(*) FROM t WHERE {self.condition()} GROUP BY note"

    def insert(self, table, returning):
        rows = ", ".join(f"({self.rng.randint(1, 60)}, {self.rng.randint(0, 60)})" for _ in range(self.one_of(1, 1, 2, 4)))
        conflict = "" if table == "here" or self.chance(0.4) else self.one_of(
            " ON CONFLICT (id) DO NOTHING", " ON CONFLICT (id) DO UPDATE SET v = excluded.v", " ON CONFLICT DO NOTHING")
        if self.chance(0.15):
            return f"INSERT INTO {table} (id, v) SELECT id + {self.rng.randint(20, 60)}, v FROM t WHERE {self.condition()}{conflict}{returning}"
        return f"INSERT INTO {table} (id, v) VALUES {rows}{conflict}{returning}"

    def select(self):
        table = self.one_of("t", "t", "u", "s", "r", *(["here"] if self.everywhere else []))
        return self.one_of(
            f"SELECT count(*), sum(v) FROM {table} WHERE {self.condition()}",
            f"SELECT id, v FROM {table} WHERE {self.condition()} ORDER BY id, v",
            f"SELECT * FROM {table} WHERE {self.condition()}",
            "SELECT t.id, u.v, u.who FROM t JOIN u USING (id) WHERE t." + self.condition(),
            "SELECT note, hour, count(*) FROM t GROUP BY note, hour",
            "SELECT what, sum(n) FROM l GROUP BY what ORDER BY what",
            "SELECT count(*) FROM t, r WHERE t.grp = r.id AND note = coalesce(current_setting('app.tenant', true), 'none')",
            f"SELECT id, to_char(timestamptz '2020-06-01 12:00+00' + v * interval '1 hour', 'DD HH24') FROM t WHERE {self.condition()}",
            f"SELECT id FROM t WHERE {self.condition()} ORDER BY id FOR UPDATE",
            "SELECT current_setting('app.tenant', true), current_setting('timezone'), current_setting('work_mem'), current_user")

    def change_step(self):
        return Step(self.change())

    def select_step(self):
        text = self.select()
        self.wrote = self.wrote or "FOR UPDATE" in text
        return Step(text)

    # Transactions ------------------------------------------------------------------------------------------------------------

    def transaction_step(self):
        if not self.block or self.chance(0.04):
            self.block, self.savepoints, self.wrote = True, 0, False
            return Step("BEGIN" + self.one_of("", "", "", "", " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE", " READ ONLY"))
        pick = self.rng.random()
        if pick < 0.45 or self.savepoints == 0 and pick < 0.6:
            self.savepoints += 1
            return Step(f"SAVEPOINT s{self.one_of(self.savepoints, self.savepoints, 1)}")
        if pick < 0.75:
            return Step(f"ROLLBACK TO s{self.rng.randint(1, max(1, self.savepoints))}")
        if pick < 0.82:
            name = self.rng.randint(1, max(1, self.savepoints))
            self.savepoints = name - 1
            return Step(f"RELEASE s{name}")
        if pick < 0.86:
            return Step(self.one_of("SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS ALL IMMEDIATE"))
        self.block = False
        self.wrote = False
        return Step(self.one_of("COMMIT", "COMMIT", "ROLLBACK", "END"))

    # Settings ----------------------------------------------------------------------------------------------------------------

    def setting_step(self):
        name, value = self.one_of(("app.tenant", "'a'"), ("app.tenant", "'b'"), ("app.tenant", "'it''s'"), ("app.tenant", "'c'"),
                                  ("timezone", "'Asia/Tokyo'"), ("timezone", "'America/New_York'"), ("work_mem", "'5MB'"),
                                  ("datestyle", "'German'"), ("enable_hashjoin", "off"), ("app.other", "'x'"))
        return Step(self.one_of(
            f"SET {name} = {value}", f"SET {name} = {value}", f"SET LOCAL {name} = {value}", f"SET LOCAL {name} = {value}", f"RESET {name}",
            f"SET {name} TO DEFAULT", f"SELECT set_config('{name}', '{value.strip(chr(39)).replace(chr(39) * 2, '')}', {self.one_of('true', 'false')})",
            f"SHOW {name}", "RESET ALL"))

    def role_step(self):
        if self.block and self.wrote and not self.switch_roles:
            return self.select_step()
        return Step(self.one_of(f"SET ROLE {WRITER}", f"SET ROLE {READER}", "RESET ROLE", f"SET LOCAL ROLE {WRITER}", "RESET ROLE",
                                f"SET SESSION AUTHORIZATION {WRITER}", "RESET SESSION AUTHORIZATION", "SELECT current_user, session_user"))

    # Cursors -----------------------------------------------------------------------------------------------------------------

    def cursor_step(self):
        if not self.cursors or self.chance(0.3):
            name = f"c{len(self.cursors) + 1}"
            self.cursors.append(name)
            query = self.one_of(f"SELECT id, v FROM t WHERE {self.condition()} ORDER BY id", "SELECT id, v, who FROM u ORDER BY id",
                                "SELECT t.id, r.v FROM t JOIN r ON r.id = t.grp ORDER BY t.id", "SELECT what, n FROM l ORDER BY what, n")
            # Without SCROLL it depends on the plan whether a cursor goes backward.
            return Step(f"DECLARE {name} {self.one_of('SCROLL ', 'NO SCROLL ')}CURSOR {self.one_of('', '', '', 'WITH HOLD ')}FOR {query}")
        name = self.rng.choice(self.cursors)
        pick = self.rng.random()
        if pick < 0.75:
            return Step(f"FETCH {self.one_of('1', '3', '5', 'ALL', 'NEXT', 'FORWARD 2', 'BACKWARD 2', 'LAST', 'FIRST', 'PRIOR')} FROM {name}")
        if pick < 0.82:
            return Step(f"MOVE {self.rng.randint(1, 4)} FROM {name}")
        if pick < 0.9:
            return Step(f"UPDATE t SET v = v + 1 WHERE CURRENT OF {name}")
        return Step(f"CLOSE {self.one_of(name, name, 'ALL')}")

    # PL/pgSQL ----------------------------------------------------------------------------------------------------------------

    def plpgsql_step(self):
        body = self.one_of(self.caught, self.loop, self.commits, self.calls)()
        return Step(body if body.startswith("SELECT") else f"DO $$ BEGIN {body} END $$")

    def plain_change(self):
        text = self.change()
        return text[:text.index(" RETURNING")] if " RETURNING" in text and not text.startswith("WITH") else text

    def caught(self):
        failure = self.one_of("PERFORM 1 / 0", "RAISE EXCEPTION 'no'", "INSERT INTO t (id, v) VALUES (1, 5), (2, 1)",
                              "INSERT INTO t (id, v) VALUES (77, 5000)", "PERFORM 'x'::int", "UPDATE t SET v = 10 / (v - v)")
        setting = self.one_of("", "PERFORM set_config('app.tenant', 'inner', true); ", "SET LOCAL timezone = 'Asia/Tokyo'; ")
        return (f"{self.plain_change()}; BEGIN {setting}{self.plain_change()}; {failure}; EXCEPTION WHEN OTHERS THEN"
                f" INSERT INTO l VALUES (left(SQLSTATE, 2), {self.id()}); {self.plain_change()}; END;")

    def loop(self):
        return (f"FOR i IN 1..{self.rng.randint(2, 4)} LOOP UPDATE t SET v = v + i WHERE id = i + {self.rng.randint(0, 9)};"
                f" IF i = 2 THEN BEGIN {self.plain_change()}; PERFORM 1 / (i - 2); EXCEPTION WHEN division_by_zero THEN NULL; END; END IF; END LOOP;")

    def commits(self):
        return f"{self.plain_change()}; {self.one_of('COMMIT', 'ROLLBACK')}; {self.plain_change()}; {self.one_of('COMMIT;', 'ROLLBACK;', '')}"

    def calls(self):
        return self.one_of(f"SELECT upsert({self.id()}, {self.one_of(5, 50, 2000)})", f"SELECT undone('{self.one_of('a', 'b')}', {self.id() + 40})")

    # The rest ----------------------------------------------------------------------------------------------------------------

    def prepared_step(self):
        if not self.prepared or self.chance(0.3):
            name = f"p{len(self.prepared) + 1}"
            self.prepared.append(name)
            return Step(f"PREPARE {name} (int, int) AS " + self.one_of(
                "UPDATE t SET v = $2 WHERE id = $1 RETURNING id, v", "SELECT id, v FROM t WHERE id = $1 OR v = $2 ORDER BY id",
                "INSERT INTO t (id, v) VALUES ($1 + 40, $2) ON CONFLICT (id) DO UPDATE SET v = $2", "DELETE FROM s WHERE id = $1 OR v = $2",
                "INSERT INTO r (id, v) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING"))
        name = self.rng.choice(self.prepared)
        if self.chance(0.08):
            self.prepared.remove(name)
            return Step(f"DEALLOCATE {name}")
        return Step(f"EXECUTE {name} ({self.id()}, {self.rng.randint(0, 60)})")

    def copy_step(self):
        if self.chance(0.4):
            return Step(f"COPY (SELECT id, v FROM {self.one_of('t', 'u', 'r')} WHERE {self.condition()} ORDER BY id) TO STDOUT", "copy out")
        table = self.one_of("t", "t", "s", "r")
        rows = [f"{self.rng.randint(30, 90)}\t{self.rng.randint(0, 60)}" for _ in range(self.rng.randint(1, 6))]
        if self.chance(0.15):
            rows.append(self.one_of("x\t1", "12\t5000", "1\t1", "7"))
        self.wrote = True
        return Step(f"COPY {table} (id, v) FROM STDIN", "copy", "\n".join(rows) + "\n")

    def error_step(self):
        return Step(self.one_of("SELECT 1 / 0", "SELECT nothing FROM t", "INSERT INTO t (id, v) VALUES (1, 1)", "UPDATE t SET v = 5000",
                                "UPDATE t SET v = 10 / (v - v) WHERE id < 9", "INSERT INTO u (id) VALUES (99)", "SELEC", "SELECT 'x'::int",
                                "DELETE FROM t WHERE id = 1", "INSERT INTO t (id) VALUES (200), (201)", "UPDATE r SET v = 1 / (v - 10)",
                                "SELECT id / (v - v) FROM t"))

    def together_step(self):
        """One message: a transaction of its own, unless there is one."""
        return Step("; ".join(self.one_of(self.plain_change, self.plain_change, self.select)() for _ in range(self.rng.randint(2, 4)))
                    + self.one_of("", "", "; SELECT 1 / 0"))

    def pipeline_step(self):
        statements = [self.one_of(self.plain_change, self.select)() for _ in range(self.rng.randint(2, 5))]
        if self.chance(0.25):
            statements.insert(self.rng.randint(0, len(statements)), "SELECT 1 / 0")
        cancel = self.chance(0.2)
        if cancel:
            statements.insert(self.rng.randint(0, len(statements)), self.slow())
        return Step(statements, "pipeline", cancel=cancel)

    def slow(self):
        return self.one_of("SELECT pg_sleep(20)", f"SELECT slow(v) FROM t WHERE id = {self.rng.randint(1, 3)}",
                           f"UPDATE t SET v = slow(v) WHERE id <= {self.rng.randint(1, 3)}", "SELECT sum(slow(v)) FROM r WHERE id = 1",
                           "INSERT INTO l SELECT 'slow', slow(v) FROM t")

    def cancel_step(self):
        statement = self.slow()
        return Step(self.one_of(statement, f"{self.plain_change()}; {statement}; {self.plain_change()}"), cancel=True)

    def temporary_step(self):
        if not self.temporary:
            self.temporary = True
            return Step(self.one_of("CREATE TEMP TABLE x (id int, v int)", "CREATE TEMP TABLE x AS SELECT id, v FROM t WHERE id < 9",
                                    "CREATE TEMP TABLE x (id int, v int) ON COMMIT DROP", "CREATE TEMP TABLE x (id int, v int) ON COMMIT DELETE ROWS"))
        return Step(self.one_of(f"INSERT INTO x SELECT id, v FROM t WHERE {self.condition()}", "SELECT count(*), sum(v) FROM x",
                                "UPDATE t SET v = x.v + 1 FROM x WHERE x.id = t.id", "DELETE FROM t USING x WHERE x.id = t.id AND t.id > 20",
                                "INSERT INTO t (id, v) SELECT DISTINCT ON (id) id + 100, v FROM x ORDER BY id, v", "DROP TABLE x",
                                "SELECT t.id, x.v FROM t JOIN x USING (id) WHERE x.v < 20"))

    def notify_step(self):
        return Step(self.one_of("LISTEN script", "LISTEN script", f"NOTIFY script, '{self.id()}'", "UNLISTEN *",
                                f"SELECT pg_notify('script', '{self.id()}') FROM r WHERE id = 1"))
