# SPDX-License-Identifier: PostgreSQL
#
# What PostgreSQL 16 and 17 have added, and older servers have no words for, on distributed tables (MERGE: sql/planner_merge_since_17.sql).
use strict;
use warnings;
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('postgresql_17', workers => 1);
plan(skip_all => 'for PostgreSQL 17 and later') if $cluster->query('coordinator', 'SHOW server_version_num') < 170000;
$cluster->query('coordinator', q{SET citus.shard_count TO 4;
    CREATE TABLE t (id int, v int, d jsonb); SELECT create_distributed_table('t', 'id');
    CREATE TABLE copies (id int PRIMARY KEY, v int); SELECT create_reference_table('copies');
    CREATE TABLE plain (id int, v int, d jsonb);
    INSERT INTO t SELECT g, g * 10, jsonb_build_array(g, jsonb_build_object('a', g + 1)) FROM generate_series(1, 5) g;
    INSERT INTO plain TABLE t});

# COPY passes over what is no row, and tells how many.
for my $table ('t', 'copies', 'plain') {
    my (undef, undef, $told) = $cluster->psql('coordinator', "COPY $table (id, v) FROM PROGRAM 'printf \"101\\t1\\nx\\t2\\n103\\ty\\n104\\t4\\n\"' (ON_ERROR ignore)");
    like($told, qr/^NOTICE: .*\b2 rows were skipped due to data type incompatibility$/m, "COPY to $table tells how many rows it passes over");
    is($cluster->query('coordinator', "SELECT string_agg(id || ' ' || v, ', ' ORDER BY id) FROM $table WHERE id > 100"), '101 1, 104 4', '... the others are there');
}
my (undef, undef, $skipped) = $cluster->psql('coordinator', q{COPY t FROM PROGRAM 'echo x,1,' (ON_ERROR ignore, LOG_VERBOSITY verbose, FORMAT csv)});
like($skipped, qr/skipping row due to data type incompatibility at line 1 for column "?id"?: "x".*1 row was skipped/s, 'with LOG_VERBOSITY each row');

# JSON_TABLE and its kin, beside the data and on the node that was asked.
for my $query (
    q{SELECT id, j.* FROM %s, JSON_TABLE(d, '$[*]' PASSING id AS i COLUMNS (n FOR ORDINALITY, x int PATH '$' DEFAULT -1 ON ERROR, NESTED PATH '$.a' COLUMNS (y int PATH '$'))) j},
    q{SELECT j.x, count(*), sum(v) FROM %s JOIN JSON_TABLE('[1, 4, 9]', '$[*]' COLUMNS (x int PATH '$')) j ON id = j.x GROUP BY 1},
    q{SELECT id, JSON_EXISTS(d, '$[1].a'), JSON_VALUE(d, '$[1].a' RETURNING int DEFAULT 9 ON EMPTY), JSON_QUERY(d, '$[*].a' WITH WRAPPER) FROM %s},
    q{SELECT id, JSON_SCALAR(v), d IS JSON ARRAY, JSON_OBJECT('k': id ABSENT ON NULL), JSON_ARRAY(id, v) FROM %s},
    q{SELECT JSON_ARRAYAGG(id ORDER BY id), JSON_OBJECTAGG(id: v), any_value(1 + id * 0) FROM %s WHERE id < 9},
    q{UPDATE %1$s SET v = j.y FROM JSON_TABLE('[{"x": 2, "y": 5}]', '$[*]' COLUMNS (x int PATH '$.x', y int PATH '$.y')) j WHERE %1$s.id = j.x RETURNING *})
{
    my ($distributed, $plain) = map { join "\n", sort split /\n/, $cluster->query('coordinator', sprintf $query, $_) } 't', 'plain';
    is($distributed, $plain, $query);
}

# Identity columns of partitioned tables.
$cluster->query('coordinator', q{CREATE TABLE p (n int GENERATED ALWAYS AS IDENTITY, id int, d date) PARTITION BY RANGE (d);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); SELECT create_distributed_table('p', 'id');
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    INSERT INTO p (id, d) SELECT g, '2024-12-01'::date + g * 10 FROM generate_series(1, 6) g; INSERT INTO p2 (id, d) VALUES (7, '2025-07-07')});
$cluster->query('worker1', q{INSERT INTO p (id, d) VALUES (8, '2024-08-08')});
is($cluster->query('coordinator', 'SELECT count(DISTINCT n), count(*), count(*) FILTER (WHERE n IS NULL) FROM p'), '8|8|0', 'partitions draw from one sequence');
my (undef, undef, $always) = $cluster->psql('coordinator', q{INSERT INTO p (n, id, d) VALUES (100, 3, '2024-02-02')});
like($always, qr/cannot insert a non-DEFAULT value into column "n"/, '... and no other values');

# EXPLAIN.
like($cluster->query('coordinator', 'EXPLAIN (MEMORY, COSTS OFF) SELECT count(*) FROM t'), qr/Altius Fragment.*Memory: used=/s, 'EXPLAIN (MEMORY)');
like($cluster->query('coordinator', 'EXPLAIN (ANALYZE, SERIALIZE, COSTS OFF) SELECT * FROM t'), qr/Altius Fragment.*Serialization: /s, 'EXPLAIN (SERIALIZE)');
like($cluster->query('coordinator', 'EXPLAIN (GENERIC_PLAN, COSTS OFF) SELECT * FROM t WHERE id = $1'), qr/Altius Fragment/, 'EXPLAIN (GENERIC_PLAN), one shard');
like($cluster->query('coordinator', 'EXPLAIN (GENERIC_PLAN, COSTS OFF) SELECT * FROM t WHERE v = $1'), qr/Altius Fragment.*Shards: 4/s, '... and all');
like($cluster->query('coordinator', 'EXPLAIN (GENERIC_PLAN, COSTS OFF) UPDATE t SET v = $2 WHERE v < (SELECT sum(v) FROM copies WHERE id > $1)'), qr/Altius/, '... and a modification');

# transaction_timeout is that of the session: what is configured on a node ends nobody's statement there.
$cluster->query('worker1', q{ALTER SYSTEM SET transaction_timeout TO '1s'});
$cluster->query('worker1', 'SELECT pg_reload_conf()');
my ($status, undef, $error) = $cluster->psql('coordinator', q{BEGIN; INSERT INTO t SELECT g FROM generate_series(201, 220) g; SELECT pg_sleep(2); INSERT INTO t SELECT g FROM generate_series(221, 230) g; COMMIT});
is($status, 0, 'a transaction that is longer than a node would like') or diag $error;
(undef, undef, $error) = $cluster->psql('coordinator', q{SET transaction_timeout TO '500ms'; BEGIN; INSERT INTO t SELECT g FROM generate_series(301, 320) g; SELECT pg_sleep(5); COMMIT});
like($error, qr/transaction timeout/, 'a session that ends by its own time-out');
is($cluster->query('coordinator', 'SELECT count(*) FILTER (WHERE id < 300), count(*) FILTER (WHERE id > 300) FROM t WHERE id > 200'), '30|0', '... leaves nothing');
ok($cluster->wait_until('worker1', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'}), '... and nothing open');
ok($cluster->nothing_in_doubt, 'nothing is in doubt');

done_testing();
