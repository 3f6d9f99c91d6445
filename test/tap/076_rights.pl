# SPDX-License-Identifier: PostgreSQL
# A plain role's functions record who runs them and try to make the role a superuser, from wherever a table's definition may call
# one.  Rows that arrive through the log, copies of reference tables and whole new nodes: always it is the table's owner.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('rights', workers => 2, set => { 'citus.defer_shard_delete_interval' => '500ms' });
my @nodes = $cluster->nodes;
my %port = map { $_ => $cluster->port($_) } @nodes;

sub on_coordinator { return $cluster->query('coordinator', $_[0]) }
sub as_mallory { return on_coordinator("SET SESSION AUTHORIZATION mallory; SET search_path = evil; $_[0]") }

# What is recorded is a local table of every node; the second worker joins later.
on_coordinator("SELECT citus_remove_node('127.0.0.1', $port{worker2})");
for my $node ('coordinator', 'worker2') {
    $cluster->query($node, 'CREATE ROLE mallory LOGIN; CREATE ROLE bob LOGIN; CREATE SCHEMA evil AUTHORIZATION mallory');
}
for my $node (@nodes) {
    $cluster->query($node, q{SET citus.enable_ddl_propagation = off;
        CREATE TABLE evil.seen (who name, at text); ALTER TABLE evil.seen OWNER TO mallory; GRANT INSERT ON evil.seen TO bob});
}

sub forget {
    $cluster->query($_, 'TRUNCATE evil.seen') for @nodes;
    return;
}

sub seen {
    my %seen;
    for my $node (@nodes) {
        $seen{$_}++ for split /\n/, $cluster->query($node, q{SELECT DISTINCT who || ': ' || at FROM evil.seen});
    }
    return sort keys %seen;
}

sub only_owners {
    my ($what, @expected) = @_;
    my @seen = seen();
    is(join(', ', grep { !/^(mallory|bob): / } @seen), '', "$what: nobody but owners ran the owner's functions");
    for my $expected (@expected) {
        ok((grep { $_ eq $expected } @seen), "$what: $expected was called") or diag(join ', ', @seen);
    }
    is($cluster->query($_, q{SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname IN ('mallory', 'bob')}), 'f',
        "$what: no superuser on $_") for @nodes;
    forget();
    return;
}

# Commands of hers, before she uses them in definitions.
my $note = q{CREATE FUNCTION evil.note(at text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO evil.seen VALUES (current_user, at);
      EXECUTE 'ALTER ROLE mallory SUPERUSER';
    EXCEPTION WHEN insufficient_privilege THEN
      INSERT INTO evil.seen VALUES (current_user, at);
    END $$};
as_mallory($note . q{;
    CREATE FUNCTION call(value int, at text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
      $$ BEGIN PERFORM evil.note(at); RETURN value; END $$;
    CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.note('trigger'); RETURN new; END $$;
    CREATE DOMAIN small AS int CHECK (evil.call(VALUE, 'domain') < 1000000);
    CREATE DOMAIN listed AS int CHECK (VALUE <> ALL ('{77,78}'::evil.small[]));
    CREATE TYPE pair AS (one small, other text);
    GRANT USAGE ON SCHEMA evil TO bob;
    CREATE FUNCTION with_default(a small[] DEFAULT '{1}'::evil.small[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION with_body() RETURNS bool LANGUAGE sql BEGIN ATOMIC SELECT '{1}'::evil.small[] IS NOT NULL; END;
    CREATE FUNCTION add(small[], small) RETURNS small[] LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    CREATE AGGREGATE many(small) (SFUNC = add, STYPE = small[], INITCOND = '{5}')});
my $columns = q{id int PRIMARY KEY, size evil.small, sizes evil.small[] DEFAULT '{1}', more evil.pair DEFAULT '(1,x)', other evil.listed,
    twice int GENERATED ALWAYS AS (evil.call(id, 'generated') * 2) STORED,
    CHECK (evil.call(size, 'check') > 0), CHECK (sizes <> '{2}'::evil.small[])};
my $more = q{CREATE INDEX %1$s_size ON %1$s (evil.call(size, 'index')) WHERE evil.call(5, 'predicate') = 5;
    CREATE STATISTICS %1$s_stats ON evil.call(id, 'statistics'), size FROM %1$s;
    ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY p ON %1$s USING (sizes <> '{3}'::evil.small[] AND id %% 2 = 0) WITH CHECK (true);
    CREATE TRIGGER t BEFORE INSERT ON %1$s FOR EACH ROW WHEN (new.sizes <> '{4}'::evil.small[]) EXECUTE FUNCTION fired();
    CREATE TRIGGER u AFTER INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION fired()};
as_mallory("CREATE TABLE things ($columns); CREATE TABLE kinds (number serial, $columns);"
        . sprintf($more, 'things') . ';' . sprintf($more, 'kinds') . q{;
    CREATE TABLE parts (id int, size small, sizes small[]) PARTITION BY RANGE ((evil.call(1, 'partition key') * size));
    CREATE TABLE parts_few PARTITION OF parts FOR VALUES FROM (0) TO (1000);
    CREATE TABLE parts_many PARTITION OF parts FOR VALUES FROM (1000) TO (2000);
    CREATE INDEX ON parts (evil.call(id, 'index of partitions'));
    CREATE TABLE keyed (id small, sizes small[]) PARTITION BY LIST (sizes);
    CREATE TABLE keyed_few PARTITION OF keyed FOR VALUES IN ('{1}', '{2,3}');
    SELECT create_distributed_table('things', 'id', shard_count => 2);
    SELECT create_distributed_table('parts', 'id', colocate_with => 'things');
    SELECT create_distributed_table('keyed', 'id', colocate_with => 'none', shard_count => 2);
    SELECT create_reference_table('kinds');
    CREATE TABLE links (id int, kind int REFERENCES kinds);
    CREATE INDEX ON links (id) WHERE evil.call(5, 'predicate of links') = 5;
    SELECT create_distributed_table('links', 'id', colocate_with => 'things');
    CREATE VIEW shown AS SELECT id FROM things WHERE sizes <> '{6}'::evil.small[];
    INSERT INTO things (id, size) SELECT n, n FROM generate_series(1, 50) n;
    INSERT INTO kinds (id, size) SELECT n, n FROM generate_series(1, 50) n;
    INSERT INTO kinds (id, size, sizes, more) VALUES (51, 51, NULL, NULL), (52, 52, ARRAY[7, NULL]::small[], ROW(1, E'a\t\\\\\nb'));
    INSERT INTO links SELECT n, n FROM generate_series(1, 50) n;
    INSERT INTO parts SELECT n, n FROM generate_series(1, 50) n;
    INSERT INTO keyed SELECT n, '{1}' FROM generate_series(1, 50) n});
# Values that name what she may not look up, and what shows their numbers, which each node has others of.
on_coordinator(q{CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int); SELECT create_reference_table('hidden.t');
    CREATE TABLE public.near (id int); SELECT create_reference_table('public.near')});
as_mallory(q{CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE names (id int PRIMARY KEY, what regclass, mood mood, number oid GENERATED ALWAYS AS (what) STORED,
        hash int GENERATED ALWAYS AS (hashenum(mood)) STORED);
    SELECT create_reference_table('names')});
on_coordinator(q{INSERT INTO evil.names VALUES (1, 'hidden.t', 'ok'), (2, 'near', 'sad'), (3, 'pg_class', NULL), (4, NULL, 'ok')});
# A partition of another owner.
on_coordinator('ALTER TABLE evil.parts_many OWNER TO bob');
only_owners('before', 'mallory: check', 'mallory: trigger');

# What a function calls may come to the new node later than what calls the function.
$cluster->query('worker2', "SET citus.enable_ddl_propagation = off; $note; ALTER FUNCTION evil.note OWNER TO mallory");

# Who may make things on the new node before it joins has nothing taken for the cluster's.
$cluster->query('worker2', 'GRANT CREATE, USAGE ON SCHEMA evil TO bob');
for my $trap (['TABLE', 'things (id int, size int)'], ['TYPE', 'pair AS (one int, other text)'], ['TABLE', 'shown (id int)']) {
    my ($kind, $definition) = @$trap;
    my ($name) = $definition =~ /^(\w+)/;
    $cluster->query('worker2', "SET SESSION AUTHORIZATION bob; SET citus.enable_ddl_propagation = off; CREATE $kind evil.$definition");
    my ($status, undef, $error) = $cluster->psql('coordinator', "SELECT citus_add_node('127.0.0.1', $port{worker2})");
    isnt($status, 0, "a new node with somebody else's $name is refused");
    like($error, qr/"(?:evil\.)?$name" already exists|evil\.$name exists already and belongs to another role/, "and it is said why");
    $cluster->query('worker2', "SET citus.enable_ddl_propagation = off; DROP $kind evil.$name");
}
$cluster->query('worker2', 'REVOKE CREATE, USAGE ON SCHEMA evil FROM bob');
forget();

# --- a new node: shells, views, functions, and copies of reference tables ---
on_coordinator("SELECT citus_add_node('127.0.0.1', $port{worker2})");
only_owners('a new node', map { "mallory: $_" } 'domain', 'generated', 'index', 'predicate', 'partition key');

# As she, since already the plan of a superuser's query would call her functions.
sub copies {
    as_mallory('ALTER TABLE kinds NO FORCE ROW LEVEL SECURITY');
    my $copies = as_mallory(q{SELECT count(*), count(DISTINCT result), min(result) FROM run_command_on_placements('evil.kinds',
        $$SELECT md5(string_agg(k::text, '|' ORDER BY id)) || ' ' || count(*) FROM ONLY %s k $$)});
    as_mallory('ALTER TABLE kinds FORCE ROW LEVEL SECURITY');
    return $copies =~ s/\b[0-9a-f]{32}\b/sum/r;
}
is(copies(), '3|1|sum 52', 'the copies are equal, and no row was hidden by the policy');
my $differing = q{SELECT count(*), count(*) FILTER (WHERE state = 'differs') FROM altius_check_reference_tables() WHERE table_name = 'evil.names'::regclass};
is(on_coordinator($differing), '3|0', 'numbers of objects, too, are what they are on the leading copy');
is($cluster->query('worker2', q{SELECT bool_and(convalidated) FROM pg_constraint WHERE conrelid = 'evil.links'::regclass AND contype = 'f'}), 't',
    'foreign keys are there and valid');
is($cluster->query('worker2', q{SELECT string_agg(DISTINCT rolname, ',' ORDER BY rolname) FROM pg_class c JOIN pg_roles r ON r.oid = relowner
    WHERE relnamespace = 'evil'::regnamespace AND relname !~ '^parts_many'}), 'mallory', 'what she owns is hers there');
is($cluster->query('worker2', q{SELECT string_agg(DISTINCT rolname, ',') FROM pg_class c JOIN pg_roles r ON r.oid = relowner
    WHERE relname ~ '^parts_many'}), 'bob', 'and what is bob\'s is his');
forget();

# --- moves and splits with changes that come through the log ---
my $changes = q{INSERT INTO things (id, size) SELECT n, n FROM generate_series(51, 100) n;
    UPDATE things SET size = size + 1, sizes = '{8,9}' WHERE id % 2 = 0; DELETE FROM things WHERE id = 10;
    INSERT INTO parts SELECT n, n FROM generate_series(951, 1100) n; UPDATE parts SET id = id, sizes = '{1}' WHERE size > 20;
    DELETE FROM parts WHERE size = 999};

sub with_changes {
    my ($what, $slots, $call) = @_;
    my $mover = $cluster->session('coordinator');
    $mover->query("SET altius.stop_point = 'move: slot made'");
    $mover->send($call);
    for my $slot (1 .. $slots) {
        ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: slot made'}, 60),
            "$what: the snapshot of a copy is taken");
        is(join(', ', grep { !/^(mallory|bob): / } seen()), '', "$what: nor anybody else until then");
        as_mallory($changes) if $slot == $slots;
        forget();
        on_coordinator('SELECT altius_internal.release_stop_points()');
    }
    is(($mover->finish)[1], '', "$what: done");
    only_owners($what, map { "mallory: $_" } 'domain', 'generated', 'index', 'predicate', 'partition key');
    return;
}

sub lie {
    my ($table, $node) = @_;
    return on_coordinator("SELECT min(shardid) FROM citus_shards WHERE table_name = 'evil.$table'::regclass AND nodeport = $port{$node}");
}
my $shard = lie('things', 'worker1');
with_changes('a move', 1, "SELECT citus_move_shard_placement($shard, '127.0.0.1', $port{worker1}, '127.0.0.1', $port{worker2}, 'force_logical')");
$changes =~ s/(\d+), (\d+)\) n/($1 + 5000) . ', ' . ($2 + 5000) . ') n'/ge;
$changes =~ s/SELECT n, n FROM generate_series\(5951/SELECT n, n - 5000 FROM generate_series(5951/;
my $id = on_coordinator('SELECT max(nodeid) FROM pg_dist_node');
my $middle = on_coordinator("SELECT (shardminvalue::bigint + shardmaxvalue::bigint) / 2 FROM pg_dist_shard WHERE shardid = $shard");
with_changes('a split', 2, "SELECT citus_split_shard_by_split_points($shard, ARRAY['$middle'], ARRAY[$id, (SELECT min(nodeid) FROM pg_dist_node WHERE groupid > 0)],
    'force_logical')");
as_mallory('ALTER TABLE things NO FORCE ROW LEVEL SECURITY');
is(as_mallory('SELECT count(*), count(DISTINCT id), bool_and(twice = id * 2) FROM things'), '149|149|t', 'no row of things is lost');
is(as_mallory('SELECT count(*), count(DISTINCT id) FROM parts'), '348|348', 'nor of parts');
as_mallory('ALTER TABLE things FORCE ROW LEVEL SECURITY');
forget();

# --- TRUNCATE that comes through the log meets a trigger that she has put on the new shard herself ---
as_mallory(q{CREATE TABLE emptied (id int, v int); SELECT create_distributed_table('emptied', 'id', shard_count => 1, colocate_with => 'none');
    INSERT INTO emptied SELECT n, n FROM generate_series(1, 10) n;
    CREATE FUNCTION emptying() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.note('truncate'); RETURN NULL; END $$});
{
    my $emptied = on_coordinator(q{SELECT min(shardid) FROM citus_shards WHERE table_name = 'evil.emptied'::regclass});
    my $source = on_coordinator("SELECT nodeport FROM citus_shards WHERE shardid = $emptied");
    my ($target) = grep { $_ ne 'coordinator' && $port{$_} != $source } @nodes;
    my $mover = $cluster->session('coordinator');
    $mover->query("SET altius.stop_point = 'move: stream started'");
    $mover->send("SELECT citus_move_shard_placement($emptied, '127.0.0.1', $source, '127.0.0.1', $port{$target}, 'force_logical')");
    ok($cluster->wait_until('coordinator', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'stopped: move: stream started'}, 60),
        'TRUNCATE: the stream has started');
    $cluster->query($target, qq{SET SESSION AUTHORIZATION mallory; SET citus.enable_ddl_propagation = off;
        CREATE TRIGGER e BEFORE TRUNCATE ON evil.emptied_$emptied EXECUTE FUNCTION evil.emptying()});
    as_mallory('TRUNCATE emptied');
    on_coordinator('SELECT altius_internal.release_stop_points()');
    is(($mover->finish)[1], '', 'TRUNCATE: done');
    only_owners('TRUNCATE', 'mallory: truncate');
    is(as_mallory('SELECT count(*) FROM emptied'), 0, 'TRUNCATE: nothing is left');
}

# --- a copy that a node lacks ---
as_mallory('DROP TABLE links');
for my $mode ('block_writes', 'force_logical') {
    for my $table ('kinds', 'names') {
        for my $node ('coordinator', 'worker1') {
            $cluster->query($node, qq{DELETE FROM pg_dist_placement WHERE groupid = (SELECT groupid FROM pg_dist_node WHERE nodeport = $port{worker2})
                AND shardid IN (SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'evil.$table'::regclass)});
        }
        my $shard = on_coordinator(qq{SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'evil.$table'::regclass});
        $cluster->query('worker2', "DELETE FROM pg_dist_placement WHERE shardid = $shard AND groupid = (SELECT groupid FROM pg_dist_local_group);
            SET citus.enable_ddl_propagation = off; DROP TABLE evil.${table}_$shard");
    }
    on_coordinator("SELECT replicate_reference_tables('$mode')");
    only_owners("a reference table's copy, $mode", map { "mallory: $_" } 'domain', 'generated', 'index', 'statistics');
    is(copies(), '3|1|sum 52', 'the copies are equal');
    is(on_coordinator($differing), '3|0', 'those with numbers of objects, too');
    forget();
}

done_testing();
