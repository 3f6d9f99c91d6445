# SPDX-License-Identifier: PostgreSQL
# Two servers of a group accept writes (Patroni was killed alone, say): once the address book names the new one, nothing is committed
# on the old one, and nobody waits for it.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('deposed', workers => 2, set => { 'altius.failover_timeout' => '30s' });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i;
    CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
        AS $$BEGIN IF current_setting('cluster_name') = 'standby1' THEN PERFORM pg_catalog.pg_sleep(100); END IF; RETURN $1; END$$});

sub key_on {
    my $port = $cluster->port($_[0]);
    return $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port");
}
my ($here, $there) = (key_on('worker1'), key_on('worker2'));
my $shard = $cluster->query('coordinator', "SELECT shard_name('t', get_shard_id_for_distribution_column('t', $here))");
my $group = $cluster->query('coordinator', 'SELECT groupid FROM pg_dist_node WHERE nodeport = ' . $cluster->port('worker1'));
my $old = $cluster->port('worker1');
my $new = $cluster->add_standby('worker1', 'standby1');

# The follower's part: the leader of the group is this one now.
my $revision = 0;
sub leader {
    my ($node, $timeline, @where) = @_;
    $revision++;
    for my $where (@where ? @where : 'coordinator') {
        $cluster->query($where, 'SELECT altius_internal.set_following(true)');
        $cluster->query($where, "SELECT altius_internal.publish_group($group, 'known', $revision, '$node', '127.0.0.1', "
            . $cluster->port($node) . ", $timeline)");
    }
    return;
}
sub value_on { return $cluster->query($_[0], "SELECT value FROM $shard WHERE id = $here") }

leader('worker1', 1);
$cluster->query('coordinator', "UPDATE t SET value = 1 WHERE id = $here");
is(value_on('worker1'), 1, 'the first leader is used');
ok($cluster->wait_until('standby1', "SELECT value = 1 FROM $shard WHERE id = $here"), 'its standby follows');

my $one = $cluster->session('coordinator');
$one->query("BEGIN; UPDATE t SET value = 2 WHERE id = $here");
my $two = $cluster->session('coordinator');
$two->query("BEGIN; UPDATE t SET value = value + 10 WHERE id = $there");
my $reader = $cluster->session('coordinator');
$reader->query("BEGIN; SELECT value FROM t WHERE id = $here");

# The old primary goes on, as it does when only its Patroni was killed.
$cluster->pg_ctl('standby1', '-w', 'promote');
leader('standby1', 2);
$one->send('COMMIT');
like(($one->finish)[1], qr/40001: connection to node .*$old was lost/, 'COMMIT on the old primary is refused');
is(value_on('worker1'), 1, '... and not done there');
$two->query("UPDATE t SET value = 3 WHERE id = $here");
$two->query('COMMIT');
is(value_on('standby1') . value_on('worker1'), '31', 'who comes later writes on the new one');
is($reader->query("SELECT value FROM t WHERE id = $here; COMMIT"), 3, 'a transaction that only read goes on there');

# The leader changes between PREPARE and the commit.
$two->query("SET altius.stop_point = 'after prepare'");
$two->query("BEGIN; UPDATE t SET value = 4 WHERE id IN ($here, $there)");
$two->send('COMMIT');
ok($cluster->wait_until('standby1', 'SELECT count(*) = 1 FROM pg_prepared_xacts'), 'prepared');
leader('worker1', 1);
$cluster->query('coordinator', 'SELECT altius_internal.release_stop_points()');
like(($two->finish)[1], qr/40001: connection to node .*$new was lost/, 'what a deposed server prepared is not counted on');
$two->query("SET altius.stop_point = ''");
is($cluster->query('coordinator', "SELECT value FROM t WHERE id = $there"), 10, '... and nothing is committed elsewhere');
leader('standby1', 2);
ok($cluster->nothing_in_doubt(30), 'nothing stays prepared');
is(value_on('standby1'), 3, '... nor comes back');

# A silent server: the statement under way is taken to the new primary.
for my $case ([ 'a read', "SELECT slow(id) FROM t WHERE id = $here", $here, '' ],
    [ 'a write', "WITH w AS (UPDATE t SET value = value + 0 * slow(id) WHERE id IN ($here, $there) RETURNING id) SELECT count(*) FROM w", 2, '' ],
    [ 'a block that wrote', "UPDATE t SET value = value + 0 * slow(id) WHERE id = $here", '', '40001', "BEGIN; UPDATE t SET value = 77 WHERE id = $here" ]) {
    my ($what, $sql, $out, $code, $before) = @$case;
    my $session = $cluster->session('coordinator');
    $session->query($before) if $before;
    leader('standby1', 2);
    $session->send($sql);
    $cluster->wait_until('standby1', "SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow%' AND pid <> pg_backend_pid()");
    my @pids = split /\n/, $cluster->query('standby1', "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'altius_internal%'");
    kill 'STOP', @pids;
    my $begun = time;
    leader('worker1', 1);
    my ($got, $error) = $session->finish;
    cmp_ok(time - $begun, '<', 40, "$what on a silent server: nobody waits for it");
    is($got, $out, '... result');
    like($error, $code ? qr/$code/ : qr/^$/, '... error');
    kill 'CONT', @pids;
    leader('standby1', 2);
}
isnt(value_on('standby1'), 77, 'what was silent is not committed later');

# A server learns that it was deposed itself: it commits nothing for anybody, though others have not heard of it.
$cluster->query('coordinator', "SELECT altius_internal.set_following(false), altius_internal.forget_group(-1)");
is($cluster->query('coordinator', "UPDATE t SET value = 5 WHERE id = $here RETURNING value"), 5, 'the coordinator talks to the old one again');
leader('standby1', 9, 'worker1');
for my $case ([ 'worker1', "UPDATE t SET value = 6 WHERE id = $here", 'a write on its own shard' ],
    [ 'worker1', "UPDATE t SET value = 6 WHERE id = $there", 'a write elsewhere' ],
    [ 'coordinator', "UPDATE t SET value = 6 WHERE id = $here", 'a write for another node' ],
    [ 'coordinator', "UPDATE t SET value = 6", 'a write on all nodes' ]) {
    my ($node, $sql, $what) = @$case;
    my (undef, undef, $error) = $cluster->psql($node, $sql);
    if ($what =~ /elsewhere/) { is($error, '', "$what needs no server of the group") }
    else { like($error, qr/40001: this server is not the primary of its group any more/, "$what is refused") }
}
is(value_on('worker1'), 5, 'nothing was written');
is($cluster->query('worker1', "SELECT value FROM t WHERE id = $here"), 5, 'it can be read');

done_testing();
