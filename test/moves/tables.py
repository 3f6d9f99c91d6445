# SPDX-License-Identifier: PostgreSQL
"""Tables of many shapes.  All have k (the distribution column), id, v and note, which follows from v; the rest differs."""

import dataclasses

KEYS = 12


@dataclasses.dataclass
class Shape:
    name: str
    key: str = "int"  # type of k, with its collation
    of: str = "{0}"  # the key of a number, as SQL
    columns: str = ""  # more of them
    values: dict = dataclasses.field(default_factory=dict)  # column -> SQL of its value, in terms of {id} and {v}
    constraints: str = "PRIMARY KEY (k, id)"
    partition: str = ""
    prefix: str = ""  # UNLOGGED
    before: tuple = ()  # statements before the table is distributed; {t} is the table
    after: tuple = ()
    repeats: int = 1  # length of note, in times of 32 characters
    partitioned: bool = False  # p decides about the partition, and is updated
    unique: bool = True  # (k, id) can be an arbiter
    colocated: str = "none"

    def create(self):
        columns = ["k " + self.key, "id bigint NOT NULL", "v int", "note text", "p int DEFAULT 0"]
        columns += [part for part in (self.columns, self.constraints) if part]
        return f"CREATE {self.prefix} TABLE {self.name} ({', '.join(columns)}) {self.partition}"

    def key_of(self, number):
        return self.of.format(number)

    def note_of(self, v):
        return f"repeat(md5(({v})::text), {self.repeats})"

    def row(self, number, row_id, v):
        """Names and values of a row, as SQL."""
        values = {"k": self.key_of(number), "id": str(row_id), "v": str(v), "note": self.note_of(v)}
        values |= {name: value.format(id=row_id, v=v) for name, value in self.values.items()}
        return ", ".join(values), ", ".join(values.values())

    def assignments(self, v):
        changed = {"v": str(v), "note": self.note_of(v)}
        return ", ".join(f"{name} = {value}" for name, value in changed.items())


PARTS = tuple(f"CREATE TABLE {{t}}_{n} PARTITION OF {{t}} FOR VALUES FROM ({n}) TO ({n + 1})" for n in range(3))
PREPARE = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad', 'm 0', 'm 1', 'm 2', 'm 3', 'm 4', 'm 5', 'm 6', 'm 7', 'm 8', 'm 9', 'm 10', 'm 11')",
    "CREATE TYPE pair AS (x int, y text)",
    "CREATE DOMAIN code AS text CHECK (VALUE <> '')",
    "CREATE DOMAIN late_checked AS int",
    "CREATE TABLE colors (id int PRIMARY KEY, name text)",
    "SELECT create_reference_table('colors')",
    "INSERT INTO colors SELECT n, 'color ' || n FROM generate_series(0, 9) n",
    "CREATE TABLE parent (k int PRIMARY KEY, note text)",
    "SELECT create_distributed_table('parent', 'k', shard_count => 4, colocate_with => 'none')",
    f"INSERT INTO parent SELECT n, 'parent' FROM generate_series(0, {KEYS}) n",
    """CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stamped := NEW.v * 2; RETURN NEW; END $$""",
    """CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$""",
)

SHAPES = [
    Shape("key_int"),
    Shape("key_bigint", "bigint", "({0} + 5000000000)::bigint"),
    Shape("key_smallint", "smallint", "{0}::smallint"),
    Shape("key_text", "text", "'key {0}'"),
    Shape("key_text_c", 'text COLLATE "C"', "'Key {0}'"),
    Shape("key_varchar", "varchar(20)", "'v{0}'"),
    Shape("key_char", "char(8)", "'c{0}'"),
    Shape("key_uuid", "uuid", "md5('{0}')::uuid"),
    Shape("key_date", "date", "'2026-01-01'::date + {0}"),
    Shape("key_timestamptz", "timestamptz", "'2026-01-01 12:00+00'::timestamptz + {0} * interval '1 hour 1 us'"),
    Shape("key_numeric", "numeric", "{0}.50"),
    Shape("key_bytea", "bytea", "decode(md5('{0}'), 'hex')"),
    Shape("key_inet", "inet", "'10.0.0.{0}'::inet"),
    Shape("key_enum", "mood", "'m {0}'::mood"),
    Shape("key_domain", "code", "'d{0}'::code"),
    Shape("key_jsonb", "jsonb", "'{{\"a\": {0}}}'::jsonb"),
    Shape("key_array", "int[]", "ARRAY[{0}, NULL, 1]"),
    Shape("key_float", "double precision", "{0} + 0.1"),
    Shape("keyless", constraints="", unique=False),
    Shape("keyless_indexed", constraints="", unique=False, before=("CREATE INDEX {t}_id ON {t} (id) WITH (fillfactor = 70)",)),
    Shape("keyless_values", constraints="", unique=False, columns="a numeric, b point, c json, d double precision, e int[], f mood, g pair",
          values={"a": "({id} % 3)::numeric(10,2)", "b": "point({id} % 4, 0.1)", "c": "json_build_object('n', {id} % 2)",
                  "d": "'NaN'::float8", "e": "ARRAY[{id} % 3, NULL]", "f": "'ok'", "g": "ROW({id} % 2, 'y')::pair"}),
    Shape("identity_full", before=("ALTER TABLE {t} REPLICA IDENTITY FULL",)),
    Shape("identity_nothing", before=("ALTER TABLE {t} REPLICA IDENTITY NOTHING",)),
    Shape("identity_index", constraints="", columns="other bigint NOT NULL", values={"other": "{id}"}, unique=False,
          before=("CREATE UNIQUE INDEX {t}_other ON {t} (other, k)",
                  "ALTER TABLE {t} ALTER k SET NOT NULL", "ALTER TABLE {t} REPLICA IDENTITY USING INDEX {t}_other")),
    Shape("dropped", columns="gone text, gone2 int, kept int DEFAULT 7", before=("ALTER TABLE {t} DROP COLUMN gone",),
          after=("ALTER TABLE {t} DROP COLUMN gone2", "ALTER TABLE {t} ADD COLUMN late int DEFAULT 5")),
    Shape("generated", columns="twice int GENERATED ALWAYS AS (v * 2) STORED, words tsvector GENERATED ALWAYS AS "
          "(to_tsvector('simple'::regconfig, note)) STORED", before=("CREATE INDEX ON {t} USING gin (words)",)),
    Shape("serial", columns="number bigserial"),
    Shape("identity_column", columns="number bigint GENERATED BY DEFAULT AS IDENTITY"),
    Shape("wide", repeats=400, before=("ALTER TABLE {t} ALTER note SET STORAGE EXTERNAL",)),
    Shape("wide_keyless", repeats=300, constraints="", unique=False),
    Shape("options", repeats=20, before=(
        "ALTER TABLE {t} ALTER note SET STORAGE MAIN, ALTER v SET STATISTICS 500, ALTER p SET (n_distinct = 4)",
        "ALTER TABLE {t} SET (fillfactor = 60, autovacuum_enabled = off, toast.autovacuum_enabled = off)",
        "CREATE STATISTICS {t}_stat (dependencies, ndistinct) ON v, p FROM {t}", "ALTER STATISTICS {t}_stat SET STATISTICS 300")),
    Shape("by_range", constraints="", unique=False, partition="PARTITION BY RANGE (p)", partitioned=True, before=PARTS),
    Shape("by_range_keyed", constraints="PRIMARY KEY (k, id, p)", unique=False, partition="PARTITION BY RANGE (p)", partitioned=True,
          before=(*PARTS, "CREATE INDEX ON {t} (v)")),
    Shape("by_list", constraints="", unique=False, partition="PARTITION BY LIST (p)", partitioned=True, before=(
        "CREATE TABLE {t}_a PARTITION OF {t} FOR VALUES IN (0, 1)", "CREATE TABLE {t}_b PARTITION OF {t} DEFAULT")),
    Shape("by_hash", partition="PARTITION BY HASH (id)", before=tuple(
        f"CREATE TABLE {{t}}_{n} PARTITION OF {{t}} FOR VALUES WITH (MODULUS 2, REMAINDER {n})" for n in range(2))),
    Shape("sub_partitioned", constraints="", unique=False, partition="PARTITION BY RANGE (p)", partitioned=True, before=(
        "CREATE TABLE {t}_a PARTITION OF {t} FOR VALUES FROM (0) TO (2) PARTITION BY LIST (p)",
        "CREATE TABLE {t}_a0 PARTITION OF {t}_a FOR VALUES IN (0)", "CREATE TABLE {t}_a1 PARTITION OF {t}_a FOR VALUES IN (1)",
        "CREATE TABLE {t}_b PARTITION OF {t} FOR VALUES FROM (2) TO (3)")),
    Shape("unlogged", prefix="UNLOGGED"),
    Shape("not_valid", after=("ALTER TABLE {t} ADD CONSTRAINT {t}_v CHECK (v >= 0) NOT VALID",
                              "ALTER TABLE {t} ADD CONSTRAINT {t}_color FOREIGN KEY (p) REFERENCES colors (id) NOT VALID")),
    Shape("domain_not_valid", columns="checked late_checked", values={"checked": "{id} % 5"},
          after=("INSERT INTO {t} (k, id, v, note, checked) VALUES (0, -1, 0, repeat(md5('0'), 1), -1)",
                 "ALTER DOMAIN late_checked ADD CONSTRAINT late CHECK (VALUE >= 0) NOT VALID")),
    Shape("exclusion", constraints="", unique=False, columns="EXCLUDE USING btree (k WITH =, id WITH =)"),
    Shape("row_security", after=("ALTER TABLE {t} ENABLE ROW LEVEL SECURITY", "CREATE POLICY {t}_all ON {t} USING (v >= 0)",
                                 "CREATE POLICY {t}_read ON {t} AS RESTRICTIVE FOR SELECT TO PUBLIC USING (id > -5)")),
    Shape("indexes", columns="info jsonb, span int4range, tags text[]", values={"info": "jsonb_build_object('n', {id})",
          "span": "int4range({id}::int % 100, {id}::int % 100 + 5)", "tags": "ARRAY['a', 'b{id}']"}, before=(
              "CREATE INDEX {t}_expression ON {t} (lower(note) text_pattern_ops, (v + 1) DESC NULLS LAST) WHERE v > 0",
              "CREATE INDEX {t}_gin ON {t} USING gin (info jsonb_path_ops, tags)", "CREATE INDEX {t}_gist ON {t} USING gist (span)",
              "CREATE INDEX {t}_brin ON {t} USING brin (id) WITH (pages_per_range = 16)",
              "CREATE UNIQUE INDEX {t}_including ON {t} (id, k) INCLUDE (v)", "CREATE INDEX {t}_hash ON {t} USING hash (id)",
              "ALTER INDEX {t}_expression ALTER COLUMN 2 SET STATISTICS 77", "ALTER TABLE {t} CLUSTER ON {t}_including",
              'CREATE INDEX {t}_collated ON {t} (note COLLATE "C")')),
    Shape("triggers", columns="stamped int", after=(
        "CREATE TRIGGER a_stamp BEFORE INSERT OR UPDATE OF v ON {t} FOR EACH ROW EXECUTE FUNCTION stamp()",
        "CREATE TRIGGER b_after AFTER DELETE ON {t} FOR EACH ROW WHEN (OLD.v > 3) EXECUTE FUNCTION nothing()",
        "CREATE TRIGGER c_off AFTER INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION nothing()",
        "CREATE TRIGGER d_always AFTER INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION nothing()",
        "ALTER TABLE {t} DISABLE TRIGGER c_off", "ALTER TABLE {t} ENABLE ALWAYS TRIGGER d_always")),
    Shape("child", columns=f"FOREIGN KEY (k) REFERENCES parent (k) ON DELETE CASCADE", colocated="parent"),
    Shape("to_reference", columns="color int DEFAULT 3 REFERENCES colors (id) ON UPDATE CASCADE", values={"color": "{id} % 10"}),
    Shape("late_key", constraints="UNIQUE (k, id) DEFERRABLE INITIALLY DEFERRED", unique=False),
    Shape("granted", after=("GRANT SELECT, INSERT ON {t} TO PUBLIC", "GRANT UPDATE (v) ON {t} TO pg_monitor WITH GRANT OPTION",
                            "COMMENT ON TABLE {t} IS 'a table'", "COMMENT ON COLUMN {t}.v IS 'a column'")),
    Shape("null_keys", "int", "NULLIF({0} % 3, 0)", constraints="", unique=False),
    Shape("collated", columns='name text COLLATE "C", other varchar(30) COLLATE "POSIX"', values={"name": "'n{id}'", "other": "'o'"},
          before=("CREATE INDEX ON {t} (name, other)",)),
    Shape("moments", columns="a interval, b time, c timetz, d money, e bit(5), f varbit, g macaddr, h tsrange, i xml, j int8multirange",
          values={"a": "interval '1 mon 2 days 3.5 s' * {id}", "b": "'12:00:01.5'", "c": "'12:00+02'", "d": "{id}::money", "e": "B'10101'",
                  "f": "B'1'", "g": "'08:00:2b:01:02:03'", "h": "tsrange(NULL, '2026-01-01')", "i": "xmlparse(content '<a/>')",
                  "j": "'{{[1,3),[5,9)}}'::int8multirange"}),
]
