# SPDX-License-Identifier: PostgreSQL
# A node whose processes are stopped: its kernel still takes connections and data, but nobody answers.  Time-outs and cancels end
# what waits for it, within a bound; where the node may have committed, the client is told that nobody knows.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('frozen', workers => 2);
$cluster->query('coordinator', q{CREATE TABLE t (k int PRIMARY KEY, v int);
    SELECT create_distributed_table('t', 'k', shard_count => 4);
    INSERT INTO t SELECT g, 0 FROM generate_series(1, 100) g});
my $port = $cluster->port('worker1');
my ($there, $elsewhere) = map { $cluster->query('coordinator', qq{SELECT min(k) FROM t JOIN citus_shards
    ON shardid = get_shard_id_for_distribution_column('t', k) WHERE nodeport $_ $port}) } '=', '<>';

sub processes {
    open my $file, '<', "$cluster->{dir}/worker1/postmaster.pid" or die $!;
    chomp(my $postmaster = <$file>);
    return ($postmaster, split /\s+/, `ps -o pid= --ppid $postmaster`);
}

sub open_session {
    my $session = $cluster->session('coordinator');
    $session->{pid} = $session->query('SELECT pg_backend_pid()');
    $session->query("SELECT v FROM t WHERE k = $there");    # is connected before the node freezes
    return $session;
}

# Runs the statement; the SQLSTATE it ends with and after how many seconds.
sub outcome {
    my ($session, $sql, $cancel) = @_;
    my $started = time;
    $session->send($sql);
    if ($cancel) {
        sleep 0.5;
        $cluster->query('coordinator', "SELECT pg_cancel_backend($session->{pid})");
    }
    my (undef, $error) = $session->finish;
    my ($state) = $error =~ /ERROR:\s+(\w{5}):/;
    return ($state // "none: $error", time - $started);
}

my %session = map { $_ => open_session() } qw(read cancelled write block);
$session{$_}->query(q{SET statement_timeout = '1s'}) for qw(read write block);
$session{block}->query(q{SET altius.commit_timeout = '3s'});
$session{block}->query("BEGIN; UPDATE t SET v = 1 WHERE k = $elsewhere; UPDATE t SET v = 1 WHERE k = $there");

my @processes = grep { length } processes();
CORE::kill('STOP', @processes);

my ($state, $took) = outcome($session{read}, "SELECT v FROM t WHERE k = $there");
is($state, '57014', 'a read ends with its time-out');
cmp_ok($took, '<', 10, sprintf('after %.1f s', $took));

($state, $took) = outcome($session{cancelled}, 'SELECT sum(v) FROM t', 1);
is($state, '57014', 'a cancelled read ends');
cmp_ok($took, '<', 10, sprintf('after %.1f s', $took));

($state, $took) = outcome($session{write}, "UPDATE t SET v = v + 1 WHERE k = $there");
is($state, '08007', 'of a write that commits by itself nobody knows');
cmp_ok($took, '<', 20, sprintf('after %.1f s', $took));

($state, $took) = outcome($session{block}, 'COMMIT');
is($state, '40001', 'COMMIT on two nodes is given up');
cmp_ok($took, '<', 20, sprintf('after %.1f s', $took));
is($session{block}->query("SELECT v FROM t WHERE k = $elsewhere"), 0, 'it is rolled back on the other node');

CORE::kill('CONT', @processes);
is($session{read}->query("SELECT count(*) FROM t WHERE k = $there"), 1, 'the node is used again');
ok($cluster->wait_until('coordinator', q{SELECT sum(result::int) = 0 FROM run_command_on_all_nodes('SELECT count(*) FROM pg_prepared_xacts')}, 60),
    'nothing stays in doubt');
is($cluster->query('coordinator', "SELECT v FROM t WHERE k = $elsewhere"), 0, 'nothing of the block is there');
like($cluster->query('coordinator', "SELECT v FROM t WHERE k = $there"), qr/^[01]$/, 'the write happened once, or not');
unlike($cluster->log_of($_), qr/was terminated by signal|PANIC:|TRAP:/, "$_ never crashed") for $cluster->nodes;

done_testing;
