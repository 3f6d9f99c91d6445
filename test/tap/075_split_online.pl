# SPDX-License-Identifier: PostgreSQL
# Shards are split while clients write: no statement fails, every row is what the clients were told, and whatever process dies
# in the middle, the cluster is as before the split or as after it and nothing is left behind.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('split_online', workers => 2, set => { 'citus.defer_shard_delete_interval' => '500ms' });
sub on_coordinator { return $cluster->query('coordinator', $_[0]) }

# Two colocated tables, one without a primary key, one with a foreign key to a reference table; every write goes to a plain
# twin in the same transaction. A writer touches its own rows only (id % 4): what another one commits between a statement and the
# twin's would make the two differ on one PostgreSQL, too.
on_coordinator(q{
    CREATE TABLE kinds (id int PRIMARY KEY); INSERT INTO kinds SELECT generate_series(0, 9);
    CREATE TABLE t (k int, id int, kind int REFERENCES kinds, v text, PRIMARY KEY (k, id));
    CREATE TABLE log (k int, entry text);
    CREATE TABLE t_twin (LIKE t); CREATE TABLE log_twin (LIKE log);
    CREATE INDEX ON log (k)});
on_coordinator(q{SELECT create_reference_table('kinds')});
on_coordinator(q{SELECT create_distributed_table('t', 'k', shard_count => 2)});
on_coordinator(q{SELECT create_distributed_table('log', 'k', colocate_with => 't')});
on_coordinator(q{INSERT INTO t SELECT g % 500, g, g % 10, repeat('v', g % 300) FROM generate_series(1, 5000) g; INSERT INTO t_twin SELECT * FROM t;
    INSERT INTO log SELECT g % 500, 'old' FROM generate_series(1, 1000) g; INSERT INTO log_twin SELECT * FROM log});
on_coordinator(q{CREATE TABLE stop (); CREATE PROCEDURE writer(n int) LANGUAGE plpgsql AS $$
DECLARE
  i int := 0;
BEGIN
  LOOP
    i := i + 1;
    INSERT INTO t VALUES (i % 500, 1000000 * (n + 1) + 4 * i + n, i % 10, 'new');
    INSERT INTO t_twin VALUES (i % 500, 1000000 * (n + 1) + 4 * i + n, i % 10, 'new');
    COMMIT;
    INSERT INTO log SELECT k, 'many' || n || i FROM generate_series(i, i + 3) k;
    INSERT INTO log_twin SELECT k, 'many' || n || i FROM generate_series(i, i + 3) k;
    UPDATE t SET v = v || n WHERE k = i * 7 % 500 AND id % 4 = n;
    UPDATE t_twin SET v = v || n WHERE k = i * 7 % 500 AND id % 4 = n;
    COMMIT;
    DELETE FROM t WHERE k = i * 11 % 500 AND id % 4 = n AND id > 5000 AND v LIKE '%new%';
    DELETE FROM t_twin WHERE k = i * 11 % 500 AND id % 4 = n AND id > 5000 AND v LIKE '%new%';
    UPDATE log SET entry = entry || '.' WHERE k = i * 3 % 500 AND entry LIKE 'many' || n || '%';
    UPDATE log_twin SET entry = entry || '.' WHERE k = i * 3 % 500 AND entry LIKE 'many' || n || '%';
    COMMIT;
    EXIT WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'stop'::regclass AND attname = 'now');
  END LOOP;
  INSERT INTO t VALUES (n, -n, n, 'done ' || i);
  INSERT INTO t_twin VALUES (n, -n, n, 'done ' || i);
END $$});

sub same_rows {
    my ($when) = @_;
    for my $table ('t', 'log') {
        is(on_coordinator(qq{SELECT count(*) FROM ((SELECT * FROM $table EXCEPT ALL SELECT * FROM ${table}_twin)
            UNION ALL (SELECT * FROM ${table}_twin EXCEPT ALL SELECT * FROM $table)) d}), '0', "$when: $table has the rows of its twin");
    }
    # each row where its key belongs, asked of the shards themselves
    is(on_coordinator(q{SELECT count(*) FROM run_command_on_shards('t', $$
        SELECT count(*) FROM %s WHERE get_shard_id_for_distribution_column('t', k) <> substring('%s' FROM '\d+$')::bigint $$) WHERE result <> '0'}),
        '0', "$when: every row lies in its shard");
    return;
}

sub nothing_left {
    my ($when) = @_;
    ok($cluster->wait_until('coordinator', 'SELECT count(*) = 0 FROM pg_dist_cleanup', 30), "$when: nothing is left to clean up");
    for my $node ($cluster->nodes) {
        ok($cluster->wait_until($node, q{SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication)
            + (SELECT count(*) FROM altius_stray_shard) = 0}, 30), "$when: $node has no slot, publication or stray shard");
        is($cluster->query($node, q{SET citus.override_table_visibility = off; SELECT count(*) FROM
            (SELECT relname::text AS name FROM pg_class WHERE relname ~ '^(t|log)_\d+$') there FULL JOIN
            (SELECT logicalrelid::text || '_' || shardid AS name FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
                JOIN pg_dist_local_group USING (groupid) WHERE logicalrelid IN ('t'::regclass, 'log'::regclass)) meant USING (name)
            WHERE there.name IS NULL OR meant.name IS NULL}), '0', "$when: $node has the tables of its shards and no others");
    }
    return;
}

sub node_id { return on_coordinator('SELECT nodeid FROM pg_dist_node WHERE nodeport = ' . $cluster->port($_[0])) }
sub shard_count { return on_coordinator(q{SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 't'::regclass}) }
# The statement that splits the shard with this hash value behind it, its parts on the two workers.
sub split_at {
    my ($hash, $mode) = @_;
    return qq{SELECT citus_split_shard_by_split_points(shardid, ARRAY['$hash'], ARRAY[} . node_id('worker1') . ', ' . node_id('worker2')
        . qq{], '$mode') FROM pg_dist_shard WHERE logicalrelid = 't'::regclass AND $hash BETWEEN shardminvalue::int AND shardmaxvalue::int};
}

my @writers = map { $cluster->session('coordinator') } 0 .. 2;
$writers[$_]->send("CALL writer($_)") for 0 .. 2;
ok($cluster->wait_until('coordinator', q{SELECT count(*) > 20 FROM t WHERE v = 'new'}, 60), 'the writers are at work');

for my $hash (-1000000000, 1000000000) {
    my ($status, undef, $error) = $cluster->psql('coordinator', split_at($hash, 'auto'));
    is($status, 0, "split behind $hash while clients write") or diag $error;
}
my ($status, $isolated, $error) = $cluster->psql('coordinator', q{SELECT isolate_tenant_to_new_shard('t', 42, 'CASCADE')});
is($status, 0, 'a tenant is isolated while clients write') or diag $error;
($status, undef, $error) = $cluster->psql('coordinator', split_at(500000000, 'block_writes'));
is($status, 0, 'split with writes blocked') or diag $error;
cmp_ok(shard_count(), '>=', 6, 'all of it happened');

on_coordinator('ALTER TABLE stop ADD COLUMN now int');
for my $n (0 .. 2) {
    my (undef, $error) = $writers[$n]->finish;
    is($error, '', "writer $n met no error");
}
is(on_coordinator(q{SELECT count(*) FROM t WHERE v LIKE 'done%'}), '3', 'and all ended');
same_rows('after the splits');
nothing_left('after the splits');

# The splitting backend dies at each step; kill -9 takes its server along.
my $hash = -1500000000;
for my $point ('split: tables made', 'move: slot made', 'split: caught up', 'split: before flip', 'split: flipped') {
    my $before = shard_count();
    $cluster->psql('coordinator', "SET altius.stop_point = '$point:crash'; " . split_at($hash, 'auto'));
    ok($cluster->wait_until('coordinator', 'SELECT true', 60), "killed at '$point': the coordinator is back");
    nothing_left("killed at '$point'");
    my $expected = $point eq 'split: flipped' ? $before + 1 : $before;
    is(shard_count(), $expected, "killed at '$point': the shards are as they should be");
    same_rows("killed at '$point'");
    $hash += 1000000 if $point eq 'split: flipped';
}
($status, undef, $error) = $cluster->psql('coordinator', split_at($hash, 'auto'));
is($status, 0, 'a split succeeds afterwards') or diag $error;
same_rows('at the end');
nothing_left('at the end');
done_testing();
