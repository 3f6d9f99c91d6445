# SPDX-License-Identifier: PostgreSQL
# Statements that lock on several nodes, from three nodes at once: they wait for one another, as on one server, and hardly ever
# deadlock.  Without one order for the cluster most transactions here end as deadlock victims, a second after they began.

use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Altius::Cluster;

use constant SECONDS => 5;

my $cluster = Altius::Cluster->new('lock-order', workers => 2);
my $program = dirname($cluster->psql_program) . '/pgbench';
$cluster->query('coordinator', q{CREATE TABLE b (k int PRIMARY KEY, n int);
    SELECT create_distributed_table('b', 'k', shard_count => 12);
    INSERT INTO b SELECT g, 0 FROM generate_series(1, 100) g});

sub script {
    my ($name, $sql) = @_;
    my $path = "$cluster->{dir}/$name.sql";
    open my $file, '>', $path or die "$path: $!";
    print $file $sql;
    close $file;
    return $path;
}

# Runs clients for some seconds, each [node, script, number]; the transactions done and those that failed, of each.
sub run_clients {
    my @runs = map {
        my ($node, $script, $clients) = @$_;
        my $output = '';
        my @command = ($program, '-n', '-f', $script, '-c', $clients, '-T', SECONDS, $cluster->connection($node), 'altius');
        { output => \$output, process => IPC::Run::start(\@command, '<', \undef, '>&', \$output) };
    } @_;
    $_->{process}->finish for @runs;
    return map {
        my ($done) = ${ $_->{output} } =~ /actually processed: (\d+)/;
        my ($failed) = ${ $_->{output} } =~ /failed transactions: (\d+)/;
        diag ${ $_->{output} } unless defined $done && defined $failed;
        { done => $done // 0, failed => $failed // 1 };
    } @runs;
}

sub sum { my ($what, @results) = @_; my $sum = 0; $sum += $_->{$what} for @results; return $sum }

my @nodes = $cluster->nodes;

my $update = script('update', "UPDATE b SET n = n + 1;\n");
my @updates = run_clients(map { [ $_, $update, 2 ] } @nodes);
my ($done, $failed) = (sum('done', @updates), sum('failed', @updates));
cmp_ok($done, '>', 10 * SECONDS / 5, "6 clients change all rows: $done times");
cmp_ok($failed, '<=', $done / 10, "victims of deadlocks: $failed");
is($cluster->query('coordinator', 'SELECT count(DISTINCT n), min(n) FROM b'), "1|$done", 'each change is in each row');

my $lock = script('lock', "BEGIN;\nLOCK TABLE b;\nCOMMIT;\n");
my @locks = run_clients(map { [ $_, $lock, 2 ] } @nodes);
is(sum('failed', @locks), 0, 'LOCK TABLE from three nodes: no deadlock');
cmp_ok(sum('done', @locks), '>', 10, sum('done', @locks) . ' locks');

my $read = script('read', "SELECT count(*) FROM b;\n");
my $alter = script('alter', "ALTER TABLE b ADD COLUMN c int DEFAULT 1;\nALTER TABLE b DROP COLUMN c;\n");
my @mixed = run_clients([ 'coordinator', $alter, 1 ], [ 'worker1', $read, 2 ], [ 'worker2', $read, 2 ], [ 'worker2', $update, 1 ]);
is(sum('failed', @mixed), 0, 'ALTER TABLE beside reads and changes of all shards: no deadlock');
ok((!grep { $_->{done} == 0 } @mixed), 'and all go on: ' . join(', ', map { $_->{done} } @mixed));

my $truncate = script('truncate', "TRUNCATE b;\n");
@mixed = run_clients([ 'coordinator', $truncate, 1 ], [ 'worker1', $truncate, 1 ], [ 'worker2', $read, 2 ]);
is(sum('failed', @mixed), 0, 'TRUNCATE on two nodes beside reads: no deadlock');
ok((!grep { $_->{done} == 0 } @mixed), 'and all go on: ' . join(', ', map { $_->{done} } @mixed));

done_testing;
