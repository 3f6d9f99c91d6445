# SPDX-License-Identifier: PostgreSQL
# Passwords and certificates between nodes.  A listener that asks for passwords never gets one in clear or as MD5, whoever makes
# this server connect to it; certificates are verified, and what is wrong with one is said together with the node.

use strict;
use warnings;
use IPC::Run ();
use Test::More;
use Altius::Cluster;
use Altius::Listener;

my $base = ($ENV{ALTIUS_TEST_DIR} // '/var/tmp/altius-test') . '-passwords-certificates';
END { local $?; system('rm', '-rf', $base) if defined $base }
system('rm', '-rf', $base);
mkdir $base or die "$base: $!";

my $cluster = Altius::Cluster->new('passwords', workers => 2, set => { 'citus.node_conninfo' => 'sslmode=prefer' });
my ($port1, $port2) = map { $cluster->port($_) } 'worker1', 'worker2';
my $elsewhere = $cluster->port('worker2') + 3;

sub give_away {
    my (@files) = @_;
    return if $> != 0;
    my ($uid, $gid) = (getpwnam('postgres'))[2, 3];
    chown $uid, $gid, @files;
    return;
}

sub openssl {
    my (@command) = @_;
    my $output;
    IPC::Run::run([ 'openssl', @command ], '<', \undef, '>&', \$output) or die "openssl @command: $output";
    return;
}

sub authority {
    my ($name) = @_;
    openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj), "/CN=$name", '-keyout', "$base/$name.key", '-out', "$base/$name.crt");
    return;
}

sub certificate {
    my ($name, $common_name, $alternative, %options) = @_;
    my $authority = $options{authority} // 'ca';
    open my $file, '>', "$base/$name.ext" or die $!;
    print $file "subjectAltName=$alternative\n";
    close $file;
    openssl(qw(req -newkey rsa:2048 -nodes -subj), "/CN=$common_name", '-keyout', "$base/$name.key", '-out', "$base/$name.csr");
    openssl(qw(x509 -req -CAcreateserial -days), $options{days} // 2, '-in', "$base/$name.csr", '-CA', "$base/$authority.crt",
        '-CAkey', "$base/$authority.key", '-extfile', "$base/$name.ext", '-out', "$base/$name.crt");
    chmod 0600, "$base/$name.key";
    give_away("$base/$name.key", "$base/$name.crt");
    return;
}

sub configure {
    my ($node, %settings) = @_;
    $cluster->query($node, "ALTER SYSTEM SET \"$_\" = '$settings{$_}'") for keys %settings;
    $cluster->query($node, 'SELECT pg_reload_conf(), pg_sleep(0.3)');
    return;
}

sub hba {
    my ($node, @lines) = @_;
    my $file = "$cluster->{dir}/$node/pg_hba.conf";
    open my $in, '<', $file or die $!;
    my @kept = grep { !/^host\w* all app/ } <$in>;
    open my $out, '>', $file or die $!;
    print $out (map { "$_\n" } @lines), @kept;
    close $out;
    $cluster->query($node, 'SELECT pg_reload_conf(), pg_sleep(0.3)');
    return;
}

sub error_of { my ($status, undef, $error) = $cluster->psql(@_); return $status == 0 ? 'no error' : $error }

authority($_) for 'ca', 'otherca';
certificate($_, $_, 'IP:127.0.0.1') for 'coordinator', 'worker1';
certificate('worker2', 'worker2', 'IP:127.0.0.1');
certificate('wrongname', 'worker2', 'DNS:elsewhere.example');
certificate('expired', 'worker2', 'IP:127.0.0.1', days => -1);
certificate('unknown', 'worker2', 'IP:127.0.0.1', authority => 'otherca');
certificate('app', 'app', 'DNS:app');

$cluster->query('coordinator', q{CREATE ROLE app LOGIN PASSWORD 'topsecret'; CREATE ROLE nobody LOGIN;
    CREATE TABLE numbers (n int PRIMARY KEY); SELECT create_distributed_table('numbers', 'n', shard_count => 8);
    INSERT INTO numbers SELECT generate_series(1, 100); GRANT SELECT ON numbers TO app;
    INSERT INTO pg_dist_authinfo VALUES (0, 'app', 'password=topsecret'), (0, 'nobody', 'password=topsecret'),
        (0, 'postgres', 'password=topsecret')});

# --- who may make this server connect to whom ---
my $check = "SELECT citus_check_connection_to_node('127.0.0.1', %d)";
my $listener = Altius::Listener->new($base, $elsewhere, 'clear');
like(error_of('coordinator', sprintf($check, $elsewhere), user => 'nobody'), qr/42501: must be superuser to connect to a server/,
    'a plain role names nodes only');
is($listener->stop, "listening\n", 'nobody has connected');
is($cluster->query('coordinator', sprintf($check, $port1), user => 'nobody'), 't', 'a node it may ask for');
like(error_of('coordinator', "SELECT citus_add_inactive_node('$_', $elsewhere)"), qr/22023: .*is not the address of a node/,
    "\"$_\" is no address") for '127.0.0.1,127.0.0.2', '127.0.0.1 port=1', '';

# --- what a listener is told ---
for my $way ('clear', 'md5', 'sasl,clear', 'sasl,md5', 'early,clear') {
    $listener = Altius::Listener->new($base, $elsewhere, $way);
    is($cluster->query('coordinator', sprintf($check, $elsewhere)), 'f', "a listener that asks: $way");
    unlike($listener->stop, qr/topsecret|(?:clear|md5): p/, 'gets no password');
}
certificate('self', 'self', 'IP:127.0.0.1', authority => 'otherca');
for my $way ('clear', 'md5', 'sasl,clear') {
    $listener = Altius::Listener->new($base, $elsewhere, $way, cert => [ "$base/self.crt", "$base/self.key" ]);
    is($cluster->query('coordinator', sprintf($check, $elsewhere)), 'f', "over TLS: $way");
    unlike($listener->stop, qr/topsecret|(?:clear|md5): p/, 'gets no password');
}
# a node's place is taken
$cluster->kill('worker2');
$listener = Altius::Listener->new($base, $port2, 'clear');
like(error_of('coordinator', 'SET altius.failover_timeout = 0; SELECT count(*) FROM numbers'),
    qr/08006: could not connect to node 127.0.0.1:$port2.*in clear or as MD5/s, 'a listener at the address of a node');
unlike($listener->stop, qr/topsecret|clear: p/, 'gets no password');
configure('coordinator', 'altius.allow_cleartext_passwords' => 'on');
$listener = Altius::Listener->new($base, $port2, 'clear');
error_of('coordinator', 'SET altius.failover_timeout = 0; SELECT count(*) FROM numbers');
like($listener->stop, qr/clear: p.*topsecret/s, 'unless a setting allows it');
configure('coordinator', 'altius.allow_cleartext_passwords' => 'off');
$cluster->start('worker2');

# --- SCRAM, with and without TLS ---
my $as_app = 'SELECT sum(n) FROM numbers';  # nodes are logged into as who has logged in
my @app = (user => 'app');
hba($_, 'host all app 127.0.0.1/32 scram-sha-256') for 'worker1', 'worker2';
is($cluster->query('coordinator', $as_app, @app), '5050', 'SCRAM without TLS');
configure($_, ssl_ca_file => "$base/ca.crt", ssl_cert_file => "$base/$_.crt", ssl_key_file => "$base/$_.key", ssl => 'on')
    for 'worker1', 'worker2';
hba($_, 'hostssl all app 127.0.0.1/32 scram-sha-256', 'host all app 127.0.0.1/32 reject') for 'worker1', 'worker2';
is($cluster->query('coordinator', $as_app, @app), '5050', 'SCRAM with TLS');

# --- verified certificates ---
my $verified = "sslmode=verify-full sslrootcert=$base/ca.crt";
configure('coordinator', 'citus.node_conninfo' => $verified);
is($cluster->query('coordinator', $as_app, @app), '5050', 'sslmode=verify-full with a password');
is($cluster->query('coordinator', q{SELECT string_agg(DISTINCT result, '') FROM run_command_on_workers(
    'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')}), 't', 'all connections have TLS');
hba($_, 'hostssl all app 127.0.0.1/32 cert', 'host all app 127.0.0.1/32 reject') for 'worker1', 'worker2';
like(error_of('coordinator', $as_app, @app), qr/08006: could not connect to node 127.0.0.1:\d+.*certificate/s, 'no client certificate');
configure('coordinator', 'citus.node_conninfo' => "$verified sslcert=$base/app.crt sslkey=$base/app.key");
is($cluster->query('coordinator', $as_app, @app), '5050', 'a client certificate');
like(error_of('coordinator', 'SELECT sum(n) FROM numbers'), qr/no error/, 'others log in as before');
for my $case ([ 'wrongname', qr/does not match host name "127.0.0.1"/ ], [ 'expired', qr/certificate verify failed.*expired/ ],
    [ 'unknown', qr/certificate verify failed/ ]) {
    my ($name, $reason) = @$case;
    configure('worker2', ssl_cert_file => "$base/$name.crt", ssl_key_file => "$base/$name.key");
    like(error_of('coordinator', "SET altius.failover_timeout = 0; $as_app", @app),
        qr/08006: could not connect to node 127.0.0.1:$port2.*$reason/s, "a node's certificate: $name");
    $listener = Altius::Listener->new($base, $elsewhere, 'clear', cert => [ "$base/$name.crt", "$base/$name.key" ]);
    is($cluster->query('coordinator', sprintf($check, $elsewhere)), 'f', 'a listener with it');
    unlike($listener->stop, qr/connected\n[^\n]|clear:/, 'hears nothing');
}
configure('worker2', ssl_cert_file => "$base/worker2.crt", ssl_key_file => "$base/worker2.key");
configure('worker2', ssl => 'off');
like(error_of('coordinator', "SET altius.failover_timeout = 0; $as_app", @app),
    qr/08006: could not connect to node 127.0.0.1:$port2.*does not support SSL/s, 'a node without TLS');
configure('worker2', ssl => 'on');

# --- certificates on all nodes: one that is added, a move from worker to worker ---
certificate('postgres', 'postgres', 'DNS:postgres');
configure('coordinator', ssl_ca_file => "$base/ca.crt", ssl_cert_file => "$base/coordinator.crt",
    ssl_key_file => "$base/coordinator.key", ssl => 'on');
configure($_, 'citus.node_conninfo' => "$verified sslcert=$base/postgres.crt sslkey=$base/postgres.key") for $cluster->nodes;
$cluster->query('coordinator', 'DELETE FROM pg_dist_authinfo');
hba($_, 'host all app 127.0.0.1/32 trust', 'hostssl all postgres 127.0.0.1/32 trust clientcert=verify-full') for 'worker1', 'worker2';
is($cluster->query('coordinator', qq{SELECT citus_move_shard_placement(shardid, '127.0.0.1', $port1, '127.0.0.1', $port2)
    FROM citus_shards WHERE nodeport = $port1 LIMIT 1}), '', 'a shard moves over verified connections');
is($cluster->query('coordinator', 'SELECT sum(n) FROM numbers'), '5050', 'with its rows');

# --- parameters that are not a connection's are refused or left out ---
for my $option ('host=127.0.0.2', 'hostaddr=127.0.0.2', 'port=1', 'service=x', 'options=-c\ x=y', 'user=x', 'password=x', 'dbname=x',
    'replication=database', 'target_session_attrs=any') {
    like(error_of('coordinator', "ALTER SYSTEM SET citus.node_conninfo = '$option'"), qr/22023: invalid value/, "not for all nodes: $option");
}
$cluster->query('coordinator', "INSERT INTO pg_dist_authinfo VALUES (0, 'postgres', 'hostaddr=127.0.0.9 service=x options=-cfoo.bar=1')");
is($cluster->query('coordinator', 'SELECT sum(n) FROM numbers'), '5050', 'nor for one role');

# --- a password that is changed: other nodes get what is stored of it, and no log or view of theirs shows that ---
configure($_, log_statement => 'all', log_min_duration_statement => 0, log_parameter_max_length_on_error => -1) for 'worker1', 'worker2';
$cluster->query('coordinator', q{ALTER ROLE nobody VALID UNTIL '2100-01-01' PASSWORD 'secondsecret' CONNECTION LIMIT 7});
$cluster->query('coordinator', q{BEGIN; CREATE ROLE guest LOGIN PASSWORD 'thirdsecret'; UPDATE numbers SET n = n WHERE n = 5; COMMIT});
$cluster->query('coordinator', q{ALTER ROLE CURRENT_USER PASSWORD 'fourthsecret'}, user => 'nobody');
$cluster->query('coordinator', q{ALTER ROLE guest PASSWORD NULL});
my $stored = q{SELECT string_agg(concat(rolname, rolpassword, rolvaliduntil, rolconnlimit), ' ' ORDER BY rolname) FROM pg_authid WHERE rolname IN ('nobody', 'guest')};
my $mine = $cluster->query('coordinator', $stored);
like($mine, qr/^guest\S* nobodySCRAM-SHA-256\$.*7$/, 'the passwords are stored');
is($cluster->query($_, $stored), $mine, "... and alike on $_") for 'worker1', 'worker2';
for my $node ('worker1', 'worker2') {
    my $log = $cluster->log_of($node);
    like($log, qr/be_quiet/, "$node was told");
    unlike($log, qr/SCRAM-SHA-256\$|secondsecret|thirdsecret|fourthsecret/, '... and no password');
}
like($cluster->log_of('worker1') . $cluster->log_of('worker2'), qr/UPDATE.*numbers_\d+/, 'what comes after it is logged');

undef $cluster;
done_testing();
