# SPDX-License-Identifier: PostgreSQL
# A chore of maintenance that waits keeps neither recovery nor the search for deadlocks from their work.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('maintenance', workers => 2,
    set => { deadlock_timeout => '200ms', 'citus.recover_2pc_interval' => '1s', autovacuum => 'off' });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i});
my @keys = split /\n/, $cluster->query('coordinator', q{SELECT min(id) FROM t JOIN pg_dist_placement p
    ON p.shardid = get_shard_id_for_distribution_column('t', id) GROUP BY groupid ORDER BY groupid});
my $three = q{SELECT count(*) = 3 FROM pg_stat_activity WHERE datname = current_database() AND backend_type LIKE 'altius maintenance worker%'};

sub deadlock_ends {
    my ($name) = @_;
    my ($one, $two) = map { $cluster->session('coordinator') } 1 .. 2;
    $one->query("BEGIN; UPDATE t SET value = value + 1 WHERE id = $keys[0]");
    $two->query("BEGIN; UPDATE t SET value = value + 1 WHERE id = $keys[1]");
    my $begun = time;
    $one->send("SET statement_timeout = '20s'; UPDATE t SET value = value + 1 WHERE id = $keys[1]");
    $two->send("SET statement_timeout = '20s'; UPDATE t SET value = value + 1 WHERE id = $keys[0]");
    like(join('', map { ($_->finish)[1] } $one, $two), qr/40P01/, "$name: a deadlock over two nodes is broken");
    cmp_ok(time - $begun, '<', 10, '... soon');
    $_->query('ROLLBACK') for $one, $two;
    return;
}

# What a coordinator that has crashed would have left.
my $left = 0;
sub recovery_works {
    my ($name) = @_;
    $left++;
    $cluster->query('worker1', "BEGIN; CREATE TABLE left_behind$left (); PREPARE TRANSACTION 'altius_0_99999_${left}_1'");
    ok($cluster->wait_until('worker1', "SELECT count(*) = 0 FROM pg_prepared_xacts WHERE gid LIKE 'altius%'", 20),
        "$name: what a crash left is ended");
    return;
}

ok($cluster->wait_until('coordinator', $three, 20), 'three processes');
deadlock_ends('when all is well');
recovery_works('when all is well');

my $holder = $cluster->session('coordinator');
$holder->query('BEGIN; LOCK TABLE altius_internal.node_change IN ACCESS EXCLUSIVE MODE');
ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity
    WHERE backend_type LIKE 'altius maintenance worker%' AND wait_event_type = 'Lock'}, 20), 'a chore waits for a lock');
deadlock_ends('while a chore waits');
recovery_works('while a chore waits');
$holder->query('COMMIT');

# A process that is ended comes again; all of them go with the extension and the database.
$cluster->query('coordinator', q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type LIKE 'altius maintenance worker%'});
ok($cluster->wait_until('coordinator', $three, 30), 'processes that were ended are started again');
recovery_works('after that');
$cluster->query('coordinator', 'CREATE DATABASE other');
$cluster->query('coordinator', 'CREATE EXTENSION altius', db => 'other');
$cluster->$_('coordinator') for qw(kill start);
ok($cluster->wait_until('coordinator', $three, 30), 'so they are after a crash');
ok($cluster->wait_until('coordinator', $three =~ s/current_database\(\)/'other'/r, 20), 'another database has its own');
my (undef, undef, $error) = $cluster->psql('coordinator', 'DROP DATABASE other');
is($error, '', '... which do not hinder it from being dropped');
done_testing();
