-- Who distributes another role's table that has rows calls nothing of its owner's with his own rights.
\set VERBOSITY terse
SET client_min_messages = warning;
SET citus.shard_count = 4;
CREATE ROLE rights_distribute_mallory LOGIN;
CREATE SCHEMA rights_distribute AUTHORIZATION rights_distribute_mallory;
SET search_path = rights_distribute;
-- Here and on all nodes the function says who calls it.
SET SESSION AUTHORIZATION rights_distribute_mallory;
CREATE FUNCTION passes(v int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF current_user <> 'rights_distribute_mallory' THEN RAISE EXCEPTION 'called as %', current_user; END IF;
  RETURN true;
END $$;
CREATE FUNCTION twice(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN CASE WHEN rights_distribute.passes(v) THEN 2 * v END;
END $$;
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'trigger % called as %', tg_name, current_user;
END $$;
CREATE DOMAIN number AS int CHECK (passes(value));
CREATE TYPE pair AS (a number, b text);
CREATE TABLE checked (id int PRIMARY KEY, v int CHECK (passes(v)));
CREATE TABLE computed (id int, v int, w int GENERATED ALWAYS AS (twice(v)) STORED);
CREATE TABLE indexed (id int, v int);
CREATE INDEX ON indexed (twice(v));
CREATE INDEX ON indexed (v) WHERE passes(v);
CREATE TABLE domains (id int, v number, p pair, l number[]);
CREATE TABLE parts (id int, v int) PARTITION BY RANGE (twice(v));
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE guarded (id int, v int);
CREATE TABLE refers (id int, v int REFERENCES checked DEFERRABLE INITIALLY DEFERRED, w int CHECK (passes(w)));
CREATE TABLE dangling (id int, v int);
INSERT INTO checked SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO computed SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO indexed SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO domains SELECT g, g, ROW(g, 'b')::pair, ARRAY[g, 1] FROM generate_series(1, 20) g;
INSERT INTO parts SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO guarded SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO refers SELECT g, g, g FROM generate_series(1, 20) g;
INSERT INTO dangling VALUES (1, -1);
ALTER TABLE dangling ADD FOREIGN KEY (v) REFERENCES checked NOT VALID;
CREATE TRIGGER on_truncate BEFORE TRUNCATE ON guarded FOR EACH STATEMENT EXECUTE FUNCTION fired();
CREATE TRIGGER on_row BEFORE INSERT OR DELETE ON guarded FOR EACH ROW EXECUTE FUNCTION fired();
RESET SESSION AUTHORIZATION;

SELECT create_reference_table('checked');
SELECT create_distributed_table('computed', 'id', colocate_with => 'none');
SELECT create_distributed_table('indexed', 'id', colocate_with => 'none');
SELECT create_distributed_table('domains', 'id', colocate_with => 'none');
SELECT create_distributed_table('parts', 'id', colocate_with => 'none');
SELECT create_distributed_table('guarded', 'id', colocate_with => 'none');
SELECT create_distributed_table('refers', 'id', colocate_with => 'none');
-- Keys are looked at: what they lead to may have gone while only one of the tables was distributed.
SELECT create_distributed_table('dangling', 'id', colocate_with => 'none');
SELECT (SELECT sum(v) FROM checked), (SELECT sum(w) FROM computed), (SELECT count(*) FROM indexed), (SELECT count(p) FROM domains),
  (SELECT count(*) FROM parts), (SELECT count(*) FROM guarded), (SELECT count(*) FROM refers);
SELECT alter_distributed_table('computed', shard_count => 6);
SELECT alter_distributed_table('domains', shard_count => 6);
SELECT undistribute_table('indexed');
SELECT undistribute_table('parts');
SELECT (SELECT sum(w) FROM computed), (SELECT count(p) FROM domains), (SELECT count(*) FROM indexed), (SELECT count(*) FROM parts);
DROP SCHEMA rights_distribute CASCADE;
DROP ROLE rights_distribute_mallory;
