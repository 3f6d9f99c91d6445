// SPDX-License-Identifier: PostgreSQL
// Settings known from Citus, with its types, defaults and ranges.  Those with an effect are defined
// by the folder that reads them, before this list is gone through; the others are accepted, so that
// configurations and scripts keep working.
#include "settings.hpp"

#include <climits>

#include "altius/pg/settings.hpp"

namespace altius::entry {
namespace {

constexpr const char* kNoEffect = "Accepted for compatibility; has no effect.";

struct AcceptedBool {
  const char* name;
  bool initial;
  GucContext context;
  int flags;
};
constexpr AcceptedBool kBools[] = {
    {"citus.enable_repartition_joins", false, PGC_USERSET, 0},
    {"citus.enable_local_execution", true, PGC_USERSET, 0},
    {"citus.enable_schema_based_sharding", false, PGC_USERSET, 0},
    {"citus.enable_ddl_propagation", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.explain_all_tasks", false, PGC_USERSET, 0},
    {"citus.log_remote_commands", false, PGC_USERSET, 0},
    {"citus.enable_repartitioned_insert_select", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_recurring_outer_join_pushdown", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_binary_protocol", true, PGC_USERSET, 0},
    {"citus.enable_local_reference_table_foreign_keys", true, PGC_USERSET, 0},
    {"citus.enable_create_role_propagation", true, PGC_USERSET, 0},
    {"citus.enable_alter_role_propagation", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_alter_role_set_propagation", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_create_database_propagation", false, PGC_USERSET, 0},
    {"citus.enable_change_data_capture", false, PGC_USERSET, 0},
    {"citus.enable_unsafe_triggers", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.allow_unsafe_constraints", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.check_available_space_before_move", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_deadlock_prevention", true, PGC_USERSET, 0},
    {"citus.log_local_commands", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_stat_counters", false, PGC_SUSET, 0},
    {"citus.enable_version_checks", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.force_max_query_parallelization", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_single_hash_repartition_joins", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_non_colocated_router_query_pushdown", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_fast_path_router_planner", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_local_fast_path_query_optimization", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.writable_standby_coordinator", false, PGC_USERSET, 0},
    {"citus.all_modifications_commutative", false, PGC_USERSET, 0},
    {"citus.allow_modifications_from_workers_to_replicated_tables", true, PGC_USERSET,
     GUC_NO_SHOW_ALL},
    {"citus.use_citus_managed_tables", false, PGC_USERSET, 0},
    {"citus.enable_alter_database_owner", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_create_type_propagation", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_metadata_sync", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.skip_constraint_validation", false, PGC_SUSET, 0},
    {"citus.skip_jsonb_validation_in_copy", true, PGC_USERSET, 0},
    {"citus.propagate_session_settings_for_loopback_connection", false, PGC_USERSET,
     GUC_NO_SHOW_ALL},
    {"citus.log_distributed_deadlock_detection", false, PGC_SIGHUP, GUC_NO_SHOW_ALL},
    {"citus.explain_distributed_queries", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.log_multi_join_order", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.log_intermediate_results", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.override_table_visibility", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_manual_changes_to_shards", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_procedure_transaction_skip", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_cost_based_connection_establishment", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.prevent_incomplete_connection_establishment", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.subquery_pushdown", false, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.enable_router_execution", true, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.replicate_reference_tables_on_activate", true, PGC_USERSET, GUC_NO_SHOW_ALL},
};

struct AcceptedInt {
  const char* name;
  int initial;
  int least;
  int greatest;
  GucContext context;
  int flags;
};
constexpr AcceptedInt kInts[] = {
    {"citus.shard_count", 32, 1, 64000, PGC_USERSET, 0},
    {"citus.shard_replication_factor", 1, 1, 100, PGC_USERSET, 0},
    {"citus.max_adaptive_executor_pool_size", 16, 1, INT_MAX, PGC_USERSET, 0},
    {"citus.max_shared_pool_size", 0, -1, INT_MAX, PGC_SIGHUP, 0},
    {"citus.max_cached_conns_per_worker", 1, 0, INT_MAX, PGC_USERSET, 0},
    {"citus.node_connection_timeout", 30000, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS},
    {"citus.max_intermediate_result_size", 1048576, -1, INT_MAX, PGC_USERSET, GUC_UNIT_KB},
    {"citus.max_background_task_executors_per_node", 1, 1, 128, PGC_SIGHUP, 0},
    {"citus.recover_2pc_interval", 60000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
    {"citus.local_shared_pool_size", 0, -1, INT_MAX, PGC_SIGHUP, 0},
    {"citus.max_client_connections", -1, -1, INT_MAX, PGC_SUSET, 0},
    {"citus.max_cached_connection_lifetime", 600000, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS},
    {"citus.executor_slow_start_interval", 10, 0, INT_MAX, PGC_USERSET,
     GUC_NO_SHOW_ALL | GUC_UNIT_MS},
    {"citus.max_background_task_executors", 1, 1, 1000, PGC_SIGHUP, 0},
    {"citus.background_task_queue_interval", 5000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
    {"citus.defer_shard_delete_interval", 15000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
    {"citus.rebalancer_by_disk_size_base_cost", 104857600, 0, INT_MAX, PGC_USERSET,
     GUC_NO_SHOW_ALL | GUC_UNIT_BYTE},
    {"citus.logical_replication_timeout", 7200000, -1, INT_MAX, PGC_SIGHUP,
     GUC_NO_SHOW_ALL | GUC_UNIT_MS},
    {"citus.stat_statements_max", 50000, 1000, 10000000, PGC_POSTMASTER, GUC_NO_SHOW_ALL},
    {"citus.stat_statements_purge_interval", 10, -1, INT_MAX, PGC_SIGHUP, GUC_NO_SHOW_ALL},
    {"citus.stat_tenants_limit", 100, 1, 10000, PGC_POSTMASTER, 0},
    {"citus.stat_tenants_period", 60, -1, INT_MAX, PGC_USERSET, GUC_UNIT_S},
    {"citus.repartition_join_bucket_count_per_node", 4, 1, INT_MAX, PGC_SIGHUP, GUC_NO_SHOW_ALL},
    {"citus.values_materialization_threshold", 100, -1, INT_MAX, PGC_USERSET, 0},
    {"citus.limit_clause_row_fetch_count", -1, -1, INT_MAX, PGC_USERSET, 0},
    {"citus.max_matview_size_to_auto_recreate", 1024, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MB},
    {"citus.max_rebalancer_logged_ignored_moves", 5, -1, INT_MAX, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.cpu_priority", 0, -20, 19, PGC_SUSET, 0},
    {"citus.max_high_priority_background_processes", 2, 0, 10000, PGC_SUSET, 0},
    {"citus.metadata_sync_interval", 60000, -1, INT_MAX, PGC_SIGHUP, GUC_NO_SHOW_ALL | GUC_UNIT_MS},
    {"citus.metadata_sync_retry_interval", 5000, -1, INT_MAX, PGC_SIGHUP,
     GUC_NO_SHOW_ALL | GUC_UNIT_MS},
    {"citus.remote_copy_flush_threshold", 8388608, 0, INT_MAX, PGC_USERSET,
     GUC_NO_SHOW_ALL | GUC_UNIT_BYTE},
    {"citus.copy_switchover_threshold", 4194304, 1, INT_MAX, PGC_USERSET,
     GUC_NO_SHOW_ALL | GUC_UNIT_BYTE},
    {"citus.local_copy_flush_threshold", 524288, 1, INT_MAX, PGC_USERSET,
     GUC_NO_SHOW_ALL | GUC_UNIT_BYTE},
    {"citus.max_worker_nodes_tracked", 2048, 1024, INT_MAX, PGC_POSTMASTER, 0},
};

struct AcceptedReal {
  const char* name;
  double initial;
  double least;
  double greatest;
  GucContext context;
  int flags;
};
constexpr AcceptedReal kReals[] = {
    {"citus.distributed_deadlock_detection_factor", 2.0, -1.0, 1000.0, PGC_SIGHUP, 0},
    {"citus.count_distinct_error_rate", 0.0, 0.0, 1.0, PGC_USERSET, 0},
    {"citus.desired_percent_disk_available_after_move", 10.0, 0.0, 100.0, PGC_SIGHUP, 0},
    {"citus.stat_tenants_untracked_sample_rate", 1, 0, 1, PGC_USERSET, 0},
};

struct AcceptedString {
  const char* name;
  const char* initial;
  GucContext context;
  int flags;
};
constexpr AcceptedString kStrings[] = {
    {"citus.local_hostname", "localhost", PGC_SUSET, 0},
    {"citus.show_shards_for_app_name_prefixes", "", PGC_USERSET, 0},
    {"citus.cluster_name", "default", PGC_SU_BACKEND, 0},
    {"citus.grep_remote_commands", "", PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.superuser", "", PGC_SUSET, 0},
};

constexpr config_enum_entry kLevels[] = {
    {"off", 0, false},    {"debug5", 1, false},  {"debug4", 2, false}, {"debug3", 3, false},
    {"debug2", 4, false}, {"debug1", 5, false},  {"log", 6, false},    {"info", 7, false},
    {"notice", 8, false}, {"warning", 9, false}, {"error", 10, false}, {"fatal", 11, false},
    {"panic", 12, false}, {"debug", 4, true},    {nullptr, 0, false},
};
constexpr config_enum_entry kMultiShardModifyMode[] = {
    {"parallel", 0, false},
    {"sequential", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kUseSecondaryNodes[] = {
    {"never", 0, false},
    {"always", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kLocalTableJoinPolicy[] = {
    {"auto", 0, false},         {"never", 1, false},
    {"prefer-local", 2, false}, {"prefer-distributed", 3, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kCoordinatorAggregationStrategy[] = {
    {"row-gather", 0, false},
    {"disabled", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kTaskAssignmentPolicy[] = {
    {"greedy", 0, false},
    {"first-replica", 1, false},
    {"round-robin", 2, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kCreateObjectPropagation[] = {
    {"immediate", 0, false},
    {"automatic", 1, false},
    {"deferred", 2, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kPropagateSetCommands[] = {
    {"none", 0, false},
    {"local", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kMetadataSyncMode[] = {
    {"transactional", 0, false},
    {"nontransactional", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kExplainAnalyzeSortMethod[] = {
    {"execution-time", 0, false},
    {"taskId", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kStatStatementsTrack[] = {
    {"none", 0, false},
    {"all", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kStatTenantsTrack[] = {
    {"none", 0, false},
    {"all", 1, false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kCpuPriorityForLogicalReplicationSenders[] = {
    {"inherit", 0, false}, {"-20", 1, false},   {"-19", 2, false},  {"-18", 3, false},
    {"-17", 4, false},     {"-16", 5, false},   {"-15", 6, false},  {"-14", 7, false},
    {"-13", 8, false},     {"-12", 9, false},   {"-11", 10, false}, {"-10", 11, false},
    {"-9", 12, false},     {"-8", 13, false},   {"-7", 14, false},  {"-6", 15, false},
    {"-5", 16, false},     {"-4", 17, false},   {"-3", 18, false},  {"-2", 19, false},
    {"-1", 20, false},     {"0", 21, false},    {"1", 22, false},   {"2", 23, false},
    {"3", 24, false},      {"4", 25, false},    {"5", 26, false},   {"6", 27, false},
    {"7", 28, false},      {"8", 29, false},    {"9", 30, false},   {"10", 31, false},
    {"11", 32, false},     {"12", 33, false},   {"13", 34, false},  {"14", 35, false},
    {"15", 36, false},     {"16", 37, false},   {"17", 38, false},  {"18", 39, false},
    {"19", 40, false},     {nullptr, 0, false},
};

struct AcceptedEnum {
  const char* name;
  const config_enum_entry* options;
  int initial;
  GucContext context;
  int flags;
};
constexpr AcceptedEnum kEnums[] = {
    {"citus.multi_shard_modify_mode", kMultiShardModifyMode, 0, PGC_USERSET, 0},
    {"citus.use_secondary_nodes", kUseSecondaryNodes, 0, PGC_SU_BACKEND, 0},
    {"citus.local_table_join_policy", kLocalTableJoinPolicy, 0, PGC_USERSET, 0},
    {"citus.coordinator_aggregation_strategy", kCoordinatorAggregationStrategy, 0, PGC_USERSET, 0},
    {"citus.task_assignment_policy", kTaskAssignmentPolicy, 0, PGC_USERSET, 0},
    {"citus.create_object_propagation", kCreateObjectPropagation, 0, PGC_USERSET, GUC_NO_SHOW_ALL},
    {"citus.propagate_set_commands", kPropagateSetCommands, 0, PGC_USERSET, 0},
    {"citus.metadata_sync_mode", kMetadataSyncMode, 0, PGC_SUSET, GUC_NO_SHOW_ALL},
    {"citus.explain_analyze_sort_method", kExplainAnalyzeSortMethod, 0, PGC_USERSET, 0},
    {"citus.multi_task_query_log_level", kLevels, 0, PGC_USERSET, 0},
    {"citus.worker_min_messages", kLevels, 8, PGC_USERSET, 0},
    {"citus.stat_statements_track", kStatStatementsTrack, 0, PGC_SUSET, 0},
    {"citus.stat_tenants_track", kStatTenantsTrack, 0, PGC_SUSET, 0},
    {"citus.cpu_priority_for_logical_replication_senders", kCpuPriorityForLogicalReplicationSenders,
     0, PGC_SUSET, 0},
    {"citus.stat_tenants_log_level", kLevels, 0, PGC_USERSET, 0},
};

// Nobody reads these; a setting needs a variable all the same.
bool bools[std::size(kBools)];
int ints[std::size(kInts)];
double reals[std::size(kReals)];
char* strings[std::size(kStrings)];
int enums[std::size(kEnums)];

template <typename Setting>
void DefineUnlessDefined(const Setting& setting) {
  if (!pg::IsDefined(setting.name)) pg::DefineOne(setting);
}

}  // namespace

void DefineAcceptedSettings() {
  int i = 0;
  for (const AcceptedBool& it : kBools) {
    DefineUnlessDefined(
        pg::BoolSetting{it.name, kNoEffect, &bools[i++], it.initial, it.context, it.flags});
  }
  i = 0;
  for (const AcceptedInt& it : kInts) {
    DefineUnlessDefined(pg::IntSetting{it.name, kNoEffect, &ints[i++], it.initial, it.least,
                                       it.greatest, it.context, it.flags});
  }
  i = 0;
  for (const AcceptedReal& it : kReals) {
    DefineUnlessDefined(pg::RealSetting{it.name, kNoEffect, &reals[i++], it.initial, it.least,
                                        it.greatest, it.context, it.flags});
  }
  i = 0;
  for (const AcceptedString& it : kStrings) {
    DefineUnlessDefined(
        pg::StringSetting{it.name, kNoEffect, &strings[i++], it.initial, it.context, it.flags});
  }
  i = 0;
  for (const AcceptedEnum& it : kEnums) {
    DefineUnlessDefined(pg::EnumSetting{it.name, kNoEffect, &enums[i++], it.initial, it.options,
                                        it.context, it.flags});
  }
}

}  // namespace altius::entry
