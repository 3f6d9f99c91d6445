// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::remote {

/// While another role is at work here for an asking node, "role" and "session_authorization" can't be changed. Commands that
/// note a value for later (ALTER ROLE ... SET role, CREATE FUNCTION ... SET role) have it looked at all the same; it stays
/// so that nothing that runs meanwhile changes them.
class RoleTests {
 public:
  RoleTests() noexcept;
  ~RoleTests();
  RoleTests(const RoleTests&) = delete;
  RoleTests& operator=(const RoleTests&) = delete;
};

}  // namespace altius::remote
