# SPDX-License-Identifier: PostgreSQL
# Tables of some shapes move, and are split, while writers change them: each is what the acknowledged writes have made of it, and
# the catalogs say the same of its shards as before.  ALTIUS_MOVES=long: all shapes and 100,000 operations (test/moves/README.md);
# ALTIUS_MOVES_SEED picks other shapes.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Altius::Cluster;

my $shapes = abs_path(dirname(__FILE__)) . '/../moves/shapes';
my $cluster = Altius::Cluster->new('move_shapes', workers => 2, set => { 'citus.defer_shard_delete_interval' => '500ms' });
my @few = ($ENV{ALTIUS_MOVES} // '') eq 'long' ? () : ('--some', 8, '--operations', 5000, '--seconds', 15);
my $out = '';
IPC::Run::run([ $shapes, '--dir', $cluster->{dir}, '--seed', $ENV{ALTIUS_MOVES_SEED} // 3, @few ], '<', \undef, '>&', \$out);
my $count = 0;
for my $line (split /\n/, $out) {
    if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, $2); $count++ }
    elsif ($line !~ /^1\.\./) { diag($line) }
}
ok($count > 0, 'there are shapes');
for my $node ($cluster->nodes) {
    unlike($cluster->log_of($node), qr/was terminated by signal|PANIC:|TRAP:/, "$node never crashed");
}
done_testing();
