-- Four ordinary tables.
-- Nothing here is special: primary keys, foreign keys, types and defaults are PostgreSQL's own.
CREATE TABLE sections (
  name  text PRIMARY KEY,
  title text NOT NULL
);

CREATE TABLE priorities (
  name    text PRIMARY KEY,
  rank    int NOT NULL,
  meaning text
);

CREATE TABLE packages (
  name           text PRIMARY KEY,
  version        text NOT NULL,
  section        text NOT NULL REFERENCES sections,
  priority       text NOT NULL REFERENCES priorities,
  architecture   text NOT NULL,
  installed_size bigint,  -- kB
  download_size  bigint,  -- bytes
  maintainer     text,
  homepage       text,
  summary        text
);

CREATE TABLE dependencies (
  package        text NOT NULL REFERENCES packages,
  kind           text NOT NULL,
  position       int NOT NULL,
  alternative    int NOT NULL,
  depends_on     text NOT NULL,
  version_wanted text,
  PRIMARY KEY (package, kind, position, alternative)
);

CREATE INDEX ON dependencies (depends_on);
