# SPDX-License-Identifier: PostgreSQL
# citus.max_shared_pool_size: sessions of a node together have no more connections to another one; those without one wait.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $limit = 3;
my $cluster = Altius::Cluster->new('budget', workers => 1, set => { 'citus.max_shared_pool_size' => $limit });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 2);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i});

my @sessions = map { $cluster->session('coordinator') } 1 .. 8;
my @pids = map { $_->query('SELECT pg_backend_pid()') } @sessions;
my $theirs = join ' OR ', map { "application_name LIKE 'altius_internal gpid=%$_'" } @pids;
sub connections { return $cluster->query('worker1', "SELECT count(*) FROM pg_stat_activity WHERE $theirs") }
# Before PostgreSQL 17 the wait has no name of its own.
sub waits {
    my ($pid) = @_;
    return $cluster->wait_until('coordinator',
        "SELECT wait_event IN ('AltiusConnectionBudget', 'Extension') FROM pg_stat_activity WHERE pid = $pid", 20);
}

# --- all at once: nobody fails, and there are never more ---
# The place of a connection that is closed is given away at once, while its server process is seen some milliseconds longer: so those are
# counted that have a transaction, and transactions are long enough for a fourth one to be seen.
my $most = 0;
for my $i (0 .. 7) {
    $sessions[$i]->send("DO \$\$ BEGIN FOR i IN 1 .. 30 LOOP UPDATE t SET value = value + 1 WHERE id = 1 + $i + 8 * (i % 5);
        PERFORM pg_sleep(0.03); COMMIT; END LOOP; END \$\$");
}
for (1 .. 40) {
    my $now = $cluster->query('worker1', "SELECT count(*) FROM pg_stat_activity WHERE ($theirs) AND state <> 'idle'");
    $most = $now if $now > $most;
    sleep 0.02;
}
is(join('', map { ($_->finish)[1] } @sessions), '', 'eight sessions work through three connections');
cmp_ok($most, '<=', $limit, '... no more than three at a time');
cmp_ok($most, '>', 0, '... which were seen');
is($cluster->query('coordinator', 'SELECT sum(value) FROM t'), 240, 'every update was made once');

# --- those that are in use are waited for, and not for ever ---
$sessions[$_]->query('BEGIN; SELECT count(*) FROM t') for 0 .. 2;
is(connections(), $limit, 'three transactions have one each');
$sessions[3]->send(q{SET citus.node_connection_timeout = '300ms'; SELECT count(*) FROM t});
my ($out, $error) = $sessions[3]->finish;
like($error, qr/53300: there are too many connections from this node to node/, 'a fourth gives up after citus.node_connection_timeout');
like($error, qr/Raise citus.max_shared_pool_size/, '... and is told what to do');
$sessions[4]->send('SELECT count(*) FROM t');
ok(waits($pids[4]), 'a fifth waits');
$sessions[0]->query('COMMIT');
is(($sessions[4]->finish)[0], '40', '... until one of the three has ended');
$sessions[0]->query('BEGIN; SELECT count(*) FROM t');
$sessions[5]->send('SELECT count(*) FROM t');
ok(waits($pids[5]), 'the next one waits again');
$cluster->query('coordinator', "SELECT pg_terminate_backend($pids[1])");
is(($sessions[5]->finish)[0], '40', '... until a session that held one is gone');
$sessions[6]->query('BEGIN; SELECT count(*) FROM t');
$sessions[7]->send('SELECT count(*) FROM t');
ok(waits($pids[7]), 'and again');
$cluster->psql('coordinator', "SELECT pg_cancel_backend($pids[7])");
like(($sessions[7]->finish)[1], qr/57014/, '... and can be cancelled');
$cluster->query('coordinator', $_) for 'ALTER SYSTEM SET citus.max_shared_pool_size = -1', 'SELECT pg_reload_conf()';
sleep 0.5;
is($sessions[7]->query('SELECT count(*) FROM t'), '40', 'without a limit there is room');

# --- what a session keeps ---
my $session = $cluster->session('coordinator');
$theirs = "application_name LIKE 'altius_internal gpid=%" . $session->query('SELECT pg_backend_pid()') . "'";
$session->query('SELECT count(*) FROM t');
is(connections(), 1, 'a session keeps its connection');
$session->query('SET citus.max_cached_conns_per_worker = 0; SELECT count(*) FROM t');
ok($cluster->wait_until('worker1', "SELECT count(*) = 0 FROM pg_stat_activity WHERE $theirs", 10), '... unless it is to keep none');
$session->query('RESET citus.max_cached_conns_per_worker; SET citus.max_cached_connection_lifetime = 1; SELECT count(*) FROM t');
sleep 0.1;
$session->query('SELECT count(*) FROM t');
ok($cluster->wait_until('worker1', "SELECT count(*) = 0 FROM pg_stat_activity WHERE $theirs", 10), '... or it is too old');
done_testing();
