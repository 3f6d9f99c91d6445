# SPDX-License-Identifier: PostgreSQL
# Failovers with a plain Patroni scope for each group: the planned ones, of a worker and of the coordinator.  It is written in
# Python, where the clients are threads; this hands its TAP on.  `test/run failover-long` measures.

use strict;
use warnings;
use File::Basename qw(dirname);

exec "/usr/bin/python3", dirname(__FILE__) . '/../failover/run', '--layout', 'scopes' or die "test/failover/run: $!";
