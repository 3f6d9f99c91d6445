-- Schemas and types.  What users call lies in pg_catalog, what nodes say to each other in altius_internal.
CREATE SCHEMA altius_internal;

CREATE SCHEMA citus;

CREATE TYPE citus.distribution_type AS ENUM ('hash', 'range', 'append');
CREATE TYPE citus.shard_transfer_mode AS ENUM ('auto', 'force_logical', 'block_writes');
CREATE TYPE pg_catalog.noderole AS ENUM ('primary', 'secondary', 'unavailable');
CREATE TYPE pg_catalog.citus_copy_format AS ENUM ('csv', 'binary', 'text');
CREATE TYPE pg_catalog.citus_job_status AS ENUM
  ('scheduled', 'running', 'finished', 'cancelling', 'cancelled', 'failing', 'failed');
CREATE TYPE pg_catalog.citus_task_status AS ENUM
  ('blocked', 'runnable', 'running', 'done', 'cancelling', 'error', 'unscheduled', 'cancelled');
