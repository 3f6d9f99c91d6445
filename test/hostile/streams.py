# SPDX-License-Identifier: PostgreSQL
"""Rubbish that is no call: streams of COPY, settings, and what a client says when it connects."""

import io
import struct

TABLES = ("playground.d", "playground.t", "playground.ref", "playground.p", "playground.l", "playground.o", "vault.secret", "shown.some",
          "playground.view", "pg_dist_node", "altius_cluster_secret", "playground.seq")
OPTIONS = ("altius_frames ''", "altius_frames '{}'", "altius_frames", "altius_frames 5", "altius_frames 'x'", "altius_frames '{a,b,c,d,e}'",
           "altius_frames '{ISO,UTC,postgres,,,,,,,,,,}'", "altius_frames '', altius_frames ''", "altius_frames '', format csv",
           "altius_frames '', format binary", "altius_frames '', format text, delimiter '|'", "altius_frames '', header",
           "altius_frames '', null 'x'", "altius_frames '', encoding 'LATIN1'", "altius_frames '', force_null (k)", "format binary",
           "format csv, header match", "format csv, quote '(', escape ')'", "freeze", "altius_nothing 'x'", "format altius", "delimiter ''",
           "encoding 'nothing'", "altius_frames '', freeze", "altius_frames $q$search_path=x$q$", "altius_frames 'datestyle=x'")


class Streams:
    def __init__(self, rng, values, names):
        self.rng, self.values, self.names = rng, values, names

    # COPY

    def frame(self):
        """A frame as nodes send it, with one of its numbers wrong."""
        record = self.rng.choice((b"1\tx\t1\t1", b"", b"\\N", b"t5\t3", b"\xff\xfe", b"x" * 70000, b"1\t2\t3\t4\t5\t6\t7"))
        length = self.rng.choice((len(record), len(record), len(record) + 1, -1, -8, -9, 0, 2**31 - 1, -2**31, 2**30))
        records = struct.pack(">ii", self.rng.choice((1, 0, -1, 2**31 - 1)), length) + record
        records *= self.rng.choice((1, 1, 2, 3))
        records = records[:self.rng.choice((len(records), len(records), 4, 7, 8, 9))]
        total = self.rng.choice((len(records), len(records), len(records), len(records) - 1, len(records) + 1, -1, 0, 2**31 - 1, 3, 2**30))
        shard = self.rng.choice(self.values.facts.shards + [0, -1, 2**63 - 1])
        return struct.pack(">qi", shard, total) + records

    def data(self):
        kind = self.rng.random()
        if kind < 0.55:
            whole = b"".join(self.frame() for _ in range(self.rng.choice((1, 1, 2, 5))))
            return whole if self.rng.random() < 0.8 else whole[:self.rng.randint(0, len(whole))]
        if kind < 0.7:
            return b"PGCOPY\n\xff\r\n\0" + self.rng.choice((b"", struct.pack(">ii", 0, 0), struct.pack(">ii", 0, -1), struct.pack(
                ">iihi", 0, 0, 2, -5), struct.pack(">iihii", 0, 0, 4, 4, 5), struct.pack(">iih", 0, 0, -1), struct.pack(">iih", 0, 0, 9)))
        if kind < 0.85:
            return self.rng.randbytes(self.rng.choice((1, 12, 20, 200, 100000)))
        return self.rng.choice((b"", b"\\.\n", b"1\t2\n", b"300\tx\t1\t1\n301\n", b"\xff\xff\n", b"1,2,3\n", b"\\", b"1\tx\\", b"\n" * 1000,
                                b"t5\t1\n" * 1000, b"a" * 1000000))

    def copy(self):
        table, option = self.rng.choice(TABLES), self.rng.choice(OPTIONS)
        columns = self.rng.choice(("", "", "", " (k)", " (k, v)", " (v, k)", " (nothing)", " (g)"))
        if self.rng.random() < 0.15:
            source = self.rng.choice((f"{table}{columns}", f"(SELECT * FROM {table})", f"(TABLE {table} LIMIT 1)"))
            return f"COPY {source} TO STDOUT WITH ({option})", io.BytesIO()
        where = self.rng.choice(("", "", "", " WHERE k IS NOT NULL", " WHERE playground.gain() = 0"))
        return f"COPY {table}{columns} FROM STDIN WITH ({option}){where}", io.BytesIO(self.data())

    # Settings

    def value(self):
        kind = self.rng.random()
        if kind < 0.5:
            return self.values.quoted(self.rng.choice((
                "", "0", "-1", "1", "on", "off", "2147483647", "-2147483648", "99999999999999999999", "1e308", "NaN", "infinity", "1TB", "10min",
                "x", "\"", "'", "\\", "a,b", "{", "0.5", "always", "never", "auto", "127.0.0.1:1", "host=nowhere port=1", "1:2:3:4:5",
                "0:1:2:3", "1:99999:18446744073709551615:1", "altius_internal gpid=1")))
        if kind < 0.6:
            return self.values.quoted("x" * self.rng.choice((63, 64, 1000, 100000)))
        if kind < 0.75:
            return self.values.quoted("\"x\n-c\nlog_statement=all\n-c\nsession_preload_libraries=altius\n\x0b\x0c\r-c foo.a=1\"")
        return self.values.quoted(self.rng.choice(self.values.facts.names))

    def setting(self):
        name = self.rng.choice(self.names)
        value = self.value()
        use = self.rng.choice((["SELECT count(*) FROM playground.d"], ["BEGIN", "UPDATE playground.d SET n = 1 WHERE k IN (1, 2, 3)", "COMMIT"],
                               ["SELECT * FROM playground.d JOIN playground.t ON t.v = d.k"], ["SELECT * FROM shown.some"],
                               ["EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM playground.d"], ["SELECT * FROM citus_stat_activity"],
                               ["BEGIN", "CREATE TABLE playground.made (k int)", "SELECT create_distributed_table('playground.made', 'k')"],
                               ["SELECT * FROM run_command_on_workers('SELECT 1')"]))
        tidy = ["ROLLBACK", "RESET ALL"]
        return self.rng.choice((
            [f"SET {name} = {value}"] + use + tidy,
            ["BEGIN", f"SET LOCAL {name} = {value}"] + use[-1:] + tidy,
            [f"SELECT set_config({self.values.quoted(name)}, {value}, {self.rng.choice(('true', 'false'))})"] + use + tidy,
            [f"ALTER ROLE hostile_mallory SET {name} = {value}", f"ALTER ROLE hostile_mallory RESET {name}"],
            [f"ALTER ROLE hostile_mallory IN DATABASE hostile SET {name} = {value}", f"ALTER ROLE hostile_mallory IN DATABASE hostile RESET {name}"],
            [f"ALTER DATABASE hostile SET {name} = {value}"], [f"ALTER SYSTEM SET {name} = {value}"],
            ["BEGIN", f"CREATE FUNCTION playground.made() RETURNS bigint LANGUAGE sql SET {name} = {value} AS 'SELECT count(*) FROM playground.d'",
             "SELECT playground.made()", "SELECT playground.made() FROM playground.d WHERE k = 1"] + tidy,
            ["BEGIN", "SELECT count(*) FROM playground.d", f"SET {name} = {value}"] + use[-1:] + tidy,
            [f"SELECT * FROM run_command_on_workers($q$SET {name} = {value}$q$)"] + use,
        ))

    def startup(self):
        """Parameters of a connection."""
        name = self.rng.choice(self.names)
        value = self.rng.choice(("", "0", "-1", "x", "on", "99999999999999", "1:2:3:4", "0:1:2:3", "a\\ b", "\\", "\\\\", "a\n-c\nb", "%00"))
        return self.rng.choice((
            {"options": f"-c {name}={value}"}, {"options": f"--{name}={value}"}, {"options": "-c altius.transaction_id=0:1:1:1"},
            {"application_name": f"altius_internal gpid={self.rng.choice(('1', '', '-1', '99999999999999999999', 'x', '10000000001'))}"},
            {"application_name": "altius_internal"}, {"application_name": "altius_internal gpid=20000000001", "options": f"-c {name}={value}"},
            {"application_name": "citus_internal gpid=10000000001"}, {"replication": "database"}, {"replication": "true"},
            {"options": "-c role=postgres"}, {"options": "-c search_path=pg_temp,playground,pg_catalog"}))
