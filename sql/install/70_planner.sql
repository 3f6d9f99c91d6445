-- Planner: what stands in plans for a fragment, and what it asks of the nodes.

-- Only a mark in a query tree: the planner replaces it by a scan of the fragment before anything can call it.  SQL has no
-- values of type internal, so no statement can write such a mark.
CREATE FUNCTION altius_internal.fragment(leaf internal)
  RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'altius_fragment';

-- The id of the shard that the relation is, by its name; null for other relations.
CREATE FUNCTION altius_internal.shard_of(relation oid)
  RETURNS bigint LANGUAGE c STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_shard_of';

-- The qualified name of the table that a shard's rows belong to; of any other relation, its own.
CREATE FUNCTION altius_internal.table_of(relation oid)
  RETURNS text LANGUAGE c STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_table_of';

-- Its argument, which the planner computes on the asking node because of it.
CREATE FUNCTION altius_internal.computed(value anyelement)
  RETURNS anyelement LANGUAGE c STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_computed';

-- The new row of an UPDATE of the distribution column after the triggers of the table; null: the row is not updated.  It wants a
-- collation for arguments that have none, which the planner can give it and SQL can't.
CREATE FUNCTION altius_internal.update_row(relation oid, shard bigint, place tid, old_row anyelement, new_row anyelement)
  RETURNS anyelement LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'altius_update_row';

-- Of the row that the cursor, a scan of the table, stands on.
CREATE FUNCTION altius_internal.cursor_ctid(cursor refcursor, relation oid)
  RETURNS tid LANGUAGE c STABLE STRICT PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'altius_cursor_ctid';
CREATE FUNCTION altius_internal.cursor_shard(cursor refcursor, relation oid)
  RETURNS bigint LANGUAGE c STABLE STRICT PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'altius_cursor_shard';

-- The place of what a row of the shard has become, if that is here.
CREATE FUNCTION altius_internal.latest_ctid(shard bigint, place tid)
  RETURNS tid LANGUAGE c STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_latest_ctid';

-- Its argument; volatile, so that it is evaluated on the asking node only.
CREATE FUNCTION altius_internal.here(value anyelement)
  RETURNS anyelement LANGUAGE c VOLATILE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_here';

-- Raises that the row does not fit WITH CHECK OPTION; it stands for a value of the row.
CREATE FUNCTION altius_internal.refuse_view_row(view text, value anyelement, relation oid, new_row text[])
  RETURNS anyelement LANGUAGE c VOLATILE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_refuse_view_row';

-- The same of a policy of row security.
CREATE FUNCTION altius_internal.refuse_policy_row(relation text, policy text)
  RETURNS boolean LANGUAGE c VOLATILE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_refuse_policy_row';

-- What another node sends that has checked the user's rights; it proves to be one of the cluster.
CREATE FUNCTION altius_internal.run_with_lent_rights(
  statement text, modifies boolean, target name, unread boolean, types oid[], arguments text[], ticket text)
  RETURNS SETOF record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'altius_run_with_lent_rights';

-- value = ANY (keys), with which nodes leave out rows that find nothing in a join on the asking node.  It looks the value up, and
-- PostgreSQL does not estimate it key by key.
CREATE FUNCTION altius_internal.is_key(value anyelement, keys anyarray)
  RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'altius_is_key';
