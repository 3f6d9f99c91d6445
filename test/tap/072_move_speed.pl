# SPDX-License-Identifier: PostgreSQL
# How fast a move is: a shard group of a gigabyte with three indexes goes from one worker to the other and back, in turn with
# pg_dump | psql of the same shard between the same two servers.  The ratio of the two is what counts.
#
# Only in the full form, `test/run rebalance-long`.  ALTIUS_MOVE_MB is the size (1024), ALTIUS_MOVE_ROUNDS how often (4).

use strict;
use warnings;
use IPC::Run ();
use List::Util qw(min);
use Test::More;
use Time::HiRes qw(time);
use Altius::Cluster;

plan skip_all => 'a measurement: test/run rebalance-long' if ($ENV{ALTIUS_REBALANCE} // '') ne 'long';

my $megabytes = $ENV{ALTIUS_MOVE_MB} // 1024;
my $rounds = $ENV{ALTIUS_MOVE_ROUNDS} // 4;
my $mode = $ENV{ALTIUS_REBALANCE_MODE} // 'auto';
my $cluster = Altius::Cluster->new('move_speed', workers => 2, set => { shared_buffers => '256MB', max_wal_size => '8GB',
    maintenance_work_mem => '128MB', 'citus.defer_shard_delete_interval' => '1s' });
my $bin = $cluster->psql_program =~ s{/psql$}{}r;

# What was written before is not to be written meanwhile.
sub seconds(&) {
    my ($work) = @_;
    $cluster->query($_, 'CHECKPOINT') for $cluster->nodes;
    system 'sync';
    my $begun = time;
    $work->();
    return time - $begun;
}

# About 130 bytes a row.
$cluster->query('coordinator', qq{
    CREATE TABLE big (id bigint PRIMARY KEY, owner int, at timestamptz, note text);
    SELECT create_distributed_table('big', 'id', shard_count => 1);
    INSERT INTO big SELECT n, hashint8(n) % 10000, timestamptz '2026-01-01' + n * interval '1 s', md5(n::text) || repeat(md5((n + 1)::text), 1)
        FROM generate_series(1, $megabytes * 8192) n;
    CREATE INDEX ON big (owner);
    CREATE INDEX ON big (at);
    ANALYZE big;
});
my ($shard, $name) = split /\|/, $cluster->query('coordinator', q{SELECT shardid, shard_name FROM citus_shards WHERE table_name = 'big'::regclass});
diag(sprintf '%s with indexes', $cluster->query('coordinator', q{SELECT pg_size_pretty(citus_total_relation_size('big'))}));

sub node_of_shard {
    return $cluster->query('coordinator', "SELECT nodeport FROM citus_shards WHERE shardid = $shard") - $cluster->port('coordinator');
}

sub move {
    my $from = node_of_shard();
    $cluster->query('coordinator', "SELECT citus_move_shard_placement($shard, '127.0.0.1', " . $cluster->port("worker$from") .
        ", '127.0.0.1', " . $cluster->port('worker' . (3 - $from)) . ", '$mode')");
    return;
}

# Rows, then indexes, into another database of the other worker.
sub dump_and_load {
    my $from = node_of_shard();
    local $ENV{PGOPTIONS} = '-c citus.override_table_visibility=off';
    my $errors = '';
    IPC::Run::run([ "$bin/pg_dump", $cluster->connection("worker$from"), '-d', 'altius', '-t', $name ],
        '|', [ "$bin/psql", '-Xq', '-v', 'ON_ERROR_STOP=1', $cluster->connection('worker' . (3 - $from)), '-d', 'plain' ],
        '>', '/dev/null', '2>', \$errors) or die $errors;
    return;
}

for my $worker ('worker1', 'worker2') { $cluster->query($worker, 'CREATE DATABASE plain') }
my (@moves, @dumps);
for my $round (1 .. $rounds) {
    my $target = 'worker' . (3 - node_of_shard());
    push @dumps, seconds { dump_and_load() };
    $cluster->query($target, "DROP TABLE $name", db => 'plain');
    push @moves, seconds { move() };
    diag(sprintf 'round %d: move %.1f s, pg_dump | psql %.1f s, ratio %.2f', $round, $moves[-1], $dumps[-1], $moves[-1] / $dumps[-1]);
}
is($cluster->query('coordinator', 'SELECT count(*) FROM big'), $megabytes * 8192, 'all rows are there');
my $ratio = min(@moves) / min(@dumps);
cmp_ok($ratio, '<=', 1.15, sprintf 'a move takes at most 1.15 times as long as pg_dump | psql (%.2f)', $ratio);
done_testing();
