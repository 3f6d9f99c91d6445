-- Owners distribute their tables whatever others have made of them: views, functions of rows.  That stays on the coordinator.
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE SCHEMA ddl_share;
SET search_path = ddl_share;
CREATE ROLE ddl_share_owner;
CREATE ROLE ddl_share_other;
CREATE ROLE ddl_share_group;
GRANT ddl_share_group TO ddl_share_owner;
GRANT ALL ON SCHEMA ddl_share TO ddl_share_owner, ddl_share_other, ddl_share_group;
-- how many of the other nodes have it
CREATE FUNCTION nodes_with(relation text) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM run_command_on_workers(format('SELECT to_regclass(%L)', 'ddl_share.' || relation)) WHERE result <> '' $$;
SET ROLE ddl_share_owner;
CREATE TABLE t (k int PRIMARY KEY, v int);
GRANT SELECT ON t TO ddl_share_other;
SET ROLE ddl_share_other;
CREATE VIEW of_other AS SELECT * FROM t;
CREATE VIEW on_top AS SELECT * FROM of_other;
CREATE FUNCTION of_row(t) RETURNS int LANGUAGE sql AS 'SELECT $1.k';
CREATE FUNCTION make_row() RETURNS t[] LANGUAGE sql AS 'SELECT array_agg(t) FROM ddl_share.t';
CREATE MATERIALIZED VIEW kept AS SELECT * FROM t;
GRANT SELECT ON of_other TO ddl_share_owner;
SET ROLE ddl_share_owner;
CREATE VIEW mine AS SELECT * FROM t;
CREATE VIEW mine_on_others AS SELECT t.k FROM t JOIN of_other USING (k);
CREATE VIEW of_group AS SELECT * FROM t;
ALTER VIEW of_group OWNER TO ddl_share_group;
CREATE VIEW mine_on_group AS SELECT * FROM of_group;
\set VERBOSITY default
SELECT create_distributed_table('t', 'k');
\set VERBOSITY terse
INSERT INTO t VALUES (1, 2);
SELECT * FROM mine NATURAL JOIN mine_on_others NATURAL JOIN of_other;
RESET ROLE;
SELECT view, nodes_with(view) > 0 AS elsewhere FROM unnest('{of_other,on_top,mine,mine_on_others,of_group,mine_on_group}'::text[]) view;
SELECT objid::regclass FROM pg_dist_object WHERE classid = 'pg_class'::regclass AND objid::regclass::text ~ 'mine|other' ORDER BY 1;
-- What stays stays as it is; new views on it do, too.
SET ROLE ddl_share_owner;
CREATE VIEW later AS SELECT k FROM of_other;
CREATE OR REPLACE VIEW mine AS SELECT k, v, 3 AS w FROM t;
SET ROLE ddl_share_other;
ALTER VIEW of_other RENAME COLUMN v TO w;
GRANT SELECT ON of_other TO ddl_share_group;
-- Its owner brings it to all nodes.
CREATE OR REPLACE VIEW of_other AS SELECT k, v AS w FROM t;
CREATE OR REPLACE FUNCTION of_row(t) RETURNS int LANGUAGE sql AS 'SELECT $1.v';
RESET ROLE;
SELECT nodes_with('of_other') > 0 AS elsewhere, nodes_with('later') > 0 AS later;
SET ROLE ddl_share_owner;
SELECT of_row(t) FROM t;
-- A superuser carries whatever there is, as its owner's.
SELECT undistribute_table('t');
RESET ROLE;
SELECT create_distributed_table('ddl_share.t', 'k');
SELECT view, nodes_with(view) > 0 AS elsewhere FROM unnest('{of_other,on_top,mine,mine_on_others,of_group,mine_on_group,later}'::text[]) view;
SELECT DISTINCT result FROM run_command_on_workers($$SELECT string_agg(relname || ' ' || relowner::regrole, ', ' ORDER BY relname)
  FROM pg_class WHERE relkind = 'v' AND relnamespace = 'ddl_share'::regnamespace$$);
-- A plain role's objects of all kinds are shared without a word.
SET ROLE ddl_share_owner;
CREATE TYPE pair AS (a int, b int);
CREATE TYPE mood AS ENUM ('good');
CREATE DOMAIN few AS int CHECK (VALUE < 10);
CREATE SEQUENCE numbers;
CREATE FUNCTION sum_of(pair, mood, few) RETURNS int LANGUAGE sql AS 'SELECT $1.a + $1.b + $3';
CREATE VIEW sums AS SELECT sum_of((1, 2), 'good', 3), nextval('numbers');
RESET ROLE;
SELECT nodes_with('sums') > 0 AS elsewhere;
SET client_min_messages = warning;
DROP SCHEMA ddl_share CASCADE;
DROP ROLE ddl_share_owner, ddl_share_other, ddl_share_group;
