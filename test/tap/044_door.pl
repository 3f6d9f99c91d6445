# SPDX-License-Identifier: PostgreSQL
# The door between nodes: who pretends to be one, what is replayed, nodes that have left, standbys, and the places where the
# cluster's secret must not be seen.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('door', workers => 2, set => { 'log_statement' => 'all' });
my @nodes = ('coordinator', 'worker1', 'worker2');

# One session of a plain role; errors with their context.
sub as_alice {
    my ($node, $sql) = @_;
    my ($status, $out, $error) = $cluster->psql($node, "\\set VERBOSITY verbose\nSET SESSION AUTHORIZATION alice;\n$sql");
    return $out . $error;
}

$cluster->query('coordinator', q{
    CREATE ROLE alice LOGIN;
    CREATE ROLE boss LOGIN;
    GRANT ALL ON SCHEMA public TO alice, boss;
    CREATE TABLE t (k int PRIMARY KEY, v int);
    SELECT create_distributed_table('t', 'k', shard_count => 8);
    INSERT INTO t SELECT i, i FROM generate_series(1, 100) i;
    GRANT ALL ON t TO alice;
    CREATE TABLE hidden (k int PRIMARY KEY, v int);
    SELECT create_distributed_table('hidden', 'k', shard_count => 8);
    INSERT INTO hidden SELECT i, i FROM generate_series(1, 100) i;
    CREATE VIEW shown AS SELECT k, v FROM hidden;
    GRANT SELECT ON shown TO alice});

# --- a greeting that proves nothing ends the session, not the server ---
my $mac = '00' x 32;
my $nonce = '11' x 16;
for my $generation (0, 1, 2) {
    my $said = as_alice('worker1', "SET altius.node_greeting = '1.$generation.10000000001.$nonce.$mac'; SELECT 'still here';");
    like($said, qr/28000.*not accepted as a node/s, "a made-up greeting of generation $generation is refused");
    unlike($said, qr/still here/, '... and nothing behind it runs');
}
is($cluster->query('worker1', 'SELECT 1'), 1, 'the server goes on');
like(as_alice('coordinator', 'SELECT count(*), sum(v) FROM t;'), qr/100\|5050/, 'nodes accept each other in sessions of a plain role');

# --- lent rights: what was seen of a statement is good for nothing ---
# The user lets its own errors show all arguments of a statement, the ticket too: the error's context does not come back. Who reads a
# node's log finds one.
$cluster->query('coordinator', 'ALTER ROLE alice SET log_parameter_max_length_on_error = -1');
my $said = as_alice('coordinator', "\\connect - alice\nPREPARE p(int) AS SELECT 1 / (v - v + \$1) FROM shown WHERE k = 7;\nEXECUTE p(0);");
like($said, qr/division by zero/, 'a lent statement fails');
unlike($said, qr/\$7|[0-9a-f]{32}/, '... and the error shows no ticket');
my ($context) = grep { /parameters:.*\$7 = '\d+\.[0-9a-f]{32}'/s } map { split /(?=^\d{4}-\d\d-\d\d )/m, $cluster->log_of($_) } 'worker1', 'worker2';
my ($ticket) = ($context // '') =~ /\$7 = '(\d+\.[0-9a-f]{32})'/;
SKIP: {
    ok(defined $ticket, 'the ticket of a lent statement was seen') or do { diag($context); skip('no ticket', 2) };
    my %argument = $context =~ /\$(\d) = '((?:''|[^'])*)'/g;
    my $again = "SELECT * FROM altius_internal.run_with_lent_rights(" . join(', ', map { "'$argument{$_}'" } 1 .. 7) . ') AS t(c1 int)';
    like(as_alice($_, "\\connect - alice\n$again;"), qr/42501.*does not come from a node/s, "replayed on $_") for 'worker1', 'worker2';
    my $quoted = $again =~ s/'/''/gr;
    like(as_alice('coordinator', "\\connect - alice\nSELECT success, result FROM run_command_on_workers('$quoted');"),
        qr/f\|the statement does not come from a node/, 'replayed in sessions of nodes');
}
$cluster->query('coordinator', 'ALTER ROLE alice RESET log_parameter_max_length_on_error');

# --- the secret is changed, and whoever dies on the way ---
for my $point ('secret: known', 'secret: known, all', 'secret: used', 'secret: used, all', 'secret: forgotten') {
    my ($status) = $cluster->psql('coordinator', "SET altius.stop_point = '$point:crash'; SELECT altius_rotate_cluster_secret()");
    isnt($status, 0, "a crash at \"$point\"");
    $cluster->wait_until('coordinator', 'SELECT true', 60);
    like(as_alice($_, "\\connect - alice\nSELECT count(*), sum(v) FROM t;"), qr/100\|5050/, "... and $_ is accepted by the others") for @nodes;
}
{
    my @rotations = map { $cluster->session('coordinator') } 1 .. 2;
    $_->send('SELECT altius_rotate_cluster_secret()') for @rotations;
    my @numbers = sort { $a <=> $b } map { ($_->finish)[0] } @rotations;
    is($numbers[1], $numbers[0] + 1, 'two changes at once come one after the other');
    is($cluster->query($_, 'SELECT count(*), max(generation), bool_and(in_use) FROM altius_cluster_secret'), "1|$numbers[1]|t", "only the last is left on $_")
        for @nodes;
}

# --- a session that is opened with a secret that is forgotten before the other side has looked is opened once more ---
{
    my ($forgets, $knows, $asks) = map { $cluster->session($_) } 'worker1', 'worker1', 'coordinator';
    my $waiting = sub {
        my ($count, $what) = @_;
        ok($cluster->wait_until('worker1', "SELECT count(*) = $count FROM pg_locks WHERE relation = 'altius_cluster_secret'::regclass AND NOT granted", 60), $what);
    };
    $forgets->query('CREATE TABLE kept AS SELECT * FROM altius_cluster_secret; BEGIN; LOCK TABLE altius_cluster_secret; DELETE FROM altius_cluster_secret');
    $asks->send("\\connect - alice\nSELECT count(*), sum(v) FROM t");
    $waiting->(1, 'the session waits to be looked at');
    $knows->send('BEGIN; LOCK TABLE altius_cluster_secret');
    $waiting->(2, '... and behind it who gives the secret back');
    $forgets->query('COMMIT');
    $waiting->(1, 'it was refused and is opened again');
    $knows->query('INSERT INTO altius_cluster_secret SELECT * FROM kept; COMMIT');
    is(($asks->finish)[0], '100|5050', 'it is accepted');
    $cluster->query('worker1', 'DROP TABLE kept');
}

# --- a standby has the secret, too, before and after its promotion ---
my $port = $cluster->add_standby('worker1', 'standby1');
$cluster->query('coordinator', "SELECT citus_add_secondary_node('127.0.0.1', $port, '127.0.0.1', " . $cluster->port('worker1') . ')');
my $lsn = $cluster->query('worker1', 'SELECT pg_current_wal_lsn()');
$cluster->wait_until('standby1', "SELECT pg_last_wal_replay_lsn() >= '$lsn'", 60);
like(as_alice('coordinator', "\\connect - alice\nSET altius.read_from = 'prefer_standby'; SET altius.max_standby_lag = -1;"
        . " SELECT count(*), sum(v) FROM shown;"),
    qr/100\|5050/, 'a standby is asked with lent rights');
my $generation = $cluster->query('coordinator', 'SELECT max(generation) FROM altius_cluster_secret');
$cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $port)");
ok($cluster->wait_until('coordinator', "SELECT max(generation) > $generation AND count(*) = 1 FROM altius_cluster_secret", 60),
    'the removal of a server changes the secret, without being asked');
$generation = $cluster->query('coordinator', 'SELECT max(generation) FROM altius_cluster_secret');
is($cluster->query('coordinator', 'SELECT altius_rotate_cluster_secret()'), $generation + 1, 'the secret is changed');
$lsn = $cluster->query('worker1', 'SELECT pg_current_wal_lsn()');
$cluster->wait_until('standby1', "SELECT pg_last_wal_replay_lsn() >= '$lsn'", 60);
$cluster->kill('worker1');
$cluster->query('standby1', 'SELECT pg_promote()');
my $id = $cluster->query('coordinator', "SELECT nodeid FROM pg_dist_node WHERE noderole = 'primary' AND nodeport = " . $cluster->port('worker1'));
$cluster->query('coordinator', "SELECT citus_update_node($id, '127.0.0.1', $port)");
like(as_alice('coordinator', "\\connect - alice\nSELECT count(*), sum(v) FROM shown;"), qr/100\|5050/, 'a promoted standby knows the new one');

# --- who has left knows nothing that is worth anything ---
$generation = $cluster->query('coordinator', 'SELECT max(generation) FROM altius_cluster_secret');
$cluster->query('coordinator', q{SELECT citus_drain_node('127.0.0.1', } . $cluster->port('worker2') . ')');
$cluster->kill('worker2');
$cluster->query('coordinator', q{SELECT citus_remove_node('127.0.0.1', } . $cluster->port('worker2') . ')');
ok($cluster->wait_until('coordinator', "SELECT max(generation) > $generation AND count(*) = 1 FROM altius_cluster_secret", 60),
    '... of a dead one, too');
$cluster->start('worker2');
my $said = as_alice('worker2', "\\connect - alice\nSELECT count(*) FROM t;");
like($said, qr/28000.*does not accept this server/s, 'a server that was removed while it was down is not accepted any more');
like(as_alice('coordinator', "\\connect - alice\nSELECT count(*), sum(v) FROM t;"), qr/100\|5050/, 'the others go on');

# --- nor do logs show passwords of nodes and of roles ---
# All of a statement's arguments are shown, if it is shown; the statements of plain CREATE ROLE are not the question.
my $verifier = 'SCRAM-SHA-256$4096:dW5zZWVu$' . 'A' x 43 . '=:' . 'B' x 43 . '=';
$cluster->query('coordinator', "SET citus.enable_ddl_propagation = off; SET log_statement = 'none';
    CREATE ROLE unseen LOGIN PASSWORD '$verifier'; CREATE ROLE streams LOGIN REPLICATION PASSWORD '$verifier'; CREATE ROLE bare LOGIN");
$cluster->query('worker2', "SET citus.enable_ddl_propagation = off; SET log_statement = 'none'; CREATE ROLE streams LOGIN PASSWORD 'own'; CREATE ROLE bare LOGIN PASSWORD 'gone'");
$cluster->query('worker2', "ALTER SYSTEM SET $_; SELECT pg_reload_conf()") for 'log_min_duration_statement = 0', 'log_parameter_max_length = -1';
$cluster->query('coordinator', q{INSERT INTO pg_dist_poolinfo SELECT nodeid, 'host=127.0.0.1 password=neverseen' FROM pg_dist_node
    WHERE groupid = 0});
$cluster->query('coordinator', q{INSERT INTO pg_dist_authinfo VALUES (0, 'somebody', 'password=neverseen')});
$cluster->query('coordinator', "SELECT citus_add_node('127.0.0.1', " . $cluster->port('worker2') . ')');
is($cluster->query('worker2', q{SELECT count(*) FROM pg_dist_authinfo WHERE rolename = 'somebody'}), 1, 'a node that is added has them');
is($cluster->query('worker2', q{SELECT count(*) FROM pg_dist_poolinfo WHERE poolinfo ~ 'password='}), 1, '... and those of poolers');
unlike($cluster->log_of('worker2'), qr/neverseen/, 'its log has not');
is($cluster->query('worker2', qq{SELECT string_agg(rolname || ' ' || coalesce((rolpassword = '$verifier')::text, 'none'), ', ' ORDER BY rolname)
    FROM pg_authid WHERE rolname IN ('unseen', 'streams', 'bare')}), 'bare none, streams false, unseen true', 'roles have the passwords of the coordinator');
unlike($cluster->log_of('worker2') =~ s/SELECT string_agg.*//gr, qr/dW5zZWVu/, 'its log has none of them');
$cluster->query('coordinator', 'DELETE FROM pg_dist_poolinfo');

# --- the secret is seen nowhere: not in logs of all statements, not in a dump ---
# It is 32 bytes, handed over in hexadecimal.
for my $node (@nodes) {
    my $log = $cluster->log_of($node);
    unlike($log, qr/keep_secret\([^\$)]/, "no secret in a statement of $node\'s log");
    unlike($log, qr/\$2 = '\\+x[0-9a-f]{64}'/, "no secret in an argument of $node\'s log");
    unlike($log, qr/TRAP|PANIC|terminated by signal [^9]/, "$node did not crash");
}
my $readable = $cluster->query('coordinator', q{
    GRANT pg_read_all_data TO alice;
    SET SESSION AUTHORIZATION alice;
    SELECT bool_and(length(sealed) = 80) FROM altius_cluster_secret});
is($readable, 't', 'who may read all data sees a sealed secret');

done_testing();
