# SPDX-License-Identifier: PostgreSQL
# Recovery beside transactions that run, on copies of servers, in old snapshots, with nodes that go and come: each rule of
# core/txn where it meets PostgreSQL.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('rules', workers => 3,
    set => { 'citus.recover_2pc_interval' => '1s', max_prepared_transactions => 50, wal_writer_delay => '10s', autovacuum => 'off' });
my $prepared = q{SELECT count(*) FROM pg_prepared_xacts};

# Worker 3 holds copies of reference tables alone, so that it may go.
$cluster->query('coordinator', q{
    SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', false) FROM pg_dist_node WHERE nodeport = } . $cluster->port('worker3') . q{;
    CREATE TABLE entry (id int PRIMARY KEY, value int);
    SELECT create_distributed_table('entry', 'id', shard_count => 4);
    INSERT INTO entry SELECT id, 0 FROM generate_series(1, 40) id;
    CREATE TABLE copied (id int PRIMARY KEY, value int);
    SELECT create_reference_table('copied');
    INSERT INTO copied VALUES (1, 0);
    CREATE TABLE note (value int);
});

# Ids of rows on workers 1 and 2.
my %id = map { split /=/ } split ' ', $cluster->query('coordinator', q{
    SELECT string_agg(port || '=' || id, ' ') FROM (SELECT nodeport AS port, min(id) AS id FROM generate_series(1, 40) id
      JOIN citus_shards ON shardid = get_shard_id_for_distribution_column('entry', id) GROUP BY nodeport) located});
my ($on1, $on2) = map { $id{ $cluster->port($_) } } 'worker1', 'worker2';

sub set {
    my ($node, $setting, $value) = @_;
    $cluster->query($node, defined $value ? "ALTER SYSTEM SET $setting = '$value'" : "ALTER SYSTEM RESET $setting");
    $cluster->query($node, 'SELECT pg_reload_conf()');
    sleep 0.3;
    return;
}

sub held {
    my ($node, $point) = @_;
    return $cluster->wait_until($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'stopped: $point'", 20);
}

sub release { my ($node) = @_; return $cluster->query($node, 'SELECT altius_internal.release_stop_points()') }
sub recover { my ($node) = @_; return $cluster->query($node, 'SELECT recover_prepared_transactions()') }
sub values_of { return $cluster->query('coordinator', q{SELECT string_agg(DISTINCT value::text, ' ' ORDER BY value::text) FROM entry}) }

sub settled {
    my ($what, $sql, $wanted, $seconds) = @_;
    ok($cluster->nothing_in_doubt($seconds // 20), "$what: nothing is in doubt");
    is($cluster->query('coordinator', $sql), $wanted, "$what: whole or not at all");
    return;
}

# A participant that coordinates: the trigger on worker 1 writes on worker 2. Recovery there leaves it alone while it runs.
{
    $cluster->query('coordinator', qq{
        CREATE TABLE cause (id int, n int);
        SELECT create_distributed_table('cause', 'id', colocate_with => 'entry');
        CREATE FUNCTION effect() RETURNS trigger LANGUAGE plpgsql AS \$\$
          BEGIN UPDATE public.entry SET value = value + new.n WHERE id = $on2; RETURN new; END \$\$;
        CREATE TRIGGER effect BEFORE INSERT ON cause FOR EACH ROW EXECUTE FUNCTION effect();
    });
    set('worker1', 'altius.stop_point', 'after prepare');
    my $session = $cluster->session('coordinator');
    $session->send("INSERT INTO cause VALUES ($on1, 7)");
    ok(held('worker1', 'after prepare'), 'nested: held with its part prepared');
    is(recover('worker1'), '0', 'nested: recovery where it began leaves it alone');
    sleep 2.5;
    is($cluster->query('worker2', $prepared), '1', 'nested: so does the maintenance worker');
    set('worker1', 'altius.stop_point', undef);
    release('worker1');
    my ($out, $error) = $session->finish;
    is($error, '', 'nested: committed');
    settled('nested', "SELECT (SELECT count(*) FROM cause) || ' ' || (SELECT value FROM entry WHERE id = $on2)", '1 7');
    $cluster->query('coordinator', 'DROP TABLE cause; UPDATE entry SET value = 0');
}

# The commit is on disk before the others learn of it.
for my $run (1 .. 3) {
    $cluster->query('coordinator', 'CHECKPOINT');
    my $session = $cluster->session('coordinator');
    $session->query('SET synchronous_commit = off');
    $session->query("BEGIN; INSERT INTO note VALUES ($run); UPDATE entry SET value = $run");
    $session->query('COMMIT');
    $cluster->kill('coordinator');
    eval { $session->finish };
    $cluster->start('coordinator');
    settled("synchronous_commit = off, $run", 'SELECT max(value) FROM note', $run);
    is(values_of(), $run, 'on all nodes');
}

# A copy of the coordinator, started beside it.
{
    my $session = $cluster->session('coordinator');
    $cluster->add_standby('coordinator', 'copy');
    $session->query("SET altius.stop_point = 'after prepare'");
    $session->query('BEGIN; UPDATE entry SET value = 20');
    $session->send('COMMIT');
    ok(held('coordinator', 'after prepare'), 'copy: a commit of the production is held');
    $cluster->pg_ctl('copy', '-w', 'promote');
    ok($cluster->wait_until('copy', 'SELECT NOT pg_is_in_recovery()', 20), 'copy: it believes to be the coordinator');
    my ($status, $out, $error) = $cluster->psql('copy', 'SELECT recover_prepared_transactions()');
    like($error, qr/WARNING: .*this server does not finish prepared transactions.*leads to another server/s, 'copy: says why it waits');
    sleep 4;
    is($cluster->query('worker1', $prepared) + $cluster->query('worker2', $prepared), 2, 'copy: leaves what is not its own');
    my $log = do { local (@ARGV, $/) = ("$cluster->{dir}/copy/log"); <> };
    like($log, qr/this server finishes no prepared transactions and runs no jobs/, 'copy: its log says so');
    release('coordinator');
    ($out, $error) = $session->finish;
    is($error, '', 'copy: the production commits');
    settled('copy', q{SELECT string_agg(DISTINCT value::text, ' ') FROM entry}, '20');
    # Nor while the production is down, and it acts once the address leads to it: the production restored from a backup.
    my $other = $cluster->session('coordinator');
    $other->query("SET altius.stop_point = 'after prepare'");
    $other->query('BEGIN; UPDATE entry SET value = 21');
    $other->send('COMMIT');
    ok(held('coordinator', 'after prepare'), 'copy: another commit is held');
    $cluster->kill('coordinator');
    eval { $other->finish };
    sleep 3;
    is($cluster->query('worker1', $prepared), '1', 'copy: it does not act for a server that does not answer');
    $cluster->pg_ctl('copy', '-m', 'immediate', 'stop');
    delete $cluster->{standbys}{copy};
    $cluster->start('coordinator');
    settled('copy, then the production again', q{SELECT string_agg(DISTINCT value::text, ' ') FROM entry}, '20');
}

# An old snapshot sees no new records.
{
    set('coordinator', 'citus.recover_2pc_interval', '-1');
    my ($old, $session) = ($cluster->session('coordinator'), $cluster->session('coordinator'));
    $old->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM note');
    $session->query("SET altius.stop_point = 'after local commit'");
    $session->query('BEGIN; UPDATE entry SET value = 30');
    $session->send('COMMIT');
    held('coordinator', 'after local commit');
    $cluster->kill('worker2');
    release('coordinator');
    $session->finish;
    sleep 4;
    $cluster->start('worker2');
    is($cluster->query('worker2', $prepared), '1', 'old snapshot: in doubt');
    is($old->query('SELECT recover_prepared_transactions()'), '1', 'old snapshot: recovered');
    $old->query('COMMIT');
    settled('old snapshot', q{SELECT string_agg(DISTINCT value::text, ' ') FROM entry}, '30');
    set('coordinator', 'citus.recover_2pc_interval', undef);
}

# Many records go at once.
{
    $cluster->query('coordinator', q{INSERT INTO pg_dist_transaction SELECT 1 + i % 2, 'altius_0_1_' || i || '_1' FROM generate_series(1, 200000) i});
    my $begun = time;
    recover('coordinator');
    my $took = time - $begun;
    is($cluster->query('coordinator', 'SELECT count(*) FROM pg_dist_transaction'), '0', 'records: 200,000 are gone after one run');
    note("in $took s");
}

# The origin goes while other nodes have its transactions prepared.
{
    set('worker3', 'citus.recover_2pc_interval', '-1');
    my $session = $cluster->session('worker3');
    $session->query("SET altius.stop_point = 'after local commit:crash'");
    $session->query('BEGIN; UPDATE entry SET value = 40');
    $session->send('COMMIT');
    eval { $session->finish };
    ok($cluster->wait_until('worker3', 'SELECT true', 30), 'removal: the origin has crashed');
    is($cluster->query('worker1', $prepared), '1', 'removal: its transaction is in doubt');
    $cluster->kill('worker3');
    my ($status, $out, $error) = $cluster->psql('coordinator', "SELECT citus_remove_node('127.0.0.1', " . $cluster->port('worker3') . ')');
    like($error, qr/ERROR:  55006: cannot remove node .* it began transactions that may be in doubt/, 'removal: refused while it is down');
    $cluster->start('worker3');
    $cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', " . $cluster->port('worker3') . ')');
    settled('removal', q{SELECT string_agg(DISTINCT value::text, ' ') FROM entry}, '40');
    set('worker3', 'citus.recover_2pc_interval', undef);
    $cluster->query('coordinator', "SELECT citus_add_node('127.0.0.1', " . $cluster->port('worker3') . ')');
    is($cluster->query('worker3', 'SELECT value FROM copied'), '0', 'removal: it is a node again');
}

# A participant is disabled, or removed, with a part in doubt; it comes back.
for my $how ('disable', 'remove') {
    my $value = $how eq 'disable' ? 50 : 51;
    my $session = $cluster->session('coordinator');
    $session->query("SET altius.stop_point = 'after local commit'");
    $session->query("BEGIN; UPDATE copied SET value = $value");
    $session->send('COMMIT');
    held('coordinator', 'after local commit');
    $cluster->kill('worker3');
    release('coordinator');
    $session->finish;
    my $address = "'127.0.0.1', " . $cluster->port('worker3');
    $cluster->query('coordinator', "SELECT citus_${how}_node($address)");
    $cluster->start('worker3');
    ok($cluster->wait_until('worker3', "SELECT count(*) = 0 FROM pg_prepared_xacts", 30), "$how: its part is finished");
    $cluster->query('coordinator', 'SET statement_timeout = 30000; SELECT ' . ($how eq 'disable' ? 'citus_activate_node' : 'citus_add_node') . "($address)");
    is($cluster->query('worker3', 'SELECT value FROM copied'), $value, "$how: it is back");
}

# A server with something that nobody can decide is no node.
{
    my $address = "'127.0.0.1', " . $cluster->port('worker3');
    $cluster->query('coordinator', "SELECT citus_disable_node($address)");
    $cluster->query('worker3', q{BEGIN; CREATE TABLE odd (a int); PREPARE TRANSACTION 'altius_77_1_1_1'});
    set('coordinator', 'citus.recover_2pc_interval', '-1');
    my ($status, $out, $error) = $cluster->psql('coordinator', "SET statement_timeout = 30000; SELECT citus_activate_node($address)");
    like($error, qr/ERROR:  55006: node .* has prepared transactions whose outcome is not known.*altius_77_1_1_1/s, 'of a group that is gone nobody guesses');
    $cluster->query('worker3', q{ROLLBACK PREPARED 'altius_77_1_1_1'});
    $cluster->query('coordinator', "SET statement_timeout = 30000; SELECT citus_activate_node($address)");
    set('coordinator', 'citus.recover_2pc_interval', undef);
}

# What was only read is no reason to fail.
{
    my $id3 = $cluster->query('coordinator', q{SELECT value FROM copied});
    my $session = $cluster->session('coordinator');
    $cluster->query('coordinator', q{CREATE TABLE elsewhere (id int, n int); SELECT create_distributed_table('elsewhere', 'id', shard_count => 1, colocate_with => 'none')});
    $session->query("BEGIN; SELECT altius_internal.execute_on_group((SELECT groupid FROM pg_dist_node WHERE nodeport = " . $cluster->port('worker3') . "), 'SELECT 1', 'read')");
    $session->query('UPDATE entry SET value = 60');
    $cluster->kill('worker3');
    $session->send('COMMIT');
    my ($out, $error) = $session->finish;
    is($error, '', 'a reader is lost: committed');
    $cluster->start('worker3');
    settled('a reader is lost', q{SELECT string_agg(DISTINCT value::text, ' ') FROM entry}, '60');
}

# The session says what it may, not the role on the node.
{
    $cluster->query('coordinator', q{CREATE ROLE careful LOGIN; GRANT ALL ON entry TO careful; ALTER ROLE careful SET default_transaction_read_only = on});
    my $begun = time;
    my ($status, $out, $error) = $cluster->psql('coordinator', 'SET default_transaction_read_only = off; UPDATE entry SET value = 61 WHERE id = 1', user => 'careful');
    is($error, '', 'read only by default: the session has said otherwise');
    cmp_ok(time - $begun, '<', 5, 'read only by default: at once');
}

# Somebody ends a part by hand.
{
    my $session = $cluster->session('coordinator');
    $session->query("SET altius.stop_point = 'after local commit'");
    $session->query('BEGIN; UPDATE entry SET value = 70');
    $session->send('COMMIT');
    held('coordinator', 'after local commit');
    my $gid = $cluster->query('worker2', 'SELECT gid FROM pg_prepared_xacts');
    $cluster->query('worker2', "ROLLBACK PREPARED '$gid'");
    release('coordinator');
    my ($out, $error) = $session->finish;
    like($error, qr/WARNING: .*has its part prepared no more/, 'ended by hand: said as it is');
}

undef $cluster;
done_testing;
