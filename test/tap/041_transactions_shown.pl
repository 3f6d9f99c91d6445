# SPDX-License-Identifier: PostgreSQL
# What altius_transactions and altius_in_doubt show, from another node: each state, who waits for whom, what will become of
# prepared transactions, and why not yet.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('shown', workers => 2,
    set => { deadlock_timeout => '10s', 'citus.recover_2pc_interval' => '-1', max_prepared_transactions => 50 });
$cluster->query('coordinator', q{
    CREATE TABLE entry (id int PRIMARY KEY, value int);
    SELECT create_distributed_table('entry', 'id', shard_count => 4);
    INSERT INTO entry SELECT id, 0 FROM generate_series(1, 40) id;
    CREATE ROLE somebody LOGIN;
    CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
});
my ($here, $one, $two) = split /,/, $cluster->query('coordinator', 'SELECT string_agg(nodeid::text, $$,$$ ORDER BY groupid) FROM pg_dist_node');
my $doubt = 'SELECT DISTINCT outcome, reason, origin_nodeid FROM altius_in_doubt WHERE owner IS NOT NULL';

sub shown {
    my ($pid, $what, %options) = @_;
    return $cluster->query('worker2', "SELECT $what FROM altius_transactions WHERE pid = $pid AND nodeid = $here", %options);
}

# A transaction that is held, or dies, at a point of its COMMIT.
sub stopped_at {
    my ($node, $point) = @_;
    my $session = $cluster->session($node);
    my $pid = $session->query('SELECT pg_backend_pid()');
    $session->query("SET altius.stop_point = '$point'; BEGIN; UPDATE entry SET value = value + 1;");
    $session->send('COMMIT');
    $cluster->wait_until($node, "SELECT application_name LIKE 'stopped: %' FROM pg_stat_activity WHERE pid = $pid", 30) unless $point =~ /:crash/;
    return ($session, $pid);
}

my %state = ('before prepare' => 'preparing', 'after prepare' => 'prepared', 'after local commit' => 'committing');
for my $point (sort keys %state) {
    my ($session, $pid) = stopped_at('coordinator', $point);
    is(shown($pid, 'state, participants, usename'), "$state{$point}|{$one,$two}|postgres", "$point: $state{$point}");
    is($cluster->query('worker2', $doubt), '', "$point: nothing is in doubt");
    $cluster->query('coordinator', 'SELECT altius_internal.release_stop_points()');
    $session->finish;
    is(shown($pid, 'count(*)'), '0', "$point: it goes when it ends");
}

# Who waits for whom.
my $first = $cluster->session('coordinator');
my $second = $cluster->session('coordinator');
my $blocker = $first->query('BEGIN; UPDATE entry SET value = 1 WHERE id = 1; SELECT altius_internal.current_transaction()');
my $pid = $second->query('SELECT pg_backend_pid()');
$second->send('BEGIN; UPDATE entry SET value = 2 WHERE id = 1');
ok($cluster->wait_until('worker1', qq{SELECT count(*) = 1 FROM altius_transactions CROSS JOIN jsonb_array_elements(waits) it
    WHERE pid = $pid AND it ->> 'waits_for' = 'Lock: transactionid' AND it -> 'blocked_by' = '["$blocker"]'}, 20), 'a wait and its reason');
like(shown($pid, q{state, waits->0->>'waits_for'}), qr/^active\|Extension: /, 'its own session waits for the node');
is(shown($pid, 'count(*)', user => 'somebody'), '0', 'others do not see it');
is(shown($pid, 'state', user => 'watcher'), 'active', 'who monitors does');
$first->query('COMMIT');
$second->query('COMMIT');

# In doubt: the origin is away, and then back with recovery turned off.
my %outcome = ('after prepare:crash' => 'roll back', 'after local commit:crash' => 'commit');
for my $point (sort keys %outcome) {
    my ($session) = stopped_at('worker1', $point);
    eval { $session->finish };
    $cluster->wait_until('worker1', 'SELECT true', 30);
    $cluster->kill('worker1');
    my $port = $cluster->port('worker1');
    is($cluster->query('coordinator', $doubt), "wait|node 127.0.0.1:$port, which decides, does not answer|$one", "$point: the origin is away");
    $cluster->start('worker1');
    is($cluster->query('coordinator', $doubt), "$outcome{$point}|citus.recover_2pc_interval is -1 on the node that decides|$one",
        "$point: recovery is off");
    is($cluster->query('worker2', 'SELECT count(*) FROM altius_in_doubt', user => 'somebody'), '0', "$point: others do not see it");
    is($cluster->query('worker2', 'SELECT count(*) FROM altius_in_doubt', user => 'watcher'), '1', "$point: who monitors does");

    # As a copy of a server finds it.
    $cluster->query('worker1', "UPDATE pg_dist_node SET nodename = 'localhost', nodeport = @{[ $cluster->port('worker2') ]} WHERE nodeid = $one");
    ok($cluster->wait_until('coordinator', "SELECT string_agg(DISTINCT reason, '') = 'The address of its group in pg_dist_node leads to another server.'"
        . ' FROM altius_in_doubt WHERE owner IS NOT NULL', 20), "$point: the origin may not act");
    $cluster->query('worker1', "UPDATE pg_dist_node SET nodename = '127.0.0.1', nodeport = $port WHERE nodeid = $one");
    $cluster->query('worker1', 'SELECT recover_prepared_transactions()');
    is($cluster->query('coordinator', $doubt), '', "$point: nothing is left");
}

# A record of a node that does not answer.
my ($session) = stopped_at('coordinator', 'after local commit');
$cluster->kill('worker2');
$cluster->query('coordinator', 'SELECT altius_internal.release_stop_points()');
$session->finish;
is($cluster->query('coordinator', "SELECT DISTINCT nodeid, outcome, reason FROM altius_in_doubt WHERE nodeid = $two"),
    "$two|commit|node 127.0.0.1:@{[ $cluster->port('worker2') ]}, where it may be prepared, does not answer", 'the participant is away');
$cluster->start('worker2');
$cluster->query('coordinator', 'SELECT recover_prepared_transactions()');
ok($cluster->nothing_in_doubt(30), 'nothing is left');

done_testing();
