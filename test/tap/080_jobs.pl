# SPDX-License-Identifier: PostgreSQL
# Background jobs and rebalances when processes and servers die, and how much runs at the same time.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('jobs', workers => 4,
    set => { 'altius.background_task_retry_delay' => '500ms', 'citus.background_task_queue_interval' => '1s' });

sub coordinator { my ($sql) = @_; return $cluster->query('coordinator', $sql) }
sub wait_for { my ($sql, $what) = @_; return ok($cluster->wait_until('coordinator', $sql, 60), $what) }

coordinator(q{CREATE TABLE log (job bigint, task int); CREATE TABLE go ();
    CREATE FUNCTION wait_for_go() RETURNS void LANGUAGE plpgsql AS $$BEGIN
        WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.05); END LOOP; END$$});

# A job of two tasks that depend on each other; the first is held until what is to happen to it has happened, however long that takes.
sub schedule {
    return coordinator(qq{
        SELECT altius_internal.schedule_job('test', 'a test', jsonb_build_array(
            jsonb_build_object('command', 'SELECT wait_for_go(); INSERT INTO log VALUES (1, 1)'),
            jsonb_build_object('command', 'INSERT INTO log VALUES (1, 2)', 'after', '[0]'::jsonb)))});
}

# The executor of the job's running task; another one than the one that was killed.
sub executor_pid {
    my ($job, $killed) = @_;
    my $running = "FROM pg_dist_background_task WHERE job_id = $job AND status = 'running' AND pid <> " . ($killed // 0);
    $cluster->wait_until('coordinator', "SELECT EXISTS (SELECT $running)", 30) or die "no executor of job $job";
    return coordinator("SELECT pid $running");
}

sub finished {
    my ($job, $what, $retries) = @_;
    coordinator('INSERT INTO go DEFAULT VALUES');
    wait_for("SELECT state = 'finished' FROM pg_dist_background_job WHERE job_id = $job", "$what: the job goes on and ends");
    is(coordinator('SELECT string_agg(task::text, chr(32) ORDER BY task) FROM log'), '1 2', "$what: each task happened once");
    like(coordinator("SELECT max(retry_count) FROM pg_dist_background_task WHERE job_id = $job"), qr/^$retries$/, "$what: tries");
    coordinator('TRUNCATE log, go');
    return;
}

# The executor dies, and takes its server along.
{
    my $job = schedule();
    ok($cluster->kill_backend('coordinator', executor_pid($job)), 'executor killed: the coordinator is back');
    finished($job, 'executor killed', 1);
}

# The whole server stops at once and is started; no client tells it of the job.
{
    my $job = schedule();
    executor_pid($job);
    $cluster->kill('coordinator');
    $cluster->start('coordinator');
    finished($job, 'coordinator killed', 1);
}

# An ordinary restart.
{
    my $job = schedule();
    executor_pid($job);
    my $file = "$cluster->{dir}/coordinator/postmaster.pid";
    open my $pid, '<', $file or die "$file: $!";
    kill 'INT', int <$pid>;
    sleep 0.1 while -e $file;
    $cluster->start('coordinator');
    finished($job, 'coordinator restarted', '[12]');    # it may be started once more before the server is down
}

# Somebody ends the executor, or the monitor.
{
    my $job = schedule();
    my $pid = executor_pid($job);
    coordinator("SELECT pg_terminate_backend($pid)");
    finished($job, 'executor terminated', 1);
    $job = schedule();
    executor_pid($job);
    is(coordinator(q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'altius job monitor'}), 1,
        'the monitor is terminated');
    finished($job, 'monitor terminated', '');
}

# Crash after crash: it is not tried for ever.
{
    coordinator('ALTER SYSTEM SET altius.background_task_tries = 2');
    coordinator('SELECT pg_reload_conf()');
    my $job = coordinator(q{SELECT altius_internal.schedule_job('test', 'a bomb', '[{"command": "SELECT pg_sleep(100)"}]')});
    my $pid;
    for my $try (1, 2) {
        $pid = executor_pid($job, $pid);
        $cluster->kill_backend('coordinator', $pid);
    }
    wait_for("SELECT state = 'failed' FROM pg_dist_background_job WHERE job_id = $job", 'a task that crashes the server twice is given up');
    like(coordinator("SELECT message FROM pg_dist_background_task WHERE job_id = $job"), qr/without a word/, 'its message says so');
    coordinator('ALTER SYSTEM RESET altius.background_task_tries');
    coordinator('SELECT pg_reload_conf()');
}

# A rebalance from two to four nodes: moves that share no node run at the same time, others never.
my @new = map { $cluster->port("worker$_") } 3, 4;
coordinator("SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', false) FROM pg_dist_node WHERE nodeport IN ($new[0], $new[1])");
coordinator(q{
    CREATE TABLE item (id int PRIMARY KEY, body text);
    SELECT create_distributed_table('item', 'id', shard_count => 16);
    INSERT INTO item SELECT id, repeat('x', 200) FROM generate_series(1, 50000) id;
    CREATE TABLE sums AS SELECT count(*) AS n, sum(id) AS ids, sum(length(body)) AS bytes FROM item;
});
coordinator("SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node WHERE nodeport IN ($new[0], $new[1])");

sub same_rows {
    my ($what) = @_;
    is(coordinator('SELECT count(*) FROM (SELECT count(*) AS n, sum(id) AS ids, sum(length(body)) AS bytes FROM item EXCEPT TABLE sums) different'), 0,
        "$what: the rows are the same");
    return;
}

# Pairs of tasks that ran at the same time: with a node in common, without; and the sum of their times by the job's.
sub overlaps {
    my ($job) = @_;
    my $ran = qq{(SELECT nodes_involved AS nodes, task_id AS id, w.started_at AS "from", w.finished_at AS "to"
        FROM pg_dist_background_task JOIN altius_internal.background_task_work w USING (task_id) WHERE job_id = $job)};
    my ($sharing, $apart, $ratio) = split /\|/, coordinator(qq{
        SELECT count(*) FILTER (WHERE a.nodes && b.nodes), count(*) FILTER (WHERE NOT a.nodes && b.nodes),
            (SELECT extract(epoch FROM sum("to" - "from")) / extract(epoch FROM max("to") - min("from")) FROM $ran c)
        FROM $ran a JOIN $ran b ON a.id < b.id AND a."from" < b."to" AND b."from" < a."to"});
    return ($sharing, $apart, $ratio);
}

{
    my $job = coordinator(q{SELECT citus_rebalance_start('by_shard_count', shard_transfer_mode => 'block_writes')});
    my ($status, $out, $error) = $cluster->psql('coordinator', 'SELECT citus_rebalance_start()');
    like($error, qr/55006: a rebalance is running already, as job $job/, 'one rebalance at a time');
    coordinator('SELECT citus_rebalance_wait()');
    is(coordinator('SELECT state FROM citus_rebalance_status()'), 'finished', 'the rebalance ends');
    is(coordinator(q{SELECT string_agg(number::text, ' ') FROM (SELECT count(*) AS number FROM citus_shards GROUP BY nodeport) each}),
        '4 4 4 4', 'all nodes carry the same');
    my ($sharing, $apart, $ratio) = overlaps($job);
    is($sharing, 0, 'no two moves shared a node');
    cmp_ok($apart, '>=', 3, "moves of different nodes ran at the same time ($apart pairs)");
    cmp_ok($ratio, '>', 1.3, 'in parallel: the sum of the moves by the time of all');
    diag(sprintf 'parallel: the sum of the moves is %.2f times the time of all', $ratio);
    same_rows('rebalance');
}

# The coordinator dies in the middle of a rebalance: it goes on by itself.
{
    coordinator(q{INSERT INTO item SELECT id, repeat('y', 200) FROM generate_series(50001, 200000) id;
        DROP TABLE sums; CREATE TABLE sums AS SELECT count(*) AS n, sum(id) AS ids, sum(length(body)) AS bytes FROM item});
    coordinator("SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', false) FROM pg_dist_node WHERE nodeport IN ($new[0], $new[1])");
    my $job = coordinator(q{SELECT citus_rebalance_start(drain_only => true, shard_transfer_mode => 'block_writes')});
    executor_pid($job);
    $cluster->kill('coordinator');
    $cluster->start('coordinator');
    wait_for("SELECT state = 'finished' FROM pg_dist_background_job WHERE job_id = $job", 'coordinator killed: the rebalance goes on and ends');
    is(coordinator("SELECT count(*) FROM citus_shards WHERE nodeport IN ($new[0], $new[1])"), 0, 'the nodes are empty');
    ok($cluster->nothing_in_doubt(60), 'nothing is in doubt');
    same_rows('coordinator killed');
}

# A server that dies after a move has changed the placements, before the task is written as done: it is not moved again.
{
    coordinator("SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node WHERE nodeport IN ($new[0], $new[1])");
    coordinator(q{ALTER DATABASE altius SET altius.stop_point = 'move: flipped:crash'});
    my $job = coordinator(q{SELECT citus_rebalance_start('by_shard_count', shard_transfer_mode => 'block_writes')});
    wait_for("SELECT max(retry_count) > 0 FROM pg_dist_background_task WHERE job_id = $job", 'the coordinator dies after a move is committed');
    $cluster->wait_until('coordinator', 'ALTER DATABASE altius RESET altius.stop_point; SELECT true', 30);
    wait_for("SELECT state = 'finished' FROM pg_dist_background_job WHERE job_id = $job", 'killed after a flip: the rebalance goes on and ends');
    is(coordinator(q{SELECT string_agg(number::text, ' ') FROM (SELECT count(*) AS number FROM citus_shards GROUP BY nodeport) each}),
        '4 4 4 4', 'all nodes carry the same');
    same_rows('killed after a flip');
}

# Draining in the foreground, and the node can go.
{
    my $port = $cluster->port('worker2');
    my ($host) = split /\n/, coordinator("SELECT nodename FROM pg_dist_node WHERE nodeport = $port");
    coordinator("SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node WHERE nodeport IN ($new[0], $new[1])");
    my ($status, $out, $error) = $cluster->psql('coordinator', "BEGIN; INSERT INTO log VALUES (0, 0); SELECT citus_drain_node('$host', $port)");
    like($error, qr/25001: citus_drain_node cannot run inside a transaction block/, 'not in a transaction that has written');
    coordinator("SELECT citus_drain_node('$host', $port, 'block_writes')");
    is(coordinator("SELECT count(*) FROM citus_shards WHERE nodeport = $port"), 0, 'drained');
    coordinator("SELECT citus_remove_node('$host', $port)");
    same_rows('drained and removed');
}

# Who waits in the foreground and is cancelled takes the job along.
{
    my $port = $cluster->port('worker1');
    my $session = $cluster->session('coordinator');
    my $pid = $session->query('SELECT pg_backend_pid()');
    my $blocker = $cluster->session('coordinator');
    $blocker->query('BEGIN; UPDATE item SET body = body');
    $session->send("SELECT citus_drain_node(nodename, nodeport, 'block_writes') FROM pg_dist_node WHERE nodeport = $port");
    wait_for(q{SELECT EXISTS (SELECT FROM citus_job_list() WHERE job_type = 'rebalance' AND state = 'running')}, 'a drain waits');
    coordinator("SELECT pg_cancel_backend($pid)");
    my ($out, $error) = $session->finish;
    like($error, qr/57014/, 'the caller is cancelled');
    wait_for(q{SELECT NOT EXISTS (SELECT FROM citus_job_list() WHERE state NOT IN ('finished', 'failed', 'cancelled'))}, 'its job, too');
    is(coordinator(q{SELECT state FROM citus_rebalance_status()}), 'cancelled', 'the status says so');
    $blocker->query('ROLLBACK');
    same_rows('cancelled');
}

is($cluster->log_of('coordinator') =~ /PANIC|TRAP/ ? 1 : 0, 0, 'no assertion failed');
undef $cluster;
done_testing;
