-- What a server knows of the leaders.
-- Every server watches etcd by itself, standbys too, and checks a new leader before it sends anything there.
SELECT groupid, leader, host, port, state, timeline, etcd_state FROM altius_ha_status;
