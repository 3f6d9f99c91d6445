# SPDX-License-Identifier: PostgreSQL
# A statement that waits for a lock on another node ends at once when it is cancelled, whatever travels with it: BEGIN,
# SAVEPOINT, Parse, or nothing.  Afterwards the transaction can be rolled back or go on at its savepoint, and nothing waits
# on the nodes any more.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('cancel', workers => 2, set => { deadlock_timeout => '10s' });
$cluster->query('coordinator', q{
    CREATE TABLE held (k int PRIMARY KEY, v int NOT NULL);
    SELECT create_distributed_table('held', 'k', shard_count => 4);
    INSERT INTO held SELECT g, 0 FROM generate_series(1, 100) g;
    CREATE TABLE everywhere (k int PRIMARY KEY, v int);
    SELECT create_reference_table('everywhere');
    INSERT INTO everywhere VALUES (1, 1);
});
# Rows of both workers.
my %key = map { split /\|/ } split /\n/, $cluster->query('coordinator', q{SELECT nodeport, min(k) FROM (
    SELECT k, nodeport FROM held, pg_dist_placement JOIN pg_dist_node USING (groupid)
    WHERE shardid = get_shard_id_for_distribution_column('held', k)) x GROUP BY nodeport});
my ($one, $two) = map { $key{ $cluster->port($_) } } 'worker1', 'worker2';
ok($one && $two, 'there are rows on both workers');

my $holder = $cluster->session('coordinator');
my $waiting = q{SELECT count(*) = 0 FROM pg_locks WHERE NOT granted};
my $busy = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()
    AND application_name LIKE 'altius%'};

# What ends the wait: a function of the session that waits, run once it does.
my %way = (
    statement_timeout => undef,
    pg_cancel_backend => sub {
        my ($session) = @_;
        $cluster->query($session->{node}, "SELECT pg_cancel_backend($session->{pid})");
        return;
    },
);

sub open_session {
    my ($node) = @_;
    my $session = $cluster->session($node);
    $session->{pid} = $session->query('SELECT pg_backend_pid()');
    $session->{node} = $node;
    return $session;
}

# Runs the statement, which must wait, and ends it.
sub cancelled {
    my ($name, $session, $way, $sql) = @_;
    my $started = time;
    if (defined $way{$way}) {
        $session->send($sql);
        my $seen = $cluster->wait_until('coordinator', q{SELECT sum(result::int) > 0 FROM run_command_on_all_nodes(
            'SELECT count(*) FROM pg_locks WHERE NOT granted')}, 10);
        ok($seen, "$name: it waits on a node");
        $started = time;
        $way{$way}->($session);
    } else {
        $session->send($sql);
    }
    my ($out, $error) = $session->finish;
    my $took = time - $started;
    like($error, qr/ERROR: +57014:/, "$name: cancelled");
    cmp_ok($took, '<', 2, sprintf('%s: after %.2f s', $name, $took));
    return;
}

sub clean {
    my ($name, $others) = @_;
    for my $node ($cluster->nodes) {
        ok($cluster->wait_until($node, $waiting, 2), "$name: nothing waits on $node");
    }
    return;
}

sub hold { $holder->query("BEGIN; UPDATE held SET v = v WHERE k IN ($one, $two); SELECT v FROM everywhere FOR UPDATE"); return }
sub let_go { $holder->query('ROLLBACK'); return }

my %statement = (
    'a change of one row' => "UPDATE held SET v = v + 1 WHERE k = $one",
    'a row locked' => "SELECT v FROM held WHERE k = $two FOR UPDATE",
    'a change on all shards' => 'UPDATE held SET v = v + 1',
    'a change of a reference table' => 'UPDATE everywhere SET v = v + 1',
    'DDL' => 'ALTER TABLE held ADD COLUMN w int',
    'TRUNCATE' => 'TRUNCATE held',
    'COPY' => "\\copy held FROM PROGRAM 'echo $one,7' (FORMAT csv)",
);

for my $way (sort keys %way) {
    my $limit = defined $way{$way} ? '' : q{SET statement_timeout = '500ms'};
    hold();
    for my $what (sort keys %statement) {
        next if $what eq 'COPY';
        my $name = "$way, $what";
        my $session = open_session('coordinator');
        $session->query($limit) if $limit;
        # The connections to the workers are new: BEGIN and Parse travel with the statement.
        $session->query('BEGIN');
        cancelled("$name, first of a block", $session, $way, $statement{$what});
        my $started = time;
        $session->query('ROLLBACK');
        cmp_ok(time - $started, '<', 2, "$name: rolled back");
        clean("$name, first of a block");

        # Now they are open, the statement is prepared on the node, and a savepoint travels with it.
        $session->query('BEGIN');
        $session->query("INSERT INTO held VALUES (1001, 1), (1002, 1)") if $what !~ /DDL|TRUNCATE/;
        $session->query('SAVEPOINT s');
        cancelled("$name, after a savepoint", $session, $way, $statement{$what});
        $session->query('ROLLBACK TO s');
        clean("$name, after a savepoint");
        is($session->query('SELECT count(*) FROM held WHERE k > 1000'), $what =~ /DDL|TRUNCATE/ ? '0' : '2',
            "$name: the transaction goes on");
        $session->query('COMMIT');
        $session->query('DELETE FROM held WHERE k > 1000');

        cancelled("$name, outside of a block", $session, $way, $statement{$what});
        clean("$name, outside of a block");
        is($session->query('SELECT sum(v) FROM held'), '0', "$name: nothing changed");
        $session->close;
    }
    let_go();
}

# A timeout so short that the cancel comes before the node is at the statement: it must not be lost.
hold();
{
    my $session = open_session('worker2');
    my $slowest = 0;
    for my $milliseconds (1 .. 12, 1 .. 12) {
        for my $block (0, 1) {
            $session->query("SET statement_timeout = 0; SET application_name = 'x$milliseconds'");
            $session->query('DEALLOCATE ALL') if $milliseconds % 3 == 0;
            $session->query('BEGIN') if $block;
            $session->query("SET statement_timeout = $milliseconds");
            my $started = time;
            $session->send("UPDATE held SET v = v + $milliseconds WHERE k = $one");
            my ($out, $error) = $session->finish;
            my $took = time - $started;
            $slowest = $took if $took > $slowest;
            like($error, qr/57014/, "timeout of $milliseconds ms") unless $error =~ /57014/;
            $session->send('SET statement_timeout = 0; ROLLBACK');
            $session->finish;
            $session->query('SET statement_timeout = 0');
        }
    }
    cmp_ok($slowest, '<', 2, sprintf('timeouts of some milliseconds: the slowest took %.2f s', $slowest));
    clean('timeouts of some milliseconds');
}

# A client that goes away, and a session that is terminated, leave nothing that waits.
for my $node ('coordinator', 'worker2') {
    my $session = open_session($node);
    $session->query('BEGIN');
    $session->send("UPDATE held SET v = v + 1 WHERE k = $one");
    ok($cluster->wait_until('worker1', 'SELECT count(*) > 0 FROM pg_locks WHERE NOT granted', 10), "$node: it waits");
    $cluster->query($node, "SELECT pg_terminate_backend($session->{pid})");
    clean("$node: terminated");
}
let_go();

# COPY: rows on their way to a node that waits.
{
    $holder->query("BEGIN; DELETE FROM held WHERE k = $one");
    my $session = open_session('coordinator');
    $session->query(q{SET statement_timeout = '500ms'});
    for my $block ('', 'BEGIN') {
        $session->query($block) if $block;
        my $started = time;
        $session->{in} .= "$statement{COPY}\n";
        my ($out, $error) = $session->finish;
        my $took = time - $started;
        like($error, qr/57014/, 'COPY: cancelled');
        cmp_ok($took, '<', 2, sprintf('COPY: after %.2f s', $took));
        $session->query('ROLLBACK') if $block;
        clean('COPY');
    }
    $holder->query('ROLLBACK');
}

# A cancel that comes when the node has committed is too late: the statement has succeeded.
for my $way (sort keys %way) {
    my $session = open_session('coordinator');
    $session->query(q{SET altius.stop_point = 'done on nodes'});
    $session->query(q{SET statement_timeout = '300ms'}) unless defined $way{$way};
    $session->send("UPDATE held SET v = 7 WHERE k = $one");
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: done on nodes'}, 10),
        "$way: the node has committed");
    defined $way{$way} ? $way{$way}->($session) : sleep 1;
    $cluster->query('coordinator', 'SELECT altius_internal.release_stop_points()');
    is(($session->finish)[1], '', "$way: a statement that is committed does not fail");
    $session->query(q{SET altius.stop_point = ''; SET statement_timeout = 0});
    is($session->query("SELECT v FROM held WHERE k = $one"), 7, "$way: the session goes on");
    $session->query("UPDATE held SET v = 0 WHERE k = $one");
}

# A session that is ended between PREPARE and its answers leaves nothing locked until the next regular run of recovery, a minute later.
{
    my $session = $cluster->session('coordinator');
    $session->query(q{SET altius.stop_point = 'before prepare'; BEGIN; UPDATE held SET v = 8});
    $session->send('COMMIT');
    my $held = q{FROM pg_stat_activity WHERE application_name = 'stopped: before prepare'};
    ok($cluster->wait_until('coordinator', "SELECT count(*) = 1 $held", 10), 'ended: it is about to prepare');
    $cluster->query('coordinator', "SELECT pg_terminate_backend(pid) $held");
    my $begun = time;
    sleep 1;
    ok($cluster->nothing_in_doubt(30), 'ended: nothing is in doubt') or diag('after ' . (time - $begun) . ' s');
    eval { $session->finish };
}

is($cluster->query('coordinator', 'SELECT count(*), sum(v) FROM held'), '100|0', 'nothing changed');
for my $node ($cluster->nodes) {
    ok($cluster->wait_until($node, $busy, 5), "$node: nothing runs for others");
    unlike($cluster->log_of($node), qr/was terminated by signal|PANIC:|TRAP:/, "$node never crashed");
}
done_testing();
