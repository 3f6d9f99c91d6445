# SPDX-License-Identifier: PostgreSQL
#
# Other extensions with hooks beside this one, in every order that can matter: each of them first, last and in the middle, and
# altius likewise.  What is not installed is left out.
use strict;
use warnings;
use File::Basename qw(basename);
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Altius::Cluster;

# Their worker and their settings must not get in the way; pgaudit and auto_explain say what they saw in the log.
my %settings = (
    'pgaudit.log' => 'all', 'pgaudit.log_parameter' => 'on', 'pgaudit.log_relation' => 'on',
    'auto_explain.log_min_duration' => '0', 'auto_explain.log_analyze' => 'on', 'auto_explain.log_nested_statements' => 'on',
    'auto_explain.log_verbose' => 'on', 'auto_explain.log_triggers' => 'on', 'pg_stat_statements.track' => 'all',
    'cron.database_name' => 'altius', 'log_min_messages' => 'warning');

my $cluster = Altius::Cluster->new('preload', workers => 1);
my %there = map { basename($_, '.so') => 1 } glob "$cluster->{dir}/server/*/*/lib/*.so $cluster->{dir}/server/lib/*.so $cluster->{dir}/server/*/*/*/lib/*.so";
my @others = grep { $there{$_} } qw(pgaudit pg_stat_statements auto_explain pg_cron hypopg);
note("libraries: @others");
plan(skip_all => 'needs pgaudit, pg_stat_statements, auto_explain, pg_cron and hypopg') if @others < 5;

# Every library before and after every other one, altius in all places.
my @orders = (
    [ 'altius', @others ], [ @others, 'altius' ], [ reverse('altius', @others) ], [ reverse(@others, 'altius') ],
    [ @others[ 0 .. 1 ], 'altius', @others[ 2 .. $#others ] ], [ reverse(@others[ 3 .. $#others ]), 'altius', reverse(@others[ 0 .. 2 ]) ]);

sub restart {
    my (@order) = @_;
    for my $node ($cluster->nodes) {
        open my $file, '>>', "$cluster->{dir}/$node/postgresql.auto.conf" or die $!;
        print $file "shared_preload_libraries = '" . join(',', @order) . "'\n";
        print $file "$_ = '$settings{$_}'\n" for grep { $_ !~ /^(\w+)\./ || grep { /$1/ } @order } sort keys %settings;
        close $file;
        $cluster->pg_ctl($node, '-w', '-l', "$cluster->{dir}/$node.log", '-m', 'fast', 'restart');
    }
    return;
}

my $script = <<'SQL';
SET client_min_messages = warning;
DROP TABLE IF EXISTS d, r, l CASCADE; DROP FUNCTION IF EXISTS f; DROP TYPE IF EXISTS mood;
CREATE TABLE d (key int PRIMARY KEY, v text, n int DEFAULT 7);
SELECT create_distributed_table('d', 'key', shard_count => 4);
CREATE TABLE r (key int, v text); SELECT create_reference_table('r');
CREATE TABLE l (key int, v text);
COPY d (key, v) FROM STDIN DELIMITER ',';
1,one
2,two
3,three
\.
COPY r FROM PROGRAM 'echo 1,x' (FORMAT csv);
COPY l FROM PROGRAM 'echo 1,x' (FORMAT csv);
COPY d (key, v) FROM PROGRAM 'printf "6,six\\n16,\\n"' (FORMAT csv) WHERE v IS NOT NULL AND '{a}'::text[] IS NOT NULL;
SELECT count(*) FROM d WHERE key IN (6, 16);
DELETE FROM d WHERE key = 6;
CREATE TABLE noted (level text, rows bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO noted SELECT TG_LEVEL, count(*) FROM fresh; RETURN NULL; END';
CREATE TRIGGER note AFTER INSERT ON d REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note();
COPY d (key, v) FROM PROGRAM 'printf "7,x\\n8,y"' (FORMAT csv);
COPY d (key, v) FROM PROGRAM 'echo 9,z' (FORMAT csv);
SELECT * FROM noted;
DROP TABLE noted; DROP FUNCTION note CASCADE; DELETE FROM d WHERE key > 6;
COPY d TO STDOUT;
COPY (SELECT key, v FROM d ORDER BY 1) TO STDOUT;
COPY l TO STDOUT;
INSERT INTO d VALUES (4, 'four'), (5, 'five') RETURNING key;
INSERT INTO d SELECT key + 10, v FROM d;
INSERT INTO l SELECT key, v FROM d WHERE key < 3;
UPDATE d SET v = v || '!' WHERE key = 1;
UPDATE d SET n = n + 1;
UPDATE r SET v = 'y';
DELETE FROM d WHERE key = 15;
MERGE INTO d USING (SELECT key, min(v) AS v FROM l GROUP BY 1) l ON d.key = l.key WHEN MATCHED THEN UPDATE SET v = l.v WHEN NOT MATCHED THEN INSERT VALUES (l.key, l.v);
SELECT count(*), sum(n) FROM d;
SELECT d.key, l.v FROM d JOIN l ON d.v = l.v ORDER BY 1, 2;
SELECT * FROM d WHERE key = 1;
SELECT count(*) FROM d, r, l WHERE d.key = r.key AND l.key = d.n - 7;
WITH gone AS (DELETE FROM d WHERE key = 14 RETURNING *) SELECT count(*) FROM gone;
BEGIN;
DECLARE c CURSOR FOR SELECT key FROM d ORDER BY key;
FETCH 2 FROM c;
SAVEPOINT s;
INSERT INTO d VALUES (21);
ROLLBACK TO s;
FETCH 2 FROM c;
CLOSE c;
COMMIT;
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT count(*) FROM l;
PREPARE p AS SELECT v FROM d WHERE key = $1; EXECUTE p(2); EXECUTE p(3); DEALLOCATE p;
DO $$ BEGIN PERFORM count(*) FROM d; INSERT INTO d VALUES (20, 'x'); END $$;
CREATE FUNCTION f(int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM d WHERE key > $1); END $$;
SELECT f(3);
ALTER TABLE d ADD COLUMN more int;
CREATE INDEX d_v ON d (v);
CREATE INDEX CONCURRENTLY d_n ON d (n);
CREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood OWNER TO CURRENT_USER; COMMENT ON TYPE mood IS 'x';
CREATE VIEW seen AS SELECT key, v FROM d; SELECT count(*) FROM seen;
VACUUM d; ANALYZE d; VACUUM; TRUNCATE r;
REINDEX TABLE d;
DROP INDEX CONCURRENTLY d_n;
GRANT SELECT ON d TO public;
SET CONSTRAINTS ALL DEFERRED;
LISTEN x; UNLISTEN *;
DROP VIEW seen; DROP TABLE d, r, l; DROP FUNCTION f; DROP TYPE mood;
SQL

# On a node that has shards itself: parts of these run there without a connection.
my $make = q{SET client_min_messages = warning; DROP TABLE IF EXISTS w, wr CASCADE; CREATE TABLE w (key int, v int);
    SELECT create_distributed_table('w', 'key', shard_count => 4); CREATE TABLE wr (key int); SELECT create_reference_table('wr');
    INSERT INTO w SELECT i, i % 3 FROM generate_series(1, 20) i; INSERT INTO wr VALUES (1), (2)};
my $beside = q{SELECT count(*), sum(v) FROM w; SELECT v, count(*) FROM w GROUP BY v ORDER BY v; SELECT * FROM w WHERE key = 3;
    SELECT count(*) FROM w JOIN wr USING (key); SELECT count(*) FROM wr; UPDATE w SET v = v + 0 WHERE key = 3 RETURNING key;
    WITH it AS MATERIALIZED (SELECT * FROM w) SELECT count(*) FROM it; BEGIN; DECLARE c CURSOR FOR SELECT key FROM w ORDER BY 1;
    FETCH 2 FROM c; COMMIT; COPY w (key, v) FROM STDIN DELIMITER ',';
21,0
\\.
COPY (SELECT count(*) FROM w) TO STDOUT; DO $$ BEGIN PERFORM count(*) FROM w; END $$;};

my $expected;
sub run_all {
    my (@order) = @_;
    my $name = join ',', @order;
    my %before = map { $_ => length $cluster->log_of($_) } $cluster->nodes;
    my ($status, $out, $error) = $cluster->psql('coordinator', $script);
    is($status, 0, "$name: everything works") or diag($error);
    $error =~ s/^NOTICE.*\n?//mg;
    $expected //= $out;
    is($out, $expected, "$name: the same results");
    $cluster->query('coordinator', $make);
    ($status, $out, $error) = $cluster->psql('worker1', $beside);
    is($status, 0, "$name: everything works beside the shards") or diag($error);
    is($out, "20|21\n0|6\n1|7\n2|7\n3|0\n2\n2\n3\n20\n1\n2\n21", "$name: with these results");
    for my $node ($cluster->nodes) {
        my $log = substr $cluster->log_of($node), $before{$node};
        my @errors = grep { /was terminated by signal|PANIC|outer snapshot|ERROR: / } split /\n/, $log;
        is(scalar @errors, 0, "$name: $node has no errors") or diag(join "\n", @errors);
    }
    return substr $cluster->log_of('coordinator'), $before{coordinator};
}

sub audited {
    my ($log, $name) = @_;
    for my $seen ('DDL,CREATE TABLE', 'WRITE,COPY FROM|WRITE,INSERT,TABLE,public.d', 'READ,COPY TO|READ,SELECT,TABLE,public.d', 'READ,SELECT',
        'WRITE,INSERT', 'WRITE,UPDATE', 'WRITE,DELETE', 'DDL,ALTER TABLE', 'DDL,CREATE INDEX', 'DDL,ALTER TYPE', 'DDL,DROP TABLE',
        'MISC,VACUUM', 'WRITE,TRUNCATE') {
        ok(scalar $log =~ /AUDIT: .*(?:$seen)/, "$name: pgaudit logs $seen");
    }
    ok(scalar $log =~ /AUDIT: .*COPY d \(key, v\) FROM STDIN/, "$name: pgaudit logs COPY of a distributed table");
    return;
}

run_all('altius');
for my $order (@orders) {
    restart(@$order);
    my $log = run_all(@$order);
    audited($log, "@$order") if $there{pgaudit};
    ok(scalar $log =~ /duration: .* plan:/, "@$order: auto_explain logs plans") if $there{auto_explain};
}

done_testing();
