# SPDX-License-Identifier: PostgreSQL
#
# Memberships of roles with the options that PostgreSQL 16 has added (ADMIN, INHERIT, SET, one for each grantor): on all nodes after each
# command, on a node that is added afterwards, and what follows from them there.
use strict;
use warnings;
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('memberships', workers => 2);
plan(skip_all => 'for PostgreSQL 16 and later') if $cluster->query('coordinator', 'SHOW server_version_num') < 160000;
my $port2 = $cluster->port('worker2');

my $memberships = q{SELECT concat_ws(' ', member::regrole, 'of', roleid::regrole, 'by', grantor::regrole,
  CASE WHEN admin_option THEN 'admin' END, CASE WHEN inherit_option THEN 'inherit' END, CASE WHEN set_option THEN 'set' END)
  FROM pg_auth_members WHERE member >= 16384 ORDER BY 1};

sub same {
    my ($what, @wanted) = @_;
    my $here = $cluster->query('coordinator', $memberships);
    is($here, join("\n", sort @wanted), "$what: here") if @wanted;
    is($cluster->query($_, $memberships), $here, "$what: $_") for 'worker1', 'worker2';
    return;
}

$cluster->query('coordinator', q{
    CREATE ROLE team; CREATE ROLE lead LOGIN; CREATE ROLE deputy LOGIN; CREATE ROLE guest LOGIN; CREATE ROLE maker LOGIN CREATEROLE;
    GRANT team TO lead WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
    GRANT team TO guest WITH INHERIT FALSE, SET TRUE;
    GRANT team TO deputy WITH INHERIT TRUE, SET FALSE, ADMIN TRUE;
    SET ROLE deputy; GRANT team TO guest WITH INHERIT TRUE, SET FALSE; RESET ROLE;
    SET ROLE lead; GRANT team TO maker WITH SET FALSE; RESET ROLE;
    CREATE TABLE t (id int, v int); SELECT create_distributed_table('t', 'id', shard_count => 4); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);
    GRANT SELECT ON t TO team});
my @all = ('deputy of team by postgres admin inherit', 'guest of team by deputy inherit', 'guest of team by postgres set',
    'lead of team by postgres admin', 'maker of team by lead inherit');
same('granted', @all);

# A role that another one makes belongs to it, without its rights.
$cluster->query('coordinator', 'CREATE ROLE made', user => 'maker');
same('made', @all, 'maker of made by postgres admin');

$cluster->query('coordinator', "SELECT citus_drain_node('127.0.0.1', $port2)");
$cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $port2)");
$cluster->query('worker2', 'SET citus.enable_ddl_propagation TO off; GRANT team TO maker WITH ADMIN TRUE, SET TRUE; GRANT lead TO guest; REVOKE team FROM lead CASCADE');
$cluster->query('coordinator', "SELECT citus_add_node('127.0.0.1', $port2)");
same('added', @all, 'maker of made by postgres admin');

# What a member may do there.
for my $node ('coordinator', 'worker1', 'worker2') {
    my %may = map { $_ => $cluster->query($node, "SELECT pg_has_role('$_', 'team', 'USAGE'), pg_has_role('$_', 'team', 'SET'), has_table_privilege('$_', 't', 'SELECT')") }
      'lead', 'deputy', 'guest', 'maker';
    is_deeply(\%may, { lead => 'f|f|f', deputy => 't|f|t', guest => 't|t|t', maker => 't|f|t' }, "$node: who may what");
    my ($status, undef, $error) = $cluster->psql($node, 'SELECT count(*) FROM t', user => 'lead');
    like($error, qr/permission denied for table t/, "$node: not inherited");
    is($cluster->query($node, 'SELECT count(*) FROM t', user => 'maker'), 3, "$node: inherited");
    ($status, undef, $error) = $cluster->psql($node, 'SET ROLE team; SELECT count(*) FROM t', user => 'maker');
    like($error, qr/permission denied to set role "team"/, "$node: not set");
    is($cluster->query($node, 'SET ROLE team; SELECT count(*) FROM t', user => 'guest'), 3, "$node: set");
}

# Options that are taken back, and memberships, by whom they were given.
$cluster->query('coordinator', q{REVOKE INHERIT OPTION FOR team FROM deputy; GRANT team TO lead WITH SET TRUE;
    REVOKE team FROM guest; SET ROLE lead; REVOKE SET OPTION FOR team FROM maker; GRANT team TO maker WITH INHERIT FALSE});
same('changed', 'deputy of team by postgres admin', 'guest of team by deputy inherit', 'lead of team by postgres admin set',
    'maker of made by postgres admin', 'maker of team by lead');
$cluster->query('coordinator', 'REVOKE ADMIN OPTION FOR team FROM deputy CASCADE');
same('with what depends on it', 'deputy of team by postgres', 'lead of team by postgres admin set', 'maker of made by postgres admin',
    'maker of team by lead');

done_testing();
