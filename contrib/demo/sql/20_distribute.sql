-- Four function calls make them tables of the cluster.
-- Sections and priorities are small and joined with everything: a copy on every node.  Packages are cut by the hash of
-- their name into 32 shards, and the dependencies of a package lie beside it, so that both are joined without the network.
SELECT create_reference_table('sections');
SELECT create_reference_table('priorities');
SELECT create_distributed_table('packages', 'name');
SELECT create_distributed_table('dependencies', 'package', colocate_with => 'packages');
