# SPDX-License-Identifier: PostgreSQL
# Shards move while clients write: 8 clients at a fixed rate (single-row updates, inserts, deletes, transactions over shards;
# one table without a primary key, one with a foreign key), two readers beside them.  Two workers join, a rebalance runs to
# its end, one of the old workers is drained and removed.  No write fails and none is lost, no read fails or sees anything
# twice or not at all; afterwards nothing is left over on any node.
#
# The small form runs with all tests.  `test/run rebalance-long` (ALTIUS_REBALANCE=long) is the full one: 2 million rows
# in 32 shard groups.  ALTIUS_REBALANCE_RATE are the writes a second of all clients together; ALTIUS_REBALANCE_MODE is the
# transfer mode; ALTIUS_REBALANCE_STALL the milliseconds that no write may take (3000; 200 in the full form).

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time clock_gettime CLOCK_MONOTONIC);
use Altius::Cluster;

my $long = ($ENV{ALTIUS_REBALANCE} // '') eq 'long';
my $customers = $long ? 200_000 : 4_000;
my $shards = $long ? 32 : 8;
my $rate = $ENV{ALTIUS_REBALANCE_RATE} // ($long ? 200 : 80);
my $mode = $ENV{ALTIUS_REBALANCE_MODE} // 'auto';
my $longest = $ENV{ALTIUS_REBALANCE_STALL} // ($long ? 200 : 3000);
my $calm = $long ? 15 : 3;        # seconds before, between and after
my $patience = $long ? 1200 : 180;
my $load = abs_path(dirname(__FILE__)) . '/rebalance/load.py';

my $cluster = Altius::Cluster->new('rebalance', workers => 2,
    set => { wal_level => 'logical', max_wal_senders => 20, max_replication_slots => 20, max_worker_processes => 24,
             'citus.recover_2pc_interval' => '1s', 'citus.defer_shard_delete_interval' => '1s' });
my $logs = "$cluster->{dir}/load";
mkdir $logs or die "$logs: $!";

sub on_coordinator { return $cluster->query('coordinator', $_[0]) }

sub phase {
    my ($name) = @_;
    open my $file, '>>', "$logs/phases" or die $!;
    printf $file "%.6f %s\n", clock_gettime(CLOCK_MONOTONIC), $name;
    close $file or die $!;
    diag("$name") if $long;
    return;
}

sub python {
    my (@arguments) = @_;
    my $said = '';
    IPC::Run::run([ $load, @arguments ], '<', \undef, '>&', \$said);
    return $said;
}

sub state_of_job { return on_coordinator('SELECT state FROM citus_rebalance_status()') }

sub placements { return on_coordinator(q{SELECT string_agg(nodeport - min || ':' || number, ' ' ORDER BY nodeport) FROM (
    SELECT nodeport, count(*) AS number FROM citus_shards GROUP BY 1) s, (SELECT min(nodeport) FROM pg_dist_node) m}) }

# --- tables and rows ---
on_coordinator(qq{
    CREATE TABLE customers (id bigint PRIMARY KEY, balance bigint NOT NULL, writes int NOT NULL);
    CREATE TABLE orders (customer bigint REFERENCES customers, id bigint, amount int, note text, PRIMARY KEY (customer, id));
    CREATE TABLE events (customer bigint, at bigint, kind int, payload text);
    SELECT create_distributed_table('customers', 'id', shard_count => $shards);
    SELECT create_distributed_table('orders', 'customer', colocate_with => 'customers');
    SELECT create_distributed_table('events', 'customer', colocate_with => 'customers');
    INSERT INTO customers SELECT id, 1000, 0 FROM generate_series(0, $customers - 1) id;
    INSERT INTO orders SELECT n % $customers, n, n % 97, 'order ' || n FROM generate_series(0, 4 * $customers - 1) n;
    INSERT INTO events SELECT n % $customers, n, n % 7, 'event ' || n FROM generate_series(0, 5 * $customers - 1) n;
    CREATE INDEX ON events (customer, at);
    ANALYZE;
});
my $rows = 10 * $customers;
diag("$rows rows, " . on_coordinator('SELECT pg_size_pretty(sum(size)) FROM citus_shard_sizes()') . ", shards by node: " . placements());

# --- the story ---
phase('before');
my ($in, $said) = ('', '');
my $clients = IPC::Run::start([ $load, 'run', $logs, $customers, $rate, map { $cluster->port($_) } 'coordinator', 'worker1' ],
    \$in, '>&', \$said);
sleep $calm;

phase('two workers join');
for (1 .. 2) {
    $cluster->tool('add-worker', '--register');
    $cluster->{workers}++;
}

phase('rebalance');
my $begun = time;
like(on_coordinator("SELECT citus_rebalance_start(shard_transfer_mode => '$mode')"), qr/^\d+$/, 'a rebalance starts');
ok($cluster->wait_until('coordinator', q{SELECT state IN ('finished', 'failed', 'cancelled') FROM citus_rebalance_status()}, $patience),
    'it comes to an end');
is(state_of_job(), 'finished', 'and has succeeded') or diag(on_coordinator('SELECT jsonb_pretty(details) FROM citus_rebalance_status()'));
diag(sprintf('rebalanced in %.1f s, shards by node: %s', time - $begun, placements()));
is(on_coordinator('SELECT max(n) - min(n) FROM (SELECT count(*) n FROM citus_shards GROUP BY nodeport) s'), '0',
    'each of the four workers has a quarter');

phase('after the rebalance');
sleep $calm;

phase('drain');
$begun = time;
my $leaving = $cluster->port('worker2');
on_coordinator("SELECT citus_drain_node('127.0.0.1', $leaving, '$mode')");
$cluster->wait_until('coordinator', q{SELECT state IN ('finished', 'failed', 'cancelled') FROM citus_rebalance_status()}, $patience);
is(on_coordinator("SELECT count(*) FROM citus_shards WHERE nodeport = $leaving"), '0', 'a worker is drained');
diag(sprintf('drained in %.1f s, shards by node: %s', time - $begun, placements()));
phase('remove');
on_coordinator("SELECT citus_remove_node('127.0.0.1', $leaving)");
is(on_coordinator("SELECT count(*) FROM pg_dist_node WHERE nodeport = $leaving"), '0', 'and removed');

phase('afterwards');
sleep $calm;
{ open my $file, '>', "$logs/stop" or die $! }
$clients->finish;
is($said, '', 'the clients had nothing to complain about');

# --- what became of the writes ---
my $report = python('report', $logs);
diag($report);
like($report, qr/^0 failed$/m, 'no write and no read failed');
like(python('check', $logs, $customers, $cluster->port('coordinator')), qr/^checked \d+ rows$/, 'all rows are as the clients wrote them')
    or diag(python('check', $logs, $customers, $cluster->port('coordinator')));
my ($stall) = $report =~ /^longest write ([\d.]+)/m;
cmp_ok($stall, '<', $longest, "no write took $longest ms");

# --- nothing is left over ---
for my $node ($cluster->nodes) {
    for my $what ([ 'replication slot', 'SELECT count(*) FROM pg_replication_slots' ],
        [ 'publication', 'SELECT count(*) FROM pg_publication' ], [ 'subscription', 'SELECT count(*) FROM pg_subscription' ],
        [ 'prepared transaction', 'SELECT count(*) FROM pg_prepared_xacts' ],
        [ 'shard', q{SELECT count(*) FROM pg_class c WHERE relkind = 'r' AND relname ~ '^(customers|orders|events)_\d+$' AND NOT EXISTS (
            SELECT FROM pg_dist_placement p JOIN pg_dist_local_group USING (groupid) WHERE c.relname ~ ('_' || p.shardid || '$'))} ]) {
        ok($cluster->wait_until($node, "SELECT ($what->[1]) = 0", 45), "$node: no $what->[0] is left over");
    }
    unlike($cluster->log_of($node), qr/was terminated by signal|PANIC:|TRAP:/, "$node never crashed");
}
ok($cluster->wait_until('coordinator', 'SELECT count(*) = 0 FROM pg_dist_cleanup', 45), 'nothing waits to be cleaned up');

done_testing();
