-- What the run calls after statements that may have made tables: a hashable column of each new plain table becomes its distribution
-- column, `but` for those that will have to do with inheritance.  On a server without the extension it only takes notice of them, so
-- that both sides do nearly the same.
CREATE SCHEMA pgregress;
CREATE SEQUENCE pgregress.seen MINVALUE 0 START 0;  -- up to which oid; a table would have a part in serializable transactions

CREATE FUNCTION pgregress.hashable(of oid) RETURNS bool LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  it record;
BEGIN
  SELECT t.* INTO it FROM pg_type t WHERE t.oid = of;
  IF it.typtype = 'd' THEN RETURN pgregress.hashable(it.typbasetype); END IF;
  IF it.typcategory = 'A' AND it.typelem <> 0 THEN RETURN pgregress.hashable(it.typelem); END IF;
  IF it.typtype = 'r' THEN
    RETURN pgregress.hashable((SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = of));
  END IF;
  IF it.typtype = 'c' THEN
    RETURN (SELECT bool_and(pgregress.hashable(a.atttypid)) FROM pg_attribute a
            WHERE a.attrelid = it.typrelid AND a.attnum > 0 AND NOT a.attisdropped);
  END IF;
  RETURN it.typtype = 'e' OR EXISTS (
    SELECT 1 FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
    WHERE m.amname = 'hash' AND o.opcdefault
      AND (o.opcintype = of OR EXISTS (SELECT 1 FROM pg_cast c
                                       WHERE c.castsource = of AND c.casttarget = o.opcintype AND c.castmethod = 'b'
                                         AND c.castcontext = 'i')));
END $$;

-- By the first hashable column that is accepted: uniqueness has to include it, and so have foreign keys.
CREATE FUNCTION pgregress.by_column(of oid) RETURNS bool LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  key name;
BEGIN
  FOR key IN
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = of AND a.attnum > 0 AND NOT a.attisdropped AND pgregress.hashable(a.atttypid) ORDER BY a.attnum
  LOOP
    BEGIN
      PERFORM create_distributed_table(of::regclass, key);
      RETURN true;
    EXCEPTION WHEN OTHERS THEN
      RAISE INFO 'refused % by %: %', of::regclass, key, sqlerrm;
    END;
  END LOOP;
  RETURN false;
END $$;

-- What a user does where a foreign key leads elsewhere than beside the row: the table that it refers to gets a copy on every node.
CREATE FUNCTION pgregress.beside_references(of oid) RETURNS bool LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  other oid;
BEGIN
  FOR other IN
    SELECT DISTINCT c.confrelid FROM pg_constraint c JOIN pg_dist_partition p ON p.logicalrelid = c.confrelid
    WHERE c.conrelid = of AND c.contype = 'f' AND c.confrelid <> of AND p.partmethod = 'h'
  LOOP
    PERFORM undistribute_table(other::regclass);
    PERFORM create_reference_table(other::regclass);
  END LOOP;
  IF NOT FOUND THEN RETURN false; END IF;
  IF NOT pgregress.by_column(of) THEN
    PERFORM create_reference_table(of::regclass);
  END IF;
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  RAISE INFO 'refused %: %', of::regclass, sqlerrm;
  RETURN false;
END $$;

CREATE PROCEDURE pgregress.distribute(but name[]) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  it record;
BEGIN
  FOR it IN
    SELECT c.oid, c.relname FROM pg_class c
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND NOT c.relispartition AND c.oid >= 16384
      AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pgregress'::regnamespace)
      AND c.oid > (SELECT last_value FROM pgregress.seen)
      AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
      AND c.relname <> ALL (but)
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.oid
  LOOP
    PERFORM setval('pgregress.seen', it.oid::bigint);
    CONTINUE WHEN to_regproc('pg_catalog.create_distributed_table') IS NULL;
    IF pgregress.by_column(it.oid) OR pgregress.beside_references(it.oid) THEN
      RAISE INFO 'distributed %', it.relname;
    END IF;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA pgregress TO public;
GRANT SELECT, UPDATE ON SEQUENCE pgregress.seen TO public;
