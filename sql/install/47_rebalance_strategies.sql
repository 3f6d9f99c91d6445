-- Strategies of the rebalancer: what a shard group costs, what a node can carry, which may lie where.

CREATE FUNCTION pg_catalog.citus_shard_cost_1(bigint) RETURNS real
  LANGUAGE sql IMMUTABLE STRICT
  BEGIN ATOMIC SELECT 1.0::real; END;
COMMENT ON FUNCTION pg_catalog.citus_shard_cost_1(bigint) IS 'cost function: every shard group costs the same';

CREATE FUNCTION pg_catalog.citus_shard_cost_by_disk_size(bigint) RETURNS real
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT (pg_size_bytes(current_setting('citus.rebalancer_by_disk_size_base_cost')) + coalesce(sum(sizes.size), 0))::real
    FROM pg_dist_shard asked
    JOIN pg_dist_partition asked_table USING (logicalrelid)
    JOIN pg_dist_partition member ON member.logicalrelid = asked.logicalrelid
      OR (member.colocationid = asked_table.colocationid AND asked_table.colocationid <> 0)
    JOIN pg_dist_shard beside ON beside.logicalrelid = member.logicalrelid
      AND beside.shardminvalue IS NOT DISTINCT FROM asked.shardminvalue
    JOIN (SELECT shard_id, max(size) AS size FROM citus_shard_sizes() GROUP BY shard_id) sizes
      ON sizes.shard_id = beside.shardid
    WHERE asked.shardid = $1;
  END;
COMMENT ON FUNCTION pg_catalog.citus_shard_cost_by_disk_size(bigint)
  IS 'cost function: bytes on disk of the shard group, and a base cost for each';

CREATE FUNCTION pg_catalog.citus_node_capacity_1(integer) RETURNS real
  LANGUAGE sql IMMUTABLE STRICT
  BEGIN ATOMIC SELECT 1.0::real; END;
COMMENT ON FUNCTION pg_catalog.citus_node_capacity_1(integer) IS 'capacity function: all nodes can carry the same';

CREATE FUNCTION pg_catalog.citus_shard_allowed_on_node_true(bigint, integer) RETURNS boolean
  LANGUAGE sql IMMUTABLE STRICT
  BEGIN ATOMIC SELECT true; END;
COMMENT ON FUNCTION pg_catalog.citus_shard_allowed_on_node_true(bigint, integer)
  IS 'placement function: any shard may lie on any node';

CREATE FUNCTION pg_catalog.altius_shard_cost_by_load(bigint) RETURNS real
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT (1 + coalesce(sum(measured.load), 0))::real
    FROM pg_catalog.pg_dist_shard asked
    JOIN pg_catalog.pg_dist_partition asked_table USING (logicalrelid)
    JOIN pg_catalog.pg_dist_partition member ON member.logicalrelid = asked.logicalrelid
      OR (member.colocationid = asked_table.colocationid AND asked_table.colocationid <> 0)
    JOIN pg_catalog.pg_dist_shard beside ON beside.logicalrelid = member.logicalrelid
      AND beside.shardminvalue IS NOT DISTINCT FROM asked.shardminvalue
    JOIN pg_catalog.altius_shard_load measured ON measured.shardid = beside.shardid
    WHERE asked.shardid = $1;
  END;
COMMENT ON FUNCTION pg_catalog.altius_shard_cost_by_load(bigint)
  IS 'cost function: measured load of the shard group, see altius_measure_load';

CREATE TABLE citus.pg_dist_rebalance_strategy (
  name name NOT NULL PRIMARY KEY,
  default_strategy boolean NOT NULL DEFAULT false,
  shard_cost_function regproc NOT NULL,
  node_capacity_function regproc NOT NULL,
  shard_allowed_on_node_function regproc NOT NULL,
  default_threshold real NOT NULL,
  minimum_threshold real NOT NULL DEFAULT 0,
  improvement_threshold real NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX pg_dist_rebalance_strategy_default ON citus.pg_dist_rebalance_strategy (default_strategy)
  WHERE default_strategy;

INSERT INTO citus.pg_dist_rebalance_strategy VALUES
  ('by_shard_count', false, 'pg_catalog.citus_shard_cost_1', 'pg_catalog.citus_node_capacity_1',
   'pg_catalog.citus_shard_allowed_on_node_true', 0, 0, 0),
  ('by_disk_size', true, 'pg_catalog.citus_shard_cost_by_disk_size', 'pg_catalog.citus_node_capacity_1',
   'pg_catalog.citus_shard_allowed_on_node_true', 0.1, 0.01, 0.5),
  ('by_load', false, 'pg_catalog.altius_shard_cost_by_load', 'pg_catalog.citus_node_capacity_1',
   'pg_catalog.citus_shard_allowed_on_node_true', 0.15, 0.01, 0.5);

-- Strategies of users ---------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_catalog.citus_validate_rebalance_strategy_functions(
  shard_cost_function regproc, node_capacity_function regproc, shard_allowed_on_node_function regproc)
  RETURNS void LANGUAGE plpgsql STABLE
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT wanted.what, wanted.signature, wanted.function,
           found.prokind = 'f' AND NOT found.proretset AND found.proargtypes::text = wanted.arguments
             AND found.prorettype = wanted.result AS fits
    FROM (VALUES
        ('shard_cost_function', shard_cost_function, '20', 'real'::regtype, '(bigint) returns real'),
        ('node_capacity_function', node_capacity_function, '23', 'real'::regtype, '(integer) returns real'),
        ('shard_allowed_on_node_function', shard_allowed_on_node_function, '20 23', 'boolean'::regtype,
         '(bigint, integer) returns boolean'))
      AS wanted (what, function, arguments, result, signature)
    LEFT JOIN pg_catalog.pg_proc found ON found.oid = wanted.function
  LOOP
    IF given.fits IS NOT TRUE THEN
      RAISE EXCEPTION '% does not fit: %', given.what, coalesce(nullif(given.function, 0::oid)::regprocedure::text, 'none')
        USING ERRCODE = 'invalid_function_definition', HINT = format('It must be a function %s.', given.signature);
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION pg_catalog.citus_validate_rebalance_strategy_functions(regproc, regproc, regproc)
  IS 'raises an error unless the functions have the signatures that a rebalance strategy needs';

CREATE FUNCTION altius_internal.check_rebalance_strategy() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_catalog.citus_validate_rebalance_strategy_functions(
    NEW.shard_cost_function, NEW.node_capacity_function, NEW.shard_allowed_on_node_function);
  IF NEW.minimum_threshold < 0 OR NEW.improvement_threshold < 0 OR NEW.default_threshold < NEW.minimum_threshold THEN
    RAISE EXCEPTION 'thresholds of rebalance strategy "%" do not fit', NEW.name
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'None may be below 0, and default_threshold not below minimum_threshold.';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER check_rebalance_strategy BEFORE INSERT OR UPDATE ON citus.pg_dist_rebalance_strategy
  FOR EACH ROW EXECUTE FUNCTION altius_internal.check_rebalance_strategy();

ALTER TABLE citus.pg_dist_rebalance_strategy SET SCHEMA pg_catalog;

CREATE FUNCTION pg_catalog.citus_add_rebalance_strategy(
  name name, shard_cost_function regproc, node_capacity_function regproc, shard_allowed_on_node_function regproc,
  default_threshold real, minimum_threshold real DEFAULT 0, improvement_threshold real DEFAULT 0)
  RETURNS void LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC INSERT INTO pg_catalog.pg_dist_rebalance_strategy VALUES ($1, false, $2, $3, $4, $5, $6, $7); END;
COMMENT ON FUNCTION pg_catalog.citus_add_rebalance_strategy(name, regproc, regproc, regproc, real, real, real)
  IS 'adds a strategy that citus_rebalance_start can be told to use';

-- The index allows one default at any moment, so the old one goes first.
CREATE FUNCTION pg_catalog.citus_set_default_rebalance_strategy(name text) RETURNS void LANGUAGE plpgsql VOLATILE STRICT
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  LOCK TABLE pg_catalog.pg_dist_rebalance_strategy IN SHARE ROW EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_dist_rebalance_strategy s WHERE s.name::text = $1) THEN
    RAISE EXCEPTION 'rebalance strategy "%" does not exist', $1
      USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM pg_dist_rebalance_strategy shows them.';
  END IF;
  UPDATE pg_catalog.pg_dist_rebalance_strategy SET default_strategy = false WHERE default_strategy;
  UPDATE pg_catalog.pg_dist_rebalance_strategy s SET default_strategy = true WHERE s.name::text = $1;
END $$;
COMMENT ON FUNCTION pg_catalog.citus_set_default_rebalance_strategy(text)
  IS 'the strategy that is used when none is named';
