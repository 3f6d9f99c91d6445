// SPDX-License-Identifier: PostgreSQL
// Which shards a fragment concerns: the union of those that hold the values of its prune
// expressions.
#include "state.hpp"

#include "altius/plan/instantiate.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace altius::executor {

namespace {

struct Chosen {
  const catalog::Table* table;
  bool* marks;  // by shard index

  void Add(Datum value, Oid type) const { marks[catalog::ShardIndexOfTypedValue(*table, value, type)] = true; }
};

void AddElements(const Chosen& chosen, Datum array_value, Oid element_type) {
  int16 length;
  bool by_value;
  char align;
  get_typlenbyvalalign(element_type, &length, &by_value, &align);
  Datum* elements;
  bool* nulls;
  int count;
  deconstruct_array(DatumGetArrayTypeP(array_value), element_type, length, by_value, align,
                    &elements, &nulls, &count);
  for (int i = 0; i < count; i++) {
    if (!nulls[i]) chosen.Add(elements[i], element_type);
  }
}

/// Adds the shards of one prune expression's value.
void AddValue(const Chosen& chosen, Oid type, Datum value) {
  const Oid element_type = get_base_element_type(type);
  if (OidIsValid(element_type) && getBaseType(type) != chosen.table->key_type) {
    AddElements(chosen, value, element_type);
  } else {
    chosen.Add(value, type);
  }
}

/// The row to insert goes where the argument says that was computed for it (once: it may be a sequence's next number).
void AddKeyArgument(const Chosen& chosen, const Arguments& arguments, int number) {
  const int index = number - 1;
  if (arguments.nulls[index]) {
    chosen.marks[catalog::ShardIndexOfKey(*chosen.table, 0, true)] = true;
  } else {
    chosen.Add(arguments.own_values[index], arguments.own_types[index]);
  }
}

/// Nothing is equal to null: it adds no shard.
void EvaluateInto(FragmentState* state, const Chosen& chosen) {
  ExprContext* context = state->css.ss.ps.ps_ExprContext;
  ListCell* expr;
  ListCell* evaluator;
  forboth(expr, state->prune_exprs, evaluator, state->prune_states) {
    bool is_null;
    const Datum value =
        ExecEvalExprSwitchContext(static_cast<ExprState*>(lfirst(evaluator)), context, &is_null);
    if (!is_null) AddValue(chosen, exprType(static_cast<Node*>(lfirst(expr))), value);
  }
}

/// A shard to run a statement on that concerns none: it may still have a row to return (an
/// aggregate over no rows).
int AnyShard(const catalog::Table& table) {
  const int here = catalog::LocalGroup();
  for (int i = 0; i < table.shard_count; i++) {
    if (catalog::HasPlacement(table.shards[i], here)) return i;
  }
  return 0;
}

}  // namespace

pg::Array<int> ChooseShards(FragmentState* state, const catalog::Table& lead,
                            const Arguments& arguments) {
  const plan::Fragment& fragment = *state->fragment;
  pg::Array<int> shards;
  catalog::RequireShards(lead);
  if (lead.kind != catalog::TableKind::Hash) {
    shards.push_back(0);
    return shards;
  }
  const Chosen chosen = {&lead, static_cast<bool*>(palloc0(std::max(lead.shard_count, 1)))};
  if (fragment.every_shard) {
    memset(chosen.marks, true, lead.shard_count);
  } else if (fragment.key_argument > 0) {
    AddKeyArgument(chosen, arguments, fragment.key_argument);
  } else {
    EvaluateInto(state, chosen);
  }
  for (int i = 0; i < lead.shard_count; i++) {
    if (chosen.marks[i]) shards.push_back(i);
  }
  if (shards.empty() && fragment.kind == plan::FragmentKind::Rows) shards.push_back(AnyShard(lead));
  return shards;
}

}  // namespace altius::executor
