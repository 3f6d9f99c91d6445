# SPDX-License-Identifier: PostgreSQL
# make install-citus-alias: tools that ask for Citus by name get Altius.  The same objects, from the same library, and the
# two names work together in one cluster.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('alias', workers => 2);
my $top = abs_path(dirname(__FILE__) . '/../..');
my ($pg_config) = glob "$cluster->{dir}/server/*/*/*/bin/pg_config";
my %aliased = (db => 'aliased');

# Makes a target of the Makefile; true when it worked, and what it said.
sub make {
    my ($target, @arguments) = @_;
    my $output = '';
    my $ok = IPC::Run::run([ 'make', '-s', '-C', $top, "PG_CONFIG=$pg_config", $target, @arguments ], '<', \undef, '>&', \$output);
    return ($ok, $output);
}

my ($ok, $output) = make('install-citus-alias');
ok($ok, 'make install-citus-alias') or diag($output);
chomp(my $libraries = `'$pg_config' --pkglibdir`);
is(readlink "$libraries/citus.so", 'altius.so', 'the library is a link');

# --- the servers load it under the name that Patroni writes; one of them under both names, one under its own ---
$cluster->query('coordinator', "ALTER SYSTEM SET shared_preload_libraries = citus");
$cluster->query('worker1', "ALTER SYSTEM SET shared_preload_libraries = citus, altius");
for my $node ('coordinator', 'worker1') {
    $cluster->kill($node);
    $cluster->start($node);
    ok($cluster->wait_until($node, 'SELECT true'), "$node starts");
}
is($cluster->query('coordinator', 'SHOW shared_preload_libraries'), 'citus', 'with citus preloaded');
is($cluster->query('coordinator', 'SELECT count(*) FROM pg_dist_node'), '3', 'a database with the extension goes on');

# --- the same objects ---
my $members = q{SELECT string_agg(regexp_replace(pg_describe_object(classid, objid, objsubid), '\d{4,}', 'N', 'g'), E'\n'
    ORDER BY 1) FROM pg_depend JOIN pg_extension e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid
    WHERE deptype = 'e' AND extname IN ('citus', 'altius')};
$cluster->query($_, 'CREATE DATABASE aliased') for $cluster->nodes;
$cluster->query($_, 'CREATE EXTENSION IF NOT EXISTS citus', %aliased) for 'coordinator', 'worker1';
$cluster->query('worker2', 'CREATE EXTENSION altius', %aliased);
is($cluster->query('coordinator', $members, %aliased), $cluster->query('worker2', $members, %aliased), 'the same objects');
like(($cluster->psql('coordinator', 'CREATE EXTENSION altius', %aliased))[2], qr/ERROR/, 'not twice in one database');

# --- a cluster of nodes that call it differently ---
my ($here, $port1, $port2) = map { $cluster->port($_) } $cluster->nodes;
$cluster->query('coordinator', "SELECT citus_set_coordinator_host('127.0.0.1', $here, 'primary', 'default');
    SELECT citus_add_node('127.0.0.1', $port1, 1, 'primary', 'default');
    SELECT citus_add_node('127.0.0.1', $port2, 2, 'primary', 'default')", %aliased);
$cluster->query('coordinator', q{CREATE TABLE numbers (id int PRIMARY KEY, n int);
    SELECT create_distributed_table('numbers', 'id', shard_count => 4);
    INSERT INTO numbers SELECT i, i FROM generate_series(1, 100) i;
    CREATE SCHEMA elsewhere; CREATE EXTENSION "uuid-ossp" SCHEMA elsewhere}, %aliased);
is($cluster->query($_, 'SELECT sum(n) FROM numbers', %aliased), '5050', "$_ reads") for $cluster->nodes;
is($cluster->query($_, 'SELECT count(*) FROM pg_extension', %aliased), '3', "$_ has plpgsql, uuid-ossp and ours")
    for $cluster->nodes;

# --- dumps name it, not its objects ---
my $dump = `'$libraries/../bin/pg_dump' -h 127.0.0.1 -p $here -U postgres -s aliased`;
like($dump, qr/^CREATE EXTENSION IF NOT EXISTS citus WITH SCHEMA pg_catalog/m, 'pg_dump: the extension');
unlike($dump, qr/pg_dist_node|altius_internal/, 'and none of its objects');

# --- what Patroni writes into pg_dist_authinfo is how nodes log in to each other ---
$cluster->query('coordinator', "CREATE ROLE app LOGIN PASSWORD 'right'; GRANT SELECT ON numbers TO app", %aliased);
for my $node ('worker1', 'worker2') {
    my $file = "$cluster->{dir}/$node/pg_hba.conf";
    open my $in, '<', $file or die $!;
    my @lines = <$in>;
    open my $out, '>', $file or die $!;
    print $out "host aliased app 127.0.0.1/32 scram-sha-256\n", @lines;
    close $out;
    $cluster->query($node, 'SELECT pg_reload_conf()');
}
my $as_app = 'SELECT sum(n) FROM numbers';  # nodes are logged into as who has logged in
my @as_app = (%aliased, user => 'app');
like(($cluster->psql('coordinator', $as_app, @as_app))[2], qr/08006: could not connect.*password/s, 'no password, no connection');
$cluster->query('coordinator', "INSERT INTO pg_dist_authinfo VALUES (0, 'app', 'password=right')", %aliased);
is($cluster->query('coordinator', $as_app, @as_app), '5050', 'pg_dist_authinfo: for all nodes');
$cluster->query('coordinator', "INSERT INTO pg_dist_authinfo SELECT nodeid, 'app', 'password=wrong' FROM pg_dist_node
    WHERE groupid = 2", %aliased);
like(($cluster->psql('coordinator', $as_app, @as_app))[2], qr/08006: could not connect to node 127.0.0.1:$port2.*password/s,
    'a row for one node comes first');

# --- dropping it ---
$cluster->query('coordinator', 'DROP TABLE numbers', %aliased);
$cluster->query('coordinator', 'DROP EXTENSION citus', %aliased);
is($cluster->query('coordinator', "SELECT count(*) FROM pg_namespace WHERE nspname IN ('citus', 'altius_internal')", %aliased),
    '0', 'leaves nothing');
is($cluster->query('coordinator', 'SELECT count(*) FROM pg_dist_node'), '3', 'the other database keeps it');

# --- Citus itself is never overwritten ---
unlink "$libraries/citus.so" or die $!;
open my $file, '>', "$libraries/citus.so" or die $!;
close $file;
($ok, $output) = make('install-citus-alias');
ok(!$ok, 'a citus.so that is not ours stops the installation');
like($output, qr/Citus itself is installed/, 'which says so');

done_testing();
