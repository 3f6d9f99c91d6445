-- Values of other types than the key's find its shard, or all shards are asked; keys that nodes would hash differently are refused.
\set SHOW_CONTEXT never
CREATE SCHEMA planner_key_types;
CREATE SCHEMA planner_key_types_plain;
SET search_path TO planner_key_types;
SET citus.shard_count TO 8;
CREATE DOMAIN real_domain AS float4;
CREATE DOMAIN name_domain AS name;
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE texts AS SELECT 'x' || g AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE names AS SELECT ('x' || g)::name AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE name_domains AS SELECT ('x' || g)::name_domain AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE floats AS SELECT (g * 0.5)::float8 AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE reals AS SELECT (g * 0.1)::float4 AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE real_domains AS SELECT (g * 0.1)::real_domain AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE bigints AS SELECT g::bigint AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE chars AS SELECT ('x' || g)::char(5) AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE pairs AS SELECT (g, 'x' || g)::pair AS k, g AS v FROM generate_series(1, 20) g;
CREATE TABLE moods AS SELECT (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::mood AS k, g AS v FROM generate_series(1, 20) g;
SET client_min_messages TO warning;
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY '{texts,names,name_domains,floats,reals,real_domains,bigints,chars,pairs,moods}'::text[] LOOP
    EXECUTE format('CREATE TABLE planner_key_types_plain.%1$s AS TABLE planner_key_types.%1$s', name);
    PERFORM create_distributed_table(name::regclass, 'k', colocate_with => 'none');
  END LOOP; END $$;
RESET client_min_messages;
CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql AS $$ SELECT testing.compare($1, 'planner_key_types, public', 'planner_key_types_plain, planner_key_types, public') $$;
\pset format unaligned
\pset tuples_only on

SELECT twin($$SELECT v FROM floats WHERE k = 2::float4$$);
SELECT twin($$SELECT v FROM floats WHERE k = ANY ('{2,3}'::float4[])$$);
SELECT twin($$SELECT v FROM floats WHERE k = 2.5::numeric$$);
SELECT twin($$SELECT v FROM reals WHERE k = 0.5::float8$$);
SELECT twin($$SELECT v FROM real_domains WHERE k = 0.5::float8$$);
SELECT twin($$SELECT v FROM real_domains WHERE k = 0.1::float4$$);
SELECT twin($$SELECT v FROM real_domains WHERE k = 0.1::real_domain$$);
SELECT twin($$SELECT v FROM names WHERE k = 'x3'::varchar$$);
SELECT twin($$SELECT v FROM names WHERE k = 'x3'::text$$);
SELECT twin($$SELECT v FROM names WHERE k = 'x3'::name_domain$$);
SELECT twin($$SELECT v FROM names WHERE k = 'x3'::bpchar$$);
SELECT twin($$SELECT v FROM names WHERE k IN ('x3'::varchar, 'x4'::varchar)$$);
SELECT twin($$SELECT v FROM names WHERE k = ANY ('{x3,x4}'::varchar[])$$);
SELECT twin($$SELECT v FROM names WHERE (k, v) = ('x3'::varchar, 3)$$);
SELECT twin($$SELECT v FROM name_domains WHERE k = 'x3'::varchar$$);
SELECT twin($$SELECT v FROM name_domains WHERE k = 'x3'::name$$);
SELECT twin($$SELECT v FROM texts WHERE k = 'x3'::name_domain$$);
SELECT twin($$SELECT v FROM texts WHERE k = 'x3'::name$$);
SELECT twin($$SELECT v FROM texts WHERE k = ANY (ARRAY['x3'::name_domain])$$);
SELECT twin($$SELECT v FROM texts WHERE k = ANY ('{x3,x4}'::name[])$$);
SELECT twin($$SELECT v FROM texts WHERE k = 'x3  '::bpchar$$);
SELECT twin($$SELECT v FROM bigints WHERE k = ANY ('{3,4}'::int2[])$$);
SELECT twin($$SELECT v FROM bigints WHERE k = 3::numeric$$);
SELECT twin($$SELECT v FROM chars WHERE k = 'x3'::varchar$$);
SELECT twin($$SELECT v FROM chars WHERE k = 'x3'::name$$);
SELECT twin($$UPDATE names SET v = 0 WHERE k = 'x3'::varchar RETURNING k$$);
SELECT twin($$UPDATE texts SET v = 0 WHERE k = 'x3'::name_domain RETURNING k$$);
SELECT twin($$UPDATE floats SET v = 0 WHERE k = 2::float4 RETURNING k$$);
SELECT twin($$DELETE FROM name_domains WHERE k = 'x3'::varchar RETURNING k$$);
SELECT twin($$SELECT count(*) FROM names n JOIN texts t ON n.k = t.k$$);
SELECT twin($$SELECT count(*) FROM floats JOIN reals USING (k)$$);
SELECT twin($$SELECT v FROM pairs WHERE k = (3, 'x3')::pair$$);
SELECT twin($$SELECT v FROM pairs WHERE k = (3, 'x3')$$);
SELECT twin($$SELECT v FROM pairs WHERE k = ROW(3, 'x3'::text)$$);
SELECT twin($$SELECT v FROM pairs WHERE k = ROW(3::bigint, 'x3'::text)$$);
SELECT twin($$SELECT v FROM pairs WHERE k IN ((3, 'x3'::text)::pair, (4, 'x4')::pair)$$);
SELECT twin($$SELECT count(*) FROM moods WHERE k = 'sad'$$);
SELECT twin($$SELECT k, count(*) FROM moods GROUP BY k$$);
PREPARE by_varchar(varchar) AS SELECT v FROM names WHERE k = $1;
EXECUTE by_varchar('x3');
PREPARE by_real(float4) AS SELECT v FROM floats WHERE k = $1;
EXECUTE by_real(2);
PREPARE by_domain(name_domain) AS SELECT v FROM texts WHERE k = $1;
EXECUTE by_domain('x3');

-- An enum's values are found by their labels, a composite's by its attributes: neither may change under a key.
ALTER TYPE mood RENAME VALUE 'sad' TO 'sadder';
ALTER TYPE mood ADD VALUE 'sadder' BEFORE 'sad';
ALTER TYPE pair ADD ATTRIBUTE c int CASCADE;
ALTER TYPE pair RENAME ATTRIBUTE b TO c;
SELECT count(*) FROM moods WHERE k = 'sad';

-- Numbers of objects and of enum values differ between nodes.
CREATE TYPE felt AS (at int, how mood);
CREATE DOMAIN mood_domain AS mood;
CREATE TABLE keys (class regclass, moods mood[], felt felt, felts felt[], mood mood_domain);
SELECT create_distributed_table('keys', 'class');
SELECT create_distributed_table('keys', 'moods');
SELECT create_distributed_table('keys', 'felt');
SELECT create_distributed_table('keys', 'felts');
SELECT create_distributed_table('keys', 'mood');

-- Whose number is meant: a name's number is this node's.
INSERT INTO keys (mood, class) VALUES ('ok', 'keys'), ('happy', 'texts');
INSERT INTO keys (mood, class) SELECT 'sad', 'texts' FROM moods WHERE v = 1;
COPY keys (mood, class) FROM stdin;
ok	texts
\.
SELECT mood, class, class::oid = 'texts'::regclass, class = 'texts'::regclass, class::oid::regclass FROM keys ORDER BY 1, 2;
PREPARE of_class(regclass) AS SELECT count(*) FROM keys WHERE class = $1;
EXECUTE of_class('texts');

SET client_min_messages TO warning;
DROP SCHEMA planner_key_types, planner_key_types_plain CASCADE;
