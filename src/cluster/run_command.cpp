// SPDX-License-Identifier: PostgreSQL
// run_command_on_workers and its kin, and the question to all nodes that the views are made of.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"
#include "ask.hpp"

extern "C" {
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::cluster {
namespace {

using catalog::Node;
using catalog::Shard;
using catalog::Table;

char* CommandArg(FunctionCallInfo fcinfo, int number) {
  return text_to_cstring(DatumGetTextPP(fcinfo->args[number].value));
}

bool BoolArg(FunctionCallInfo fcinfo, int number) {
  return DatumGetBool(fcinfo->args[number].value);
}

/// Puts one row into the function's tuplestore; a null pointer is SQL null.
void PutRow(FunctionCallInfo fcinfo, Datum* values, int count, bool last_is_null) {
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  bool nulls[8] = {};
  nulls[count - 1] = last_is_null;
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum TextOrZero(const char* value) { return value == nullptr ? 0 : CStringGetTextDatum(value); }

pg::Array<const Node*> Workers() {
  pg::Array<const Node*> nodes;
  for (const Node* node : catalog::ActivePrimaries()) {
    if (node->group != catalog::kCoordinatorGroup) nodes.push_back(node);
  }
  return nodes;
}

pg::Array<const Node*> Coordinator() {
  pg::Array<const Node*> nodes;
  nodes.push_back(catalog::PrimaryOfGroup(catalog::kCoordinatorGroup));
  return nodes;
}

pg::Array<Answer> AskNodes(const pg::Array<const Node*>& nodes, const char* sql, Scope scope,
                           bool parallel) {
  pg::Array<Question> questions;
  for (const Node* node : nodes) questions.push_back({node->group, sql});
  return Ask(questions, scope, parallel);
}

void WarnOf(const Node* node, const Answer& answer) {
  ereport(WARNING, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("node %s:%d gave no answer", node == nullptr ? "here" : node->host,
                           node == nullptr ? 0 : node->port),
                    errdetail("%s", answer.value)));
}

/// Rows (nodeid, success, result).
void PutById(FunctionCallInfo fcinfo, const pg::Array<const Node*>& nodes,
             const pg::Array<Answer>& answers, bool warn) {
  for (int i = 0; i < nodes.size(); i++) {
    if (!answers[i].success && warn) {
      ereport(WARNING,
              (errcode(ERRCODE_CONNECTION_FAILURE),
               errmsg("node %s:%d: %s", nodes[i]->host, nodes[i]->port, answers[i].value)));
    }
    Datum values[] = {Int32GetDatum(nodes[i]->id), BoolGetDatum(answers[i].success),
                      TextOrZero(answers[i].value)};
    PutRow(fcinfo, values, 3, answers[i].value == nullptr);
  }
}

/// The command with each %s replaced by the next name (the last one again when there are more).
char* FillNames(const char* command, const char* const* names, int count) {
  StringInfoData filled;
  initStringInfo(&filled);
  int next = 0;
  for (const char* at = command; *at != '\0'; at++) {
    if (at[0] == '%' && at[1] == 's') {
      appendStringInfoString(&filled, names[std::min(next++, count - 1)]);
      at++;
    } else if (at[0] == '%' && at[1] == '%') {
      appendStringInfoChar(&filled, '%');
      at++;
    } else {
      appendStringInfoChar(&filled, *at);
    }
  }
  return filled.data;
}

const Table& RequireTable(Oid relid) {
  const Table* table = catalog::FindTable(relid);
  if (table != nullptr) return *table;
  pg::RequireRelation(relid);
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("relation \"%s\" is not a distributed table", get_rel_name(relid))));
}

/// SELECT .. INTO, which stands in the first of the selects of a UNION.
bool MakesTable(const SelectStmt* select) {
  while (select->op != SETOP_NONE) select = select->larg;
  return select->intoClause != nullptr;
}

/// What is asked inside the transaction is a question, no command: above all none that ends the transaction over there.
void RequireQuestion(const char* sql) {
  const List* statements = raw_parser(sql, RAW_PARSE_DEFAULT);
  const ::Node* only = list_length(statements) == 1 ? linitial_node(RawStmt, statements)->stmt : nullptr;
  if (only != nullptr && only->type == T_SelectStmt && !MakesTable(reinterpret_cast<const SelectStmt*>(only))) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("only a SELECT can be asked of all nodes"),
                  errhint("run_command_on_all_nodes runs commands.")));
}

struct Target {
  int shard;
  int group;
};

/// Each shard once, or each placement.
pg::Array<Target> TargetsOf(const Table& table, bool all_placements) {
  pg::Array<Target> targets;
  for (int i = 0; i < table.shard_count; i++) {
    const Shard& shard = table.shards[i];
    for (int j = 0; j < shard.group_count; j++) {
      if (j == 0 || all_placements) targets.push_back({i, shard.groups[j]});
    }
  }
  return targets;
}

pg::Array<Answer> AskShards(const Table& table, const Table* beside,
                            const pg::Array<Target>& targets, const char* command, bool parallel) {
  pg::Array<Question> questions;
  for (const Target& target : targets) {
    const char* names[] = {
        catalog::QualifiedShardName(table, table.shards[target.shard]),
        beside == nullptr ? nullptr
                          : catalog::QualifiedShardName(*beside, beside->shards[target.shard])};
    questions.push_back({target.group, FillNames(command, names, beside == nullptr ? 1 : 2)});
  }
  return Ask(questions, Scope::Outside, parallel);
}

}  // namespace
}  // namespace altius::cluster

using namespace altius;           // NOLINT: the functions below are outside of any namespace
using namespace altius::cluster;  // NOLINT

ALTIUS_FUNCTION(run_command_on_workers) {
  InitMaterializedSRF(fcinfo, 0);
  const auto nodes = Workers();
  const auto answers = AskNodes(nodes, CommandArg(fcinfo, 0), Scope::Outside, BoolArg(fcinfo, 1));
  for (int i = 0; i < nodes.size(); i++) {
    Datum values[] = {CStringGetTextDatum(nodes[i]->host), Int32GetDatum(nodes[i]->port),
                      BoolGetDatum(answers[i].success), TextOrZero(answers[i].value)};
    PutRow(fcinfo, values, 4, answers[i].value == nullptr);
  }
  return Datum{0};
}

ALTIUS_FUNCTION(run_command_on_all_nodes) {
  InitMaterializedSRF(fcinfo, 0);
  const auto nodes = catalog::ActivePrimaries();
  const auto answers = AskNodes(nodes, CommandArg(fcinfo, 0), Scope::Outside, BoolArg(fcinfo, 1));
  PutById(fcinfo, nodes, answers, BoolArg(fcinfo, 2));
  return Datum{0};
}

ALTIUS_FUNCTION(run_command_on_coordinator) {
  InitMaterializedSRF(fcinfo, 0);
  const auto nodes = Coordinator();
  const auto answers = AskNodes(nodes, CommandArg(fcinfo, 0), Scope::Outside, true);
  PutById(fcinfo, nodes, answers, BoolArg(fcinfo, 1));
  return Datum{0};
}

/// altius_internal.ask_all_nodes: inside the transaction, errors are raised.  Without registered
/// nodes it asks this server.
ALTIUS_FUNCTION(altius_ask_all_nodes) {
  InitMaterializedSRF(fcinfo, 0);
  RequireQuestion(CommandArg(fcinfo, 0));
  const auto nodes = catalog::ActivePrimaries();
  pg::Array<Question> questions;
  for (const catalog::Node* node : nodes) questions.push_back({node->group, CommandArg(fcinfo, 0)});
  const bool alone = std::none_of(nodes.begin(), nodes.end(), [](const catalog::Node* node) {
    return node->group == catalog::LocalGroup();
  });
  if (alone) questions.push_back({catalog::LocalGroup(), CommandArg(fcinfo, 0)});
  const bool strict = BoolArg(fcinfo, 1);
  const auto answers = Ask(questions, strict ? Scope::Transaction : Scope::Quiet, true);
  for (int i = 0; i < answers.size(); i++) {
    const catalog::Node* node = i < nodes.size() ? nodes[i] : nullptr;
    if (!answers[i].success) {
      WarnOf(node, answers[i]);
      continue;
    }
    Datum values[] = {Int32GetDatum(node == nullptr ? 0 : node->id), TextOrZero(answers[i].value)};
    PutRow(fcinfo, values, 2, answers[i].value == nullptr);
  }
  return Datum{0};
}

ALTIUS_FUNCTION(run_command_on_shards) {
  InitMaterializedSRF(fcinfo, 0);
  const catalog::Table& table = RequireTable(PG_GETARG_OID(0));
  const auto targets = TargetsOf(table, false);
  const auto answers =
      AskShards(table, nullptr, targets, CommandArg(fcinfo, 1), BoolArg(fcinfo, 2));
  for (int i = 0; i < targets.size(); i++) {
    Datum values[] = {Int64GetDatum(table.shards[targets[i].shard].id),
                      BoolGetDatum(answers[i].success), TextOrZero(answers[i].value)};
    PutRow(fcinfo, values, 3, answers[i].value == nullptr);
  }
  return Datum{0};
}

ALTIUS_FUNCTION(run_command_on_placements) {
  InitMaterializedSRF(fcinfo, 0);
  const catalog::Table& table = RequireTable(PG_GETARG_OID(0));
  const auto targets = TargetsOf(table, true);
  const auto answers =
      AskShards(table, nullptr, targets, CommandArg(fcinfo, 1), BoolArg(fcinfo, 2));
  for (int i = 0; i < targets.size(); i++) {
    const catalog::Node* node = catalog::PrimaryOfGroup(targets[i].group);
    Datum values[] = {CStringGetTextDatum(node->host), Int32GetDatum(node->port),
                      Int64GetDatum(table.shards[targets[i].shard].id),
                      BoolGetDatum(answers[i].success), TextOrZero(answers[i].value)};
    PutRow(fcinfo, values, 5, answers[i].value == nullptr);
  }
  return Datum{0};
}

ALTIUS_FUNCTION(run_command_on_colocated_placements) {
  InitMaterializedSRF(fcinfo, 0);
  const catalog::Table& table = RequireTable(PG_GETARG_OID(0));
  const catalog::Table& beside = RequireTable(PG_GETARG_OID(1));
  const bool alike = table.colocation != 0 && table.colocation == beside.colocation && table.shard_count == beside.shard_count;
  if (!alike) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("tables \"%s\" and \"%s\" are not colocated", table.name, beside.name)));
  }
  const auto targets = TargetsOf(table, true);
  const auto answers =
      AskShards(table, &beside, targets, CommandArg(fcinfo, 2), BoolArg(fcinfo, 3));
  for (int i = 0; i < targets.size(); i++) {
    const catalog::Node* node = catalog::PrimaryOfGroup(targets[i].group);
    Datum values[] = {CStringGetTextDatum(node->host),
                      Int32GetDatum(node->port),
                      Int64GetDatum(table.shards[targets[i].shard].id),
                      Int64GetDatum(beside.shards[targets[i].shard].id),
                      BoolGetDatum(answers[i].success),
                      TextOrZero(answers[i].value)};
    PutRow(fcinfo, values, 6, answers[i].value == nullptr);
  }
  return Datum{0};
}
