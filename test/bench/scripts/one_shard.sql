-- SPDX-License-Identifier: PostgreSQL
-- TPC-B among the rows of one branch, by which all four tables are distributed.
\set bid random(1, :scale)
\set aid random((:bid - 1) * 100000 + 1, :bid * 100000)
\set tid random((:bid - 1) * 10 + 1, :bid * 10)
\set delta random(-5000, 5000)
BEGIN;
UPDATE branch_accounts SET abalance = abalance + :delta WHERE bid = :bid AND aid = :aid;
SELECT abalance FROM branch_accounts WHERE bid = :bid AND aid = :aid;
UPDATE branch_tellers SET tbalance = tbalance + :delta WHERE bid = :bid AND tid = :tid;
UPDATE branch_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO branch_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, current_timestamp);
END;
