# SPDX-License-Identifier: PostgreSQL
# A node falls silent: packets to it are dropped and nothing comes back.  No backend waits for it longer than
# altius.node_tcp_user_timeout and the time-outs of connecting and of failover allow.  Runs in a network namespace of its own.

use strict;
use warnings;
use Test::More;

# A namespace where packets can be dropped: needs root.
sub in_namespace {
    return 1 if $ENV{ALTIUS_OWN_NETWORK};
    return 0 if $> != 0 || system("unshare -n true 2>/dev/null") != 0;
    return system("unshare -n sh -c 'ip link set lo up && ip link add v0 type veth peer name v1' 2>/dev/null") == 0;
}
plan skip_all => 'packets can be dropped by root only, in a network namespace with a veth device' unless in_namespace();
if (!$ENV{ALTIUS_OWN_NETWORK}) {
    $ENV{ALTIUS_OWN_NETWORK} = 1;
    exec 'unshare', '-n', $^X, (map { "-I$_" } grep { !ref } @INC), $0;
}

require Time::HiRes;
require Altius::Cluster;
my $address = '10.9.9.2';
sub run { system($_) == 0 or die "$_ failed" for @_; return }
run('ip link set lo up', "ip addr add $address/32 dev lo", 'ip link add v0 type veth peer name v1', 'ip link set v0 up',
    'ip link set v1 up', 'ip rule add pref 10 lookup local', 'ip rule del pref 0 lookup local',
    "ip route add $address/32 dev v0 table 100", "ip neigh add $address lladdr 02:00:00:00:00:01 dev v0 nud permanent");
sub cut { return run("ip rule add pref 5 to $address lookup 100") }
sub heal { return run('ip rule del pref 5') }

my $cluster = Altius::Cluster->new('partition', workers => 2, set => {
    'listen_addresses' => "127.0.0.1,$address", 'altius.node_tcp_user_timeout' => '3s', 'citus.node_connection_timeout' => '2s',
    'altius.failover_timeout' => '1s' });
my $port = $cluster->port('worker1');
open my $hba, '>>', "$cluster->{dir}/worker1/pg_hba.conf" or die $!;
print $hba "host all all $address/32 trust\n";
close $hba;
$cluster->pg_ctl('worker1', 'reload');
$cluster->query('coordinator', qq{
    SELECT citus_update_node(nodeid, '$address', nodeport) FROM pg_dist_node WHERE nodeport = $port;
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i;
    CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
        AS 'BEGIN PERFORM pg_catalog.pg_sleep(120); RETURN \$1; END'});
sub key_on {
    return $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $_[0]");
}
my ($here, $there) = (key_on($port), key_on($cluster->port('worker2')));

my %does = (
    'a read in flight' => [ '', "SELECT slow(id) FROM t WHERE id = $here", qr/40001|08006/ ],
    'a write in flight' => [ '', "UPDATE t SET value = slow(id) WHERE id = $here", qr/08007|40001|08006/ ],
    'a read that comes later' => [ 'SELECT count(*) FROM t', 'SELECT count(*) FROM t', qr/08006/ ],
    'a block that wrote' => [ "BEGIN; UPDATE t SET value = 1 WHERE id IN ($here, $there)", 'COMMIT', qr/40001|08006/ ],
    'a cancelled read' => [ "SET statement_timeout = '4s'", "SELECT slow(id) FROM t WHERE id = $here", qr/57014|40001|08006/ ],
);
my %session = map { $_ => $cluster->session('coordinator') } keys %does;
for my $what (sort keys %does) { $session{$what}->query($does{$what}[0]) if $does{$what}[0] }
for my $what (grep { /in flight|cancelled/ } sort keys %does) { $session{$what}->send($does{$what}[1]) }
$cluster->wait_until('worker1', "SELECT count(*) >= 3 FROM pg_stat_activity WHERE state = 'active' AND query ~ 'slow' AND pid <> pg_backend_pid()");
cut();
my $begun = Time::HiRes::time();
for my $what (grep { !/in flight|cancelled/ } sort keys %does) { $session{$what}->send($does{$what}[1]) }
is($cluster->query('coordinator', "SELECT id FROM t WHERE id = $there"), $there, 'another group is read meanwhile');
for my $what (sort keys %does) {
    my (undef, $error) = $session{$what}->finish;
    like($error, $does{$what}[2], "$what ends with an error");
}
# Three seconds of silence, two to connect, one to hold, and what else runs on the machine.
cmp_ok(Time::HiRes::time() - $begun, '<', 60, 'nobody waits longer than the time-outs');
diag(sprintf 'all ended after %.1f s', Time::HiRes::time() - $begun);
heal();
ok($cluster->wait_until('coordinator', 'SELECT count(*) = 40 FROM t', 30), 'all is well when packets pass again');
ok($cluster->nothing_in_doubt(60), 'nothing is in doubt');

# A change of the address wakes who waits on a silent node.  None of those comes back to it before the change: it would be ended.
$cluster->query($_, "ALTER SYSTEM SET altius.node_tcp_user_timeout = '120s'; SELECT pg_reload_conf()") for 'coordinator';
my @readers = map { $cluster->session('coordinator') } 1 .. 6;
$_->query("SET altius.failover_timeout = '60s'") for @readers;
$cluster->query('coordinator', "CREATE OR REPLACE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS 'BEGIN PERFORM pg_catalog.pg_sleep(3); RETURN \$1; END'");
$_->send("SELECT slow(id) FROM t WHERE id = $here") for @readers;
$cluster->wait_until('worker1', "SELECT count(*) >= 6 FROM pg_stat_activity WHERE state = 'active' AND query ~ 'slow' AND pid <> pg_backend_pid()");
cut();
$begun = Time::HiRes::time();
$cluster->query('coordinator', "SELECT citus_update_node(nodeid, '127.0.0.1', nodeport, true, 200) FROM pg_dist_node WHERE nodeport = $port");
is(join('', $_->finish), $here, 'a read on a silent node goes on at the new address') for @readers;
cmp_ok(Time::HiRes::time() - $begun, '<', 60, '... before the silence was noticed');
heal();

done_testing();
