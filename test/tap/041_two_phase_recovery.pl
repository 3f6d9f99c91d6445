# SPDX-License-Identifier: PostgreSQL
# Two-phase commit when something dies at each of its steps: afterwards the transaction happened on all nodes or on none, as
# the client was told where it was told anything, and no prepared transaction is left.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('recovery', workers => 2,
    set => { deadlock_timeout => '300ms', 'citus.recover_2pc_interval' => '2s', max_prepared_transactions => 50 });

$cluster->query('coordinator', q{
    CREATE TABLE entry (id int PRIMARY KEY, value int);
    SELECT create_distributed_table('entry', 'id', shard_count => 4);
    INSERT INTO entry SELECT id, 0 FROM generate_series(1, 40) id;
});
is($cluster->query('coordinator', q{SELECT count(DISTINCT nodeport) FROM citus_shards WHERE table_name = 'entry'::regclass}),
    '2', 'the rows lie on two nodes');

my $value = 0;
# Begins a transaction that sets all rows to a new value and holds or crashes at the point.
sub begin_change {
    my ($session, $point) = @_;
    $value++;
    $session->query("SET altius.stop_point = '$point'");
    $session->query('BEGIN');
    $session->query("UPDATE entry SET value = $value");
    return;
}

sub settled {
    my ($what, $allowed) = @_;
    ok($cluster->nothing_in_doubt(30), "$what: nothing is in doubt");
    ok($cluster->wait_until('coordinator', 'SELECT count(*) = 40 FROM entry', 30), "$what: all nodes answer");
    my $now = $cluster->query('coordinator', q{SELECT string_agg(DISTINCT value::text, ' ') FROM entry});
    like($now, $allowed, "$what: whole or not at all");
    return;
}

sub old { my $before = $value - 1; return qr/^$before$/ }
sub new { return qr/^$value$/ }
sub either { my $before = $value - 1; return qr/^($before|$value)$/ }

# The coordinator's server crashes with the backend.
my %outcome = ('before prepare' => \&old, 'after prepare' => \&old, 'after local commit' => \&new);
for my $point ('before prepare', 'after prepare', 'after local commit') {
    my $session = $cluster->session('coordinator');
    begin_change($session, "$point:crash");
    $session->send('COMMIT');
    eval { $session->finish };
    my $before = $value - 1;
    ok($cluster->wait_until('coordinator', 'SELECT true', 30), "crash $point: the coordinator is back");
    settled("coordinator crashed $point", $outcome{$point}->());
    $value = $before if $point ne 'after local commit';
}

# A participant dies while the coordinator waits at the point.
for my $point ('before prepare', 'after prepare', 'after local commit') {
    my $session = $cluster->session('coordinator');
    begin_change($session, $point);
    $session->send('COMMIT');
    sleep 0.5;
    $cluster->kill('worker2');
    $cluster->query('coordinator', 'SELECT altius_internal.release_stop_points()');
    my ($out, $error) = $session->finish;
    if ($point eq 'before prepare') {
        like($error, qr/ERROR:  40001: connection to node 127\.0\.0\.1:\d+ was lost/, "worker lost $point: an error");
    } else {
        like($error, qr/WARNING: .*is committed, but node 127\.0\.0\.1:\d+ has not confirmed/, "worker lost $point: a warning");
    }
    $cluster->start('worker2');
    settled("worker died $point", $point eq 'before prepare' ? old() : new());
    $value-- if $point eq 'before prepare';
}

# The session is terminated in the middle; its server lives on.
for my $point ('before prepare', 'after prepare') {
    my $session = $cluster->session('coordinator');
    my $pid = $session->query('SELECT pg_backend_pid()');
    begin_change($session, $point);
    $session->send('COMMIT');
    sleep 0.5;
    $cluster->query('coordinator', "SELECT pg_terminate_backend($pid)");
    $cluster->query('coordinator', 'SELECT altius_internal.release_stop_points()');
    eval { $session->finish };
    settled("session terminated $point", either());
    $value = $cluster->query('coordinator', 'SELECT max(value) FROM entry');
}

# A participant is lost in the middle of a transaction: it can't be committed, and the next one works.
{
    my $session = $cluster->session('coordinator');
    begin_change($session, '');
    $cluster->kill('worker1');
    $cluster->start('worker1');
    $session->send('UPDATE entry SET value = value');
    my ($out, $error) = $session->finish;
    like($error, qr/ERROR:  40001: .*127\.0\.0\.1:\d+/, 'a lost participant: error with the node');
    $session->send('COMMIT');
    $session->finish;
    settled('participant lost', old());
    $value--;
    begin_change($session, '');
    $session->query('COMMIT');
    settled('the same session later', new());
}

# The same without another statement: COMMIT fails.
{
    my $session = $cluster->session('coordinator');
    begin_change($session, '');
    $cluster->kill('worker1');
    $cluster->start('worker1');
    $session->send('COMMIT');
    my ($out, $error) = $session->finish;
    like($error, qr/ERROR:  40001: .*127\.0\.0\.1:\d+/, 'a lost participant: COMMIT fails');
    settled('participant lost before COMMIT', old());
    $value--;
}

# A node that is down: a clear error at once, everything else goes on.
{
    $cluster->kill('worker1');
    my ($status, $out, $error) = $cluster->psql('coordinator', 'UPDATE entry SET value = 0');
    like($error, qr/ERROR:  08006: could not connect to node 127\.0\.0\.1:\d+/, 'a node that is down: error with the node');
    $cluster->start('worker1');
    settled('after a node was down', new());
}

# Deadlock across nodes: one of the two goes on, the other gets 40P01, within two deadlock_timeouts (and some grace).
{
    my ($one, $other) = split ' ', $cluster->query('coordinator', q{
        SELECT min(id) FILTER (WHERE port = least) || ' ' || min(id) FILTER (WHERE port <> least)
        FROM (SELECT id, nodeport AS port, min(nodeport) OVER () AS least
              FROM generate_series(1, 40) id
              JOIN citus_shards ON shardid = get_shard_id_for_distribution_column('entry', id)) located});
    my ($first, $second) = ($cluster->session('coordinator'), $cluster->session('worker1'));
    $first->query("BEGIN; UPDATE entry SET value = value WHERE id = $one");
    $second->query("BEGIN; UPDATE entry SET value = value WHERE id = $other");
    my $begun = Time::HiRes::time;
    $first->send("UPDATE entry SET value = value WHERE id = $other");
    $second->send("UPDATE entry SET value = value WHERE id = $one");
    my ($out1, $error1) = $first->finish;
    my ($out2, $error2) = $second->finish;
    my $took = Time::HiRes::time - $begun;
    is(scalar(grep { /40P01/ } $error1, $error2), 1, 'a deadlock over two nodes has one victim');
    cmp_ok($took, '<', 3, "found soon ($took s)");
    $_->send('COMMIT'), $_->finish for $first, $second;
    settled('after a deadlock', new());
}

undef $cluster;
done_testing;
