// SPDX-License-Identifier: PostgreSQL
// Whether somebody asks for a plan with EXPLAIN.  auto_explain prints plans, too, of statements that have ended: nodes are not
// asked then, since there is no snapshot any more to ask with, and they would run the statement again for its figures.
#pragma once

namespace altius::task {

class Explaining {
 public:
  Explaining() noexcept { depth_++; }
  ~Explaining() { depth_--; }
  Explaining(const Explaining&) = delete;
  Explaining& operator=(const Explaining&) = delete;

  static bool now() noexcept { return depth_ > 0; }

 private:
  static inline int depth_ = 0;
};

}  // namespace altius::task
