# SPDX-License-Identifier: PostgreSQL
# One message to each node and statement: system calls of the asking backend, counted by strace.  A message is a sendto to
# another node; what follows until the next message on that connection is its answer, so messages are round trips.

use strict;
use warnings;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;

my $strace = (grep { -x } map { "$_/strace" } split /:/, $ENV{PATH})[0];
plan skip_all => 'strace is not installed' unless $strace;
system("$strace -o /dev/null true 2>/dev/null") == 0 or plan skip_all => 'strace may not trace here';

my $cluster = Altius::Cluster->new('round-trips', workers => 2);
$cluster->query('coordinator', q{CREATE TABLE many (k int PRIMARY KEY, v int);
    SELECT create_distributed_table('many', 'k', shard_count => 32);
    INSERT INTO many SELECT g, g % 100 FROM generate_series(1, 1000) g});
my $session = $cluster->session('coordinator');
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query('SELECT sum(v) FROM many');    # connections are open from here on

# Messages to other nodes while the statement runs, as a list of file descriptors.
sub messages {
    my ($sql) = @_;
    my ($trace, $notes) = ("$cluster->{dir}/strace.out", '');
    my $tracer = IPC::Run::start([ $strace, '-p', $pid, '-e', 'trace=sendto,recvfrom', '-o', $trace ], '<', \undef,
        '>&', \$notes);
    for (1 .. 100) { $tracer->pump_nb; last if $notes =~ /attached/; sleep 0.05 }
    $session->query($sql);
    sleep 0.2;
    $tracer->signal('INT');
    $tracer->finish;
    open my $file, '<', $trace or die "$trace: $!";
    my ($client, @sent);
    while (<$file>) {
        $client //= $1 if /recvfrom\((\d+), "Q/;
        push @sent, $1 if /sendto\((\d+), /;
    }
    return grep { $_ != $client } @sent;
}

sub nodes { my %seen = map { $_ => 1 } @_; return scalar keys %seen }

my @sent = messages('SELECT sum(v) FROM many');
is(scalar @sent, 2, 'a query over 32 shards on 2 workers sends 2 messages');
is(nodes(@sent), 2, 'one to each');

@sent = messages('SELECT v FROM many WHERE k = 1');
is(scalar @sent, 1, 'a look-up sends 1');

$session->query('BEGIN');
is(scalar messages('UPDATE many SET v = v + 1 WHERE k = 1'), 1, 'the first statement of a block: BEGIN travels with it');
is(scalar messages('SELECT v FROM many WHERE k = 1'), 1, 'the second');
is(scalar messages('COMMIT'), 1, 'one node wrote: it commits in one message');

$session->query('BEGIN; SELECT v FROM many WHERE k = 1');
is(scalar messages('SAVEPOINT s'), 0, 'a savepoint waits for the next statement');
is(scalar messages('UPDATE many SET v = v + 1 WHERE k = 1'), 1, 'and travels with it');
$session->query('ROLLBACK');

@sent = messages('UPDATE many SET v = 0 WHERE k = 1');
is(scalar @sent, 1, 'a change of one row outside of a block sends 1 message, its commit included');

my $task = $cluster->query('coordinator', 'EXPLAIN (COSTS off) SELECT sum(v) FROM many');
like($task, qr/Distributed Tasks: 2\n *Shards: 32/, 'EXPLAIN shows 2 tasks for 32 shards');

done_testing();
