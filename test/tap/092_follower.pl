# SPDX-License-Identifier: PostgreSQL
# The follower on a real etcd (TLS with client certificates, a user who may only read Patroni's keys), without Patroni: the test
# writes its keys.  A leader is used once it is verified, a foreign server never; the gate of a planned switchover; keys that
# go away change no route; a new group is added by itself; a wrong password, and settings changed while it runs.

use strict;
use warnings;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $base = ($ENV{ALTIUS_TEST_DIR} // '/var/tmp/altius-test') . '-follower-etcd';
my $port = Altius::Cluster::free_ports();
my $endpoint = "https://127.0.0.1:$port";
my ($etcd, $auth);
END { local $?; stop_etcd(); system('rm', '-rf', $base) if defined $base }

sub run {
    my (@command) = @_;
    my $output;
    IPC::Run::run(\@command, '<', \undef, '>&', \$output) or die "@command: $output";
    return $output;
}

sub write_file {
    my ($name, $text) = @_;
    unlink "$base/$name";
    open my $file, '>', "$base/$name" or die "$base/$name: $!";
    print $file $text;
    close $file or die $!;
    chmod 0600, "$base/$name";
    give_away("$base/$name");
    return "$base/$name";
}

# The servers' user reads certificates and the password.
sub give_away {
    my (@files) = @_;
    return if $> != 0;
    my ($uid, $gid) = (getpwnam('postgres'))[2, 3];
    chown $uid, $gid, @files;
    return;
}

sub make_certificates {
    run(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout), "$base/ca.key", '-out', "$base/ca.crt");
    write_file('names', "subjectAltName=IP:127.0.0.1\n");
    # etcd refuses users where the certificate has a common name.
    for my $name (qw(server client)) {
        run(qw(openssl req -newkey rsa:2048 -nodes -subj), "/O=$name", '-keyout', "$base/$name.key", '-out', "$base/$name.csr");
        run(qw(openssl x509 -req -days 2 -CAcreateserial -in), "$base/$name.csr", '-CA', "$base/ca.crt", '-CAkey', "$base/ca.key",
            '-extfile', "$base/names", '-out', "$base/$name.crt");
    }
    give_away(glob "$base/*");
    return;
}

sub start_etcd {
    my $peer = 'http://127.0.0.1:' . ($port + 1);
    $etcd = IPC::Run::start([ 'etcd', '--name', 'e', '--data-dir', "$base/data", '--listen-client-urls', $endpoint,
        '--advertise-client-urls', $endpoint, '--listen-peer-urls', $peer, '--initial-advertise-peer-urls', $peer,
        '--initial-cluster', "e=$peer", '--cert-file', "$base/server.crt", '--key-file', "$base/server.key",
        '--client-cert-auth', '--trusted-ca-file', "$base/ca.crt", '--log-level', 'error' ],
        '<', \undef, '>', '/dev/null', '2>', "$base/etcd.log");
    my $up = 0;
    for (1 .. 100) {
        last if $up = eval { etcdctl(qw(get /)); 1 };
        sleep 0.2;
    }
    $up or die 'etcd did not start';
    return;
}

sub stop_etcd { $etcd->kill_kill(grace => 2) if $etcd; undef $etcd; return }

sub etcdctl {
    local $ENV{ETCDCTL_API} = 3;
    return run('etcdctl', "--endpoints=$endpoint", "--cacert=$base/ca.crt", "--cert=$base/client.crt", "--key=$base/client.key",
        ($auth ? "--user=root:top" : ()), @_);
}

sub put { my ($key, $value) = @_; return etcdctl('put', '--', "/service/$key", $value) }
sub del { my ($key, @options) = @_; return etcdctl('del', @options, "/service/$key") }

system('rm', '-rf', $base);
mkdir $base or die "$base: $!";
give_away($base);
make_certificates();
start_etcd();
etcdctl(qw(user add root:top));
etcdctl(qw(user grant-role root root));
etcdctl(qw(role add reader));
etcdctl(qw(role grant-permission --prefix=true reader read /service/));
etcdctl(qw(user add follower:secret));
etcdctl(qw(user grant-role follower reader));
etcdctl(qw(auth enable));
$auth = 1;

my $cluster = Altius::Cluster->new('follower', workers => 1, set => {
    'altius.etcd_endpoints' => $endpoint, 'altius.etcd_cacert' => "$base/ca.crt", 'altius.etcd_cert' => "$base/client.crt",
    'altius.etcd_key' => "$base/client.key", 'altius.etcd_user' => 'follower',
    'altius.etcd_password_file' => write_file('password', "secret\n"), 'altius.ha_database' => 'altius',
    'altius.ha_group_map' => 'w-0=0,w-{group}', 'altius.failover_timeout' => '20s', max_worker_processes => 20 });

sub status {
    my ($node, $group) = @_;
    return $cluster->query($node, "SELECT state FROM altius_ha_status WHERE groupid = $group");
}

# Each server says so of the group.
sub all_say {
    my ($group, $condition, $name) = @_;
    my $good = 1;
    for my $node (qw(coordinator worker1)) {
        my $sql = "SELECT count(*) > 0 FROM altius_ha_status WHERE ($condition)" . (defined $group ? " AND groupid = $group" : '');
        $good &&= $cluster->wait_until($node, $sql, 30);
    }
    ok($good, $name) or diag(map { $cluster->query($_, 'SELECT to_jsonb(s) FROM altius_ha_status s') . "\n" } qw(coordinator worker1));
    return;
}

sub put_member {
    my ($group, $name, $node) = @_;
    return put("w-$group/members/$name", sprintf '{"conn_url":"postgres://127.0.0.1:%d/postgres","role":"master","state":"running"}',
        $cluster->port($node));
}

sub put_group {
    my ($group, $node) = @_;
    put("w-$group/initialize", $cluster->query($node, 'SELECT system_identifier FROM pg_control_system()', db => 'postgres'));
    put_member($group, "m$group", $node);
    put("w-$group/leader", "m$group");
    return;
}

all_say(undef, "etcd_state = 'live' AND following AND groupid IS NULL AND problem IS NULL", 'etcd is followed, and has no group yet');
BAIL_OUT('nothing is followed') unless Test::More->builder->is_passing;

# A leader that is verified.
$cluster->query('coordinator', 'CREATE TABLE t (id int PRIMARY KEY, n int)');
$cluster->query('coordinator', q{SELECT create_distributed_table('t', 'id', shard_count => 4)});
$cluster->query('coordinator', 'INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i');
put_group(0, 'coordinator');
put_group(1, 'worker1');
all_say($_, "state = 'known' AND leader = 'm$_'", "group $_: the leader is verified") for 0, 1;
is($cluster->query('coordinator', 'SELECT sum(n) FROM t'), '0', 'statements use it');
ok($cluster->wait_until($_, 'SELECT count(*) = 2 FROM altius_internal.ha_group'), "$_ has stored what it verified")
    for qw(coordinator worker1);

# A planned switchover that is called off.
put('w-1/failover', '{"leader":"m1","member":"other"}');
all_say(1, 'gated', 'a planned switchover shuts the gate');
my ($failed) = $cluster->psql('coordinator', q{SET statement_timeout = '300ms'; SELECT count(*) FROM t});
isnt($failed, 0, 'statements wait for it');
put('w-1/failover', '{}');
all_say(1, 'NOT gated', 'the gate opens when it is called off');
is($cluster->query('coordinator', 'SELECT count(*) FROM t'), '40', 'statements go on');

# Keys that are gone change no route.
del('w-1/leader');
all_say(1, "state = 'leaderless'", 'without a leader key the group is leaderless');
is($cluster->query('coordinator', 'SELECT count(*) FROM t'), '40', 'and is used as before');
del('w-1/', '--prefix');
all_say(1, "state = 'absent' AND problem ~ 'gone'", 'without any key it is absent');
is($cluster->query('coordinator', 'SELECT count(*) FROM t'), '40', 'and is used as before');
put_group(1, 'worker1');
all_say(1, "state = 'known'", 'it comes back');
put('w-1/members/ghost', 'no JSON');
all_say(1, "state = 'known' AND problem ~ 'members/ghost'", 'garbage is complained about');
del('w-1/members/ghost');

# A group that nobody knew is added by the coordinator, but never a server of another system, whatever the key says.
$cluster->tool('add-worker');
put('w-2/initialize', '123456789');
put_member(2, 'm2', 'worker2');
put('w-2/leader', 'm2');
all_say(2, "state = 'mismatch' AND problem ~ 'system'", 'a leader of another system is refused, and that is said');
is($cluster->query('coordinator', 'SELECT count(*) FROM pg_dist_node WHERE groupid = 2'), '0', 'its group is not added');
put_group(2, 'worker2');
for my $node (qw(coordinator worker1 worker2)) {
    ok($cluster->wait_until($node, 'SELECT count(*) = 1 FROM pg_dist_node WHERE groupid = 2 AND isactive', 30),
        "$node: a new group is added by itself")
        or diag($cluster->query('coordinator', 'SELECT to_jsonb(s) FROM altius_ha_status s WHERE groupid = 2'));
}

# etcd restarts, and does not let us in.
write_file('password', "wrong\n");
stop_etcd();
sleep 2.5;    # a follower that is let in has no reason to read the file; one that is not reads it each two seconds
start_etcd();
all_say(undef, "etcd_state <> 'live' AND problem ~ 'authentication'", 'a wrong password is said');
is($cluster->query('worker1', 'SELECT count(*) FROM t'), '40', 'and changes no route');
write_file('password', "secret\n");
all_say(1, "etcd_state = 'live' AND state = 'known'", 'the right one lets it in again, without a restart');

# Settings, while it runs.
sub set {
    my ($setting) = @_;
    for my $node (qw(coordinator worker1)) {
        $cluster->query($node, "ALTER SYSTEM SET $setting");
        $cluster->query($node, 'SELECT pg_reload_conf()');
    }
    return;
}
set(q{altius.ha_group_map = 'w-1'});
all_say(undef, "etcd_state = 'misconfigured' AND problem ~ 'w-1'", 'a map that makes no sense is said');
set(q{altius.ha_enabled = off});
set(q{altius.ha_group_map = 'w-{group}'});
all_say(undef, "etcd_state = 'off' AND NOT following", 'following is turned off');
is($cluster->query('worker1', 'SELECT count(*) FROM t'), '40', 'statements use pg_dist_node');
set(q{altius.ha_enabled = on});
all_say(1, "state = 'known' AND etcd_state = 'live'", 'and on');

# A standby is named: who waits for the group is connected to it before it is promoted, and it may die before.
$cluster->add_standby('worker1', 'standby1');
put("w-1/members/s1", sprintf '{"conn_url":"postgres://127.0.0.1:%d/postgres","role":"replica","state":"running"}', $cluster->port('standby1'));
for my $end (qw(dies leads)) {
    my $session = $cluster->session('coordinator');
    my $pid = $session->query('SELECT pg_backend_pid()');
    put('w-1/leader', 's1');
    all_say(1, "state = 'probing'", 'a standby is named');
    $session->send('UPDATE t SET n = n + 1');
    ok($cluster->wait_until('standby1', "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name LIKE 'altius_internal gpid=%$pid'", 30),
        'a session that waits is connected to it');
    if ($end eq 'dies') {
        $cluster->pg_ctl('standby1', '-m', 'immediate', 'stop');
        sleep 0.5;
        put('w-1/leader', 'm1');
    } else {
        $cluster->pg_ctl('standby1', '-w', 'promote');
    }
    is(($session->finish)[1], '', "it $end: the statement succeeds");
    is($cluster->query('coordinator', 'SELECT sum(n) FROM t'), $end eq 'dies' ? 40 : 80, '... once');
    $cluster->pg_ctl('standby1', '-w', '-l', "$cluster->{dir}/standby1/log", 'start') if $end eq 'dies';
}
my $shard = 't_' . $cluster->query('coordinator', 'SELECT min(shardid) FROM pg_dist_placement WHERE groupid = 1');
is(join(' ', map { $cluster->query($_, "SELECT min(n) FROM $shard") } qw(worker1 standby1)), '1 2', 'the old leader got nothing of the last');

# The key names the old one again: what was written since would be missing there.  An administrator may accept that.
put('w-1/leader', 'm1');
all_say(1, "state = 'probing' AND problem LIKE '%is on timeline 1, older than 2%'", 'a leader on an older timeline is not used');
$cluster->query($_, 'SELECT altius_ha_forget(1)') for $cluster->nodes;
all_say(1, "state = 'known' AND port = " . $cluster->port('worker1'), 'after altius_ha_forget it is');
is($cluster->query('coordinator', 'SELECT sum(n) FROM t'), '40', 'and its rows are read');

done_testing();
