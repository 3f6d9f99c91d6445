# SPDX-License-Identifier: PostgreSQL
"""The bank's tables and functions."""

import time

import psycopg2

ACCOUNTS = 48
TILLS = 4
START_BALANCE = 1000
TELLER = "bank_teller"

TABLES = f"""
CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, logged bigint NOT NULL DEFAULT 0);
CREATE TABLE transfers (id bigint NOT NULL, source int NOT NULL, target int NOT NULL, amount int NOT NULL, till int);
CREATE TABLE orders (id bigint NOT NULL, source int NOT NULL, target int NOT NULL, amount int NOT NULL);
CREATE TABLE notes (id bigint NOT NULL, pair bigint NOT NULL);
CREATE TABLE tills (id int PRIMARY KEY, total bigint NOT NULL);
SELECT create_distributed_table('accounts', 'id', shard_count => 6);
SELECT create_distributed_table('transfers', 'id', shard_count => 6);
SELECT create_distributed_table('orders', 'id', colocate_with => 'transfers');
SELECT create_distributed_table('notes', 'id', colocate_with => 'transfers');
SELECT create_reference_table('tills');
INSERT INTO accounts SELECT id, {START_BALANCE} FROM generate_series(0, {ACCOUNTS - 1}) id;
INSERT INTO tills SELECT id, 0 FROM generate_series(0, {TILLS - 1}) id;
"""

# Not unique, so that a doubled transfer would show.
INDEXES = "CREATE INDEX ON transfers (id); CREATE INDEX ON orders (id); CREATE INDEX ON notes (id);"

PAY_BOTH = """
  UPDATE accounts SET balance = balance - amount, logged = logged - amount WHERE id = source;
  {between}
  UPDATE accounts SET balance = balance + amount, logged = logged + amount WHERE id = target;
  INSERT INTO transfers VALUES (number, source, target, amount);
"""

FUNCTIONS = [
    # A part of it is undone by an exception.
    "CREATE FUNCTION careful_transfer(number bigint, source int, target int, amount int, wrong int) RETURNS void"
    " LANGUAGE plpgsql AS $$ BEGIN" + PAY_BOTH.format(between="""
  BEGIN
    UPDATE accounts SET balance = balance + amount, logged = logged + amount WHERE id = wrong;
    RAISE EXCEPTION 'the wrong account';
  EXCEPTION WHEN raise_exception THEN NULL;
  END;""") + "END $$",
    "CREATE FUNCTION teller_transfer(number bigint, source int, target int, amount int) RETURNS void"
    " LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN" + PAY_BOTH.format(between="") + "END $$",
    # Orders pay by a trigger, whose rows lie on other nodes.
    "CREATE FUNCTION pay_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " UPDATE accounts SET balance = balance - NEW.amount, logged = logged - NEW.amount WHERE id = NEW.source;"
    " UPDATE accounts SET balance = balance + NEW.amount, logged = logged + NEW.amount WHERE id = NEW.target;"
    " INSERT INTO transfers VALUES (NEW.id, NEW.source, NEW.target, NEW.amount); RETURN NULL; END $$",
    "CREATE TRIGGER pay AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION pay_order()",
    f"CREATE ROLE {TELLER}",
    f"GRANT SELECT, INSERT, UPDATE ON accounts, transfers TO {TELLER}",
    f"GRANT CREATE, USAGE ON SCHEMA public TO {TELLER}",
    f"ALTER FUNCTION teller_transfer OWNER TO {TELLER}",
]


class Bank:
    """Where the cluster is."""

    def __init__(self, ports, dbname="altius"):
        self.ports = ports
        self.dbname = dbname

    def connect(self, port=None, options=""):
        connection = psycopg2.connect(host="127.0.0.1", port=port or self.ports[0], dbname=self.dbname, user="postgres",
                                      connect_timeout=5, options=options)
        connection.autocommit = True
        return connection

    def ask(self, port, sql, patience=30):
        """The rows of a statement; a server that is just coming up is waited for."""
        deadline = time.monotonic() + patience
        while True:
            try:
                connection = self.connect(port)
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(sql)
                        return cursor.fetchall()
                finally:
                    connection.close()
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def set_up(self):
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true)"
                           " FROM pg_dist_node WHERE groupid = 0")
            cursor.execute("DROP TABLE IF EXISTS accounts, transfers, orders, notes, tills;"
                           "DROP FUNCTION IF EXISTS careful_transfer, teller_transfer, pay_order CASCADE")
            cursor.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{TELLER}'")
            if cursor.fetchone() is not None:
                cursor.execute(f"DROP OWNED BY {TELLER}")
                cursor.execute(f"DROP ROLE {TELLER}")
            for statement in TABLES.split(";\n") + INDEXES.split("; ") + FUNCTIONS:
                if statement.strip():
                    cursor.execute(statement)
        connection.close()
