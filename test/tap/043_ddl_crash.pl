# SPDX-License-Identifier: PostgreSQL
# Backends and servers die, as by kill -9, while tables are distributed, altered and dropped, and nodes added and removed.
# Afterwards the change happened whole or not at all: the same metadata on all nodes, a table for each shard and none
# besides, of the columns and indexes of the distributed table; the rows are there; nothing is prepared, locked or running;
# and what did not happen succeeds when it is tried again.
#
# ALTIUS_DDL_ROUNDS (16) rounds, from ALTIUS_DDL_SEED (the time).

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Altius::Cluster;

my $rounds = $ENV{ALTIUS_DDL_ROUNDS} // 16;
my $seed = $ENV{ALTIUS_DDL_SEED} // time % 100000;
$SIG{PIPE} = 'IGNORE';    # a session whose server died
srand $seed;
diag("ALTIUS_DDL_SEED=$seed");

my $cluster = Altius::Cluster->new('ddl-crash', workers => 3,
    set => { deadlock_timeout => '200ms', 'citus.recover_2pc_interval' => '1s', max_prepared_transactions => 50 });
my $guest = $cluster->port('worker3');    # the node that comes and goes; it has reference tables only
$cluster->query('coordinator', qq{
    SELECT citus_set_node_property('127.0.0.1', $guest, 'shouldhaveshards', false);
    CREATE TABLE codes (code int PRIMARY KEY, name text);
    SELECT create_reference_table('codes');
    INSERT INTO codes SELECT g, 'code ' || g FROM generate_series(1, 10) g;
    CREATE TABLE parts (k int PRIMARY KEY, v text, code int REFERENCES codes);
    SELECT create_distributed_table('parts', 'k', shard_count => 6);
    INSERT INTO parts SELECT g, 'v' || g, 1 + g % 10 FROM generate_series(1, 1000) g;
});

my $local = q{CREATE TABLE T (k int PRIMARY KEY, v text); INSERT INTO T SELECT g, 'x' FROM generate_series(1, 500) g;};
my $distributed = "$local SELECT create_distributed_table('T', 'k', colocate_with => 'parts');";
my $known = q{SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('T'))};
my $unknown = q{SELECT NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('T'))};
my $has_guest = "SELECT EXISTS (SELECT FROM pg_dist_node WHERE nodeport = $guest)";
my $column = q{SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'parts'::regclass AND attname = 'NAME')};

# What comes before, what is done, and whether it was done; T is a table of the round.
my @changes = (
    [ 'distribute', $local, "SELECT create_distributed_table('T', 'k', shard_count => 6)", $known ],
    [ 'make a reference table', $local, "SELECT create_reference_table('T')", $known ],
    [ 'undistribute', $distributed, "SELECT undistribute_table('T')", $unknown ],
    [ 'drop', $distributed, 'DROP TABLE T', q{SELECT to_regclass('T') IS NULL} ],
    [ 'add a column', '', "ALTER TABLE parts ADD COLUMN c_T int DEFAULT 7", $column =~ s/NAME/c_T/r ],
    [ 'add a foreign key', $distributed, 'ALTER TABLE T ADD CONSTRAINT f FOREIGN KEY (k) REFERENCES parts',
        q{SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'T'::regclass AND contype = 'f')} ],
    [ 'create an index', '', 'CREATE INDEX i_T ON parts (v)', q{SELECT to_regclass('i_T') IS NOT NULL} ],
    [ 'truncate', $distributed, 'TRUNCATE T', 'SELECT count(*) = 0 FROM T' ],
    [ 'rename', $distributed, 'ALTER TABLE T RENAME TO T_new', q{SELECT to_regclass('T_new') IS NOT NULL} ],
    [ 'add a node', 'leave', "SELECT citus_add_node('127.0.0.1', $guest)", $has_guest ],
    [ 'remove a node', 'join', "SELECT citus_remove_node('127.0.0.1', $guest)", $has_guest =~ s/EXISTS/NOT EXISTS/r ],
);
my @points = ('before prepare', 'after prepare', 'after local commit');

sub nodes {
    my $registered = $cluster->query('coordinator', $has_guest) eq 't';
    return grep { $registered || $_ ne 'worker3' } $cluster->nodes;
}

sub let_guest {
    my ($what) = @_;
    my $there = $cluster->query('coordinator', $has_guest) eq 't';
    $cluster->query('coordinator', "SELECT citus_remove_node('127.0.0.1', $guest)") if $there && $what eq 'leave';
    $cluster->query('coordinator', "SELECT citus_add_node('127.0.0.1', $guest);
        SELECT citus_set_node_property('127.0.0.1', $guest, 'shouldhaveshards', false)") if !$there && $what eq 'join';
    return;
}

my $metadata = q{
    SELECT concat_ws(' ', 'table', logicalrelid, partmethod, colocationid, repmodel, (SELECT string_agg(concat_ws(':', attname, atttypid::regtype,
        attnotnull), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = logicalrelid AND attnum > 0 AND NOT attisdropped)) AS line
    FROM pg_dist_partition
    UNION ALL SELECT concat_ws(' ', 'shard', logicalrelid, shardid, shardminvalue, shardmaxvalue) FROM pg_dist_shard
    UNION ALL SELECT concat_ws(' ', 'placement', placementid, shardid, groupid, shardstate) FROM pg_dist_placement
    UNION ALL SELECT concat_ws(' ', 'colocation', colocationid, shardcount) FROM pg_dist_colocation
    UNION ALL SELECT concat_ws(' ', 'node', nodeid, groupid, nodeport, isactive, hasmetadata, metadatasynced, shouldhaveshards)
    FROM pg_dist_node
    ORDER BY line};
my $here = q{SELECT c.oid, s.logicalrelid, s.logicalrelid::text || '_' || s.shardid AS name FROM pg_dist_shard s JOIN pg_dist_placement p
    USING (shardid) LEFT JOIN pg_class c ON c.relname = s.logicalrelid::text || '_' || s.shardid
    WHERE p.groupid = (SELECT groupid FROM pg_dist_local_group)};
my $columns = q{(SELECT string_agg(concat_ws(':', attname, atttypid::regtype, attnotnull), ',' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = REL AND attnum > 0 AND NOT attisdropped)};
my $indexes = q{(SELECT count(*) FILTER (WHERE indisvalid) || ' ' || count(*) FROM pg_index WHERE indrelid = REL)};
my $keys = q{(SELECT count(*) FROM pg_constraint WHERE conrelid = REL AND contype IN ('f', 'p', 'u', 'c'))};
my $differ = join ' OR ', map { s/REL/h.oid/r . ' IS DISTINCT FROM ' . s/REL/h.logicalrelid/r } $columns, $indexes, $keys;
my $wrong = qq{
    WITH here AS MATERIALIZED ($here)
    SELECT 'missing ' || name FROM here WHERE oid IS NULL
    UNION ALL SELECT 'orphan ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND relname ~ '_\\d{6}\$' AND relname NOT IN (SELECT name FROM here)
    UNION ALL SELECT 'different ' || name FROM here h WHERE oid IS NOT NULL AND ($differ)};
my %quiet = (
    'nothing is prepared' => 'SELECT count(*) = 0 FROM pg_prepared_xacts',
    'nothing runs for others' => q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'altius_internal%'
        AND state <> 'idle'},
    'no lock is left' => q{SELECT count(*) = 0 FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) WHERE a.pid IS DISTINCT FROM
        pg_backend_pid() AND a.backend_type IS DISTINCT FROM 'autovacuum worker' AND locktype IN ('relation', 'transactionid', 'object', 'advisory')
        AND mode NOT IN ('AccessShareLock', 'RowShareLock')},
    'no node is asked beside those that are listed' => 'SELECT count(*) = 0 FROM altius_internal.unlisted_node',
    'no commit record is left' => 'SELECT count(*) = 0 FROM pg_dist_transaction',
);

sub consistent {
    my ($name) = @_;
    for my $node ($cluster->nodes) {
        for my $what (sort keys %quiet) {
            ok($cluster->wait_until($node, $quiet{$what}, 30), "$name: $what on $node");
        }
    }
    my $expected = $cluster->query('coordinator', $metadata);
    for my $node (nodes()) {
        is($cluster->query($node, $metadata), $expected, "$name: metadata of $node") if $node ne 'coordinator';
        is($cluster->query($node, "SET citus.override_table_visibility = off; $wrong"), '', "$name: tables of $node");
        is($cluster->query($node, 'SELECT count(*), count(DISTINCT code) FROM parts JOIN codes USING (code)'), '1000|10',
            "$name: rows as $node sees them");
    }
    return;
}

# Kills a process or a server at a random moment of the change, or at a step of its commit.
sub strike {
    my ($session, $pid, $kind, $on) = @_;
    my @serving = $cluster->nodes;
    $kind //= (qw(session serving server))[ rand 3 ];
    my $node = $on // ($kind eq 'session' ? 'coordinator' : $serving[ rand @serving ]);
    my @pids = $kind eq 'session' ? ($pid) : $kind eq 'server' ? () : split /\n/,
        $cluster->query($node, q{SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'altius_internal%'});
    if ($kind eq 'server') {
        $cluster->kill($node);
        sleep rand 0.5;
        $cluster->start($node);
    } else {
        $cluster->kill_backend($node, $pids[ rand @pids ]) if @pids;
    }
    return "$kind on $node";
}

# Found before: the node kept its part prepared, for nobody knew its address any more, or yet; its part was rolled back, for it
# was not known yet that the node had been added.
my @found = ([ 'remove a node', 'after local commit', 'session' ], [ 'add a node', 'after prepare', 'session' ],
    [ 'add a node', 'after local commit', 'server', 'worker3' ]);

for my $number (1 .. $rounds) {
    my ($deed, $at, $kind, $on) = @{ $found[ $number - 1 ] // [] };
    my ($change) = grep { defined $deed && $_->[0] eq $deed } @changes;
    my ($what, $before, $action, $done) = @{ $change // $changes[ ($number + $seed) % @changes ] };
    my $table = "t$number";
    s/\bT\b/$table/g, s/_T\b/_$table/g, s/\bT_/${table}_/g for $before, $action, $done;
    if ($before =~ /^(leave|join)$/) { let_guest($before) } else { let_guest('join'); $cluster->query('coordinator', "$before;") }

    my $session = $cluster->session('coordinator');
    my $pid = $session->query('SELECT pg_backend_pid()');
    $session->query(q{SET citus.shard_count = 6});
    my $point = $at // (rand() < 0.4 ? $points[ rand @points ] : '');
    $session->query("SET altius.stop_point = '$point'") if $point;
    $session->send($action);
    sleep($point ? 1 : 0.15 * rand() ** 2);
    my $victim = strike($session, $pid, $kind, $on);
    my $name = "round $number, $what" . ($point ? ", $point" : '') . ", $victim";
    for my $node ($cluster->nodes) {
        ok($cluster->wait_until($node, 'SELECT true', 30), "$name: $node is up");
        $cluster->psql($node, 'SELECT altius_internal.release_stop_points()');
    }
    my ($out, $error) = eval { $session->finish };
    $session->end;
    consistent($name);
    my $happened = $cluster->query('coordinator', $done);
    diag("$name: " . ($happened eq 't' ? 'done' : 'undone') . (defined $error && $error =~ /(\w+:  \w{5}: .*)/ ? ", $1" : ''));
    if ($happened ne 't') {
        my ($status, undef, $said) = $cluster->psql('coordinator', $action);
        is($status, 0, "$name: it succeeds when tried again") or diag($said);
        is($cluster->query('coordinator', $done), 't', "$name: done");
        consistent("$name, again");
    }
    $cluster->query('coordinator', "SELECT citus_set_node_property('127.0.0.1', $guest, 'shouldhaveshards', false)")
        if $what eq 'add a node';
    last unless Test::More->builder->is_passing;
}
$cluster->query('coordinator', 'SELECT citus_version()');
done_testing();
