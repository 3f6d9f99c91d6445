# SPDX-License-Identifier: PostgreSQL
# Sessions that wait for a connection (citus.max_shared_pool_size) while they have one that others wait for: a deadlock, and told as one.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('budgetlock', workers => 2,
    set => { 'citus.max_shared_pool_size' => 1, deadlock_timeout => '200ms', autovacuum => 'off' });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i;
    CREATE TABLE own (id int PRIMARY KEY, value int NOT NULL);
    INSERT INTO own VALUES (1, 0)});
sub key_on {
    my $port = $cluster->port($_[0]);
    return $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port");
}
my ($a, $b) = (key_on('worker1'), key_on('worker2'));
my ($one, $two, $three) = map { $cluster->session('coordinator') } 1 .. 3;
my $update = sub { "UPDATE t SET value = value + 1 WHERE id = $_[0]" };

sub ends_as_deadlock {
    my ($name, $begun, @sessions) = @_;
    my @errors = map { ($_->finish)[1] } @sessions;
    is(scalar(grep { /40P01/ } @errors), 1, "$name: one is the victim") or diag(@errors);
    is(scalar(grep { $_ eq '' } @errors), 1, '... the other one goes on') or diag(@errors);
    cmp_ok(time - $begun, '<', 15, '... before the wait for a connection would have been given up');
    $_->query('ROLLBACK') for @sessions;
    return;
}

# --- connections both ways ---
$one->query('BEGIN; ' . $update->($a));
$two->query('BEGIN; ' . $update->($b));
my $begun = time;
$one->send($update->($b));
$two->send($update->($a));
ends_as_deadlock('connections both ways', $begun, $one, $two);

# --- a connection one way, a lock the other way ---
$one->query('BEGIN; UPDATE own SET value = 1');
$two->query('BEGIN; ' . $update->($a));
$begun = time;
$two->send('UPDATE own SET value = 2');
$one->send($update->($a));
ends_as_deadlock('a connection and a lock', $begun, $one, $two);

# --- no deadlock: who has the connection only takes his time ---
$one->query('BEGIN; ' . $update->($a));
$two->query('BEGIN; ' . $update->($b));
$two->send($update->($a));
sleep 2;
$one->query('COMMIT');
is(($two->finish)[1], '', 'who waits for a session that is idle in its transaction is no victim');
$two->query('COMMIT');

# --- two may have one: a third that could end keeps the others from being victims ---
$cluster->query('coordinator', $_) for 'ALTER SYSTEM SET citus.max_shared_pool_size = 2', 'SELECT pg_reload_conf()';
sleep 0.5;
sub beside {
    my ($key) = @_;
    return $cluster->query('coordinator', "SELECT min(id) FROM t WHERE id <> $key
        AND get_shard_id_for_distribution_column('t', id) = get_shard_id_for_distribution_column('t', $key)");
}
my ($a2, $b2) = (beside($a), beside($b));
my $four = $cluster->session('coordinator');
$one->query('BEGIN; ' . $update->($a));          # one and three have the connections to a
$three->query("BEGIN; SELECT value FROM t WHERE id = $a");
$two->query('BEGIN; ' . $update->($b));          # two and four those to b
$four->query("BEGIN; SELECT value FROM t WHERE id = $b");
$one->send($update->($b2));
$two->send($update->($a2));
sleep 2;
$three->query('COMMIT');
is(($two->finish)[1], '', 'the connection of a third is enough');
$two->query('COMMIT');
is(($one->finish)[1], '', '... and then the other one has his');
$_->query('COMMIT') for $one, $four;
is($cluster->query('coordinator', 'SELECT count(*) FROM altius_internal.local_wait_edges()'), 0, 'nobody waits any more');
done_testing();
