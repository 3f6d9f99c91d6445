-- Failover: what the follower of etcd knows, and what it has verified.

-- The last leader of each group that was verified, as this server stored it.
CREATE TABLE altius_internal.ha_group (
  groupid integer NOT NULL PRIMARY KEY,
  etcd numeric NOT NULL,      -- the etcd cluster by which revisions count
  revision bigint NOT NULL,   -- of the leader key
  timeline integer NOT NULL,
  system_id numeric NOT NULL,
  member text NOT NULL,
  stored timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION altius_internal.ha_groups(
  OUT groupid integer, OUT state text, OUT leader text, OUT host text, OUT port integer, OUT timeline integer,
  OUT system_id numeric, OUT epoch bigint, OUT since timestamptz, OUT last_event timestamptz, OUT last_rule text,
  OUT gated boolean, OUT probe text, OUT probes integer, OUT probe_ms double precision, OUT switch_ms double precision,
  OUT paused boolean, OUT synchronous boolean, OUT note text, OUT not_stored text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_ha_groups';

CREATE FUNCTION altius_internal.ha_follower(
  OUT pid integer, OUT following boolean, OUT etcd_state text, OUT etcd_endpoint text, OUT etcd_cluster_id text,
  OUT etcd_revision bigint, OUT etcd_last_contact timestamptz, OUT etcd_reads integer, OUT problem text,
  OUT recorder_problem text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_ha_follower';

-- One row for each group of the cluster; one with nothing but etcd's state while no group is known; none where nothing is
-- followed.
CREATE VIEW citus.altius_ha_status AS
  SELECT g.groupid, g.state, g.leader, g.host, g.port, g.timeline, g.epoch, g.since, g.gated, g.probe, g.probes, g.probe_ms,
         g.switch_ms, g.last_event, g.last_rule, g.system_id, g.paused, g.synchronous,
         f.following, f.etcd_state, f.etcd_endpoint, f.etcd_cluster_id, f.etcd_revision, f.etcd_last_contact, f.etcd_reads,
         nullif(concat_ws('; ', f.problem, f.recorder_problem, g.note, g.not_stored,
                          CASE WHEN NOT g.synchronous AND g.state <> 'unknown'
                               THEN 'synchronous_mode is off: a failover can lose what was committed' END), '') AS problem
  FROM altius_internal.ha_follower() f LEFT JOIN altius_internal.ha_groups() g ON true
  ORDER BY g.groupid;
ALTER VIEW citus.altius_ha_status SET SCHEMA pg_catalog;
COMMENT ON VIEW pg_catalog.altius_ha_status IS 'what this server knows of the leader of each group';

CREATE FUNCTION pg_catalog.altius_ha_forget(groupid integer DEFAULT NULL) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_ha_forget';
COMMENT ON FUNCTION pg_catalog.altius_ha_forget(integer)
  IS 'look at a group (null: all) as if it had never been seen, on this server: after it was made anew on purpose';
