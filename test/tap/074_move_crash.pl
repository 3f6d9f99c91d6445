# SPDX-License-Identifier: PostgreSQL
# Somebody dies while a rebalance moves a shard group: the moving backend, the target, the source or the coordinator, at named
# points of the move.  Afterwards all rows are there once, the job has gone on or says that it failed, a second rebalance
# finishes the work, and within 30 seconds nothing is left over on any node.
#
# Some combinations run with all tests, all of them by `test/run rebalance-long` (ALTIUS_REBALANCE=long).
# ALTIUS_CRASH='source:caught up' picks one.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use Altius::Cluster;

my @points = ('registered', 'published', 'tables made', 'slot made', 'rows copied', 'indexes built', 'stream started',
    'caught up', 'writes blocked', 'all applied', 'before flip', 'flipped');
my @victims = ('backend', 'target', 'source', 'coordinator');
my @cases = (['backend', 'rows copied'], ['source', 'all applied'], ['target', 'caught up'], ['coordinator', 'before flip']);
if (($ENV{ALTIUS_REBALANCE} // '') eq 'long') {
    @cases = map { my $point = $_; map { [$_, $point] } @victims } @points;
}
@cases = ([split /:/, $ENV{ALTIUS_CRASH}]) if $ENV{ALTIUS_CRASH};

my $cluster = Altius::Cluster->new('move_crash', workers => 2, set => { 'citus.defer_shard_delete_interval' => '500ms',
    'citus.recover_2pc_interval' => '1s', 'altius.background_task_retry_delay' => '500ms',
    'citus.background_task_queue_interval' => '1s' });

sub on_coordinator { return $cluster->query('coordinator', $_[0]) }

on_coordinator(q{
    CREATE TABLE keyed (k int, id int, note text, PRIMARY KEY (k, id));
    CREATE TABLE keyless (k int, note text);
    SELECT create_distributed_table('keyed', 'k', shard_count => 2);
    SELECT create_distributed_table('keyless', 'k', colocate_with => 'keyed');
    INSERT INTO keyed SELECT n % 10, n, 'note ' || n FROM generate_series(1, 500) n;
    INSERT INTO keyless SELECT n % 10, 'note ' || n / 2 FROM generate_series(1, 500) n;
});
my $rows = q{SELECT (SELECT md5(string_agg(k || note || id, ',' ORDER BY id)) FROM keyed) || (SELECT md5(string_agg(k || note, ',' ORDER BY k, note)) FROM keyless)};
my $expected = on_coordinator($rows);
my %id = map { $_ => on_coordinator('SELECT nodeid FROM pg_dist_node WHERE nodeport = ' . $cluster->port($_)) } 'worker1', 'worker2';

# Everything on the first worker, so that the rebalance has one move to make: to the second one.
sub put_all_on_first {
    my $second = $cluster->port('worker2');
    for my $shard (split /\n/, on_coordinator("SELECT min(shardid) FROM citus_shards WHERE nodeport = $second GROUP BY (SELECT shardminvalue FROM pg_dist_shard s WHERE s.shardid = citus_shards.shardid)")) {
        on_coordinator("SELECT citus_move_shard_placement($shard, $id{worker2}, $id{worker1}, 'block_writes')");
    }
    return;
}

sub stop_at {
    my ($point) = @_;
    on_coordinator(defined $point ? "ALTER SYSTEM SET altius.stop_point = 'move: $point'" : 'ALTER SYSTEM RESET altius.stop_point');
    on_coordinator('SELECT pg_reload_conf()');
    return;
}

sub state_of_job { return on_coordinator('SELECT state FROM citus_rebalance_status()') }

sub job_ended {
    my ($name) = @_;
    ok($cluster->wait_until('coordinator', q{SELECT altius_internal.release_stop_points() IS NOT NULL
        AND (SELECT state IN ('finished', 'failed', 'cancelled') FROM citus_rebalance_status())}, 90), "$name: the job ends")
        or diag(on_coordinator('SELECT jsonb_pretty(details) FROM citus_rebalance_status()'));
    return;
}

sub kill_victim {
    my ($victim, $stopped) = @_;
    if ($victim eq 'backend') {
        my $pid = on_coordinator("SELECT pid FROM pg_stat_activity WHERE application_name = '$stopped'");
        $cluster->kill_backend('coordinator', $pid) if $pid =~ /^\d+$/;
        return;
    }
    my $node = { target => 'worker2', source => 'worker1', coordinator => 'coordinator' }->{$victim};
    $cluster->kill($node);
    $cluster->start($node);
    return;
}

my %leftovers = (
    slot => 'SELECT count(*) FROM pg_replication_slots',
    publication => 'SELECT count(*) FROM pg_publication',
    'wide replica identity' => q{SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relreplident = 'f'},
    'prepared transaction' => 'SELECT count(*) FROM pg_prepared_xacts',
    shard => q{SELECT count(*) FROM pg_class c WHERE relkind = 'r' AND relname ~ '^key(ed|less)_\d+$' AND NOT EXISTS (
        SELECT FROM pg_dist_placement p JOIN pg_dist_local_group USING (groupid) WHERE c.relname ~ ('_' || p.shardid || '$'))},
);

sub nothing_left {
    my ($name) = @_;
    my $all = join ' + ', map { "($leftovers{$_})" } sort keys %leftovers;
    for my $node ($cluster->nodes) {
        next if ok($cluster->wait_until($node, "SELECT $all = 0", 30), "$name: nothing is left over on $node");
        diag("$_: " . $cluster->query($node, $leftovers{$_})) for sort keys %leftovers;
        diag(on_coordinator('SELECT string_agg(c::text, E\'\n\') FROM pg_dist_cleanup c'));
    }
    return;
}

for my $case (@cases) {
    my ($victim, $point) = @$case;
    my $name = "$victim dies: $point";
    put_all_on_first();
    my $stopped = "stopped: move: $point";
    stop_at($point);
    on_coordinator("SELECT citus_rebalance_start('by_shard_count')");
    ok($cluster->wait_until('coordinator', "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$stopped'", 60), "$name: reached");
    kill_victim($victim, $stopped);
    $cluster->wait_until('coordinator', 'SELECT true', 30);
    stop_at(undef);
    job_ended($name);
    my $state = state_of_job();
    like($state, qr/^(finished|failed)$/, "$name: the job says what became of it ($state)");
    is(on_coordinator($rows), $expected, "$name: all rows are there");
    if ($state ne 'finished') {
        on_coordinator("SELECT citus_rebalance_start('by_shard_count')");
        job_ended("$name, again");
        is(state_of_job(), 'finished', "$name: a second rebalance finishes the work");
    }
    is(on_coordinator(q{SELECT string_agg(number::text, ' ') FROM (SELECT count(*) AS number FROM citus_shards GROUP BY nodeport) c}), '2 2',
        "$name: the shards are spread");
    is(on_coordinator($rows), $expected, "$name: and all rows are there");
    nothing_left($name);
}
done_testing();
