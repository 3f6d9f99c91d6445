// SPDX-License-Identifier: PostgreSQL
#include "altius/core/order/order.hpp"

namespace altius::core::order {

namespace {

constexpr Others Bit(int number) { return Others{1} << number; }

bool SeesInTarget(const Plan& plan, int one, int other) {
  const Modification& reader = plan.all[one];
  const Modification& writer = plan.all[other];
  // An INSERT looks for no rows of its target.  A row that is deleted before is as well changed by none; others are as they were.
  if (reader.target != writer.target || reader.kind == Kind::Insert || writer.kind == Kind::Delete || reader.only_old) return false;
  return (reader.disjoint & Bit(other)) == 0;
}

bool Reads(const Plan& plan, int one, int other) { return (plan.all[one].reads & Bit(other)) != 0; }

/// Who runs together, and who needs whose result.
void Gather(Plan* plan) {
  for (int i = 0; i < plan->count; i++) {
    plan->all[i].unit = i;
    plan->all[i].waits = 0;
  }
  for (int i = plan->count - 1; i >= 0; i--) {
    for (int read = 0; read < i && !plan->all[i].itself; read++) {
      if ((plan->all[i].results & Bit(read)) == 0) continue;
      if (plan->all[read].shared) {
        plan->all[i].waits |= Bit(read);
      } else {
        plan->all[read].unit = plan->all[i].unit;
      }
    }
  }
}

/// The unit, running after the other one, would see what that has done.
bool UnitSees(const Plan& plan, int one, int other) {
  for (int i = 0; i < plan.count; i++) {
    for (int j = 0; j < plan.count; j++) {
      if (plan.all[i].unit == one && plan.all[j].unit == other && Sees(plan, i, j)) return true;
    }
  }
  return false;
}

bool UnitWaits(const Plan& plan, int one, int other) {
  for (int i = 0; i < plan.count; i++) {
    for (int j = 0; j < plan.count; j++) {
      if (plan.all[i].unit == one && plan.all[j].unit == other && (plan.all[i].waits & Bit(j)) != 0) return true;
    }
  }
  return false;
}

/// What the one sees of the other is read before.
void Keep(Plan* plan, int one, int other) {
  Modification& reader = plan->all[one];
  if (Reads(*plan, one, other)) {
    plan->kept[plan->kept_count++] = {one, other, false};
    for (int i = 0; i < plan->count; i++) {
      if (plan->all[i].target == plan->all[other].target) reader.reads &= ~Bit(i);
    }
  }
  if (SeesInTarget(*plan, one, other)) {
    plan->kept[plan->kept_count++] = {one, other, true};
    reader.only_old = true;
  }
}

bool IsOpen(const Plan& plan, Others placed, int unit) {
  return plan.all[unit].unit == unit && !plan.all[unit].itself && (placed & Bit(unit)) == 0;
}

bool IsBlocked(const Plan& plan, Others placed, int unit) {
  for (int other = 0; other < plan.count; other++) {
    if (other != unit && IsOpen(plan, placed, other) && (UnitSees(plan, other, unit) || UnitWaits(plan, unit, other))) return true;
  }
  return false;
}

/// A unit of those that are left sees nothing of the others any more, the last one that does now: of two UPDATEs of one row the earlier one
/// counts.  False: none does.
bool Loosen(Plan* plan, Others placed) {
  for (int unit = plan->count - 1; unit >= 0; unit--) {
    if (!IsOpen(*plan, placed, unit)) continue;
    const int before = plan->kept_count;
    for (int i = 0; i < plan->count; i++) {
      for (int j = 0; plan->all[i].unit == unit && j < plan->count; j++) {
        if (plan->all[j].unit != unit && IsOpen(*plan, placed, plan->all[j].unit)) Keep(plan, i, j);
      }
    }
    if (plan->kept_count > before) return true;
  }
  return false;
}

int Next(const Plan& plan, Others placed, bool* open) {
  *open = false;
  for (int unit = 0; unit < plan.count; unit++) {
    if (!IsOpen(plan, placed, unit)) continue;
    *open = true;
    if (!IsBlocked(plan, placed, unit)) return unit;
  }
  return -1;
}

/// Whether it has to run before any other one.
bool RunsAhead(const Plan& plan, int unit) {
  for (int other = 0; other < plan.count; other++) {
    if (plan.all[other].unit == other && other != unit && UnitSees(plan, unit, other)) return true;
  }
  return false;
}

}  // namespace

bool Sees(const Plan& plan, int one, int other) {
  return plan.all[one].unit != plan.all[other].unit && (Reads(plan, one, other) || SeesInTarget(plan, one, other));
}

void Arrange(Plan* plan) {
  plan->first_count = plan->kept_count = 0;
  Gather(plan);
  Others placed = 0;
  for (bool open = true; open;) {
    int unit = Next(*plan, placed, &open);
    for (int i = 0; unit < 0 && open && i < plan->count; i++) {
      if (Loosen(plan, placed)) break;
      if (IsOpen(*plan, placed, i)) unit = i;  // they wait in a circle: no statement does that
    }
    if (unit >= 0) {
      placed |= Bit(unit);
      if (RunsAhead(*plan, unit)) plan->first[plan->first_count++] = unit;
    }
  }
}

namespace {

bool Sets(const Update& update, int column) {
  for (int i = 0; i < update.set_count; i++) {
    if (update.sets[i] == column) return true;
  }
  return false;
}

bool IsPinnedElsewhere(const Update& update, const Pin& pin) {
  for (int i = 0; i < update.pin_count; i++) {
    if (update.pins[i].column == pin.column && update.pins[i].value != pin.value) return true;
  }
  return false;
}

}  // namespace

bool AreDisjoint(const Update& one, const Update& other) {
  for (int i = 0; i < one.pin_count; i++) {
    const Pin& pin = one.pins[i];
    if (!Sets(one, pin.column) && !Sets(other, pin.column) && IsPinnedElsewhere(other, pin)) return true;
  }
  return false;
}

}  // namespace altius::core::order
