# SPDX-License-Identifier: PostgreSQL
# Commits that hang in the wait for a synchronous standby, on a server whose group has another leader meanwhile: when the wait ends
# without the standby's answer, nobody is told that they are committed.  The part of the follower is taken by hand;
# test/failover/run deposed-commits has a real Patroni.

use strict;
use warnings;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('withheld', workers => 1, set => { 'citus.recover_2pc_interval' => '1s', autovacuum => 'off' });
$cluster->query('coordinator', q{
    SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node WHERE groupid = 0;
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i});
$cluster->query('worker1', 'CREATE TABLE own (id int)');
my %port = map { $_ => $cluster->port($_) } qw(coordinator worker1);
sub key_on {
    return $cluster->query('coordinator', "SELECT min(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port{$_[0]}");
}
my ($here, $there) = (key_on('coordinator'), key_on('worker1'));
my %group = map { $_ => $cluster->query('coordinator', "SELECT groupid FROM pg_dist_node WHERE nodeport = $port{$_}") } keys %port;
sub value_of { return $cluster->query('coordinator', "SELECT value FROM t WHERE id = $_[0]") }

# --- the follower's part on a node: etcd has answered, and names that leader of its own group ---
my $revision = 0;
sub etcd_says {
    my ($node, $timeline) = @_;
    $revision++;
    $cluster->query($node, 'SELECT altius_internal.set_following(true)');
    $cluster->query($node, "SELECT altius_internal.publish_group($group{$node}, 'known', $revision, 'm$timeline', '127.0.0.1', $port{$node}, $timeline)");
    return;
}
sub nobody_follows {
    $cluster->query($_[0], 'SELECT altius_internal.set_following(false), altius_internal.forget_group(-1)');
    return;
}

# --- synchronous standbys that do not answer ---
sub ask_for_standbys {
    my ($node, $names) = @_;
    my @all = $cluster->query($node, q{SELECT pg_backend_pid()});
    $cluster->query($node, $_) for "ALTER SYSTEM SET synchronous_standby_names = '$names'", 'SELECT pg_reload_conf()';
    # The checkpointer tells everybody.
    sleep 0.3;
    return;
}
sub start_psql {
    my ($node, $sql, $database) = @_;
    my %client = (out => '', error => '');
    $client{harness} = IPC::Run::start([ $cluster->psql_program, '-XAtq', '-v', 'VERBOSITY=verbose', $cluster->connection($node),
        '-d', $database // 'altius', '-c', $sql ], '<', \undef, '>', \$client{out}, '2>', \$client{error}, IPC::Run::timer(60));
    return \%client;
}
sub waiting {
    my ($node, $count) = @_;
    return $cluster->wait_until($node, "SELECT count(*) = $count FROM pg_stat_activity WHERE wait_event = 'SyncRep'", 20);
}
sub end_of { my ($client) = @_; eval { $client->{harness}->finish }; return $client->{error} }
sub succeeded { my ($client, $name) = @_; is(end_of($client), '', $name); return }
sub withheld { my ($client, $name) = @_; like(end_of($client), qr/08007/, $name); return }

# --- 1. where nobody follows, all is as in PostgreSQL ---
ask_for_standbys('worker1', 'nobody');
my $client = start_psql('worker1', 'INSERT INTO own VALUES (1)');
ok(waiting('worker1', 1), 'a commit waits for a standby that is not there');
ask_for_standbys('worker1', '');
succeeded($client, '... and succeeds once nobody asks for one');

# --- 2. a leader that does without its standby ---
ask_for_standbys('worker1', 'nobody');
etcd_says('worker1', 1);
$client = start_psql('worker1', 'INSERT INTO own VALUES (2)');
ok(waiting('worker1', 1), 'a commit of the leader waits');
ask_for_standbys('worker1', '');
etcd_says('worker1', 1);
succeeded($client, '... and succeeds once etcd has said that it still leads');

# --- 3. the server has lost its group while they waited ---
$cluster->query('worker1', q{BEGIN; INSERT INTO own VALUES (30); PREPARE TRANSACTION 'before'});
ask_for_standbys('worker1', 'nobody');
my %case = (
    'a local commit' => start_psql('worker1', 'INSERT INTO own VALUES (3)'),
    'COMMIT of a block' => start_psql('worker1', 'BEGIN; INSERT INTO own VALUES (4); COMMIT'),
    'a commit inside of DO' => start_psql('worker1', 'DO $$BEGIN INSERT INTO own VALUES (5); COMMIT; PERFORM pg_sleep(60); END$$'),
    'PREPARE TRANSACTION' => start_psql('worker1', q{BEGIN; INSERT INTO own VALUES (6); PREPARE TRANSACTION 'mine'}),
    'COMMIT PREPARED' => start_psql('worker1', q{COMMIT PREPARED 'before'}),
    'a commit in a database without the extension' => start_psql('worker1', 'CREATE TABLE other ()', 'postgres'),
    'a single write for another node' => start_psql('coordinator', "UPDATE t SET value = 1 WHERE id = $there"),
);
ok(waiting('worker1', scalar keys %case), 'commits of all kinds wait');
etcd_says('worker1', 2);
ask_for_standbys('worker1', '');
withheld($case{$_}, "$_ on a server that has lost its group: unknown") for sort keys %case;
for my $sql ('INSERT INTO own VALUES (7)', q{COMMIT PREPARED 'mine'}) {
    my (undef, undef, $error) = $cluster->psql('worker1', $sql);
    like($error, qr/40001: this server is not the primary of its group any more/, "afterwards it refuses: $sql");
}
is($cluster->query('worker1', 'SELECT count(*) > 0 FROM own'), 't', '... and can be read');
is($cluster->query('worker1', 'SELECT altius_internal.is_lasting()'), 'f', '... but what it shows is not counted on');
nobody_follows('worker1');
$cluster->query('worker1', q{ROLLBACK PREPARED 'mine'});
is($cluster->query('worker1', 'SELECT altius_internal.is_lasting()'), 't', 'without a follower it is as before');

# --- 4. the follower of the new leader's group is silent: nothing is told either ---
ask_for_standbys('worker1', 'nobody');
etcd_says('worker1', 1);
$cluster->query('worker1', 'SELECT altius_internal.set_following(false)');
$client = start_psql('worker1', 'INSERT INTO own VALUES (8)');
ok(waiting('worker1', 1), 'a commit waits, and etcd is silent');
ask_for_standbys('worker1', '');
withheld($client, '... nobody knows who leads: unknown');
succeeded(start_psql('worker1', 'INSERT INTO own VALUES (9)'), '... what waits for no standby goes on');
nobody_follows('worker1');

# --- 5. waits that are canceled ---
ask_for_standbys('worker1', 'nobody');
my $own = start_psql('worker1', 'INSERT INTO own VALUES (10)');
$client = start_psql('coordinator', "UPDATE t SET value = 2 WHERE id = $there");
ok(waiting('worker1', 2), 'a local commit, and one of another node');
$cluster->query('worker1', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'});
like(end_of($own), qr/^WARNING:.*canceling wait for synchronous replication/, 'who cancels his own is warned');
withheld($client, 'the other node is told nothing, nor its client');
ask_for_standbys('worker1', '');

# --- 6. two phases: what a participant prepared counts only when its standby has it, whatever synchronous_commit is ---
ask_for_standbys('worker1', 'nobody');
$client = start_psql('coordinator', "SET synchronous_commit = off; UPDATE t SET value = 3 WHERE id IN ($here, $there)");
ok(waiting('worker1', 1), 'PREPARE TRANSACTION waits for the standby');
$cluster->query('worker1', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'});
like(end_of($client), qr/ERROR:  (40|08)/, '... and canceled it is not counted on');
ask_for_standbys('worker1', '');
ok($cluster->nothing_in_doubt(30), '... nor does it stay');
is(value_of($here), 0, '... nothing is committed');

# --- 7. two phases: the origin's decision is lost with its group ---
ask_for_standbys('coordinator', 'nobody');
$client = start_psql('coordinator', "UPDATE t SET value = 4 WHERE id IN ($here, $there)");
ok(waiting('coordinator', 1), 'the decision waits');
etcd_says('coordinator', 2);
ask_for_standbys('coordinator', '');
withheld($client, 'the origin has lost its group: unknown');
is($cluster->query('worker1', q{SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE 'altius%'}), 1, '... it ends nobody\'s part');
sleep 3;
is($cluster->query('worker1', q{SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE 'altius%'}), 1, '... nor does its recovery');
nobody_follows('coordinator');
ok($cluster->nothing_in_doubt(30), 'who leads decides, by what it has');

# --- 8. a decision whose wait was canceled: the others follow once the standbys have it ---
ask_for_standbys('coordinator', 'nobody');
$client = start_psql('coordinator', "UPDATE t SET value = 5 WHERE id IN ($here, $there)");
ok(waiting('coordinator', 1), 'the decision waits');
$cluster->query('coordinator', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'});
like(end_of($client), qr/canceling wait for synchronous replication.*has not confirmed it yet/s, 'canceled: the client is warned');
sleep 3;
is($cluster->query('worker1', q{SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE 'altius%'}), 1, '... the other part waits');
ask_for_standbys('coordinator', '');
ok($cluster->nothing_in_doubt(30), '... and follows when no standby is asked for');
is(value_of($here) . value_of($there), '55', '... with the same outcome');

# --- 9. the names are gone on the server, and Patroni's key names standbys as before: what these have counts, whatever slots there are ---
$cluster->add_standby('worker1', 'standby1');
$cluster->query('worker1', q{SELECT pg_create_physical_replication_slot('of_nobody', true)});
sub streams { return $cluster->wait_until('worker1', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'}, 30) }
sub etcd_names { $cluster->query('worker1', "SELECT altius_internal.name_standbys('$_[0]')") for 1 .. 2; return }
ok(streams(), 'a standby streams');
$cluster->query('worker1', 'CHECKPOINT');
etcd_says('worker1', 1);
etcd_names('STANDBY1');
ask_for_standbys('worker1', 'ghost');
$client = start_psql('worker1', 'INSERT INTO own VALUES (11)');
ok(waiting('worker1', 1), 'a commit waits for a standby that is not there');
ask_for_standbys('worker1', '');
etcd_names('STANDBY1');
succeeded($client, '... and succeeds when the standby that etcd names has it');
# Each answer is looked for while the server is asked.
sub is_lasting {
    my ($names) = @_;
    my $asked = start_psql('worker1', 'SELECT altius_internal.is_lasting()');
    sleep 0.5;
    etcd_names($names);
    end_of($asked);
    return $asked->{out} =~ s/\s//r;
}
is(is_lasting('STANDBY1'), 't', '... it lasts');
is(is_lasting('standby1,ghost'), 'f', '... not where another may be promoted');
$cluster->query('worker1', q{SELECT pg_drop_replication_slot('of_nobody')});
$cluster->query('worker1', q{SELECT pg_create_physical_replication_slot('of_s1', true)});
$cluster->query('standby1', q{ALTER SYSTEM SET primary_slot_name = 'of_s1'});
$cluster->query('standby1', 'SELECT pg_reload_conf()');
ok($cluster->wait_until('worker1', q{SELECT active FROM pg_replication_slots WHERE slot_name = 'of_s1'}, 30) && streams(), 'it uses a slot');
ask_for_standbys('worker1', 'ghost');
$client = start_psql('worker1', 'INSERT INTO own VALUES (12)');
ok(waiting('worker1', 1), 'a commit waits');
ask_for_standbys('worker1', '');
etcd_names('ghost');
withheld($client, '... and nothing is told when etcd names another than the standby that has it');
is(is_lasting('ghost'), 'f', '... nor does it last');
nobody_follows('worker1');
$cluster->pg_ctl('standby1', '-m', 'immediate', 'stop');

for my $node (qw(coordinator worker1)) {
    unlike($cluster->log_of($node), qr/PANIC|terminated by signal/, "$node did not crash");
}
done_testing();
