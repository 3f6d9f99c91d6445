# SPDX-License-Identifier: PostgreSQL
# citus_update_node inside transactions, as Patroni and pg_auto_failover use it: whoever wants the group waits, on all nodes, and goes
# on at the address of the outcome.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('updates', workers => 2, set => { 'listen_addresses' => '127.0.0.1,127.0.0.2' });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i});

sub key_on {
    my $port = $cluster->port($_[0]);
    return $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port");
}
my ($here, $there) = (key_on('worker1'), key_on('worker2'));
my $port = $cluster->port('worker1');
my $id = $cluster->query('coordinator', "SELECT nodeid FROM pg_dist_node WHERE nodeport = $port");
my $group = $cluster->query('coordinator', "SELECT groupid FROM pg_dist_node WHERE nodeport = $port");

sub address_on { return $cluster->query($_[0], "SELECT nodename FROM pg_dist_node WHERE nodeid = $id") }
# The lock of the group is a relation's that does not exist.
sub waiting { return $cluster->wait_until($_[0], "SELECT count(*) = $_[1] FROM pg_locks WHERE NOT granted AND relation >= 4294901760", 30) }

# Sessions on two nodes that read and write in the group.
sub start_clients {
    my @clients = map { $cluster->session($_) } qw(coordinator coordinator worker2 worker2);
    $clients[0]->send("SELECT count(*) FROM t");
    $clients[1]->send("UPDATE t SET value = value + 1 WHERE id = $here");
    $clients[2]->send("SELECT count(*) FROM t");
    $clients[3]->send("UPDATE t SET value = value + 1 WHERE id = $here");
    return @clients;
}
sub finish_clients {
    my ($what, @clients) = @_;
    is(join('|', map { join '', $_->finish } @clients), '40||40|', $what);
    return;
}
# Connections to the port as the kernel knows them, from the side that opened them.
sub connections_to {
    open my $table, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!";
    my $remote = sprintf ':%04X', $_[0];
    return scalar grep { my (undef, undef, $to, $state) = split; $state eq '01' && $to =~ /\Q$remote\E$/ } <$table>;
}
# Those that have not logged in: the server waits for the first message of each, also when it has been told to stop.
sub half_open {
    my $sessions = $cluster->query('worker1', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
        AND pid <> pg_backend_pid() AND client_addr IS NOT NULL});
    return connections_to($port) - $sessions;
}
sub value { return $cluster->query('coordinator', "SELECT value FROM t WHERE id = $here") }

# --- a switchover that comes to nothing ---
my $patroni = $cluster->session('coordinator');
$patroni->query('BEGIN');
$patroni->query("SELECT citus_update_node($id, 'gone-demoted', $port, true, 10000)");
my @clients = start_clients();
ok(waiting('coordinator', 2) && waiting('worker2', 2), 'reads and writes of the group wait on both nodes');
cmp_ok(half_open(), '<=', 0, 'meanwhile they hold no connection to it that they have only begun to open');
is($cluster->query($_, "SELECT id FROM t WHERE id = $there"), $there, "another group is read on $_") for 'coordinator', 'worker2';
is($cluster->query('coordinator', "UPDATE t SET value = 0 WHERE id = $there RETURNING id"), $there, '... and written');
is($cluster->query('coordinator', 'SELECT count(*) FROM pg_dist_node'), 3, 'the list of nodes is readable');
$patroni->query('ROLLBACK');
finish_clients('after ROLLBACK they go on', @clients);
is(value(), 2, '... once each');
is(address_on($_), '127.0.0.1', "the address on $_ is the old one") for 'coordinator', 'worker2';

# --- one that succeeds ---
$patroni->query('BEGIN');
$patroni->query("SELECT citus_update_node($id, 'gone-demoted', $port, true, 10000)");
@clients = start_clients();
ok(waiting('coordinator', 2) && waiting('worker2', 2), 'they wait');
$patroni->query("SELECT citus_update_node($id, '127.0.0.2', $port, true, 10000)");
$patroni->query('COMMIT');
is(address_on('worker2'), '127.0.0.2', 'the other node knows with the commit');
finish_clients('they go on at the new address', @clients);
is(value(), 4, '... once each');
ok($cluster->wait_until('worker1', "SELECT nodename = '127.0.0.2' FROM pg_dist_node WHERE nodeid = $id", 30), 'the node itself is told, too');
ok($cluster->wait_until('coordinator', 'SELECT bool_and(metadatasynced) FROM pg_dist_node', 30), 'all are told');

# --- an address that was committed as demoted is nowhere: statements wait for the next one ---
$cluster->query('coordinator', "SELECT citus_update_node($id, 'gone-demoted', $port)");
my $reader = $cluster->session('coordinator');
$reader->send('SELECT count(*) FROM t');
sleep 0.5;
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.1', $port)");
is(join('', $reader->finish), '40', 'a demoted address is not used');

# --- the same address is nothing to wait for; a transaction that uses the group is waited for ---
my $writer = $cluster->session('coordinator');
$writer->query("BEGIN; UPDATE t SET value = 100 WHERE id = $here");
my $begun = time;
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.1', $port, true, 60000)");
cmp_ok(time - $begun, '<', 30, 'the same address is a no-op');
$patroni->send("SELECT citus_update_node($id, '127.0.0.2', $port)");
ok(waiting('coordinator', 1), 'a change waits for a transaction that wrote there');
@clients = start_clients();
$writer->query('COMMIT');
is(join('', $patroni->finish), '', 'it gets its turn');
finish_clients('those behind it follow', @clients);
is(value(), 102, 'nothing was lost');

# --- force ends who is in the way, here and on other nodes ---
my @stuck = map { $cluster->session($_) } 'coordinator', 'worker2';
$stuck[0]->query("BEGIN; UPDATE t SET value = -1 WHERE id = $here");
$stuck[1]->query("BEGIN; SELECT count(*) FROM t");
$begun = time;
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.1', $port, true, 200)");
cmp_ok(time - $begun, '<', 30, 'force ends the sessions in the way');
for my $session (@stuck) {
    local $SIG{PIPE} = 'IGNORE';
    like(eval { $session->query('SELECT 1') } // $@, qr/57P01|ended|Broken/, '... they are gone');
}
is(value(), 102, '... and what they did');
is(address_on('worker2'), '127.0.0.1', 'the other node knows');

# --- the same session may use the group before and after ---
$patroni->query("BEGIN; SELECT count(*) FROM t");
$patroni->query("SELECT citus_update_node($id, '127.0.0.2', $port)");
$patroni->query('SAVEPOINT s');
$patroni->query("SELECT citus_update_node($id, 'nowhere', $port)");
$patroni->query('ROLLBACK TO s');
$patroni->query('COMMIT');
is(address_on($_), '127.0.0.2', "after ROLLBACK TO a savepoint the outer change counts on $_") for 'coordinator', 'worker2';

# --- pg_auto_failover: prepared, and decided later by another session ---
$patroni->query("BEGIN; SET LOCAL lock_timeout = '10s'; SELECT master_update_node($id, '127.0.0.1', $port, force => true, lock_cooldown => 500)");
$patroni->query("PREPARE TRANSACTION 'master_update_node $group'");
my $local = $cluster->session('coordinator');
$local->send("UPDATE t SET value = value + 1 WHERE id = $here");
ok(waiting('coordinator', 1), 'a prepared change is waited for');
is($cluster->query('coordinator', "SELECT id FROM t WHERE id = $there"), $there, 'other groups are read');
$cluster->query('coordinator', "COMMIT PREPARED 'master_update_node $group'");
is(join('', $local->finish), '', 'after COMMIT PREPARED writes go on');
is(address_on('coordinator'), '127.0.0.1', '... at the new address');
ok($cluster->wait_until('worker2', "SELECT nodename = '127.0.0.1' FROM pg_dist_node WHERE nodeid = $id", 30), 'other nodes are told later');

# --- Patroni 4: the rows of primary and standby change places in three steps ---
my $standby = $cluster->query('coordinator', "SELECT citus_add_node('127.0.0.2', $port, $group, 'secondary')");
$patroni->query('BEGIN');
$patroni->query("SELECT citus_update_node($id, '127.0.0.1-demoted', $port, true, 10000)");
$patroni->query("SELECT citus_update_node($standby, '127.0.0.1', $port, true, 10000)");
$patroni->query("SELECT citus_update_node($id, '127.0.0.2', $port, true, 10000)");
$patroni->query('COMMIT');
sub rows_are {
    my ($expected, $what) = @_;
    my $rows = "SELECT string_agg(nodename || ' ' || noderole, ', ' ORDER BY nodename) FROM pg_dist_node WHERE groupid = $group";
    for my $node ('coordinator', 'worker2') {
        ok($cluster->wait_until($node, "SELECT ($rows) = '$expected'", 30), "$what on $node") or diag($cluster->query($node, $rows));
    }
    is($cluster->query('coordinator', 'SELECT count(*) FROM t'), 40, 'and the table is readable');
    return;
}
rows_are('127.0.0.1 secondary, 127.0.0.2 primary', 'the rows have changed places');

# --- Patroni 3 knows nothing of standbys that are registered: the primary takes the address of one ---
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.1', $port)");
rows_are('127.0.0.1 primary, 127.0.0.2 secondary', 'in one step they change places, too,');
$patroni->query('BEGIN');
$patroni->query("SELECT citus_update_node($id, '127.0.0.1-demoted', $port, true, 10000)");
$patroni->query("SELECT citus_update_node($id, '127.0.0.2', $port, true, 10000)");
$patroni->query('COMMIT');
rows_are('127.0.0.2 primary', 'without the old address the standby\'s row is gone');
like(($cluster->psql('coordinator', "SELECT citus_update_node($id, '127.0.0.1', " . $cluster->port('worker2') . ')'))[2],
    qr/42710: node \d+ has the address/, 'the address of another group is refused');
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.1', $port)");

# --- a pause for a restart ---
$patroni->query("BEGIN; SELECT citus_pause_node_within_txn($id)");
@clients = start_clients();
ok(waiting('coordinator', 2) && waiting('worker2', 2), 'a pause holds them');
$cluster->pg_ctl('worker1', '-m', 'fast', 'stop');
$cluster->start('worker1');
$patroni->query('COMMIT');
finish_clients('no statement failed over a restart', @clients);

# --- nodes that are down: the one that changes, and one that must be told ---
$cluster->kill($_) for 'worker1', 'worker2';
$begun = time;
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.2', $port, true, 10000)");
cmp_ok(time - $begun, '<', 8, 'the address of a node that is down is changed at once');
$cluster->start($_) for 'worker1', 'worker2';
ok($cluster->wait_until('worker2', "SELECT nodename = '127.0.0.2' FROM pg_dist_node WHERE nodeid = $id", 30), 'who was down is told when it is back');
is($cluster->query('worker2', 'SELECT count(*) FROM t'), 40, 'and uses it');

my (undef, undef, $error) = $cluster->psql('coordinator', "SELECT citus_update_node($id, '127.0.0.1', " . $cluster->port('worker2') . ')');
like($error, qr/42710: node \d+ has the address/, 'an address has one node');
(undef, undef, $error) = $cluster->psql('coordinator', "SELECT citus_update_node(4711, '127.0.0.1', 1)");
like($error, qr/42704: node 4711 does not exist/, 'an unknown node');

done_testing();
