# SPDX-License-Identifier: PostgreSQL
# Servers are restarted, killed and frozen in the middle of moves, splits and copies of reference tables: nobody waits much longer
# than without them, the operation ends or can be made again, no write is lost, nothing is left.  A few cells of the matrix that
# test/moves/faults goes through (test/moves/README.md); ALTIUS_MOVES=long is all of it.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Altius::Cluster;

my $faults = abs_path(dirname(__FILE__)) . '/../moves/faults';
my $cluster = Altius::Cluster->new('move_faults', workers => 2, set => { 'citus.defer_shard_delete_interval' => '500ms',
    'citus.recover_2pc_interval' => '1s' });
# A busy machine takes its time: what matters here is that nobody waits for a time-out of ten seconds, or a minute.
my @few = ($ENV{ALTIUS_MOVES} // '') eq 'long' ? () : ('--tap', '--slack', '4');
my $out = '';
IPC::Run::run([ $faults, '--dir', $cluster->{dir}, @few ], '<', \undef, '>&', \$out);
my $count = 0;
for my $line (split /\n/, $out) {
    if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, $2); $count++ }
    elsif ($line !~ /^1\.\./) { diag($line) }
}
ok($count > 0, 'there are cells');
for my $node ($cluster->nodes) {
    unlike($cluster->log_of($node), qr/was terminated by signal (?!9)|PANIC:|TRAP:/, "$node never crashed by itself");
}

# --- a transaction that stays open on the shard holds up the move, and nobody else ---
{
    my $in = sub { return $cluster->query('coordinator', $_[0]) };
    $in->(q{CREATE TABLE kept (k int PRIMARY KEY, n int); SELECT create_distributed_table('kept', 'k', shard_count => 2, colocate_with => 'none');
        INSERT INTO kept SELECT n, 0 FROM generate_series(1, 100) n});
    my ($shard, $from) = split /\|/, $in->(q{SELECT shardid, nodeport FROM citus_shards WHERE table_name = 'kept'::regclass ORDER BY 1 LIMIT 1});
    my ($to) = grep { $_ != $from } map { $cluster->port($_) } 'worker1', 'worker2';
    my $source = $from == $cluster->port('worker1') ? 'worker1' : 'worker2';
    my ($holder, $mover) = ($cluster->session('coordinator'), $cluster->session('coordinator'));
    $mover->query(q{SET altius.stop_point = 'move: caught up'});
    $mover->send("SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to)");
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: caught up'}), 'caught up');
    $holder->query('BEGIN; UPDATE kept SET n = 1');
    sleep 2;
    $in->('SELECT altius_internal.release_stop_points()');
    sleep 1;
    my $queues = $cluster->query($source, qq{CREATE TEMP TABLE seen (n int);
        DO \$\$ BEGIN FOR i IN 1 .. 150 LOOP
            INSERT INTO seen SELECT count(*) FROM pg_locks WHERE relation = 'kept_$shard'::regclass AND NOT granted AND mode = 'ExclusiveLock';
            PERFORM pg_sleep(0.02);
        END LOOP; END \$\$;
        SELECT sum(n) FROM seen});
    is($queues, 0, 'the move does not stand in the queue in front of other writers');
    is($in->(q{SET lock_timeout = '500ms'; BEGIN; LOCK pg_dist_node IN SHARE MODE; COMMIT; SELECT 'locked'}), 'locked', 'nor does it keep the list of nodes');
    $holder->query('COMMIT');
    is(($mover->finish)[1], '', 'and it ends when the transaction has');
    is($in->("SELECT nodeport FROM citus_shards WHERE shardid = $shard"), $to, 'with the shard in its new place');
}
done_testing();
