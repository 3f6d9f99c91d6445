# SPDX-License-Identifier: PostgreSQL
# Workers are killed and stopped under statements: what certainly did nothing waits and runs again, what is certainly undone says
# 40001, and only a commit under way is uncertain.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('lost', workers => 2, set => { 'altius.failover_timeout' => '20s' });

$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i;
    CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
        AS 'BEGIN PERFORM pg_catalog.pg_sleep(1); RETURN $1; END'});

sub key_on {
    my ($node) = @_;
    my $port = $cluster->port($node);
    return $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port");
}
my ($here, $there) = (key_on('worker1'), key_on('worker2'));

sub value_of { my ($id) = @_; return $cluster->query('coordinator', "SELECT value FROM t WHERE id = $id") }

# Runs the statement in the session while the worker is taken down and, after a while, up again; (output, error, seconds).
sub while_down {
    my ($session, $sql, %how) = @_;
    my $begun = time;
    if ($how{before}) { $how{before}->() }
    $session->send($sql);
    sleep($how{wait} // 0.5);
    if ($how{during}) { $how{during}->() }
    sleep 1.5;
    $cluster->start('worker1');
    my ($out, $error) = $session->finish;
    return ($out, $error, time - $begun);
}
my $kill = sub { $cluster->kill('worker1') };
my $stop = sub { $cluster->pg_ctl('worker1', '-m', 'fast', 'stop') };

for my $case ([ 'a read', "SELECT count(*) FROM t", '40' ], [ 'a look-up', "SELECT id FROM t WHERE id = $here", $here ],
    [ 'a write on one node', "UPDATE t SET value = value + 1 WHERE id = $here RETURNING id", $here ],
    [ 'a write on all nodes', 'WITH w AS (UPDATE t SET value = value + 1 RETURNING id) SELECT count(*) FROM w', '40' ]) {
    my ($what, $sql, $expected) = @$case;
    for my $warm (0, 1) {
        my $session = $cluster->session('coordinator');
        $session->query('SELECT count(*) FROM t') if $warm;
        my ($out, $error, $seconds) = while_down($session, $sql, before => $kill);
        is($error, '', "$what while the node is down" . ($warm ? ', connected before' : ''));
        is($out, $expected, '... with its result');
        cmp_ok($seconds, '>', 1.4, '... and waited');
    }
}
is(value_of($here), 4, 'writes took place once each');

# In a block: what touched other nodes only goes on.
{
    my $session = $cluster->session('coordinator');
    $session->query('BEGIN');
    $session->query("UPDATE t SET value = 100 WHERE id = $there");
    my ($out, $error) = while_down($session, "UPDATE t SET value = 100 WHERE id = $here", before => $kill);
    is($error, '', 'first touch of the lost node in a block');
    $session->query('COMMIT');
    is(value_of($_), 100, 'both changes are there') for $here, $there;
}
# What read there only, in READ COMMITTED, goes on; under a snapshot it can't.
for my $level ('READ COMMITTED', 'REPEATABLE READ') {
    my $session = $cluster->session('coordinator');
    $session->query("BEGIN ISOLATION LEVEL $level");
    $session->query("SELECT value FROM t WHERE id = $here");
    my ($out, $error) = while_down($session, "SELECT value FROM t WHERE id = $here", before => $kill);
    if ($level eq 'READ COMMITTED') { is($out, 100, 'read before in READ COMMITTED') }
    else { like($error, qr/40001: connection to node .* was lost/, 'read before in REPEATABLE READ') }
}
# One statement over two shards of the node: one was done, the other waited for a lock.  Both are undone, so both run again.
{
    my $port = $cluster->port('worker1');
    my ($first, $second) = split /\n/, $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port
        GROUP BY p.shardid ORDER BY p.shardid");
    for my $case ([ 'without rows', '' ], [ 'with rows, which have gone further', ' RETURNING id' ]) {
        my ($what, $returning) = @$case;
        $cluster->query('coordinator', "UPDATE t SET value = 0 WHERE id IN ($first, $second)");
        my ($locker, $session) = map { $cluster->session('coordinator') } 1 .. 2;
        $locker->query("BEGIN; SELECT FROM t WHERE id = $second FOR UPDATE");
        my ($out, $error) = while_down($session, "UPDATE t SET value = value + 1 WHERE id IN ($first, $second)$returning",
            during => $kill);
        my $values = join ' ', map { value_of($_) } $first, $second;
        if ($returning) {
            like($error, qr/40001: connection to node .* was lost/, "$what: the statement is undone");
            is($values, '0 0', '... on both shards');
        } else {
            is($error, '', "$what: the statement succeeds");
            is($values, '1 1', '... on both shards');
        }
    }
    $cluster->query('coordinator', "UPDATE t SET value = 100 WHERE id IN ($first, $second)");
}
# What wrote there is gone.
{
    my $session = $cluster->session('coordinator');
    $session->query('BEGIN');
    $session->query("UPDATE t SET value = 7 WHERE id = $here");
    my ($out, $error) = while_down($session, "SELECT value FROM t WHERE id = $here", before => $kill);
    like($error, qr/40001: connection to node .* was lost/, 'wrote before: to be run again');
    $session->send('ROLLBACK');
    $session->finish;
    is(value_of($here), 100, '... and undone');
}
# In flight.
for my $how ([ 'killed', $kill ], [ 'stopped', $stop ]) {
    my ($name, $deed) = @$how;
    my $session = $cluster->session('coordinator');
    # A commit before does not make the read uncertain.
    $session->query($_) for 'BEGIN', "UPDATE t SET value = value WHERE id = $here", 'COMMIT';
    my ($out, $error) = while_down($session, "SELECT slow(id) FROM t WHERE id = $here", during => $deed, wait => 0.3);
    is("$out|$error", "$here|", "a read in flight, the node is $name");

    my $holder = $cluster->session('worker1');
    $holder->query("BEGIN; UPDATE t SET value = -1 WHERE id = $here");
    $session = $cluster->session('coordinator');
    ($out, $error) = while_down($session, 'UPDATE t SET value = 200 WHERE id IN ' . "($here, $there)", during => $deed);
    is($error, '', "a write on two nodes in flight, the node is $name");
    is(value_of($_), 200, 'both changes are there') for $here, $there;
    eval { $holder->finish };

    $holder = $cluster->session('worker1');
    $holder->query("BEGIN; UPDATE t SET value = -1 WHERE id = $here");
    $session = $cluster->session('coordinator');
    ($out, $error) = while_down($session, "UPDATE t SET value = 300 WHERE id = $here", during => $deed);
    if ($name eq 'killed') { like($error, qr/08007: connection to node .* was lost while/, 'its own commit in flight: not known') }
    else { is($error, '', 'a write on one node in flight, the node is stopped'); is(value_of($here), 300, '... done') }
    eval { $holder->finish };
    $cluster->query('coordinator', "UPDATE t SET value = 100");
}
# Nobody comes: the error says so when the time is over.
{
    $kill->();
    my $begun = time;
    my (undef, undef, $error) = $cluster->psql('coordinator', "SET altius.failover_timeout = '1s'; SELECT count(*) FROM t");
    like($error, qr/08006: could not connect to node/, 'nobody comes');
    cmp_ok(time - $begun, '<', 5, '... within the time');
    $begun = time;
    (undef, undef, $error) = $cluster->psql('coordinator', "SET statement_timeout = '1s'; SELECT count(*) FROM t");
    like($error, qr/57014/, 'the wait can be interrupted');
    $cluster->start('worker1');
}
ok($cluster->nothing_in_doubt(20), 'nothing is in doubt');

done_testing();
