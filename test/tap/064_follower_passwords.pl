# SPDX-License-Identifier: PostgreSQL
# What etcd alone names is not trusted with passwords: the follower tells no listener one, a group that would join gets one over
# verified connections only, and etcd itself none over a network without TLS.

use strict;
use warnings;
use IO::Socket::INET ();
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;
use Altius::Listener;

my ($address) = grep { /^\d+\.\d+\.\d+\.\d+$/ && !/^127\./ } split ' ', `hostname -I 2>/dev/null`;
plan skip_all => 'this machine has no address but loopback' unless defined $address;

my $base = ($ENV{ALTIUS_TEST_DIR} // '/var/tmp/altius-test') . '-follower-passwords-etcd';
my $port = Altius::Cluster::free_ports();
my $etcd;
END { local $?; $etcd->kill_kill(grace => 2) if $etcd; system('rm', '-rf', $base) if defined $base }
system('rm', '-rf', $base);
mkdir $base or die "$base: $!";

sub run {
    my (@command) = @_;
    my $output;
    IPC::Run::run(\@command, '<', \undef, '>&', \$output) or die "@command: $output";
    return $output;
}

sub give_away {
    my (@files) = @_;
    return if $> != 0;
    my ($uid, $gid) = (getpwnam('postgres'))[2, 3];
    chown $uid, $gid, @files;
    return;
}

my ($client, $peer) = ("http://127.0.0.1:$port", 'http://127.0.0.1:' . ($port + 1));
$etcd = IPC::Run::start([ 'etcd', '--name', 'e', '--data-dir', "$base/data", '--listen-client-urls', $client,
    '--advertise-client-urls', $client, '--listen-peer-urls', $peer, '--initial-advertise-peer-urls', $peer,
    '--initial-cluster', "e=$peer", '--log-level', 'error' ], '<', \undef, '>', '/dev/null', '2>', "$base/etcd.log");
for (1 .. 100) {
    last if eval { run('etcdctl', "--endpoints=$client", 'get', '/'); 1 };
    sleep 0.2;
}

sub put { my ($key, $value) = @_; $ENV{ETCDCTL_API} = 3; return run('etcdctl', "--endpoints=$client", 'put', '--', "/service/$key", $value) }

my $cluster = Altius::Cluster->new('follower-passwords', workers => 2, set => {
    'altius.etcd_endpoints' => $client, 'altius.ha_database' => 'altius', 'altius.ha_group_map' => 'w-{group}',
    'citus.node_conninfo' => 'sslmode=prefer', listen_addresses => "127.0.0.1,$address", max_worker_processes => 20 });
my ($port1, $port2) = map { $cluster->port($_) } 'worker1', 'worker2';
my $elsewhere = $port2 + 3;

sub put_group {
    my ($group, $name, $host, $at, $system) = @_;
    put("w-$group/initialize", $system);
    put("w-$group/members/$name", qq({"conn_url":"postgres://$host:$at/postgres","role":"master","state":"running"}));
    put("w-$group/leader", $name);
    return;
}

sub system_of { my ($node) = @_; return $cluster->query($node, 'SELECT system_identifier FROM pg_control_system()') }

# TLS with a certificate of nobody, and SCRAM.
run(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nobody -keyout), "$base/key", '-out', "$base/crt");
chmod 0600, "$base/key";
give_away("$base/key", "$base/crt");
$cluster->query('coordinator', q{SET password_encryption = 'scram-sha-256'; ALTER ROLE postgres PASSWORD 'topsecret';
    INSERT INTO pg_dist_authinfo VALUES (0, 'postgres', 'password=topsecret')});
$cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $port2)");
for my $node (qw(coordinator worker1 worker2)) {
    my $file = "$cluster->{dir}/$node/pg_hba.conf";
    open my $out, '>>', $file or die $!;
    print $out "hostssl all all $address/32 scram-sha-256\n";
    close $out;
    $cluster->query($node, "ALTER SYSTEM SET \"$_->[0]\" = '$_->[1]'")
        for [ ssl_cert_file => "$base/crt" ], [ ssl_key_file => "$base/key" ], [ ssl => 'on' ];
    $cluster->query($node, 'SELECT pg_reload_conf()');
}
put_group(0, 'm0', '127.0.0.1', $cluster->port('coordinator'), system_of('coordinator'));
put_group(1, 'm1', '127.0.0.1', $port1, system_of('worker1'));
ok($cluster->wait_until('coordinator', "SELECT count(*) = 2 FROM altius_ha_status WHERE state = 'known'", 30), 'leaders are followed')
    or diag($cluster->query('coordinator', 'SELECT to_jsonb(s) FROM altius_ha_status s'));

# --- a leader key that names a listener ---
for my $case ([ '127.0.0.1', 'clear' ], [ $address, 'clear' ], [ '127.0.0.1', 'md5' ], [ $address, 'sasl,clear' ],
    [ $address, 'clear', cert => [ "$base/crt", "$base/key" ] ], [ '127.0.0.1', 'md5', cert => [ "$base/crt", "$base/key" ] ]) {
    my ($host, $way, %options) = @$case;
    my $listener = Altius::Listener->new($base, $elsewhere, $way, host => $host, %options);
    my $name = 'false' . $elsewhere++;
    put_group(1, $name, $host, $elsewhere - 1, system_of('worker1'));
    my $asked = $cluster->wait_until('coordinator', "SELECT count(*) = 1 FROM altius_ha_status WHERE groupid = 1 AND state <> 'known'", 20);
    ok($asked, "etcd names a listener: @$case[0, 1]" . (%options ? ' with TLS' : ''));
    sleep 1.5;
    unlike($listener->stop, qr/topsecret|(?:clear|md5): p/, 'it gets no password');
    put('w-1/leader', 'm1');
    ok($cluster->wait_until('coordinator', "SELECT count(*) = 1 FROM altius_ha_status WHERE groupid = 1 AND state = 'known'", 30),
        'and the right leader is back') or diag($cluster->query('coordinator', 'SELECT to_jsonb(s) FROM altius_ha_status s'));
}

# --- names that libpq would read more into ---
for my $host ('[/tmp/x]', '[@x]', '127.0.0.1,10.0.0.1', '[::1,10.0.0.1]', '[a%20port=1]x', "[a'b]", '[a b]') {
    put("w-1/members/odd", qq({"conn_url":"postgres://$host:1/postgres"}));
    ok($cluster->wait_until('coordinator', "SELECT count(*) = 1 FROM altius_ha_status WHERE groupid = 1 AND problem ~ 'members/odd'", 20),
        "no host: $host");
    put("w-1/members/odd", '{"conn_url":"postgres://127.0.0.1:1/postgres"}');
    $cluster->wait_until('coordinator', "SELECT count(*) = 1 FROM altius_ha_status WHERE groupid = 1 AND problem !~ 'members/odd'", 20);
}

# --- a group that would join ---
put_group(7, 'm7', $address, $port2, system_of('worker2'));
ok($cluster->wait_until('coordinator', "SELECT count(*) = 1 FROM altius_ha_status WHERE groupid = 7 AND to_jsonb(altius_ha_status)::text ~ 'etcd alone'", 40),
    'a group that needs a password is not added without a verified certificate')
    or diag($cluster->query('coordinator', 'SELECT to_jsonb(s) FROM altius_ha_status s'));
is($cluster->query('coordinator', 'SELECT count(*) FROM pg_dist_node WHERE groupid = 7'), '0', 'it is no node');
$cluster->query('coordinator', q{ALTER SYSTEM SET altius.ha_trust_etcd = 'on'; SELECT pg_reload_conf()});
ok($cluster->wait_until('coordinator', 'SELECT count(*) = 1 FROM pg_dist_node WHERE groupid = 7 AND isactive', 60), 'unless a setting says so')
    or diag($cluster->query('coordinator', 'SELECT to_jsonb(s) FROM altius_ha_status s'));

# --- etcd's own password ---
my $log = Altius::Listener->new($base, $elsewhere + 1, 'clear', host => $address);
open my $file, '>', "$base/password" or die $!;
print $file "etcdsecret\n";
close $file;
chmod 0600, "$base/password";
give_away("$base/password");
$cluster->query('worker1', qq{ALTER SYSTEM SET altius.etcd_user = 'x'; ALTER SYSTEM SET altius.etcd_password_file = '$base/password';
    ALTER SYSTEM SET altius.etcd_endpoints = 'http://$address:} . ($elsewhere + 1) . q{'; SELECT pg_reload_conf()});
ok($cluster->wait_until('worker1', "SELECT count(*) > 0 FROM altius_ha_status WHERE to_jsonb(altius_ha_status)::text ~ 'no password over http'", 20),
    'etcd gets no password over http') or diag($cluster->query('worker1', 'SELECT to_jsonb(s) FROM altius_ha_status s'));
sleep 2;
my $heard = $log->stop;
like($heard, qr/authenticate/, 'it was spoken to');
unlike($heard, qr/etcdsecret/, 'but not told');

undef $cluster;
done_testing();
