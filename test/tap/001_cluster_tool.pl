# SPDX-License-Identifier: PostgreSQL
# altius-cluster itself: what it starts is a cluster, and each of its commands does what it says.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('tool', workers => 2, set => { work_mem => '5MB' });
my $count = 'SELECT count(*) FROM pg_dist_node WHERE isactive';

is($cluster->query($_, 'SHOW work_mem'), '5MB', "--set reaches $_") for $cluster->nodes;
is($cluster->query($_, $count), '3', "$_ knows all nodes") for $cluster->nodes;

like($cluster->tool('up'), qr/^worker2: +psql -h 127\.0\.0\.1 -p \d+ -U postgres altius$/m, 'up again prints the psql lines');
is($cluster->query('coordinator', $count), '3', 'and changes nothing');

my ($output, $ok) = $cluster->try_tool('status');
ok($ok, 'status: all run');
$cluster->kill('worker1');
($output, $ok) = $cluster->try_tool('status');
ok(!$ok, 'status tells a stopped node by its exit code');
like($output, qr/^worker1 .*stopped$/m, 'and by name');
like($cluster->tool('log', 'worker1'), qr/immediate shutdown/, 'log shows how it stopped');
$cluster->start('worker1');
is($cluster->query('worker1', 'SELECT 1'), '1', 'start brings it back');

$cluster->tool('add-worker');
is($cluster->query('worker3', "SELECT count(*) FROM pg_extension WHERE extname = 'altius'"), '1', 'add-worker: with extension');
is($cluster->query('coordinator', $count), '3', 'not registered');
$cluster->tool('add-worker', '--register');
is($cluster->query('coordinator', $count), '4', 'add-worker --register');

$cluster->query('coordinator', q{CREATE TABLE kept (id int PRIMARY KEY); SELECT create_distributed_table('kept', 'id');
    INSERT INTO kept SELECT generate_series(1, 100)});
$cluster->tool('down', '--keep');
$cluster->tool('up', '--no-build');
is($cluster->query('worker4', 'SELECT count(*) FROM kept'), '100', 'down --keep, then up: the data is still there');
is($cluster->query('coordinator', $count), '4', 'and the nodes');

$cluster->tool('down');
ok(!-e $cluster->{dir}, 'down removes everything');

done_testing();
