# SPDX-License-Identifier: PostgreSQL
# A worker restarts under clients: reads and writes that have not begun see no error; what is in flight fails with a SQLSTATE that says
# what to do.

use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('restarts', workers => 2, set => { 'altius.failover_timeout' => '60s' });
$cluster->query('coordinator', q{
    CREATE TABLE t (id int PRIMARY KEY, value int NOT NULL);
    SELECT create_distributed_table('t', 'id', shard_count => 4);
    INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i;
    CREATE TABLE bank (id int PRIMARY KEY, value bigint NOT NULL);
    SELECT create_distributed_table('bank', 'id', colocate_with => 't');
    INSERT INTO bank SELECT i, 0 FROM generate_series(1, 40) i});

sub key_on {
    my ($node, $which) = @_;
    my $port = $cluster->port($node);
    return $cluster->query('coordinator', "SELECT $which(id) FROM t JOIN pg_dist_placement p
        ON p.shardid = get_shard_id_for_distribution_column('t', id) JOIN pg_dist_node n USING (groupid) WHERE nodeport = $port");
}
my ($here, $also_here, $there) = (key_on('worker1', 'min'), key_on('worker1', 'max'), key_on('worker2', 'min'));

my %scripts = (
    look_up => "\\set id random(1, 40)\nSELECT value FROM t WHERE id = :id;\n",
    count => "SELECT count(*), sum(value) FROM t;\n",
    # Each as a statement of its own.
    write => "\\set id random(1, 40)\nUPDATE t SET value = value + 1 WHERE id = :id;\n",
    bank => "\\set a random(1, 40)\n\\set b random(1, 40)\n\\set n random(1, 9)\nBEGIN;\nUPDATE bank SET value = value - :n WHERE id = :a;\n"
        . "UPDATE bank SET value = value + :n WHERE id = :b;\nEND;\n",
);
for my $name (keys %scripts) {
    open my $file, '>', "$cluster->{dir}/$name.sql" or die $!;
    print $file $scripts{$name};
    close $file;
}
# Clients of a script until stopped; tries more than once what says 40001.
sub start_load {
    my ($node, $name, @options) = @_;
    my $said = '';
    my @command = (dirname($cluster->psql_program) . '/pgbench', '-n', '-f', "$cluster->{dir}/$name.sql", '-c', 2, '-T', 9, @options,
        $cluster->connection($node), 'altius');
    return [ IPC::Run::start(\@command, '<', \undef, '>&', \$said), \$said, "$name on $node @options" ];
}
sub errors_of {
    my ($load) = @_;
    $load->[0]->finish;
    return grep { /ERROR|FATAL|aborted|failed/ && !/^number of failed transactions: 0 / } split /\n/, ${ $load->[1] };
}

for my $how ('fast', 'immediate') {
    my @loads = (
        start_load('coordinator', 'look_up', '-M', 'prepared'), start_load('worker2', 'look_up'),
        start_load('coordinator', 'count', '-M', 'prepared'), start_load('worker2', 'count'),
    );
    # A server that is stopped at once says nothing: whether a statement that commits by itself was committed is not known then.
    push @loads, start_load('coordinator', 'write', '-M', 'prepared'), start_load('worker2', 'write') if $how eq 'fast';
    push @loads, start_load('coordinator', 'bank', '--max-tries', 20, '-M', 'prepared'), start_load('worker2', 'bank', '--max-tries', 20);
    for my $round (1, 2) {
        sleep 1.5;
        $cluster->pg_ctl('worker1', '-m', $how, 'stop');
        sleep 0.5;
        $cluster->start('worker1');
    }
    for my $load (@loads) {
        my @errors = errors_of($load);
        # Only a commit under way may be uncertain: the server had answered, and ended before it said that it was done.
        @errors = grep { !/08007|Whether it was committed|lost while the transaction was committed|Run was aborted/ } @errors
            if $load->[2] =~ /^(bank|write)/;
        is("@errors", '', "$how: $load->[2]") or diag(${ $load->[1] });
    }
    ok($cluster->nothing_in_doubt(30), "$how: nothing is in doubt");
    is($cluster->query('coordinator', 'SELECT sum(value) FROM bank'), 0, "$how: no money was lost or made");
}

# --- statements of all kinds, the node restarted between them, in sessions that were connected before ---
my @session = map { $cluster->session('coordinator') } 0 .. 5;
$_->query('SELECT count(*) FROM t') for @session;
$session[0]->query("PREPARE get(int) AS SELECT id FROM t WHERE id = \$1; PREPARE put(int) AS UPDATE t SET value = -1 WHERE id = \$1 RETURNING id");
for (1 .. 7) { $session[0]->query("EXECUTE get($here); EXECUTE put($here)") }
$session[1]->query("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t WHERE id <= 40");
$session[2]->query("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id; FETCH 1 FROM c");
$session[3]->query("BEGIN; UPDATE t SET value = 50 WHERE id = $there");
$cluster->pg_ctl('worker1', '-m', 'fast', 'stop');
my %sent = (
    0 => "EXECUTE get($here); EXECUTE put($here)",
    1 => 'FETCH ALL FROM c',
    2 => 'FETCH ALL FROM c',
    3 => "INSERT INTO t SELECT i, 1 FROM generate_series(101, 140) i; UPDATE t SET value = -60 WHERE id = $also_here; COMMIT",
    4 => "COPY t FROM PROGRAM 'seq 201 240 | sed s/\$/,7/' WITH (FORMAT csv)",
    5 => 'COPY (SELECT id FROM t WHERE id <= 40) TO STDOUT',
);
$session[$_]->send($sent{$_}) for sort keys %sent;
sleep 0.5;
$cluster->start('worker1');
my @got = map { [ $_->finish ] } @session;
is($got[0][0] . $got[0][1], "$here\n$here", 'prepared statements go on');
is(scalar(split /\n/, $got[1][0]) . $got[1][1], '40', 'a cursor that was not read');
is($got[3][1], '', 'first touch in a block: INSERT SELECT, UPDATE, COMMIT');
is($got[4][1], '', 'COPY FROM');
is(scalar(split /\n/, $got[5][0]) . $got[5][1], '40', 'COPY TO');
like($got[2][1], qr/^$|40001/, 'a cursor that gave rows goes on, or says that it must run again');
is($cluster->query('coordinator', 'SELECT count(*), count(*) FILTER (WHERE value = -60) FROM t'), '120|1', 'all rows are there once');

# --- a server that is stopped at once sends the rows that it had ready: without an end they do not count ---
$cluster->query('coordinator', q{
    CREATE FUNCTION slow(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        $$ BEGIN IF $1 = $2 THEN PERFORM pg_sleep(2); END IF; RETURN $1; END $$;
    CREATE TABLE in_order (id int PRIMARY KEY);
    SELECT create_distributed_table('in_order', 'id', colocate_with => 't');
    INSERT INTO in_order SELECT generate_series(1, 40)});
my $reader = $cluster->session('coordinator');
$reader->send("SELECT id, slow(id, $also_here) FROM in_order WHERE id IN ($here, $also_here)");
ok($cluster->wait_until('worker1', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 30), 'the node is in the middle of it');
$cluster->pg_ctl('worker1', '-m', 'immediate', 'stop');
$cluster->start('worker1');
is(join(' ', $reader->finish), "$here|$here\n$also_here|$also_here ", 'a read whose first rows had come is run again');

# --- COPY in flight: the rows are gone, and it says so ---
my $copy = $cluster->session('coordinator');
$copy->send("COPY t FROM PROGRAM 'seq 301 340 | sed s/\$/,7/; sleep 2; seq 341 380 | sed s/\$/,7/' WITH (FORMAT csv)");
sleep 0.7;
$cluster->pg_ctl('worker1', '-m', 'immediate', 'stop');
$cluster->start('worker1');
like(($copy->finish)[1], qr/40001|^$/, 'COPY in flight: to be run again, unless nothing had been sent');
is($cluster->query('coordinator', 'SELECT count(*) FROM t WHERE id > 300') % 80, 0, '... all or nothing');

# A connection is opened ahead, and a row's lock waited for before it is used: its server knows whose it is.  For one that has said nothing
# a server that stops waits until authentication_timeout.
{
    $cluster->query('coordinator', q{CREATE TABLE copied (id int PRIMARY KEY, value int); SELECT create_reference_table('copied');
        INSERT INTO copied VALUES (1, 0)});
    my ($holder, $waiter) = map { $cluster->session('coordinator') } 1, 2;
    $holder->query('BEGIN; UPDATE copied SET value = 1');
    my $pid = $waiter->query('SELECT pg_backend_pid()');
    $waiter->send('UPDATE copied SET value = 2');
    ok($cluster->wait_until('coordinator', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid", 10), 'a writer waits for a row');
    ok($cluster->wait_until($_, "SELECT count(*) > 0 FROM pg_stat_activity WHERE citus_pid_for_gpid(substring(application_name FROM 'gpid=(.*)')::bigint) = $pid", 5),
        "... and $_ knows its connection") for 'worker1', 'worker2';
    $holder->query('ROLLBACK');
    is(($waiter->finish)[1], '', '... which it uses then');
}

done_testing();
