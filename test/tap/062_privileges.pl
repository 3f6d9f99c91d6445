# SPDX-License-Identifier: PostgreSQL
# One set of owners and privileges on all nodes: of a node that is added afterwards, and after each change from then on.  The
# catalogs of the nodes are compared as a whole, so that a kind of object nobody thought of fails here.

use strict;
use warnings;
use Test::More;
use Altius::Cluster;

my $cluster = Altius::Cluster->new('privileges', workers => 2);
my $port2 = $cluster->port('worker2');

# Everything of users but what is a node's own: shards (compared with their shells below) and what stays local.
my $fingerprint = q{
WITH held AS (
  SELECT 'pg_class'::regclass AS class, oid, 0 AS sub, relowner AS owner, relacl AS acl, NULL::text AS more FROM pg_class
    WHERE oid NOT IN (SELECT to_regclass(shard_name(logicalrelid, shardid)) FROM pg_dist_shard
                      WHERE to_regclass(shard_name(logicalrelid, shardid)) IS NOT NULL) AND relkind NOT IN ('i', 'I', 't')
  UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, NULL, attacl, NULL FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE attacl IS NOT NULL AND attrelid NOT IN (SELECT to_regclass(shard_name(logicalrelid, shardid)) FROM pg_dist_shard
                      WHERE to_regclass(shard_name(logicalrelid, shardid)) IS NOT NULL)
  UNION ALL SELECT 'pg_proc'::regclass, oid, 0, proowner, proacl, concat(prosecdef, proconfig) FROM pg_proc
  UNION ALL SELECT 'pg_type'::regclass, oid, 0, typowner, typacl, NULL FROM pg_type WHERE typtype IN ('e', 'd', 'r') OR typrelid <> 0
    AND typrelid IN (SELECT oid FROM pg_class WHERE relkind = 'c')
  UNION ALL SELECT 'pg_namespace'::regclass, oid, 0, nspowner, nspacl, NULL FROM pg_namespace WHERE nspname !~ '^pg_t(emp|oast)'
  UNION ALL SELECT 'pg_language'::regclass, oid, 0, lanowner, lanacl, NULL FROM pg_language
  UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, fdwacl, NULL FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_collation'::regclass, oid, 0, collowner, NULL, NULL FROM pg_collation WHERE oid >= 16384
  UNION ALL SELECT 'pg_database'::regclass, oid, 0, datdba, datacl, NULL FROM pg_database WHERE datname = current_database()
), lines AS (
  SELECT concat_ws(' ', identity, owner::regrole, acl::text, more, obj_description(held.oid, class::text)) AS line
  FROM held, pg_identify_object(class, held.oid, sub)
  UNION ALL SELECT concat_ws(' ', 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
    rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil) FROM pg_authid WHERE oid >= 16384
  UNION ALL SELECT concat_ws(' ', 'member', member::regrole, 'of', roleid::regrole, 'by', grantor::regrole,
    to_jsonb(a) - 'oid' - 'roleid' - 'member' - 'grantor') FROM pg_auth_members a
  UNION ALL SELECT concat_ws(' ', 'setting', setrole::regrole, setdatabase <> 0, setconfig) FROM pg_db_role_setting
  UNION ALL SELECT concat_ws(' ', 'default', defaclrole::regrole, nullif(defaclnamespace, 0)::regnamespace, defaclobjtype, defaclacl)
    FROM pg_default_acl
  UNION ALL SELECT concat_ws(' ', 'parameter', parname, paracl) FROM pg_parameter_acl
  UNION ALL SELECT concat_ws(' ', 'policy', polname, polrelid::regclass, polroles::regrole[], polcmd, polpermissive) FROM pg_policy
    WHERE polrelid IN (SELECT logicalrelid FROM pg_dist_partition)
)
SELECT line FROM lines ORDER BY line};

# Shards have what their shells have.
my $strange_shards = q{
SELECT string_agg(shard::text || ' ' || coalesce(s.relacl::text, 'null') || ' ' || coalesce(t.relacl::text, 'null'), ', ')
FROM (SELECT logicalrelid, to_regclass(shard_name(logicalrelid, shardid)) AS shard FROM pg_dist_shard) AS it
JOIN pg_class s ON s.oid = shard JOIN pg_class t ON t.oid = logicalrelid
WHERE (s.relowner, s.relrowsecurity) <> (t.relowner, t.relrowsecurity) OR s.relacl IS DISTINCT FROM t.relacl
  OR EXISTS (SELECT FROM pg_attribute a JOIN pg_attribute b USING (attname)
             WHERE a.attrelid = s.oid AND b.attrelid = t.oid AND a.attacl IS DISTINCT FROM b.attacl)};

sub differences {
    my ($one, $other) = map { { map { $_ => 1 } split /\n/, $cluster->query($_, $fingerprint) } } @_;
    return join "\n", (map { "- $_" } grep { !$other->{$_} } sort keys %$one), (map { "+ $_" } grep { !$one->{$_} } sort keys %$other);
}

sub same {
    my ($what) = @_;
    is(differences('coordinator', $_), '', "$what: $_ is like the coordinator") for 'worker1', 'worker2';
    is($cluster->query($_, $strange_shards), '', "$what: shards on $_ are like their shells") for 'coordinator', 'worker1', 'worker2';
    return;
}

sub run { $cluster->query('coordinator', $_) for @_; return }

my $everything = q{
CREATE ROLE boss LOGIN CREATEROLE PASSWORD 'geheim' VALID UNTIL '2100-01-01' CONNECTION LIMIT 7;
CREATE ROLE clerk LOGIN NOINHERIT;
CREATE ROLE "o'dd" NOLOGIN BYPASSRLS;
CREATE ROLE team;
GRANT team TO boss WITH ADMIN OPTION;
GRANT pg_read_all_settings TO clerk;
SET ROLE boss; GRANT team TO clerk; RESET ROLE;
ALTER ROLE clerk SET search_path = "$user", 'a "b', public;
ALTER ROLE clerk SET work_mem = '7MB';
ALTER ROLE boss IN DATABASE altius SET application_name = 'it''s, "x"';
ALTER ROLE team SET search_path = '';
GRANT CREATE ON DATABASE altius TO boss, clerk;
REVOKE TEMPORARY ON DATABASE altius FROM PUBLIC;
CREATE SCHEMA office AUTHORIZATION boss;
GRANT USAGE ON SCHEMA office TO clerk WITH GRANT OPTION;
SET ROLE clerk; GRANT USAGE ON SCHEMA office TO "o'dd"; RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM pg_database_owner;
CREATE FUNCTION office.secret() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN 42;
REVOKE EXECUTE ON FUNCTION office.secret() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION office.secret() TO clerk WITH GRANT OPTION;
SET ROLE clerk; GRANT EXECUTE ON FUNCTION office.secret() TO "o'dd"; RESET ROLE;
COMMENT ON FUNCTION office.secret() IS 'not for everybody';
CREATE PROCEDURE office.act() LANGUAGE sql AS 'SELECT 1';
ALTER PROCEDURE office.act() OWNER TO boss;
REVOKE ALL ON PROCEDURE office.act() FROM PUBLIC, boss;
CREATE AGGREGATE office.total(int) (SFUNC = int4pl, STYPE = int);
REVOKE ALL ON FUNCTION office.total(int) FROM PUBLIC;
CREATE TYPE office.mood AS ENUM ('good', 'bad');
REVOKE USAGE ON TYPE office.mood FROM PUBLIC;
GRANT USAGE ON TYPE office.mood TO clerk;
COMMENT ON TYPE office.mood IS 'of the day';
CREATE TYPE office.pair AS (a int, b int);
REVOKE USAGE ON TYPE office.pair FROM PUBLIC;
CREATE DOMAIN office.small AS int CHECK (VALUE < 10);
REVOKE USAGE ON DOMAIN office.small FROM PUBLIC;
CREATE SEQUENCE office.numbers;
GRANT USAGE ON SEQUENCE office.numbers TO clerk WITH GRANT OPTION;
CREATE TABLE office.items (id bigint GENERATED BY DEFAULT AS IDENTITY, kind office.mood, price int, gone int, PRIMARY KEY (id));
ALTER TABLE office.items DROP COLUMN gone;
SELECT create_distributed_table('office.items', 'id', shard_count => 4);
ALTER TABLE office.items OWNER TO boss;
GRANT SELECT ON office.items TO clerk WITH GRANT OPTION;
SET ROLE clerk; GRANT SELECT ON office.items TO "o'dd"; RESET ROLE;
GRANT UPDATE (price) ON office.items TO team;
GRANT USAGE ON SEQUENCE office.items_id_seq TO team;
ALTER TABLE office.items ENABLE ROW LEVEL SECURITY;
CREATE POLICY cheap ON office.items TO clerk, "o'dd" USING (price < 10);
CREATE TABLE office.names (id int PRIMARY KEY);
REVOKE ALL ON office.names FROM postgres;
GRANT SELECT ON office.names TO PUBLIC;
SELECT create_reference_table('office.names');
CREATE VIEW office.cheap AS SELECT id FROM office.items WHERE price < 3;
ALTER VIEW office.cheap OWNER TO boss;
GRANT SELECT (id) ON office.cheap TO clerk;
REVOKE EXECUTE ON FUNCTION pg_sleep(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO boss;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT EXECUTE ON FUNCTION citus_pause_node_within_txn(int, bool, int) TO boss;
GRANT SELECT ON pg_dist_authinfo TO boss;
GRANT SET, ALTER SYSTEM ON PARAMETER session_replication_role TO boss;
ALTER DEFAULT PRIVILEGES FOR ROLE boss REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA office GRANT SELECT ON TABLES TO clerk;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO team;
};

# --- typed while the node is away, then while it is there ---
run("SELECT citus_remove_node('127.0.0.1', $port2)");
# what a server that joins may have had before
$cluster->query('worker2', q{CREATE ROLE clerk SUPERUSER LOGIN; CREATE ROLE team; GRANT team TO clerk WITH ADMIN OPTION;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO clerk});
run($everything);
run("SELECT citus_add_node('127.0.0.1', $port2)");
same('a node that is added');
my ($status, undef, $said) = $cluster->psql('worker2', 'SET ROLE team; SELECT office.secret()');
like($said, qr/permission denied for/, 'what PUBLIC may not do here it may not do there');

# --- a user without rights over the cluster makes and grants its own ---
run('CREATE SCHEMA shop AUTHORIZATION boss', 'ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA shop GRANT USAGE ON SEQUENCES TO team');
$cluster->query('coordinator', $_, user => 'boss') for 'CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql RETURN 1',
    'GRANT EXECUTE ON FUNCTION shop.f() TO clerk WITH GRANT OPTION', 'CREATE SEQUENCE shop.s', 'CREATE TABLE shop.t (id int PRIMARY KEY)',
    "GRANT SELECT ON shop.t TO clerk WITH GRANT OPTION", 'GRANT USAGE ON SCHEMA shop TO clerk';
$cluster->query('coordinator', $_, user => 'clerk') for 'GRANT SELECT ON shop.t TO team', 'GRANT EXECUTE ON FUNCTION shop.f() TO team';
$cluster->query('coordinator', "SELECT create_distributed_table('shop.t', 'id', shard_count => 4)", user => 'boss');
$cluster->query('coordinator', 'CREATE OR REPLACE FUNCTION shop.f() RETURNS int LANGUAGE sql RETURN 2', user => 'boss');
same('what a plain role makes');
($status, undef, $said) = $cluster->psql('worker1', q{SELECT altius_internal.set_privileges('pg_proc'::regclass,
    'shop.f()'::regprocedure, 0, NULL)}, user => 'clerk');
like($said, qr/42501/, 'only the owner sets privileges');
run('CREATE TABLE here_only (id int); GRANT SELECT ON here_only, shop.t TO "o\'dd"');
run('DROP TABLE here_only');
same('a table of the coordinator alone beside a shared one');

# --- default privileges and shards ---
run(q{CREATE TABLE own (id int PRIMARY KEY, v int); SELECT create_distributed_table('own', 'id', shard_count => 4);
    CREATE TABLE bare (id int PRIMARY KEY, v int); REVOKE ALL ON bare FROM team;
    SELECT create_distributed_table('bare', 'id', shard_count => 4);
    CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01'); REVOKE ALL ON parted_1 FROM team;
    SELECT create_distributed_table('parted', 'id', shard_count => 4);
    CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
    CREATE TABLE parted_3 (id int, at date); REVOKE ALL ON parted_3 FROM team;
    ALTER TABLE parted ATTACH PARTITION parted_3 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')});
same('tables made with default privileges');
is($cluster->query('coordinator', "SELECT relacl IS NOT NULL AND relacl::text !~ 'team' FROM pg_class WHERE oid = 'bare'::regclass"),
    't', 'the table itself grants nothing to that role');
my $left = $cluster->query('coordinator', q{SELECT string_agg(DISTINCT result, '') FROM run_command_on_placements('bare',
    $$SELECT has_table_privilege('team', '%s', 'SELECT')$$)});
is($left, 'f', 'nor do its shards');
run("ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM team", "CREATE TABLE plain (id int PRIMARY KEY)",
    "SELECT create_distributed_table('plain', 'id', shard_count => 4)");
is($cluster->query('coordinator', "SELECT relacl IS NULL FROM pg_class WHERE oid = 'plain'::regclass"), 't', 'a table with no privileges');
$cluster->query('worker1', 'SET citus.enable_ddl_propagation = off; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC');
run("CREATE TABLE beside (id int PRIMARY KEY)", "SELECT create_distributed_table('beside', 'id', shard_count => 4)");
$cluster->query('worker1', 'SET citus.enable_ddl_propagation = off; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC');
same('default privileges of one node');

# --- moves, splits and tables distributed anew ---
run("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC");
for my $how ('block_writes', 'force_logical') {
    run(qq{SELECT citus_move_shard_placement(shardid, nodename, nodeport, '127.0.0.1',
        CASE nodeport WHEN $port2 THEN } . $cluster->port('worker1') . qq{ ELSE $port2 END, '$how')
        FROM (SELECT * FROM citus_shards WHERE table_name = 'office.items'::regclass ORDER BY shardid LIMIT 1) AS it});
    same("a shard moved by $how");
}
run(q{SELECT citus_split_shard_by_split_points(shardid, ARRAY[((shardminvalue::bigint + shardmaxvalue::bigint) / 2)::text],
        ARRAY[nodeid, nodeid]::int[], 'block_writes')
      FROM pg_dist_shard JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node USING (groupid)
      WHERE logicalrelid = 'own'::regclass ORDER BY shardid LIMIT 1});
run("SELECT alter_distributed_table('office.items', shard_count => 6, cascade_to_colocated => false)");
same('a shard that was split, a table with another number of shards');
run("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC");

# --- each change from then on ---
my @changes = split /;\n/, q{GRANT INSERT ON ALL TABLES IN SCHEMA office TO clerk;
REVOKE INSERT ON ALL TABLES IN SCHEMA office FROM clerk;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA office TO team;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA office TO team;
GRANT INSERT (id), DELETE ON office.items, office.names TO team;
REVOKE SELECT ON office.items FROM clerk CASCADE;
REVOKE USAGE ON SCHEMA office FROM clerk CASCADE;
REVOKE ALL ON FUNCTION office.secret() FROM clerk CASCADE;
GRANT EXECUTE ON FUNCTION office.total(int) TO team WITH GRANT OPTION;
REVOKE GRANT OPTION FOR EXECUTE ON FUNCTION office.total(int) FROM team;
GRANT USAGE ON TYPE office.mood TO PUBLIC;
GRANT USAGE ON DOMAIN office.small TO clerk;
GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC;
GRANT EXECUTE ON FUNCTION pg_sleep(double precision) TO PUBLIC;
REVOKE CREATE ON DATABASE altius FROM clerk;
GRANT TEMPORARY ON DATABASE altius TO PUBLIC;
GRANT CREATE ON SCHEMA public TO clerk;
REVOKE SET ON PARAMETER session_replication_role FROM boss;
REVOKE EXECUTE ON FUNCTION citus_pause_node_within_txn(int, bool, int) FROM boss;
ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA office REVOKE SELECT ON TABLES FROM clerk;
ALTER ROLE clerk INHERIT CONNECTION LIMIT 3 PASSWORD 'neu';
ALTER ROLE clerk RESET work_mem;
REVOKE ADMIN OPTION FOR team FROM boss;
GRANT boss TO "o'dd" WITH ADMIN OPTION;
ALTER SCHEMA office OWNER TO postgres;
ALTER FUNCTION office.secret() OWNER TO boss;
ALTER FUNCTION office.secret() SECURITY INVOKER RESET ALL;
CREATE OR REPLACE FUNCTION office.secret() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 43;
ALTER VIEW office.cheap OWNER TO clerk;
ALTER TABLE office.items OWNER TO clerk;
ALTER DATABASE altius OWNER TO boss;
COMMENT ON TYPE office.mood IS 'of the week';
ALTER POLICY cheap ON office.items TO PUBLIC;
REASSIGN OWNED BY boss TO postgres;
REASSIGN OWNED BY clerk TO postgres;
DROP OWNED BY clerk, team, "o'dd";
DROP OWNED BY boss;
DROP ROLE team};
$cluster->query('worker1', "ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf()");
for my $change (@changes) {
    run($change);
    same($change =~ s/^(.{40}).*/$1.../sr);
}

my $stored = q{SELECT rolpassword FROM pg_authid WHERE rolname = 'clerk'};
like($cluster->query('coordinator', $stored), qr/^SCRAM-SHA-256/, 'a password is stored');
is($cluster->query('worker1', $stored), $cluster->query('coordinator', $stored), 'other nodes store the same');
unlike($cluster->log_of('worker1'), qr/'neu'|SCRAM-SHA-256/, 'and their logs do not show it');

undef $cluster;
done_testing();
