# SPDX-License-Identifier: PostgreSQL
"""All scenarios by their names.  Each leaves a complete cluster behind, so that they run one after the other and again."""

import leaders
import members
import outages
import rebalances

ALL = {function.__name__.replace("_", "-"): function for function in (
    leaders.switchover_worker, leaders.switchover_coordinator, leaders.crash_worker, leaders.crash_coordinator,
    leaders.crash_two, leaders.restart_worker, leaders.split_brain, leaders.deposed_commits,
    outages.etcd_minority, outages.etcd_stopped, outages.etcd_stopped_without_failsafe, outages.etcd_wiped,
    outages.etcd_compacted, outages.wrong_password, outages.garbage, outages.foreign_cluster,
    members.new_address, members.partition, members.handler_beside, rebalances.rebalance_switchover,
    rebalances.rebalance_crash, members.add_group)}

# What test/run goes through, in one layout each; the rest by name, for they depend on how busy the machine is.  The last one of
# the Citus layout leaves a group more.
ONCE = {
    "citus": ("switchover-worker", "crash-worker", "crash-coordinator", "restart-worker", "split-brain", "etcd-wiped", "etcd-stopped",
              "handler-beside", "new-address", "add-group"),
    "scopes": ("switchover-worker", "switchover-coordinator", "crash-worker", "deposed-commits", "crash-two", "etcd-minority", "etcd-compacted",
               "wrong-password", "garbage", "foreign-cluster"),
}

# What has figures.
TIMED = ("switchover-worker", "switchover-coordinator", "crash-worker", "crash-coordinator", "crash-two", "restart-worker",
         "split-brain")
