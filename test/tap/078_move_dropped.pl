# SPDX-License-Identifier: PostgreSQL
# A table that is dropped while one of its shards moves: the move ends with an error that says so, wherever it was, and leaves nothing.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('move_dropped', workers => 2, set => { 'citus.defer_shard_delete_interval' => '200ms' });

sub on_coordinator { return $cluster->query('coordinator', $_[0]) }

my ($one, $other) = map { $cluster->port("worker$_") } 1, 2;
for my $case (map { my $mode = $_; map { [ $mode, $_ ] } 'begun', 'registered', 'tables made', 'rows copied', 'indexes built' } 'block_writes', 'force_logical') {
    my ($mode, $point) = @$case;
    on_coordinator(q{CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v > 0)); CREATE INDEX ON t (v);
        SELECT create_distributed_table('t', 'id', shard_count => 2); INSERT INTO t SELECT n, n FROM generate_series(1, 50) n});
    my ($shard, $from) = split /\|/, on_coordinator(q{SELECT shardid, nodeport FROM citus_shards WHERE table_name = 't'::regclass ORDER BY 1 LIMIT 1});
    my $to = $from == $one ? $other : $one;
    my $mover = $cluster->session('coordinator');
    $mover->query("SET altius.stop_point = 'move: $point'");
    $mover->send("SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to, '$mode')");
    ok($cluster->wait_until('coordinator', qq{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: $point'}, 60),
        "$mode: $point");
    my $dropper = $cluster->session('coordinator');
    $dropper->send('DROP TABLE t');
    # Where the move holds writers back, the shard's end waits for it.
    $cluster->wait_until('coordinator', q{SELECT to_regclass('t') IS NULL}, 2);
    on_coordinator('SELECT altius_internal.release_stop_points()');
    my $said = ($mover->finish)[1] // '';
    like($said, qr/^$|42P01: (?:a table of the shard group was dropped meanwhile|relation "\S+" does not exist)|(?:42704|55000|42P01): shard \d+ (?:does not exist|is not on this node)|changed/,
        "... the move says what happened");
    $dropper->finish;
    is(on_coordinator(q{SELECT to_regclass('t') IS NULL}), 't', '... the table is gone');
    ok($cluster->wait_until('coordinator', 'SELECT count(*) = 0 FROM pg_dist_cleanup', 30), '... and all that the move made');
    is(on_coordinator(q{SELECT string_agg(result, '') FROM run_command_on_workers($$SELECT count(*) FROM pg_class WHERE relname ~ '^t_\d+'$$)}),
        '00', '... on all nodes');
}
undef $cluster;
done_testing();
