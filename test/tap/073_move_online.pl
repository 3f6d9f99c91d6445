# SPDX-License-Identifier: PostgreSQL
# What happens to a shard group while it moves arrives with it: every kind of change, in tables with all kinds of replica
# identities and columns, made after the copy's snapshot so that it comes through the log.  Plain tables of the coordinator
# get the same statements; rows must be equal before and after the shards' new home is used.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('move_online', workers => 2, set => { 'citus.defer_shard_delete_interval' => '500ms' });

sub on_coordinator { return $cluster->query('coordinator', $_[0]) }

# --- tables, each with a plain twin ---
my %tables = (
    keyed => q{(k int, id int, gone text, name text, big text, amount numeric(12,2), doubled int GENERATED ALWAYS AS (id * 2) STORED,
        tags text[], info jsonb, at timestamptz DEFAULT '2026-01-01 00:00:00.123456+00', PRIMARY KEY (k, id))},
    keyless => q{(k int, a text, b numeric, c point, d json, e double precision, f int[], g mood, h bytea, i pair)},
    by_index => q{(k int NOT NULL, code varchar(20) NOT NULL, value int)},
    whole => q{(k int, id int, note text, PRIMARY KEY (k, id))},
    silent => q{(k int, id int, big text)},
    deferred => q{(k int, id int, UNIQUE (k, id) DEFERRABLE INITIALLY DEFERRED)},
    parts => q{(k int, day int, value text) PARTITION BY RANGE (day)},
);
on_coordinator(q{CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (x int, y text)});
on_coordinator(join ';', map { ("CREATE TABLE $_ $tables{$_}", "CREATE TABLE ${_}_twin $tables{$_}") } sort keys %tables);
my @before = (
    'ALTER TABLE %keyed% DROP COLUMN gone',
    'CREATE UNIQUE INDEX %by_index%_code ON %by_index% (code, k)',
    'ALTER TABLE %by_index% REPLICA IDENTITY USING INDEX %by_index%_code',
    'ALTER TABLE %whole% REPLICA IDENTITY FULL',
    'ALTER TABLE %silent% REPLICA IDENTITY NOTHING',
    'CREATE INDEX ON %silent% (id)',
    'CREATE TABLE %parts%_low PARTITION OF %parts% FOR VALUES FROM (0) TO (100)',
    'CREATE TABLE %parts%_high PARTITION OF %parts% FOR VALUES FROM (100) TO (200)',
);
my @rows = (
    q{INSERT INTO %keyed% (k, id, name, big, amount, tags, info) SELECT n % 7, n, 'name ' || n, repeat(md5(n::text), 200), n, ARRAY['a', NULL, n::text],
        jsonb_build_object('n', n) FROM generate_series(1, 200) n},
    q{INSERT INTO %keyless% SELECT n % 5, 'a' || n % 10, (n % 3)::numeric(10,2), point(n % 4, 0.1), json_build_object('n', n % 2), 1.0 / (n % 6 + 1),
        ARRAY[n % 3], 'ok', '\x00ff', ('(' || n % 2 || ',)')::pair FROM generate_series(1, 120) n},
    q{INSERT INTO %by_index% SELECT n % 3, 'code' || n, n FROM generate_series(1, 50) n},
    q{INSERT INTO %whole% SELECT n % 3, n, repeat('note', n * 100) FROM generate_series(1, 50) n},
    q{INSERT INTO %silent% SELECT n % 3, n % 10, md5(n::text) FROM generate_series(1, 60) n},
    q{INSERT INTO %deferred% SELECT 1, n FROM generate_series(1, 20) n},
    q{INSERT INTO %parts% SELECT n % 4, n, 'day ' || n FROM generate_series(0, 199) n},
);
my @changes = (
    # more rows
    q{INSERT INTO %keyed% (k, id, name, big, amount) SELECT n % 7, n, NULL, repeat(md5(n::text), 300), -n FROM generate_series(201, 300) n},
    q{INSERT INTO %keyless% SELECT 9, NULL, NULL, NULL, NULL, 'NaN', '{}', 'sad', '', NULL FROM generate_series(1, 3)},
    # the large value stays as it was; the key changes; both
    q{UPDATE %keyed% SET amount = amount + 0.5 WHERE id % 3 = 0},
    q{UPDATE %keyed% SET id = id + 1000, name = name || '!' WHERE k = 2},
    q{UPDATE %keyed% SET tags = tags || 'x'::text, info = info || '{"y": [1, null]}', at = at + interval '1.5 s' WHERE k = 3},
    q{UPDATE %keyed% SET big = NULL WHERE id % 10 = 1},
    q{DELETE FROM %keyed% WHERE id % 11 = 0},
    # one of many equal rows, all of them, and values that are equal but not the same
    q{DELETE FROM %keyless% WHERE k = 1},
    q{INSERT INTO %keyless% (k, a, b) VALUES (7, 'x', 1.0), (7, 'x', 1.00), (7, 'x', 1.000)},
    q{UPDATE %keyless% SET a = 'y' WHERE k = 7 AND b::text = '1.00'},
    q{UPDATE %keyless% SET e = e + 0.1, c = point(1e-17, 3), d = '{"a" :  1}' WHERE k = 2},
    q{UPDATE %keyless% SET f = f || NULL::int, g = 'sad', h = h || '\x01'::bytea, i = (1, 'it''s "q", ok') WHERE k = 3},
    q{UPDATE %keyless% SET f = array_remove(f, NULL) WHERE k = 3},
    q{UPDATE %keyless% SET a = 'z' WHERE f = ARRAY[0] AND k = 3},
    # identities
    q{UPDATE %by_index% SET code = code || 'b' WHERE value % 2 = 0},
    q{UPDATE %by_index% SET value = -value WHERE value % 5 = 0},
    q{DELETE FROM %by_index% WHERE value = 7},
    q{UPDATE %whole% SET note = note || '.' WHERE id % 2 = 0},
    q{UPDATE %whole% SET id = -id WHERE id % 7 = 0},
    q{DELETE FROM %whole% WHERE id = 9},
    q{UPDATE %silent% SET id = id + 1 WHERE k = 1},
    q{DELETE FROM %silent% WHERE id = 4},
    q{UPDATE %deferred% SET id = id + 1},
    # partitions: a row goes to another one, one is emptied
    q{UPDATE %parts% SET day = day + 100 WHERE day BETWEEN 20 AND 29},
    q{UPDATE %parts% SET value = value || '?' WHERE day > 150},
    q{DELETE FROM %parts% WHERE day < 5},
    # the source describes the table anew between two changes of a row
    q{INSERT INTO %keyless% (k, a) SELECT n, 'new' FROM generate_series(20, 40) n},
    q{ANALYZE %keyless%},
    q{UPDATE %keyless% SET a = 'changed' WHERE k BETWEEN 20 AND 40},
    # many changes of one row, in one transaction and in many
    q{DO $$ BEGIN FOR n IN 1 .. 500 LOOP UPDATE %by_index% SET value = value + 1 WHERE code = 'code1' AND k = 1; END LOOP; END $$},
    (map { q{UPDATE %by_index% SET value = value + 1 WHERE code = 'code1' AND k = 1} } 1 .. 20),
    # undone things
    q{BEGIN; DELETE FROM %keyed%; INSERT INTO %deferred% VALUES (77, 77); ROLLBACK},
    q{BEGIN; SAVEPOINT a; DELETE FROM %keyless%; ROLLBACK TO a; INSERT INTO %deferred% VALUES (78, 78); COMMIT},
);
my @after_truncate = (
    q{TRUNCATE %silent%},
    q{INSERT INTO %silent% SELECT 5, n, 'after' FROM generate_series(1, 10) n},
    q{UPDATE %silent% SET big = 'changed' WHERE id < 4},
    q{TRUNCATE %parts%_low, %deferred%},
    q{INSERT INTO %deferred% VALUES (1, 5)},
);

my $shards = 2;
sub run_both {
    my @statements;
    for my $statement (@_) {
        push @statements, map { $statement =~ s/%(\w+)%/$1$_/gr } '', '_twin';
    }
    return on_coordinator(join ";\n", @statements);
}
run_both(@before);
on_coordinator(join ';', "SELECT create_distributed_table('keyed', 'k', shard_count => $shards)",
    map { "SELECT create_distributed_table('$_', 'k', colocate_with => 'keyed')" } grep { $_ ne 'keyed' } sort keys %tables);
run_both(q{ALTER TABLE %keyed% ADD COLUMN late int DEFAULT 5});
run_both(@rows);

my %comparisons;
sub same_rows {
    my ($when) = @_;
    for my $name (sort keys %tables) {
        $comparisons{$name} //= on_coordinator(qq{SELECT format(
            'SELECT count(*) FROM ((SELECT %1\$s FROM $name EXCEPT ALL SELECT %1\$s FROM ${name}_twin)
             UNION ALL (SELECT %1\$s FROM ${name}_twin EXCEPT ALL SELECT %1\$s FROM $name)) d',
            string_agg(quote_ident(attname) || '::text', ', ' ORDER BY attname))
            FROM pg_attribute WHERE attrelid = '$name'::regclass AND attnum > 0 AND NOT attisdropped});
    }
    is(on_coordinator(join ';', map { $comparisons{$_} } sort keys %tables), join("\n", map { 0 } sort keys %tables),
        "$when: all tables have the rows of their twins");
    return;
}

sub shard_of { return on_coordinator("SELECT min(shardid) FROM pg_dist_shard WHERE logicalrelid = 'keyed'::regclass AND shardminvalue::bigint < 0") }
sub second_shard { return on_coordinator("SELECT max(shardid) FROM pg_dist_shard WHERE logicalrelid = 'keyed'::regclass") }
sub home { return on_coordinator("SELECT nodeport FROM citus_shards WHERE shardid = $_[0]") - $cluster->port('coordinator') }

# Moves a shard group while another session makes changes, at a named point of the move.
sub move_with_changes {
    my ($shard, $mode, $point, $reached, @changes) = @_;
    my ($from, $to) = (home($shard), 3 - home($shard));
    my $mover = $cluster->session('coordinator');
    $mover->query("SET altius.stop_point = '$point'") if defined $point;
    my $ports = join ', ', map { "'127.0.0.1', " . $cluster->port("worker$_") } $from, $to;
    $mover->send("SELECT citus_move_shard_placement($shard, $ports, '$mode')");
    if (defined $point) {
        ok($cluster->wait_until("worker$from", $reached, 60), "$point: reached");
        run_both(@changes);
        on_coordinator('SELECT altius_internal.release_stop_points()');
    }
    my (undef, $error) = $mover->finish;
    is($error, '', ($point // 'undisturbed') . ": the shard group moves with $mode");
    is(home($shard), $to, 'and lies on the other worker');
    return;
}

sub nothing_left {
    for my $node ($cluster->nodes) {
        ok($cluster->wait_until($node, q{SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication) = 0}, 30),
            "$node: no slot and no publication is left");
    }
    ok($cluster->wait_until('coordinator', 'SELECT count(*) = 0 FROM pg_dist_cleanup', 30), 'nothing is left to clean up');
    return;
}

my $slot = q{SELECT count(*) = 1 FROM pg_replication_slots WHERE slot_name ~ '^citus_shard_move_slot(_[1-9][0-9]*){2,3}$'
    AND plugin = 'pgoutput' AND confirmed_flush_lsn IS NOT NULL};
same_rows('before');
move_with_changes(shard_of(), 'auto', 'move: slot made', $slot, @changes);
same_rows('changes after the snapshot');
run_both(@changes[1 .. 10]);
same_rows('after changes in the new home');
nothing_left();
move_with_changes(shard_of(), 'force_logical', 'move: slot made', $slot, @after_truncate);
same_rows('truncated after the snapshot');
move_with_changes(second_shard(), 'auto', undef, undef);
move_with_changes(second_shard(), 'block_writes', undef, undef);
same_rows('at the end');
nothing_left();

# --- a table that changes meanwhile stops the move ---
{
    my $shard = shard_of();
    my ($from, $to) = (home($shard), 3 - home($shard));
    my $ports = join ', ', map { "'127.0.0.1', " . $cluster->port("worker$_") } $from, $to;
    my $mover = $cluster->session('coordinator');
    $mover->query("SET altius.stop_point = 'move: caught up'");
    $mover->send("SELECT citus_move_shard_placement($shard, $ports)");
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: caught up'}, 60), 'caught up');
    run_both('ALTER TABLE %by_index% ADD COLUMN later int DEFAULT 7', 'UPDATE %by_index% SET later = 8 WHERE value % 2 = 0');
    on_coordinator('SELECT altius_internal.release_stop_points()');
    like(($mover->finish)[1], qr/55000: (the tables of the shard group|the columns of "by_index") have changed while it was/, 'a changed table is not moved');
    nothing_left();
    $mover->query("SET altius.stop_point = ''");
    $mover->query("SELECT citus_move_shard_placement($shard, $ports)");
    delete $comparisons{by_index};
    same_rows('after a change of a table');
}

# --- a snapshot that is older than the move ---
{
    on_coordinator(q{CREATE TABLE settled (id int PRIMARY KEY); SELECT create_distributed_table('settled', 'id', shard_count => 4,
        colocate_with => 'none'); INSERT INTO settled SELECT generate_series(1, 100)});
    my ($shard, $from) = split /\|/, on_coordinator(q{SELECT shardid, nodeport FROM citus_shards WHERE table_name = 'settled'::regclass
        ORDER BY shardid LIMIT 1});
    my ($one, $other) = map { $cluster->port("worker$_") } 1, 2;
    my $to = $from == $one ? $other : $one;
    for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE') {
        my $reader = $cluster->session('coordinator');
        $reader->query("BEGIN ISOLATION LEVEL $level");
        is($reader->query('SELECT count(*) FROM settled'), 100, "$level: before a shard moves");
        on_coordinator("SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to)");
        $reader->send('SELECT count(*) FROM settled');
        my ($out, $error) = $reader->finish;
        if ($level eq 'READ COMMITTED') { is($out, 100, '... and after') }
        else { like($error, qr/40001: could not serialize access: a shard has been moved/, '... it is said that the snapshot is too old') or diag("$level: $out") }
        $reader->query('ROLLBACK');
        is($reader->query("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM settled"), 100, '... and the next transaction sees all');
        $reader->query('COMMIT');
        ($from, $to) = ($to, $from);
    }
    # one that was taken on the target while the shard was there, but not yet all its rows
    my ($old, $mover) = ($cluster->session('coordinator'), $cluster->session('coordinator'));
    my $there = on_coordinator("SELECT min(id) FROM settled WHERE get_shard_id_for_distribution_column('settled', id) IN
        (SELECT shardid FROM citus_shards WHERE table_name = 'settled'::regclass AND nodeport = $to)");
    my $key = on_coordinator("SELECT min(id) FROM generate_series(200, 300) id WHERE get_shard_id_for_distribution_column('settled', id) = $shard");
    $mover->query(q{SET altius.stop_point = 'move: caught up'});
    $mover->send("SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to)");
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: caught up'}), 'caught up');
    $old->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM settled WHERE id = $there");
    on_coordinator("INSERT INTO settled VALUES ($key)");
    on_coordinator('SELECT altius_internal.release_stop_points()');
    is(($mover->finish)[1], '', 'the shard moves');
    $old->send("UPDATE settled SET id = id WHERE id = $key RETURNING id");
    like(($old->finish)[1], qr/40001: could not serialize access: a shard has been moved/, 'a snapshot from before the last rows is too old');
    $old->query('ROLLBACK');
    on_coordinator('DROP TABLE settled');
}

# --- a shard that goes back waits for those who still read the old one there ---
{
    on_coordinator(q{CREATE TABLE going_back (id int PRIMARY KEY); SELECT create_distributed_table('going_back', 'id', shard_count => 4,
        colocate_with => 'none'); INSERT INTO going_back SELECT generate_series(1, 100)});
    my ($shard, $from) = split /\|/, on_coordinator(q{SELECT shardid, nodeport FROM citus_shards WHERE table_name = 'going_back'::regclass
        ORDER BY shardid LIMIT 1});
    my ($to) = grep { $_ != $from } map { $cluster->port($_) } 'worker1', 'worker2';
    my ($reader, $mover) = ($cluster->session('coordinator'), $cluster->session('coordinator'));
    $reader->query('BEGIN; SELECT count(*) FROM going_back');
    on_coordinator("SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to)");
    $mover->send("SELECT citus_move_shard_placement($shard, '127.0.0.1', $to, '127.0.0.1', $from)");
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM altius_internal.cleanup_attempts WHERE reason = 'it is in use'}, 60),
        'the old shard is in use');
    $reader->query('COMMIT');
    is(($mover->finish)[1], '', 'a shard goes back once nobody reads what is left of it there');
    is(on_coordinator("SELECT nodeport FROM citus_shards WHERE shardid = $shard"), $from, 'and is there');
    nothing_left();
}

# --- a table joins the group in a transaction that is open while a shard moves: the move waits and takes it along, or says that the
# tables have changed; what must not be is a table whose shard stays behind ---
{
    on_coordinator(q{CREATE TABLE moved (id int PRIMARY KEY); CREATE TABLE joins (id int PRIMARY KEY);
        SELECT create_distributed_table('moved', 'id', shard_count => 4, colocate_with => 'none')});
    my ($shard, $from) = split /\|/, on_coordinator(q{SELECT shardid, nodeport FROM citus_shards WHERE table_name = 'moved'::regclass
        ORDER BY shardid LIMIT 1});
    my ($to) = grep { $_ != $from } map { $cluster->port($_) } 'worker1', 'worker2';
    my ($joiner, $mover) = ($cluster->session('coordinator'), $cluster->session('coordinator'));
    $joiner->query(q{BEGIN; SELECT create_distributed_table('joins', 'id', colocate_with => 'moved')});
    my $pid = $mover->query('SELECT pg_backend_pid()');
    $mover->send("SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to, 'block_writes')");
    ok($cluster->wait_until('coordinator', "SELECT query ~ 'citus_move' AND query_start < clock_timestamp() - interval '1 s' AND state = 'active'
        FROM pg_stat_activity WHERE pid = $pid"), 'a move waits for a table that joins');
    $joiner->query('COMMIT');
    like(($mover->finish)[1], qr/^$|have changed meanwhile/, 'it ends');
    is(on_coordinator(q{SELECT count(*) FROM citus_shards a JOIN pg_dist_shard x USING (shardid), citus_shards b JOIN pg_dist_shard y USING (shardid)
        WHERE a.table_name = 'moved'::regclass AND b.table_name = 'joins'::regclass AND x.shardminvalue = y.shardminvalue AND a.nodeport <> b.nodeport}),
        0, 'no shard stays behind');
    on_coordinator('INSERT INTO moved SELECT generate_series(1, 50); INSERT INTO joins SELECT generate_series(1, 50)');
    is(on_coordinator('SELECT count(*) FROM moved JOIN joins USING (id)'), 50, 'and rows meet');
    nothing_left();
    on_coordinator('DROP TABLE moved, joins');
}

# --- a reference table gets another copy while it is written from two nodes ---
on_coordinator(q{CREATE TABLE colors (id int, name text); SELECT create_reference_table('colors');
    INSERT INTO colors SELECT n, 'color ' || n FROM generate_series(1, 100) n});
my $colors = on_coordinator(q{SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'colors'::regclass});
my $group = on_coordinator('SELECT groupid FROM pg_dist_node WHERE nodeport = ' . $cluster->port('worker2'));
$cluster->query($_, "DELETE FROM pg_dist_placement WHERE shardid = $colors AND groupid = $group") for $cluster->nodes;
$cluster->query('worker2', "DROP TABLE colors_$colors");
{
    my $copier = $cluster->session('coordinator');
    $copier->query("SET altius.stop_point = 'move: slot made'");
    $copier->send('SELECT replicate_reference_tables()');
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: slot made'}, 60), 'a copy has begun');
    is(on_coordinator('SELECT operation_type || progress FROM get_rebalance_progress()'), 'copy1', 'and is shown');
    on_coordinator(q{UPDATE colors SET name = name || '!' WHERE id % 3 = 0});
    $cluster->query('worker1', q{DELETE FROM colors WHERE id % 10 = 0; INSERT INTO colors VALUES (1000, 'new'), (1000, 'new')});
    on_coordinator('SELECT altius_internal.release_stop_points()');
    is(($copier->finish)[1], '', 'reference tables are replicated');
    $cluster->query($_, q{UPDATE colors SET name = name || '?' WHERE id % 7 = 0}) for $cluster->nodes;
    my $rows = "SELECT md5(string_agg(c::text, ',' ORDER BY c::text)) FROM colors_$colors c";
    is($cluster->query('worker2', $rows), $cluster->query('worker1', $rows), 'both copies are the same');
    is($cluster->query($_, "SELECT count(*) FROM pg_dist_placement WHERE shardid = $colors"), '3', "$_ knows of three copies") for $cluster->nodes;
    nothing_left();
}
for my $worker ('worker1', 'worker2') {
    is($cluster->query($worker, q{SELECT string_agg(DISTINCT relname || ' ' || relreplident::text, ', ') FROM pg_class
        WHERE relkind = 'r' AND relname ~ '^(keyless|silent|deferred)_\d+$' AND relreplident = 'f'}), '', "$worker: replica identities are as they were");
    unlike($cluster->log_of($worker), qr/was terminated by signal|PANIC:|TRAP:/, "$worker never crashed");
}
done_testing();
