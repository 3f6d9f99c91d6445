# SPDX-License-Identifier: PostgreSQL
#
# Every kind of object that PostgreSQL's grammar knows in every command that names one, objects that exist and such that do
# not, by a superuser, their owner and a stranger.  A database without the extension, on the same server, says what should come
# out: the same SQLSTATE.  No command may end the session, here or on a worker.
use strict;
use warnings;
use FindBin ();
use Test::More;
use IPC::Run ();
use Altius::Cluster;

my $cluster = Altius::Cluster->new('ddl_objects', workers => 1);

# Kind => its names as PostgreSQL's commands write them, %s being the object.
my @kinds = (
    [ 'ACCESS METHOD', 'am' ], [ 'AGGREGATE', 'k.agg(int)' ], [ 'AGGREGATE', 'k.agg(nosuch)' ], [ 'CAST', '(k.pair AS k.enum)' ],
    [ 'COLLATION', 'k.coll' ], [ 'COLUMN', 'k.t.a' ], [ 'COLUMN', 'k.v.a' ], [ 'COLUMN', 'k.pair.a' ], [ 'COLUMN', 'k.d.a' ],
    [ 'CONSTRAINT', 'c ON k.t' ], [ 'CONSTRAINT', 'c ON k.d' ], [ 'CONSTRAINT', 'c ON DOMAIN k.dom' ], [ 'CONVERSION', 'k.conv' ],
    [ 'DATABASE', 'third' ], [ 'DOMAIN', 'k.dom' ], [ 'DOMAIN', 'k.enum' ], [ 'EVENT TRIGGER', 'et' ], [ 'EXTENSION', 'hstore' ],
    [ 'FOREIGN DATA WRAPPER', 'fdw' ], [ 'FOREIGN TABLE', 'k.ft' ], [ 'FUNCTION', 'k.f(int)' ], [ 'FUNCTION', 'k.f' ],
    [ 'FUNCTION', 'k.twice' ], [ 'INDEX', 'k.t_i' ], [ 'INDEX', 'k.d_i' ], [ 'LARGE OBJECT', '4711' ], [ 'LANGUAGE', 'plpgsql' ],
    [ 'MATERIALIZED VIEW', 'k.mv' ], [ 'OPERATOR', 'k.@@@ (int, int)' ], [ 'OPERATOR CLASS', 'k.opc USING btree' ],
    [ 'OPERATOR FAMILY', 'k.opf USING btree' ], [ 'POLICY', 'p ON k.t' ], [ 'POLICY', 'p ON k.d' ], [ 'PROCEDURE', 'k.p(int)' ],
    [ 'PARAMETER', 'work_mem' ], [ 'PUBLICATION', 'pub' ], [ 'ROLE', 'third_role' ], [ 'ROUTINE', 'k.p' ], [ 'RULE', 'r ON k.v' ],
    [ 'SCHEMA', 's' ], [ 'SCHEMA', 'k' ], [ 'SEQUENCE', 'k.s' ], [ 'SERVER', 'srv' ], [ 'STATISTICS', 'k.st' ],
    [ 'STATISTICS', 'k.dst' ], [ 'SUBSCRIPTION', 'sub' ], [ 'TABLE', 'k.t' ], [ 'TABLE', 'k.d' ], [ 'TABLE', 'k.v' ],
    [ 'TABLE', 'k.s' ], [ 'TABLE', 'k.mv' ], [ 'TABLESPACE', 'pg_default' ], [ 'TEXT SEARCH CONFIGURATION', 'k.tsc' ],
    [ 'TEXT SEARCH DICTIONARY', 'k.tsd' ], [ 'TEXT SEARCH PARSER', 'k.tsp' ], [ 'TEXT SEARCH TEMPLATE', 'k.tst' ],
    [ 'TRANSFORM FOR', 'k.pair LANGUAGE sql' ], [ 'TRIGGER', 'tr ON k.t' ], [ 'TRIGGER', 'tr ON k.d' ], [ 'TYPE', 'k.enum' ],
    [ 'TYPE', 'k.pair' ], [ 'TYPE', 'k.span' ], [ 'TYPE', 'k.shell' ], [ 'TYPE', 'int' ], [ 'TYPE', 'k.enum[]' ],
    [ 'USER MAPPING FOR', 'owner SERVER srv' ], [ 'VIEW', 'k.v' ], [ 'VIEW', 'k.t' ]);

# Names that are not there, or nonsense.
sub missing {
    my ($name, $odd) = @_;
    my @names = ('k.nosuch', $odd ? ('nosuch', 'nosuch.nosuch', 'other.k.nosuch', 'a.b.c.d.e') : ());
    return map { (my $made = $name) =~ s/^\(?k\.[\w\@]+|^(?:\w+ ON (?:DOMAIN )?)\Kk\.\w+|^\w+(?! ON)/$_/; $made =~ s/^(?=[^(]*\))/(/; $made } @names;
}

my @commands = (
    'ALTER %s OWNER TO stranger', 'ALTER %s OWNER TO CURRENT_USER', 'ALTER %s OWNER TO nobody_there',
    'ALTER %s SET SCHEMA elsewhere', 'ALTER %s SET SCHEMA nosuch', 'ALTER %s RENAME TO renamed',
    'ALTER %s DEPENDS ON EXTENSION hstore', 'ALTER %s NO DEPENDS ON EXTENSION hstore', 'ALTER %s DEPENDS ON EXTENSION nosuch',
    'ALTER %s RENAME COLUMN a TO renamed', 'ALTER %s RENAME ATTRIBUTE a TO renamed', 'ALTER %s RENAME CONSTRAINT c TO renamed',
    q{ALTER %s RENAME VALUE 'x' TO 'renamed'}, q{ALTER %s ADD VALUE 'more'}, 'ALTER %s ADD ATTRIBUTE more int',
    'ALTER %s DROP ATTRIBUTE a', 'ALTER %s ALTER ATTRIBUTE a TYPE bigint', 'ALTER %s SET DEFAULT NULL', 'ALTER %s SET NOT NULL',
    'ALTER %s DROP CONSTRAINT c', 'ALTER %s VALIDATE CONSTRAINT c', 'ALTER %s ADD CONSTRAINT more CHECK (true)',
    'ALTER %s ADD CHECK (VALUE IS NOT NULL)', 'ALTER %s ADD COLUMN more int', 'ALTER %s ALTER COLUMN a SET DEFAULT 1',
    'ALTER %s RESTART', 'ALTER %s STABLE', 'ALTER %s SET search_path = k', 'ALTER %s RESET ALL', 'ALTER %s UPDATE',
    'ALTER %s SET (nosuch = 1)', 'ALTER %s SET (security_barrier)', 'ALTER %s REFRESH VERSION', 'ALTER %s ENABLE',
    'ALTER %s SET STATISTICS 10', 'ALTER %s SET TABLESPACE pg_default', 'ALTER %s SET LOGGED', 'ALTER %s ENABLE TRIGGER ALL',
    'ALTER EXTENSION hstore ADD %s', 'ALTER EXTENSION hstore DROP %s', q{COMMENT ON %s IS 'said'}, 'COMMENT ON %s IS NULL',
    q{SECURITY LABEL ON %s IS 'label'}, q{SECURITY LABEL FOR nosuch ON %s IS NULL}, 'DROP %s', 'DROP %s CASCADE',
    'GRANT ALL ON %s TO stranger', 'GRANT SELECT (a) ON %s TO stranger', 'REVOKE ALL ON %s FROM public CASCADE');

sub with_if_exists { my ($kind) = @_; return $kind =~ / FOR$/ ? $kind =~ s/ FOR$/ IF EXISTS FOR/r : "$kind IF EXISTS" }

# Every command, with a label.  Odd names are for one role only: 25,000 commands take long enough.
sub statements {
    my ($odd) = @_;
    my @made;
    for (@kinds) {
        my ($kind, $name) = @$_;
        for my $object ($name, missing($name, $odd)) {
            for my $command (@commands) {
                push @made, sprintf $command, "$kind $object";
                push @made, sprintf $command, with_if_exists($kind) . " $object" if $command =~ /^(ALTER %|DROP)/;
            }
        }
    }
    return @made;
}

my $fixture = <<'SQL';
CREATE EXTENSION hstore;
CREATE SCHEMA k; CREATE SCHEMA s; CREATE SCHEMA elsewhere;
GRANT ALL ON SCHEMA k, elsewhere TO owner; GRANT USAGE ON SCHEMA k, elsewhere TO stranger;
GRANT CREATE ON DATABASE :db TO owner;
CREATE ACCESS METHOD am TYPE INDEX HANDLER bthandler;
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION k_nothing();
ALTER EVENT TRIGGER et DISABLE;
CREATE FOREIGN DATA WRAPPER fdw;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw; ALTER SERVER srv OWNER TO owner;
GRANT ALL ON FOREIGN DATA WRAPPER fdw TO owner;
SET client_min_messages = error;
CREATE SUBSCRIPTION sub CONNECTION 'host=none' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE TEXT SEARCH PARSER k.tsp (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE k.tst (lexize = dsimple_lexize);
CREATE OPERATOR FAMILY k.opf USING btree; ALTER OPERATOR FAMILY k.opf USING btree OWNER TO owner;
CREATE OPERATOR CLASS k.opc FOR TYPE int USING btree AS OPERATOR 1 <; ALTER OPERATOR CLASS k.opc USING btree OWNER TO owner;
SELECT lo_create(4711); ALTER LARGE OBJECT 4711 OWNER TO owner;
SET ROLE owner;
CREATE TYPE k.enum AS ENUM ('x', 'y');
CREATE TYPE k.pair AS (a int, b text);
CREATE DOMAIN k.dom AS int CONSTRAINT c CHECK (VALUE > 0);
CREATE AGGREGATE k.agg(int) (sfunc = int4pl, stype = int);
CREATE COLLATION k.coll (locale = 'C');
CREATE CONVERSION k.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE FUNCTION k.f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION k.twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION k.twice(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE k.p(int) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION k.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION k.to_enum(k.pair) RETURNS k.enum LANGUAGE sql AS $$ SELECT 'x'::k.enum $$;
CREATE CAST (k.pair AS k.enum) WITH FUNCTION k.to_enum(k.pair);
CREATE OPERATOR k.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE TABLE k.t (a int, b int, CONSTRAINT c CHECK (a > 0)); CREATE INDEX t_i ON k.t (a);
CREATE TABLE k.d (a int, b int, key int, CONSTRAINT c CHECK (a > 0)); CREATE INDEX d_i ON k.d (a);
CREATE POLICY p ON k.t USING (true); CREATE POLICY p ON k.d USING (true);
CREATE STATISTICS k.st ON a, b FROM k.t; CREATE STATISTICS k.dst ON a, b FROM k.d;
CREATE TRIGGER tr BEFORE INSERT ON k.t FOR EACH ROW EXECUTE FUNCTION k.tr();
CREATE TRIGGER tr BEFORE INSERT ON k.d FOR EACH ROW EXECUTE FUNCTION k.tr();
CREATE FOREIGN TABLE k.ft (a int) SERVER srv;
CREATE MATERIALIZED VIEW k.mv AS SELECT 1 AS a;
CREATE VIEW k.v AS SELECT 1 AS a, 2 AS b;
CREATE RULE r AS ON INSERT TO k.v DO INSTEAD NOTHING;
CREATE SEQUENCE k.s;
CREATE PUBLICATION pub;
CREATE TEXT SEARCH DICTIONARY k.tsd (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION k.tsc (PARSER = "default");
CREATE USER MAPPING FOR owner SERVER srv;
RESET ROLE;
CREATE TYPE k.span AS RANGE (SUBTYPE = int); ALTER TYPE k.span OWNER TO owner;
CREATE TYPE k.shell;
CREATE FUNCTION k.tfm(internal) RETURNS internal LANGUAGE internal AS 'int4in';
CREATE TRANSFORM FOR k.pair LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
SQL

$cluster->query('coordinator', 'CREATE DATABASE plain');
$cluster->query('coordinator', 'CREATE DATABASE third');
$cluster->query('coordinator', 'CREATE ROLE owner LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE third_role');
for my $db ('altius', 'plain') {
    $cluster->query('coordinator',
        "\\set db $db\nCREATE FUNCTION k_nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n$fixture", db => $db);
}
$cluster->query('coordinator', "SELECT create_distributed_table('k.d', 'key')");

# One psql runs all statements, each in a transaction that is taken back; their SQLSTATEs.
sub outcomes {
    my ($node, $db, $role, @statements) = @_;
    my $script = join '', map { "BEGIN;\n$_;\n\\echo :SQLSTATE\nROLLBACK;\n" } @statements;
    my ($out, $error) = ('', '');
    my @connection = ($cluster->connection($node));
    $connection[-1] = $role;
    IPC::Run::run([ $cluster->psql_program, '-XAtq', @connection, '-d', $db ], '<', \$script, '>', \$out, '2>', \$error);
    my @states = grep { /^\w{5}$/ } split /\n/, $out;
    is(scalar @states, scalar @statements, "$role on $node, database $db: the session lives to the end")
        or diag('the session ended at: ' . ($statements[@states] // ''));
    return \@states;
}

sub compare {
    my ($role, $statements, $plain, $altius) = @_;
    my @odd;
    for my $i (0 .. $#$plain) {
        next if $plain->[$i] eq ($altius->[$i] // '');
        push @odd, "$statements->[$i]: $plain->[$i] on PostgreSQL, $altius->[$i] here";
    }
    is(scalar @odd, 0, "$role: the same SQLSTATEs as without the extension (" . scalar(@$plain) . ' commands)')
        or diag(join "\n", @odd);
    return;
}

for my $role ('postgres', 'owner', 'stranger') {
    my @statements = statements($role eq 'postgres');
    my $plain = outcomes('coordinator', 'plain', $role, @statements);
    my $altius = outcomes('coordinator', 'altius', $role, @statements);
    compare($role, \@statements, $plain, $altius);
    my $worker = outcomes('worker1', 'altius', $role, @statements);
    my @internal = grep { $worker->[$_] =~ /^XX/ && $plain->[$_] !~ /^XX/ } 0 .. $#$worker;
    is(scalar @internal, 0, "$role on the worker: no internal errors") or diag(join "\n", map { $statements[$_] } @internal);
}

done_testing();
