// SPDX-License-Identifier: PostgreSQL
// What can be done with a job, for the functions around rebalancing.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::rebalance::jobs {

/// Raises an error on other nodes: jobs are in the coordinator's catalog only.  Plain C.
void RequireCoordinator();

/// The job ends as soon as its running tasks have stopped.  Raises an error when it has ended or
/// belongs to others. RAII style.
void CancelJob(int64 job);

/// Waits until the job has this state, or any final one when `desired` is null; returns the state.
/// Plain C.
const char* WaitForJob(int64 job, const char* desired);
/// After an error of WaitForJob that is caught.
void StopWaiting();

}  // namespace altius::rebalance::jobs
