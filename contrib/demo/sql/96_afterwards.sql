-- And the data?
-- Two groups have other primaries than before, one of them after kill -9.
SELECT count(*), sum(balance), sum(writes) AS writes FROM accounts;
