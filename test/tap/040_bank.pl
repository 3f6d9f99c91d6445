# SPDX-License-Identifier: PostgreSQL
# A bank: 16 clients on all nodes move money between accounts on different nodes, in both orders, so that deadlocks happen,
# with savepoints and with single statements over two shards, while servers are stopped as by a crash.  Afterwards no money
# and no committed transfer is missing, nothing is half done, no prepared transaction and no lock is left.
#
# ALTIUS_BANK_SECONDS (10) and ALTIUS_BANK_KILLS (2); ALTIUS_BANK=long stands for 60 and 10.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $long = ($ENV{ALTIUS_BANK} // '') eq 'long';
my $seconds = $ENV{ALTIUS_BANK_SECONDS} // ($long ? 60 : 10);
my $kills = $ENV{ALTIUS_BANK_KILLS} // ($long ? 10 : 2);
my $load = abs_path(dirname(__FILE__)) . '/bank/load.py';

my $cluster = Altius::Cluster->new('bank', workers => 2,
    set => { deadlock_timeout => '200ms', 'citus.recover_2pc_interval' => '1s', max_prepared_transactions => 200 });
my $results = "$cluster->{dir}/transfers.json";

my $coordinator_port = $cluster->port('coordinator');
$cluster->query('coordinator', qq{
    SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node WHERE groupid = 0;
    CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, logged bigint NOT NULL DEFAULT 0);
    CREATE TABLE transfers (id bigint PRIMARY KEY, source int NOT NULL, target int NOT NULL, amount int NOT NULL);
    SELECT create_distributed_table('accounts', 'id', shard_count => 6);
    SELECT create_distributed_table('transfers', 'id', shard_count => 6);
    INSERT INTO accounts SELECT id, 1000 FROM generate_series(0, 47) id;
});
is($cluster->query('coordinator', q{SELECT count(DISTINCT nodeport) FROM citus_shards WHERE table_name = 'accounts'::regclass}),
    '3', 'accounts lie on all three nodes');

my ($in, $said) = ('', '');
my $clients = IPC::Run::start([ $load, 'run', $seconds, $results, map { $cluster->port($_) } $cluster->nodes ], \$in, '>&', \$said);

# Each server is stopped about equally often, at random moments.
my $begun = time;
my @victims;
push @victims, shuffle($cluster->nodes) while @victims < $kills;
@victims = @victims[ 0 .. $kills - 1 ];
for my $number (0 .. $#victims) {
    my $moment = $begun + ($number + 0.2 + rand(0.6)) * $seconds / $kills;
    while (time < $moment) { $clients->pump_nb; sleep 0.05 }
    $cluster->kill($victims[$number]);
    sleep rand(1);
    $cluster->start($victims[$number]);
}
$clients->finish;
diag("stopped: @victims\n$said");
like($said, qr/^[1-9]\d* committed/, 'money was moved');

for my $node ($cluster->nodes) {
    ok($cluster->wait_until($node, 'SELECT count(*) = 0 FROM pg_prepared_xacts', 60), "$node: no prepared transaction is left");
    ok($cluster->wait_until($node, q{SELECT count(*) = 0 FROM pg_locks WHERE pid IS DISTINCT FROM pg_backend_pid()
        AND (locktype IN ('transactionid', 'tuple') OR mode NOT IN ('AccessShareLock', 'ExclusiveLock', 'ShareUpdateExclusiveLock'))},
        30), "$node: no lock is left");
    ok($cluster->wait_until($node, 'SELECT count(*) = 0 FROM pg_dist_transaction', 60), "$node: no commit record is left");
}

my $findings = '';
IPC::Run::run([ $load, 'check', $results, $cluster->port('coordinator') ], '<', \undef, '>&', \$findings);
is($findings, "checked\n", 'every transfer is there whole or not at all, and the sum is right');
for my $node ($cluster->nodes) {
    is($cluster->query($node, 'SELECT sum(balance) FROM accounts'), '48000', "the sum as $node sees it");
    unlike($cluster->log_of($node), qr/was terminated by signal|PANIC:|TRAP:/, "$node never crashed by itself");
}
unlike($said, qr/^ *\d+ 57014$/m, 'no statement waited 20 seconds');

done_testing();
