// SPDX-License-Identifier: PostgreSQL
// COPY FROM into a distributed table, run where PostgreSQL would run its own: within the hooks that other extensions have
// installed before ours.  They expect that whatever is called for a utility command reaches the next of them (pgaudit notes
// there what it looks at when permissions are checked, and crashes otherwise), and only PostgreSQL itself stands behind the last.
//
// So PostgreSQL's COPY of the shell is begun.  Once it has checked the user's rights it asks the hook for that, and there the
// rows are read and sent to their shards; what is left for it is an empty input, for which no trigger fires.
#include "copy_within.hpp"

#include <utility>

#include "altius/pg/bridge.hpp"
#include "altius/pg/permissions.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "tcop/cmdtag.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace altius::ddl {

namespace {

/// The COPY under way, in its call's frame; the destructor sees to it that none outlives its call.
class Pending {
 public:
  /// `within`: what PostgreSQL gets to run of it.
  Pending(CopyStmt* statement, CopyStmt* within, bool (*run)(CopyStmt*)) noexcept
      : statement_(statement), within_(within), run_(run), outer_(innermost) {
    // Its analysis changes the clause, and may call functions of the user before the rights are checked.
    within_->whereClause = nullptr;
    innermost = this;
  }
  ~Pending() {
    innermost = outer_;
    if (shell_ != nullptr) GiveTriggersBack();
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  bool done() const { return done_; }

  /// Rights on the relations of some statement have been checked: is it this COPY's?
  static void OnCheck(List* range_table) {
    Pending* self = innermost;
    if (self == nullptr || self->done_ || list_length(range_table) != 1) return;
    const auto* entry = linitial_node(RangeTblEntry, range_table);
    if (entry->rtekind != RTE_RELATION || entry->rellockmode != RowExclusiveLock ||
        entry->relid != RangeVarGetRelid(self->statement_->relation, NoLock, true))
      return;
    self->done_ = true;
    self->run_(self->statement_);
    self->Empty();
    self->TakeTriggers(entry->relid);
  }

 private:
  /// PostgreSQL has looked at everything but these.
  void Empty() const {
    within_->filename = pstrdup("/dev/null");
    within_->is_program = false;
    within_->options = NIL;
  }

  /// Those for statements have fired for the rows.  The entry of the relation cache is held, so it is the one that is copied next.
  void TakeTriggers(Oid relid) {
    shell_ = RelationIdGetRelation(relid);
    triggers_ = std::exchange(shell_->trigdesc, nullptr);
  }

  void GiveTriggersBack() {
    if (shell_->trigdesc == nullptr) {
      shell_->trigdesc = triggers_;
    } else {
      FreeTriggerDesc(triggers_);  // the entry was built anew
    }
    RelationClose(shell_);
  }

  static Pending* innermost;

  CopyStmt* statement_;
  CopyStmt* within_;
  bool (*run_)(CopyStmt*);
  Pending* outer_;
  bool done_ = false;
  Relation shell_ = nullptr;  // while its triggers are out of the way
  TriggerDesc* triggers_ = nullptr;
};

Pending* Pending::innermost = nullptr;

const UtilityCall* current = nullptr;
CopyRunner runner = nullptr;
uint64 processed = 0;

/// With the call that the COPY came by.
bool RunRows(CopyStmt* statement) {
  QueryCompletion completion;
  InitializeQueryCompletion(&completion);
  const UtilityCall* call = current;
  const bool handled = runner(statement, call->query, call->environment, &completion);
  processed = completion.nprocessed;
  return handled;
}

}  // namespace

UtilityCall WithStatement(const UtilityCall& call, Node* statement) {
  UtilityCall changed = call;
  changed.planned = Copy(call.planned);
  changed.planned->utilityStmt = statement;
  changed.read_only = false;  // a copy by others would not be emptied
  return changed;
}

void CopyWithin(const UtilityCall& call, CopyRunner run) {
  auto* statement = reinterpret_cast<CopyStmt*>(call.statement());
  CopyStmt* within = Copy(statement);
  const UtilityCall changed = WithStatement(call, reinterpret_cast<Node*>(within));
  const UtilityCall* outer = current;
  const Pending pending(Copy(statement), within, RunRows);
  current = &changed;
  runner = run;
  try {
    pg::Call([&] { RunHere(changed); });
  } catch (...) {
    current = outer;
    throw;
  }
  current = outer;
  if (pending.done() && call.completion != nullptr) SetQueryCompletion(call.completion, CMDTAG_COPY, processed);
}

void InitCopyWithin() { pg::AfterPermissionCheck(Pending::OnCheck); }

}  // namespace altius::ddl
