-- Sizes, and the views over tables and shards.  Every question goes to each node once, whatever the number of shards.

CREATE FUNCTION altius_internal.shard_oid(relation regclass, shard_id bigint) RETURNS regclass
  LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'altius_shard_oid';

-- Sizes of the shards on this node.
CREATE FUNCTION altius_internal.local_shard_sizes(
  of_table regclass DEFAULT NULL, OUT shardid bigint, OUT main bigint, OUT whole_table bigint, OUT total bigint)
  RETURNS SETOF record LANGUAGE sql STABLE
  BEGIN ATOMIC
    SELECT s.shardid, pg_relation_size(relation.oid), pg_table_size(relation.oid), pg_total_relation_size(relation.oid)
    FROM pg_catalog.pg_dist_shard s
    JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
    JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
    CROSS JOIN LATERAL (SELECT altius_internal.shard_oid(s.logicalrelid, s.shardid)) relation (oid)
    WHERE of_table IS NULL OR s.logicalrelid = of_table;
  END;

-- The same from all nodes; `of_table` is a table's quoted name.
CREATE FUNCTION altius_internal.shard_sizes(
  of_table text DEFAULT NULL, strict boolean DEFAULT true, OUT nodeid integer, OUT shardid bigint, OUT main bigint, OUT whole_table bigint,
  OUT total bigint)
  RETURNS SETOF record LANGUAGE sql VOLATILE
  BEGIN ATOMIC
    SELECT asked.nodeid, it.shardid, it.main, it.whole_table, it.total
    FROM altius_internal.ask_all_nodes(format(
      'SELECT pg_catalog.json_agg(it) FROM altius_internal.local_shard_sizes(%L) it', of_table), strict) asked
    CROSS JOIN LATERAL json_to_recordset(asked.result::json)
      AS it (shardid bigint, main bigint, whole_table bigint, total bigint);
  END;

CREATE FUNCTION altius_internal.qualified_name(relation regclass) RETURNS text LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  SELECT format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
  WHERE c.oid = relation;
END;

CREATE FUNCTION altius_internal.require_table(relation regclass) RETURNS regclass LANGUAGE plpgsql STABLE STRICT
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = relation) THEN
    RAISE EXCEPTION 'relation "%" is not a distributed table', coalesce((SELECT relname FROM pg_class WHERE oid = relation), relation::text)
      USING ERRCODE = 'wrong_object_type';
  END IF;
  RETURN relation;
END $$;

CREATE FUNCTION pg_catalog.citus_table_size(logicalrelid regclass) RETURNS bigint LANGUAGE sql VOLATILE STRICT
BEGIN ATOMIC
  SELECT coalesce(sum(whole_table), 0)::bigint
  FROM altius_internal.shard_sizes(altius_internal.qualified_name(altius_internal.require_table($1)));
END;
COMMENT ON FUNCTION pg_catalog.citus_table_size(regclass) IS 'bytes on disk of the shards, without indexes';

CREATE FUNCTION pg_catalog.citus_relation_size(logicalrelid regclass) RETURNS bigint LANGUAGE sql VOLATILE STRICT
BEGIN ATOMIC
  SELECT coalesce(sum(main), 0)::bigint
  FROM altius_internal.shard_sizes(altius_internal.qualified_name(altius_internal.require_table($1)));
END;
COMMENT ON FUNCTION pg_catalog.citus_relation_size(regclass) IS 'bytes on disk of the main forks of the shards';

CREATE FUNCTION pg_catalog.citus_total_relation_size(logicalrelid regclass, fail_on_error boolean DEFAULT true)
  RETURNS bigint LANGUAGE sql VOLATILE STRICT
BEGIN ATOMIC
  SELECT coalesce(sum(total), 0)::bigint
  FROM altius_internal.shard_sizes(altius_internal.qualified_name(altius_internal.require_table($1)), $2);
END;
COMMENT ON FUNCTION pg_catalog.citus_total_relation_size(regclass, boolean)
  IS 'bytes on disk of the shards, with indexes and TOAST';

CREATE FUNCTION pg_catalog.citus_shard_sizes(OUT shard_id integer, OUT size bigint) RETURNS SETOF record
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC SELECT shardid::integer, total FROM altius_internal.shard_sizes(); END;
COMMENT ON FUNCTION pg_catalog.citus_shard_sizes() IS 'bytes on disk of each copy of each shard';

CREATE FUNCTION altius_internal.table_type(method "char", replication "char", colocation integer, relation regclass)
  RETURNS text LANGUAGE sql STABLE
  BEGIN ATOMIC
    SELECT CASE
      WHEN method <> 'n' THEN 'distributed'
      WHEN replication = 't' THEN 'reference'
      WHEN colocation = 0 THEN 'local'
      WHEN EXISTS (SELECT FROM pg_catalog.pg_dist_schema s WHERE s.colocationid = colocation) THEN 'schema'
      ELSE 'distributed' END;
  END;

-- The distribution column by its number in the stored node tree.
CREATE FUNCTION pg_catalog.column_to_column_name(table_name regclass, column_var_text text) RETURNS text
  LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.column_to_column_name(regclass, text) IS 'name of the column in pg_dist_partition.partkey';

CREATE VIEW citus.citus_tables AS
  SELECT t.logicalrelid AS table_name,
         altius_internal.table_type(t.partmethod, t.repmodel, t.colocationid, t.logicalrelid) AS citus_table_type,
         coalesce(pg_catalog.column_to_column_name(t.logicalrelid, t.partkey), '<none>') AS distribution_column,
         t.colocationid AS colocation_id,
         pg_catalog.pg_size_pretty(coalesce(sizes.size, 0)) AS table_size,
         (SELECT count(*) FROM pg_catalog.pg_dist_shard s WHERE s.logicalrelid = t.logicalrelid) AS shard_count,
         pg_catalog.pg_get_userbyid(c.relowner) AS table_owner,
         a.amname AS access_method
  FROM pg_catalog.pg_dist_partition t
  JOIN pg_catalog.pg_class c ON c.oid = t.logicalrelid
  LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
  LEFT JOIN (
    SELECT s.logicalrelid, sum(it.total)::bigint AS size
    FROM altius_internal.shard_sizes(strict => false) it JOIN pg_catalog.pg_dist_shard s USING (shardid)
    GROUP BY s.logicalrelid
  ) sizes ON sizes.logicalrelid = t.logicalrelid
  WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = t.logicalrelid AND d.deptype = 'e')
  ORDER BY t.logicalrelid::text;

CREATE VIEW citus.citus_shards AS
  SELECT s.logicalrelid AS table_name, s.shardid, pg_catalog.shard_name(s.logicalrelid, s.shardid) AS shard_name,
         altius_internal.table_type(t.partmethod, t.repmodel, t.colocationid, t.logicalrelid) AS citus_table_type,
         t.colocationid AS colocation_id, n.nodename, n.nodeport, sizes.size AS shard_size
  FROM pg_catalog.pg_dist_shard s
  JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
  JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
  JOIN pg_catalog.pg_dist_partition t ON t.logicalrelid = s.logicalrelid
  LEFT JOIN (
    SELECT shardid, max(total) AS size FROM altius_internal.shard_sizes(strict => false) GROUP BY shardid
  ) sizes ON sizes.shardid = s.shardid
  WHERE p.shardstate = 1
  ORDER BY s.logicalrelid::text, s.shardid, n.nodename, n.nodeport;

CREATE VIEW citus.pg_dist_shard_placement AS
  SELECT p.shardid, p.shardstate, p.shardlength, n.nodename, n.nodeport, p.placementid
  FROM pg_catalog.pg_dist_placement p
  JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary';

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['citus_tables', 'citus_shards', 'pg_dist_shard_placement'] LOOP
    EXECUTE format('ALTER VIEW citus.%I SET SCHEMA pg_catalog', name);
  END LOOP;
END $$;
