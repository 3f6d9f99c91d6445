-- The metadata.  PostgreSQL refuses to create relations in pg_catalog, but lets them be moved there; so each one is made
-- in schema citus and moved at the end of this file.

-- Sequences -----------------------------------------------------------------------------------------------------------

CREATE SEQUENCE citus.pg_dist_node_nodeid_seq MINVALUE 1 MAXVALUE 2147483647;
CREATE SEQUENCE citus.pg_dist_groupid_seq MINVALUE 1 MAXVALUE 2147483647;
CREATE SEQUENCE citus.pg_dist_shardid_seq MINVALUE 102008;
CREATE SEQUENCE citus.pg_dist_placement_placementid_seq;
CREATE SEQUENCE citus.pg_dist_colocationid_seq MINVALUE 1 MAXVALUE 2147483647;
CREATE SEQUENCE citus.pg_dist_background_job_job_id_seq;
CREATE SEQUENCE citus.pg_dist_background_task_task_id_seq;
CREATE SEQUENCE citus.pg_dist_cleanup_recordid_seq;
CREATE SEQUENCE citus.pg_dist_operationid_seq;
CREATE SEQUENCE citus.pg_dist_clock_logical_seq;

-- Nodes ---------------------------------------------------------------------------------------------------------------

CREATE TABLE citus.pg_dist_node (
  nodeid integer NOT NULL DEFAULT nextval('citus.pg_dist_node_nodeid_seq') PRIMARY KEY,
  groupid integer NOT NULL DEFAULT nextval('citus.pg_dist_groupid_seq'),
  nodename text NOT NULL,
  nodeport integer NOT NULL DEFAULT 5432,
  noderack text NOT NULL DEFAULT 'default',
  hasmetadata boolean NOT NULL DEFAULT false,
  isactive boolean NOT NULL DEFAULT true,
  noderole pg_catalog.noderole NOT NULL DEFAULT 'primary',
  nodecluster name NOT NULL DEFAULT 'default',
  metadatasynced boolean DEFAULT false,
  shouldhaveshards boolean NOT NULL DEFAULT true,
  nodeisclone boolean NOT NULL DEFAULT false,
  nodeprimarynodeid integer NOT NULL DEFAULT 0,
  UNIQUE (nodename, nodeport),
  CONSTRAINT primaries_are_only_allowed_in_the_default_cluster
    CHECK (nodecluster = 'default' OR noderole <> 'primary')
);
CREATE UNIQUE INDEX pg_dist_node_primary_of_group ON citus.pg_dist_node (groupid) WHERE noderole = 'primary';

CREATE TABLE citus.pg_dist_local_group (
  groupid integer NOT NULL PRIMARY KEY
);
INSERT INTO citus.pg_dist_local_group VALUES (0);

CREATE TABLE citus.pg_dist_node_metadata (
  metadata jsonb NOT NULL
);
INSERT INTO citus.pg_dist_node_metadata VALUES (jsonb_build_object('server_id', gen_random_uuid()));

CREATE TABLE citus.pg_dist_authinfo (
  nodeid integer NOT NULL,
  rolename name NOT NULL,
  authinfo text NOT NULL
);
CREATE UNIQUE INDEX pg_dist_authinfo_identification_index ON citus.pg_dist_authinfo (rolename, nodeid DESC);

-- What a node proves to another one that it is of this cluster, the same on all nodes, but sealed with a key of the server's own.
CREATE TABLE citus.altius_cluster_secret (
  generation integer NOT NULL PRIMARY KEY,
  in_use boolean NOT NULL,
  sealed bytea NOT NULL
);

CREATE TABLE citus.pg_dist_poolinfo (
  nodeid integer NOT NULL PRIMARY KEY,
  poolinfo text NOT NULL
);

-- Tables, shards, placements --------------------------------------------------------------------------------------------

CREATE TABLE citus.pg_dist_colocation (
  colocationid integer NOT NULL PRIMARY KEY,
  shardcount integer NOT NULL,
  replicationfactor integer NOT NULL,
  distributioncolumntype oid NOT NULL,
  distributioncolumncollation oid NOT NULL
);
CREATE INDEX pg_dist_colocation_configuration_index ON citus.pg_dist_colocation
  (shardcount, replicationfactor, distributioncolumntype, distributioncolumncollation);

CREATE TABLE citus.pg_dist_partition (
  logicalrelid regclass NOT NULL,
  partmethod "char" NOT NULL,
  partkey text,
  colocationid integer NOT NULL DEFAULT 0,
  repmodel "char" NOT NULL DEFAULT 'c',
  autoconverted boolean DEFAULT false
);
CREATE UNIQUE INDEX pg_dist_partition_logical_relid_index ON citus.pg_dist_partition (logicalrelid);
CREATE INDEX pg_dist_partition_colocationid_index ON citus.pg_dist_partition (colocationid);

CREATE TABLE citus.pg_dist_shard (
  logicalrelid regclass NOT NULL,
  shardid bigint NOT NULL,
  shardstorage "char" NOT NULL,
  shardminvalue text,
  shardmaxvalue text
);
CREATE UNIQUE INDEX pg_dist_shard_shardid_index ON citus.pg_dist_shard (shardid);
CREATE INDEX pg_dist_shard_logical_relid_index ON citus.pg_dist_shard (logicalrelid);

CREATE TABLE citus.pg_dist_placement (
  placementid bigint NOT NULL DEFAULT nextval('citus.pg_dist_placement_placementid_seq') PRIMARY KEY,
  shardid bigint NOT NULL,
  shardstate integer NOT NULL,
  shardlength bigint NOT NULL,
  groupid integer NOT NULL
);
CREATE UNIQUE INDEX pg_dist_placement_shardid_index ON citus.pg_dist_placement (shardid, groupid);
CREATE INDEX pg_dist_placement_groupid_index ON citus.pg_dist_placement (groupid);

CREATE TABLE citus.pg_dist_schema (
  schemaid oid NOT NULL PRIMARY KEY,
  colocationid integer NOT NULL UNIQUE
);

CREATE TABLE citus.pg_dist_object (
  classid oid NOT NULL,
  objid oid NOT NULL,
  objsubid integer NOT NULL,
  type text,
  object_names text[],
  object_args text[],
  distribution_argument_index integer,
  colocationid integer,
  force_delegation boolean,
  PRIMARY KEY (classid, objid, objsubid)
);

-- Transactions: the commit records of two-phase commit ------------------------------------------------------------------

CREATE TABLE citus.pg_dist_transaction (
  groupid integer NOT NULL,
  gid text NOT NULL,
  outer_xid xid8
);
CREATE UNIQUE INDEX pg_dist_transaction_unique_index ON citus.pg_dist_transaction (groupid, gid);

-- Background jobs and clean-up ------------------------------------------------------------------------------------------

CREATE TABLE citus.pg_dist_background_job (
  job_id bigint NOT NULL DEFAULT nextval('citus.pg_dist_background_job_job_id_seq') PRIMARY KEY,
  state pg_catalog.citus_job_status NOT NULL DEFAULT 'scheduled',
  job_type name NOT NULL,
  description text NOT NULL,
  started_at timestamptz,
  finished_at timestamptz
);

CREATE TABLE citus.pg_dist_background_task (
  job_id bigint NOT NULL REFERENCES citus.pg_dist_background_job (job_id) ON DELETE CASCADE,
  task_id bigint NOT NULL DEFAULT nextval('citus.pg_dist_background_task_task_id_seq') PRIMARY KEY,
  owner regrole NOT NULL DEFAULT CURRENT_USER::regrole,
  pid integer,
  status pg_catalog.citus_task_status NOT NULL DEFAULT 'runnable',
  command text NOT NULL,
  retry_count integer,
  not_before timestamptz,
  message text NOT NULL DEFAULT '',
  nodes_involved integer[],
  UNIQUE (job_id, task_id)
);
CREATE INDEX pg_dist_background_task_status_task_id_index ON citus.pg_dist_background_task (status, task_id);

CREATE TABLE citus.pg_dist_background_task_depend (
  job_id bigint NOT NULL REFERENCES citus.pg_dist_background_job (job_id) ON DELETE CASCADE,
  task_id bigint NOT NULL,
  depends_on bigint NOT NULL,
  PRIMARY KEY (job_id, task_id, depends_on),
  FOREIGN KEY (job_id, task_id) REFERENCES citus.pg_dist_background_task (job_id, task_id) ON DELETE CASCADE,
  FOREIGN KEY (job_id, depends_on) REFERENCES citus.pg_dist_background_task (job_id, task_id) ON DELETE CASCADE
);
CREATE INDEX pg_dist_background_task_depend_task_id ON citus.pg_dist_background_task_depend (job_id, task_id);
CREATE INDEX pg_dist_background_task_depend_depends_on ON citus.pg_dist_background_task_depend (job_id, depends_on);

CREATE TABLE citus.pg_dist_cleanup (
  record_id bigint NOT NULL DEFAULT nextval('citus.pg_dist_cleanup_recordid_seq') PRIMARY KEY,
  operation_id bigint NOT NULL,
  object_type integer NOT NULL,
  object_name text NOT NULL,
  node_group_id integer NOT NULL,
  policy_type integer NOT NULL
);

-- Tables of shards that are on this node, but not in the metadata: parts of a split that goes on, and the whole that they
-- have replaced, until it is dropped.
CREATE TABLE citus.altius_stray_shard (
  shardid bigint NOT NULL PRIMARY KEY,
  logicalrelid regclass NOT NULL
);

-- Colocation groups of tables that were distributed with colocate_with => 'none': no other table joins one unless it names a table
-- of it.  Kept on the coordinator alone, where groups are joined.
CREATE TABLE citus.altius_own_colocation (
  colocationid integer NOT NULL PRIMARY KEY
);

-- Who may read, and the move into pg_catalog -----------------------------------------------------------------------------

DO $$
DECLARE
  relation record;
BEGIN
  FOR relation IN
    SELECT relname, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
    FROM pg_class WHERE relnamespace = 'citus'::regnamespace AND relkind IN ('r', 'S')
  LOOP
    EXECUTE format('ALTER %s citus.%I SET SCHEMA pg_catalog', relation.kind, relation.relname);
  END LOOP;
END $$;
