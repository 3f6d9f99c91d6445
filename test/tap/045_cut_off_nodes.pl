# SPDX-License-Identifier: PostgreSQL
# A node that nobody reaches is removed while it runs, in the middle of its transactions and of others': core::kRemoval and MayPrepare
# where they meet PostgreSQL.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('cutoff', workers => 3,
    set => { 'citus.recover_2pc_interval' => '1s', max_prepared_transactions => 50, autovacuum => 'off' });
my $address = "'127.0.0.1', " . $cluster->port('worker3');

# Worker 3 has copies of reference tables alone, so that it may go.
$cluster->query('coordinator', qq{
    SELECT citus_set_node_property($address, 'shouldhaveshards', false);
    CREATE TABLE entry (id int PRIMARY KEY, value int);
    SELECT create_distributed_table('entry', 'id', shard_count => 4);
    INSERT INTO entry SELECT id, 0 FROM generate_series(1, 40) id;
    CREATE TABLE note (value int);
});
my $hba = do { local (@ARGV, $/) = ("$cluster->{dir}/worker3/pg_hba.conf"); <> };

# From now on nobody gets into worker 3; who is in stays, and what it has opened itself.
sub admit {
    my ($all) = @_;
    open my $file, '>', "$cluster->{dir}/worker3/pg_hba.conf" or die $!;
    print $file $all ? $hba : "host all all 127.0.0.1/32 reject\n";
    close $file;
    $cluster->pg_ctl('worker3', 'reload');
    sleep 0.5;
    return;
}

sub values_of { return $cluster->query('coordinator', q{SELECT string_agg(DISTINCT value::text, ' ' ORDER BY value::text) FROM entry}) }
sub group_of { return $cluster->query('coordinator', 'SELECT groupid FROM pg_dist_node WHERE nodeport = ' . $cluster->port($_[0])) }
sub held {
    my ($node, $point) = @_;
    return $cluster->wait_until($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'stopped: $point'", 20);
}

sub error_of {
    my ($session, $sql) = @_;
    $session->send($sql);
    return ($session->finish)[1];
}

sub remove {
    my ($status, $out, $error) = $cluster->psql('coordinator', "SET statement_timeout = 60000; SELECT citus_remove_node($address)");
    return $error;
}

sub add {
    my ($status, $out, $error) = $cluster->psql('coordinator', "SET statement_timeout = 60000; SELECT citus_add_node($address);
        SELECT citus_set_node_property($address, 'shouldhaveshards', false)");
    return $error;
}

# What it had open it can't commit, on one node or on several; nor what it begins now.
{
    my ($one, $several, $later) = map { $cluster->session('worker3') } 1 .. 3;
    $several->query('BEGIN; UPDATE entry SET value = 1 WHERE id < 20');
    $one->query('BEGIN; UPDATE entry SET value = 2 WHERE id = 20');
    $later->query('SELECT count(*) FROM entry');
    admit(0);
    like(remove(), qr/^WARNING: .*is removed but keeps its old metadata/, 'removed while nobody reaches it');
    like(error_of($several, 'COMMIT'), qr/55000: .*not one of the cluster any more/, 'what it changed on several nodes is rolled back');
    like(error_of($one, 'COMMIT'), qr/55000: .*not one of the cluster any more/, 'so is what it changed on one');
    like(error_of($later, 'UPDATE entry SET value = 3'), qr/55000: .*not one of the cluster any more/, 'and what comes later');
    is(values_of(), '0', 'nothing of it is there');
    admit(1);
    ok($cluster->nothing_in_doubt(20), 'nothing is in doubt');
    is(add(), '', 'it is a node again') or diag('not added');
    is($several->query('UPDATE entry SET value = 4; SELECT DISTINCT value FROM entry'), '4', 'its old sessions write again');
    is($_->query('UPDATE entry SET value = value WHERE id = 20 RETURNING value'), '4', '... on one node') for $one, $later;
}

# A removal that looks for what it has prepared and what it prepares meanwhile are in each other's way.
{
    my $session = $cluster->session('worker3');
    $session->query("SET altius.stop_point = 'after prepare'; BEGIN; UPDATE entry SET value = 5");
    $session->send('COMMIT');
    ok(held('worker3', 'after prepare'), 'held with its parts prepared');
    my $inside = $cluster->session('worker3');
    admit(0);
    like(remove(), qr/ERROR:  55006: .*it began transactions that may be in doubt/, 'it is not removed while a part of its transactions is prepared');
    $inside->query('SELECT altius_internal.release_stop_points()');
    my ($out, $error) = $session->finish;
    is($error, '', 'its transaction is committed');
    is(values_of(), '5', 'everywhere');
    admit(1);
    ok($cluster->nothing_in_doubt(20), 'nothing is in doubt');
}

# A participant: who has it in a transaction goes on, and finishes its part after a crash.
{
    my $group = group_of('worker3');
    my $session = $cluster->session('worker1');
    $session->query("SET altius.stop_point = 'after local commit:crash'");
    $session->query("BEGIN; UPDATE entry SET value = 6; SELECT altius_internal.execute_on_group($group, 'CREATE TABLE public.trace AS SELECT 6 AS value')");
    admit(0);
    like(remove(), qr/^WARNING: .*is removed but keeps its old metadata/, 'a participant is removed while only the origin reaches it');
    $session->send('COMMIT');
    eval { $session->finish };
    admit(1);
    ok($cluster->wait_until('worker1', 'SELECT true', 30), 'the origin has crashed after its commit');
    ok($cluster->wait_until('worker3', 'SELECT count(*) = 0 FROM pg_prepared_xacts', 30), 'the part of the node that was removed is finished');
    is($cluster->query('worker3', 'SELECT value FROM trace'), '6', '... as the others are');
    ok($cluster->nothing_in_doubt(20), 'nothing is in doubt');
    is(values_of(), '6', 'and they are');
    is(add(), '', 'it is a node again');
}

undef $cluster;
done_testing;
