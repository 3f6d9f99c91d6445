-- One more table, which will be written to all the time.
-- It lies beside the packages, and it has no primary key: that does not hinder what comes now.
CREATE TABLE downloads (package text NOT NULL, times bigint NOT NULL, last timestamptz);
SELECT create_distributed_table('downloads', 'package', colocate_with => 'packages');
INSERT INTO downloads SELECT name, 0 FROM packages WHERE hashtext(name) % 8 = 0 ORDER BY name LIMIT 2000;
CREATE INDEX ON downloads (package);
