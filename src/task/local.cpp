// SPDX-License-Identifier: PostgreSQL
#include "altius/task/local.hpp"

#include "altius/pg/text_forms.hpp"
#include "altius/task/errors.hpp"
#include "altius/task/ownership.hpp"
#include "altius/txn/coordinated.hpp"
#include "plans.hpp"

extern "C" {
#include "executor/spi.h"
#include "nodes/params.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

ParamListInfo MakeParams(const LocalStatement& statement) {
  if (statement.arg_count == 0) return nullptr;
  const ParamListInfo params = makeParamList(statement.arg_count);
  // What the user may not read is not made a part of the plan, which debug_print_plan shows.
  const uint16 flags = statement.lending.hides_rows ? 0 : PARAM_FLAG_CONST;
  for (int i = 0; i < statement.arg_count; i++) {
    params->params[i] = ParamExternData{.value = statement.arg_values[i],
                                        .isnull = statement.arg_nulls[i],
                                        .pflags = flags,
                                        .ptype = statement.arg_types[i]};
  }
  return params;
}

int Execute(const LocalStatement& statement, const SPIExecuteOptions& options) {
  if (statement.keep_plan) return SPI_execute_plan_extended(CachedPlanOf(statement), &options);
  return SPI_execute_plan_extended(PlanOf(statement).plan, &options);
}

int64 Run(const LocalStatement &statement, RowStore *store) {
  DestReceiver nothing = *None_Receiver;  // the statement is known by its receiver
  DestReceiver *receiver = store != nullptr ? MakeReceiver(store) : &nothing;
  const bool reads = statement.mode == LocalMode::Read;
  if (statement.mode == LocalMode::Write) txn::NoteLocalWrite();
  int64 affected = 0;
  WithShardsHidden(statement.sql, [&] {
    SPI_connect();
    const int level = pg::BeginReadingText();
    if (reads) PushActiveSnapshot(statement.snapshot);
    const SPIExecuteOptions options = {.params = MakeParams(statement), .read_only = reads, .dest = receiver};
    CheckStatementOf(receiver);
    const int code = Execute(statement, options);
    if (code < 0) elog(ERROR, "could not run a shard's statement: %s", SPI_result_code_string(code));
    affected = static_cast<int64>(SPI_processed);
    if (reads) PopActiveSnapshot();
    pg::EndPortableText(level);
    SPI_finish();
  });
  return affected;
}

}  // namespace

int64 RunHere(const LocalStatement &statement, RowStore *store) {
  if (!statement.lending.hides_rows) return Run(statement, store);
  int64 affected = 0;
  WithRowsHidden([&] { affected = Run(statement, store); });
  return affected;
}

}  // namespace altius::task
