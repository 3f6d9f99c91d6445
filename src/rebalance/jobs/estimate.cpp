// SPDX-License-Identifier: PostgreSQL
// How far a job is and how long it will still take, read off its finished tasks.
#include <cmath>

#include "catalog.hpp"
#include "jobs.hpp"
#include "session.hpp"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
}

namespace altius::rebalance::jobs {
namespace {

struct Progress {
  std::vector<core::Measured> measured;
  std::vector<core::Remaining> remaining;
  std::vector<double> running_seconds;  // as remaining
  std::vector<bool> fraction_known;     // as remaining
  double done_weight = 0;
  double lost_weight = 0;  // of tasks that will never be done
};

constexpr double kNearlyDone = 0.95;  // what runs longer than expected is not done yet

Progress Read(int64 job) {
  const Rows rows = QueryCatalog(
      "SELECT t.task_id, t.status, array_to_string(t.nodes_involved, ' '), coalesce(w.bytes, 0) / "
      "1048576.0 + 1,"
      " extract(epoch FROM coalesce(w.finished_at, clock_timestamp()) - w.started_at),"
      " m.target_size::float8 / nullif(m.source_size, 0)"
      " FROM pg_catalog.pg_dist_background_task t"
      " LEFT JOIN altius_internal.background_task_work w USING (task_id)"
      " LEFT JOIN altius_internal.moves_in_flight() m ON m.pid = t.pid AND t.status IN ('running', "
      "'cancelling')"
      " WHERE t.job_id = " +
      std::to_string(job) + " ORDER BY 1");
  Progress progress;
  for (int row = 0; row < rows.count; row++) {
    const core::TaskState state = core::TaskStateOf(rows.Text(row, 1));
    const double weight = rows.Real(row, 3), seconds = rows.Real(row, 4);
    if (state == core::TaskState::Done) {
      progress.done_weight += weight;
      if (!rows.IsNull(row, 4)) progress.measured.push_back({weight, seconds});
    } else if (core::IsFinal(state))
      progress.lost_weight += weight;
    if (core::IsFinal(state)) continue;
    core::Remaining it;
    it.task.id = rows.Number(row, 0);
    it.task.state = state;
    it.task.nodes = NumbersOf(rows.Text(row, 2));
    it.task.weight = weight;
    it.fraction_done = std::clamp(rows.Real(row, 5), 0.0, kNearlyDone);
    progress.remaining.push_back(it);
    progress.running_seconds.push_back(core::IsExecuting(state) ? seconds : 0);
    progress.fraction_known.push_back(!rows.IsNull(row, 5));
  }
  return progress;
}

/// Where nobody counts bytes, the time that a task runs already says how far it may be.
void GuessFractions(Progress* progress, const core::Pace& pace) {
  for (size_t i = 0; i < progress->remaining.size(); i++) {
    core::Remaining& it = progress->remaining[i];
    const double expected = pace.fixed_seconds + pace.seconds_per_weight * it.task.weight;
    if (progress->fraction_known[i] || expected <= 0) continue;
    it.fraction_done = std::clamp(progress->running_seconds[i] / expected, 0.0, kNearlyDone);
  }
}

struct Estimate {
  double percent = 100;
  double seconds_left = 0;
  bool seconds_known = false;
};

Estimate EstimateJob(int64 job) {
  Progress progress = Read(job);
  Estimate estimate;
  if (!progress.remaining.empty() && !progress.measured.empty()) {
    const core::Pace pace = core::FitPace(progress.measured);
    GuessFractions(&progress, pace);
    estimate.seconds_left =
        core::SecondsLeft(progress.remaining, {total_executors, executors_per_node}, pace);
    estimate.seconds_known = true;
  }
  double all = progress.done_weight + progress.lost_weight, done = progress.done_weight;
  for (const core::Remaining& it : progress.remaining) {
    all += it.task.weight;
    done += it.task.weight * it.fraction_done;
  }
  if (all > 0) estimate.percent = std::floor(1000 * done / all) / 10;
  return estimate;
}

}  // namespace
}  // namespace altius::rebalance::jobs

using namespace altius;  // NOLINT: the functions below are outside of any namespace
using namespace altius::rebalance::jobs;  // NOLINT

ALTIUS_FUNCTION(altius_job_estimate) {
  const Estimate it = EstimateJob(PG_GETARG_INT64(0));
  TupleDesc columns;
  if (get_call_result_type(fcinfo, nullptr, &columns) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const std::string percent =
      std::to_string(it.percent).substr(0, std::to_string(it.percent).find('.') + 2);
  const char* text_of = percent.c_str();
  return pg::Call([&] {
    Datum values[2] = {DirectFunctionCall3(numeric_in, CStringGetDatum(text_of),
                                           ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)),
                       Float8GetDatum(it.seconds_left)};
    bool nulls[2] = {false, !it.seconds_known};
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
  });
}
