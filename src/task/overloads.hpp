// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/node.hpp"

namespace altius::task {

/// Texts of other nodes name functions and operators, and the view or policy that one of them comes from had been bound to it.  Printed
/// calls have arguments of the very types, so nothing fits better than what was meant, unless that is polymorphic: then whoever may
/// create in its schema could put his own in front.  Raises an error when another role, and no superuser, has made what is called.
void RefuseOverload(Node *node);

}  // namespace altius::task
