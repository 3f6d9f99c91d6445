# SPDX-License-Identifier: PostgreSQL
# Nodes that can't join say why; nodes come and go while clients write to reference tables, and every copy ends up the same;
# a cluster goes on when a node without shards is dead.

use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('nodes', workers => 2);
my $port1 = $cluster->port('worker1');
my $port2 = $cluster->port('worker2');
my $coordinator_port = $cluster->port('coordinator');

sub error_of {
    my ($node, $sql, %options) = @_;
    my ($status, undef, $error) = $cluster->psql($node, $sql, %options);
    return $status == 0 ? 'no error' : $error;
}

# --- a second database on the same servers: what a server lacks before it can be a node ---
my %other = (db => 'other');
$cluster->query('coordinator', 'CREATE DATABASE other');
$cluster->query('coordinator', 'CREATE EXTENSION altius', %other);
my $add2 = "SELECT citus_add_node('127.0.0.1', $port2)";
like(error_of('coordinator', $add2, %other), qr/database "other" does not exist/, 'no such database there');
$cluster->query($_, 'CREATE DATABASE other') for 'worker1', 'worker2';
like(error_of('coordinator', $add2, %other), qr/55000: extension altius is missing on 127.0.0.1:$port2.*CREATE EXTENSION/s,
    'no extension there');
$cluster->query($_, 'CREATE EXTENSION altius', %other) for 'worker1', 'worker2';
like(error_of('coordinator', "SELECT citus_add_node('127.0.0.1', $coordinator_port)", %other), qr/is the coordinator itself/,
    'a node is not its own worker');
like($cluster->query('coordinator', $add2, %other), qr/^\d+$/, 'the first worker joins a coordinator that is not registered');
like(error_of('worker1', $add2, %other), qr/55000: 127.0.0.1:$port2 belongs to another cluster/, 'a node has one cluster');
like(error_of('worker1', "SELECT citus_add_node('127.0.0.1', $coordinator_port)", %other),
    qr/is the coordinator of another cluster/, 'a coordinator is not a worker of others');
like(error_of('worker2', "SELECT citus_add_node('127.0.0.1', $port1)", %other), qr/only allowed on the coordinator/,
    'workers add no nodes');

# --- one node is a cluster: it holds shards until workers come, and keeps them then ---
$cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $port2);
    SELECT citus_set_coordinator_host('127.0.0.1', $coordinator_port);
    CREATE TABLE alone (id int PRIMARY KEY);
    SELECT create_distributed_table('alone', 'id', shard_count => 4);
    INSERT INTO alone SELECT generate_series(1, 100)", %other);
is($cluster->query('coordinator', 'SELECT count(*) FROM alone', %other), '100', 'a cluster of one node holds shards');
$cluster->query('coordinator', $add2, %other);
is($cluster->query('worker2', 'SELECT count(*) FROM alone', %other), '100', 'a new worker reads them');
is($cluster->query('coordinator', 'SELECT shouldhaveshards FROM pg_dist_node ORDER BY groupid', %other), "f\nt",
    'new shards go to the worker');

# --- nodes come and go under load ---
$cluster->query('coordinator', q{CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text);
    SELECT create_reference_table('notes')});
my $script = "$cluster->{dir}/insert.sql";
open my $file, '>', $script or die $!;
print $file "INSERT INTO notes (note) VALUES ('x');\n";
close $file;
my @loads;
for my $node ('coordinator', 'worker1') {
    my $said = '';
    my @command = (dirname($cluster->psql_program) . '/pgbench', '-n', '-f', $script, '-c', 2, '-T', 8, $cluster->connection($node),
        'altius');
    push @loads, [ IPC::Run::start(\@command, '<', \undef, '>&', \$said), \$said ];
}
for my $round (1 .. 3) {
    sleep 0.5;
    $cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $port2)");
    sleep 0.5;
    $cluster->query('coordinator', "SELECT citus_add_node('127.0.0.1', $port2)");
}
for my $load (@loads) {
    $load->[0]->finish;
    unlike(${ $load->[1] }, qr/ERROR|aborted/, 'no client saw an error') or diag(${ $load->[1] });
}
is($cluster->query('coordinator', q{SELECT count(*), count(DISTINCT result) FROM run_command_on_placements('notes',
    'SELECT count(*) || md5(string_agg(id::text, '','' ORDER BY id)) FROM %s')}), '3|1', 'all copies are the same');
ok($cluster->nothing_in_doubt(20), 'no prepared transaction is left');

# --- a node joins while the schema changes ---
$cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $port2)");
my $changes = join '', map { "CREATE TABLE d$_ (id int PRIMARY KEY); SELECT create_distributed_table('d$_', 'id', shard_count => 4);
    ALTER TABLE d$_ ADD COLUMN x int; CREATE TABLE r$_ (id int); SELECT create_reference_table('r$_'); INSERT INTO r$_ VALUES ($_);\n" }
    1 .. 12;
my $answers = '';
my $changing = IPC::Run::start([ $cluster->psql_program, '-XAtq', $cluster->connection('coordinator'), '-d', 'altius' ],
    '<', \$changes, '>&', \$answers);
sleep 0.5;
$cluster->query('coordinator', $add2);
$changing->finish;
unlike($answers, qr/ERROR/, 'changes of the schema and of the nodes wait for one another') or diag($answers);
is($cluster->query('coordinator', q{SELECT count(DISTINCT result) FROM run_command_on_all_nodes($$
    SELECT md5(string_agg(concat(shardid, groupid), ',' ORDER BY shardid, groupid)) FROM pg_dist_placement $$)}), '1',
    'all nodes have the same metadata');
is($cluster->query('coordinator', q{SELECT DISTINCT result FROM run_command_on_all_nodes($$
    SELECT count(*) FROM information_schema.columns WHERE table_name ~ '^d\d+$' AND column_name = 'x' $$)}), '12',
    'and the same tables');
is($cluster->query('worker2', 'SELECT sum(id) FROM r12'), '12', 'and copies of reference tables');
$cluster->query('coordinator', join '', map { "DROP TABLE d$_, r$_;" } 1 .. 12);

# --- a dead node without shards ---
$cluster->query('coordinator', 'DROP TABLE IF EXISTS unused');
$cluster->kill('worker2');
my ($status, $out, $said) = $cluster->psql('coordinator', 'SELECT count(table_size) FROM citus_tables');
is("$status $out", '0 1', 'views go on without it');
like($said, qr/WARNING.*127.0.0.1:$port2 gave no answer/, 'and say that it is away');
is($cluster->query('coordinator', "SELECT success FROM run_command_on_workers('SELECT 1') ORDER BY nodeport"), "t\nf",
    'its answer is an error');
$cluster->query('coordinator', "SELECT citus_disable_node('127.0.0.1', $port2)");
$cluster->query('coordinator', "INSERT INTO notes (note) VALUES ('without worker 2')");
is($cluster->query('worker1', q{SELECT count(*) FROM notes WHERE note LIKE 'without%'}), '1', 'writes go on once it is disabled');
$cluster->start('worker2');
$cluster->query('coordinator', "SELECT citus_activate_node('127.0.0.1', $port2)");
is($cluster->query('worker2', q{SELECT count(*) FROM notes WHERE note LIKE 'without%'}), '1', 'it gets what it missed');
$cluster->kill('worker2');
($status, $out, $said) = $cluster->psql('coordinator', "SELECT citus_remove_node('127.0.0.1', $port2)");
is($status, 0, 'a dead node can be removed');
like($said, qr/keeps its old metadata/, 'with a warning');
is($cluster->query('worker1', 'SELECT count(*) FROM pg_dist_node'), '2', 'on all nodes');
$cluster->start('worker2');
$cluster->query('coordinator', "SELECT citus_add_node('127.0.0.1', $port2)");
is($cluster->query('worker2', q{SELECT count(*) FROM notes WHERE note LIKE 'without%'}), '1', 'it can come back');

# --- a node that is down while another one changes its address is told of it later ---
$cluster->kill('worker2');
my $move = "SELECT citus_update_node(nodeid, '127.0.0.2', nodeport) FROM pg_dist_node WHERE nodeport = $port1";
is($cluster->query('coordinator', $move), '', 'an address is changed while another node is down');
like($cluster->query('coordinator', $move =~ s/127.0.0.2/127.0.0.1/r), qr/^$/, 'and back');
$cluster->query('coordinator', "UPDATE pg_dist_node SET noderack = 'here' WHERE nodeport = $port1");
$cluster->start('worker2');
ok($cluster->wait_until('worker2', "SELECT noderack = 'here' FROM pg_dist_node WHERE nodeport = $port1", 30),
    'the coordinator tells it when it is back');
ok($cluster->wait_until('coordinator', 'SELECT bool_and(metadatasynced) FROM pg_dist_node'), 'and knows that it did');

undef $cluster;
done_testing();
