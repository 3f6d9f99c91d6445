# SPDX-License-Identifier: PostgreSQL
# Reads on real streaming standbys: by setting, within a bound of lag, with the primary where a standby is not fit, and with a standby
# where the primary is gone.  A standby whose replay is paused gives away by old values who answered.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('standbys', workers => 2, set => { 'altius.failover_timeout' => '20s' });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i});
my %standby = (worker1 => 'standby1', worker2 => 'standby2');
for my $node (sort keys %standby) {
    my $port = $cluster->add_standby($node, $standby{$node});
    $cluster->query('coordinator', "SELECT citus_add_secondary_node('127.0.0.1', $port, '127.0.0.1', " . $cluster->port($node) . ')');
}
my $key = $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
    ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = " . $cluster->port('worker1'));

sub caught_up {
    my $lsn = $cluster->query('worker1', 'SELECT pg_current_wal_lsn()');
    return $cluster->wait_until('standby1', "SELECT pg_last_wal_replay_lsn() >= '$lsn'", 60);
}
sub pause_replay {
    $cluster->query('standby1', 'SELECT pg_wal_replay_pause()');
    return $cluster->wait_until('standby1', "SELECT pg_get_wal_replay_pause_state() = 'paused'", 60);
}
sub session { my $session = $cluster->session('coordinator'); $session->query("SET $_") for @_; return $session }

# --- lag ---
ok(caught_up() && pause_replay(), 'the standby is held at this point');
$cluster->query('coordinator', "UPDATE t SET value = 1 WHERE id = $key");
my $one = "SELECT value FROM t WHERE id = $key";
is($cluster->query('coordinator', $one), 1, 'reads go to the primary unless asked otherwise');
my $stale = session("altius.read_from = 'prefer_standby'", 'altius.max_standby_lag = -1');
is($stale->query($one), 0, 'prefer_standby with any lag reads the standby');
like($stale->query("EXPLAIN $one"), qr/Task on group \d+ \(127\.0\.0\.1:\d+, standby\)/, 'EXPLAIN says so');
is($stale->query('SELECT count(*), sum(value) FROM t'), '40|0', 'a read over all nodes');
$stale->query("PREPARE p AS SELECT value FROM t WHERE id = \$1");
is(join('', map { $stale->query("EXECUTE p($key)") } 1 .. 7), '0' x 7, 'a prepared statement');
is($stale->query("BEGIN; DECLARE c CURSOR FOR $one; FETCH c; COMMIT"), 0, 'a cursor');
is($stale->query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; $one; COMMIT"), 0, 'a snapshot of a transaction that only reads');
is($stale->query("BEGIN ISOLATION LEVEL SERIALIZABLE; $one; COMMIT"), 1, 'SERIALIZABLE reads the primary');
is($stale->query("$one FOR UPDATE"), 1, 'so does FOR UPDATE');
my $fresh = session("altius.read_from = 'prefer_standby'", 'altius.max_standby_lag = 0');
is($fresh->query($one), 1, 'a standby that is too far behind is passed over');
my $strict = session("altius.read_from = 'standby'", 'altius.max_standby_lag = 0', "altius.failover_timeout = '1s'");
$strict->send($one);
like(($strict->finish)[1], qr/08006: group \d+ has no standby that can be read/, 'unless only standbys are wanted');

# --- a transaction sees what it wrote ---
is($stale->query("BEGIN; $one"), 0, 'before it wrote a transaction may read the standby');
$stale->query("UPDATE t SET value = 5 WHERE id = $key");
is($stale->query($one), 5, 'then it reads what it wrote');
is($stale->query("ROLLBACK; $one"), 0, 'and no longer afterwards');

$cluster->query('standby1', 'SELECT pg_wal_replay_resume()');
ok(caught_up(), 'the standby follows again');
ok($cluster->wait_until('coordinator', "SET altius.read_from = 'standby'; SET altius.max_standby_lag = 0; SELECT value = 1 FROM t WHERE id = $key", 30),
    'one that has caught up is read');

# --- a standby dies ---
my @readers = map { session("altius.read_from = '$_'", 'altius.max_standby_lag = -1') } qw(prefer_standby standby);
$_->query($one) for @readers;
$cluster->pg_ctl('standby1', '-m', 'immediate', 'stop');
is($readers[0]->query($one), 1, 'prefer_standby goes on with the primary');
$readers[1]->send($one);
sleep 0.5;
$cluster->pg_ctl('standby1', '-w', '-l', "$cluster->{dir}/standby1/log", 'start');
is(join('', $readers[1]->finish), 1, 'who wants a standby waits for it');

# --- the primary dies ---
$cluster->kill('worker1');
my $begun = time;
for my $from (qw(prefer_primary prefer_standby standby)) {
    my $session = session("altius.read_from = '$from'");
    is($session->query($one), 1, "$from reads a standby while the primary is gone");
    is($session->query('SELECT count(*) FROM t'), 40, '... all of the table');
}
cmp_ok(time - $begun, '<', 20, '... and waits for nobody');
my (undef, undef, $error) = $cluster->psql('coordinator', "SET altius.failover_timeout = '1s'; $one");
like($error, qr/08006: could not connect/, 'who wants the primary does not');
$cluster->start('worker1');
is($cluster->query('coordinator', "SET altius.read_from = 'prefer_primary'; UPDATE t SET value = 2 WHERE id = $key; $one"), 2,
    'back on the primary');

# --- sessions for standbys alone ---
{
    local $ENV{PGOPTIONS} = '-c citus.use_secondary_nodes=always';
    ok($cluster->wait_until('coordinator', "SELECT value = 2 FROM t WHERE id = $key", 30), 'citus.use_secondary_nodes reads standbys');
    like($cluster->query('coordinator', "EXPLAIN $one"), qr/standby/, '... says EXPLAIN');
    (undef, undef, $error) = $cluster->psql('coordinator', "UPDATE t SET value = 3 WHERE id = $key");
    like($error, qr/25006: this session can't write/, '... and writes nothing');
    local $ENV{PGOPTIONS} = '-c citus.use_secondary_nodes=always -c citus.cluster_name=elsewhere -c altius.failover_timeout=0';
    (undef, undef, $error) = $cluster->psql('coordinator', $one);
    like($error, qr/08006: group \d+ has no standby that can be read/, 'secondaries of another cluster are not read');
}
(undef, undef, $error) = $cluster->psql('coordinator', "SET citus.use_secondary_nodes = 'always'");
like($error, qr/55P02/, 'it is said when the session starts');

done_testing();
