# SPDX-License-Identifier: PostgreSQL
# The bank test for a minute (test/bank/README.md); ALTIUS_BANK=long stands for ten, ALTIUS_BANK_SEED repeats one.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Altius::Cluster;

my $minutes = ($ENV{ALTIUS_BANK} // '') eq 'long' ? 10 : 1;
my $seed = $ENV{ALTIUS_BANK_SEED} // $$;
my $bank = abs_path(dirname(__FILE__) . '/../bank/run');

my $cluster = Altius::Cluster->new('bank', workers => 2,
    set => { deadlock_timeout => '200ms', 'citus.recover_2pc_interval' => '1s', max_prepared_transactions => 200 });
my $said = '';
IPC::Run::run([ $bank, '--dir', $cluster->{dir}, '--minutes', $minutes, '--seed', $seed ], '<', \undef, '>&', \$said);
diag($said);
like($said, qr/^[1-9]\d\d+ acknowledged/m, 'money was moved');
like($said, qr/^checked$/m, 'each transfer is there once or not at all, as the client was told; nothing is left');
for my $node ($cluster->nodes) {
    ok($cluster->wait_until($node, 'SELECT count(*) = 0 FROM pg_dist_transaction', 60), "$node: no commit record is left");
    # Whom the test kills is killed with signal 9.
    unlike($cluster->log_of($node), qr/was terminated by signal (?!9:)|PANIC:|TRAP:/, "$node never crashed by itself");
}

done_testing();
