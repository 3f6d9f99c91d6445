-- The cluster's secret.  The coordinator hands it to nodes as an argument, in sessions of a superuser that log nothing.

CREATE FUNCTION altius_internal.keep_secret(generation integer, secret bytea, in_use boolean) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_keep_secret';
CREATE FUNCTION altius_internal.use_secret(generation integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_use_secret';
CREATE FUNCTION altius_internal.forget_secrets_before(generation integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_forget_secrets_before';

-- Makes a secret that no other server has, in place of all others.
CREATE FUNCTION altius_internal.new_secret() RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_new_secret';
SELECT altius_internal.new_secret();

-- A row: the secret is to be changed, since somebody left who knows it.
CREATE TABLE altius_internal.secret_rotation (since timestamptz NOT NULL DEFAULT now());

CREATE FUNCTION pg_catalog.altius_rotate_cluster_secret() RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.altius_rotate_cluster_secret()
  IS 'change what nodes prove to each other that they are of this cluster; the number of the new secret';
