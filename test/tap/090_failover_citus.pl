# SPDX-License-Identifier: PostgreSQL
# Failovers in Patroni's Citus mode, with etcd and Patroni as they are: every scenario once, on one cluster.  It is written in
# Python, where the clients are threads; this hands its TAP on.  `test/run failover-long` measures.

use strict;
use warnings;
use File::Basename qw(dirname);

exec "/usr/bin/python3", dirname(__FILE__) . '/../failover/run', '--layout', 'citus' or die "test/failover/run: $!";
