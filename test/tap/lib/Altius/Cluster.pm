# SPDX-License-Identifier: PostgreSQL
#
# A cluster for one TAP test, driven through contrib/cluster/altius-cluster.  It goes away with the object, at the latest with the test.
#
#   my $cluster = Altius::Cluster->new('recovery', workers => 2, set => { 'deadlock_timeout' => '200ms' });
#   is($cluster->query('coordinator', 'SELECT 1'), '1');
#   my ($status, $out, $error) = $cluster->psql('worker1', 'SELECT 1/0');
#   my $session = $cluster->session('worker2');      # stays open: $session->query('BEGIN')
#   $cluster->kill('worker1'); $cluster->start('worker1');
#   ok($cluster->wait_until('coordinator', 'SELECT count(*) = 0 FROM pg_prepared_xacts'));

package Altius::Cluster;

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use Cwd qw(abs_path);
use IPC::Run ();
use IO::Socket::INET ();
use Fcntl qw(LOCK_EX LOCK_NB);
use File::Spec ();
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);
use Test::More ();
use Altius::Session;

my $top = abs_path(dirname(__FILE__) . '/../../../..');
my $tool = "$top/contrib/cluster/altius-cluster";
my $base_dir = $ENV{ALTIUS_TEST_DIR} // '/var/tmp/altius-test';
# The first ports belong to the cluster of the other suites.
my $first_port = ($ENV{ALTIUS_TEST_PORT} // 9800) + 20;
my $ports_each = 20;
my %ports_held;    # first port => the lock on its block, for the life of this process
my @all;

# Objects that closures refer to live until the very end, when other modules are gone already and no program can be run any
# more: clusters are stopped before that.
END {
    my $good = $? == 0 && Test::More->builder->is_passing;
    local $?;
    $_->stop($good) for grep { defined } @all;
}
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

sub new {
    my ($class, $name, %options) = @_;
    my $self = bless { name => $name, dir => "$base_dir-$name", workers => $options{workers} // 2 }, $class;
    $self->{port} = free_ports();
    push @all, $self;
    weaken($all[-1]);
    my %settings = (fsync => 'off', %{ $options{set} // {} });
    my @settings = map { ('--set', "$_=$settings{$_}") } sort keys %settings;
    $self->tool('down');
    $self->tool('up', '--port', $self->{port}, '--workers', $self->{workers}, '--db', $options{db} // 'altius', @settings);
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $@);
    $self->stop unless ${^GLOBAL_PHASE} eq 'DESTRUCT';
    return;
}

# A cluster that does not stop would stand in the way of the next test, so that is said here.
sub stop {
    my ($self, $good) = @_;
    return if $self->{stopped}++;
    local $@;
    $self->keep_logs unless $good // Test::More->builder->is_passing;
    eval { $self->pg_ctl($_, '-m', 'immediate', 'stop') } for keys %{ $self->{standbys} // {} };
    eval { $self->tool('down'); 1 } or Test::More::diag("cluster $self->{name} did not stop: $@");
    return;
}

# Where they can be read when the cluster of a failed test is gone: build/logs/NAME.
sub keep_logs {
    my ($self) = @_;
    my $to = "$top/build/logs/$self->{name}";
    make_path($to);
    copy($_, $to) for glob "$self->{dir}/*.log";
    return;
}

# The first port of a block that nobody else uses.  The lock keeps other tests away, of this run or another; a cluster of a
# test that was killed goes; where some other program has a port, the next block is taken.
sub free_ports {
    for my $block (0 .. 19) {
        my $port = $first_port + $block * $ports_each;
        next if $ports_held{$port};
        my $file = File::Spec->catfile(File::Spec->tmpdir, "altius-test-port-$port.lock");
        open(my $lock, -e $file ? '<' : '>', $file) or next;
        flock($lock, LOCK_EX | LOCK_NB) or next;
        remove_leftovers($port);
        my @taken = grep { !can_listen($_) } $port .. $port + $ports_each - 1;
        if (@taken) {
            Test::More::diag("ports in use: @taken; taking others");
            next;
        }
        $ports_held{$port} = $lock;
        return $port;
    }
    die "no free ports from $first_port on";
}

sub remove_leftovers {
    my ($port) = @_;
    for my $file (glob "$base_dir-*/cluster.json") {
        open my $description, '<', $file or next;
        local $/ = undef;
        next unless <$description> =~ /"port": $port\b/;
        Test::More::diag('removing what a killed test left in ' . dirname($file));
        IPC::Run::run([ $tool, 'down', '--dir', dirname($file) ], '<', \undef, '>', \my $ignored);
    }
    return;
}

sub can_listen {
    my ($port) = @_;
    return defined IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp', Listen => 1, ReuseAddr => 1);
}

# Runs altius-cluster; dies with its output when it fails.
sub tool {
    my ($self, $command, @arguments) = @_;
    my ($output, $ok) = $self->try_tool($command, @arguments);
    die "altius-cluster $command failed:\n$output" unless $ok;
    return $output;
}

sub try_tool {
    my ($self, $command, @arguments) = @_;
    my $output = '';
    my $ok = IPC::Run::run([ $tool, $command, '--dir', $self->{dir}, @arguments ], '<', \undef, '>&', \$output);
    return ($output, $ok);
}

sub port {
    my ($self, $node) = @_;
    return $self->{port} if $node eq 'coordinator';
    return $self->{standbys}{$node} if $self->{standbys}{$node};
    return $self->{port} + ($node =~ /^worker(\d+)$/ ? $1 : die "no node $node");
}

sub connection { my ($self, $node) = @_; return ('-h', '127.0.0.1', '-p', $self->port($node), '-U', 'postgres') }

sub psql_program { my ($self) = @_; return $self->{psql} //= (glob "$self->{dir}/server/*/*/*/bin/psql")[0] // 'psql' }

# One psql run: exit status, output, errors.  Options: db, user.
sub psql {
    my ($self, $node, $sql, %options) = @_;
    my ($out, $error) = ('', '');
    my @command = ($self->psql_program, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', $self->connection($node),
        '-d', $options{db} // 'altius', defined $options{user} ? ('-U', $options{user}) : ());
    my $ran = eval { IPC::Run::run(\@command, '<', \$sql, '>', \$out, '2>', \$error); 1 };
    # A psql that can't connect may be gone before it was given the statement.
    die $@ if !$ran && $@ !~ /Broken pipe/;
    my $status = $ran ? $? >> 8 : 2;
    chomp($out, $error);
    return ($status, $out, $error);
}

# What a statement returns; dies when it fails.
sub query {
    my ($self, $node, $sql, %options) = @_;
    my ($status, $out, $error) = $self->psql($node, $sql, %options);
    die "on $node: $sql\n$error" if $status != 0;
    return $out;
}

# A session that stays open; see Altius::Session.
sub session {
    my ($self, $node, %options) = @_;
    return Altius::Session->new($self->psql_program, $self->connection($node), '-d', $options{db} // 'altius');
}

# True once the statement returns t; gives up after some seconds.
sub wait_until {
    my ($self, $node, $sql, $seconds) = @_;
    my $deadline = time + ($seconds // 60);
    my $last = '';
    while (time < $deadline) {
        my ($status, $out, $error) = $self->psql($node, $sql);
        return 1 if $status == 0 && $out eq 't';
        $last = $status == 0 ? $out : $error;
        sleep 0.1;
    }
    Test::More::diag("timed out on $node: $sql\nlast: $last");
    return 0;
}

# kill -9 of one backend; PostgreSQL then restarts all of that server, which is waited for.
sub kill_backend {
    my ($self, $node, $pid) = @_;
    my $of = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    my $before = $self->query($node, $of);
    return 1 unless CORE::kill('KILL', $pid);
    return $self->wait_until($node, "SELECT ($of) <> $before", 60);
}

sub nodes { my ($self) = @_; return ('coordinator', map { "worker$_" } 1 .. $self->{workers}) }
sub kill { my ($self, $node) = @_; return $self->tool('kill', $node) }
sub start { my ($self, $node) = @_; return $self->tool('start', $node) }

# A streaming standby of a node, which is not registered: $cluster->add_standby('worker1', 'standby1').
sub add_standby {
    my ($self, $node, $name) = @_;
    my $port = $self->{port} + 10 + keys %{ $self->{standbys} // {} };
    (my $program = $self->psql_program) =~ s/psql$/pg_basebackup/;
    my @as = $> == 0 ? ('runuser', '-u', 'postgres', '--') : ();
    my $directory = "$self->{dir}/$name";
    my $output = '';
    IPC::Run::run([ @as, $program, '-D', $directory, '-R', '-c', 'fast', '-X', 'stream', $self->connection($node) ],
        '<', \undef, '>&', \$output)
        or die "pg_basebackup from $node: $output";
    open my $file, '>>', "$directory/postgresql.auto.conf" or die "$directory: $!";
    print $file "port = $port\ncluster_name = '$name'\nhot_standby_feedback = on\n";
    close $file;
    $self->{standbys}{$name} = $port;
    $self->pg_ctl($name, '-w', '-l', "$directory/log", 'start');
    return $port;
}

# pg_ctl on a node's data directory: $cluster->pg_ctl('worker1', 'stop', '-m', 'fast').
sub pg_ctl {
    my ($self, $node, @arguments) = @_;
    (my $program = $self->psql_program) =~ s/psql$/pg_ctl/;
    my @as = $> == 0 ? ('runuser', '-u', 'postgres', '--') : ();
    my $output = '';
    IPC::Run::run([ @as, $program, '-D', "$self->{dir}/$node", @arguments ], '<', \undef, '>&', \$output)
        or die "pg_ctl @arguments on $node: $output";
    return;
}

sub log_of {
    my ($self, $node) = @_;
    open my $file, '<', "$self->{dir}/$node.log" or die "$self->{dir}/$node.log: $!";
    local $/ = undef;
    return scalar <$file>;
}

# Nothing may be left behind by a test, whatever happened in it: true when no node holds a prepared transaction.
sub nothing_in_doubt {
    my ($self, $seconds) = @_;
    for my $node ($self->nodes) {
        return 0 unless $self->wait_until($node, 'SELECT count(*) = 0 FROM pg_prepared_xacts', $seconds);
    }
    return 1;
}

1;
