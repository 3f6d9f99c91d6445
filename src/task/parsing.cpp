// SPDX-License-Identifier: PostgreSQL
// The search path, and with lent rights the current user, are others from the start of parse analysis to its end.  Nothing of a
// user's runs in between: there are no literals of types that users make, so no check of a domain is called.  An error in
// between ends the (sub)transaction, which restores both.
#include "parsing.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/search_path.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/pg/walk.hpp"
#include "altius/task/shard_writes.hpp"
#include "overloads.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_authid_d.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/analyze.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
}

namespace altius::task {

struct Parsing {
  Lending lending;
  pg::Rights rights;
  pg::SearchPath path;
  int count;
  Oid types[FLEXIBLE_ARRAY_MEMBER];
};

namespace {

post_parse_analyze_hook_type next_hook = nullptr;

Node *ParameterOf(ParseState *pstate, ParamRef *ref) {
  const auto *parsing = static_cast<Parsing *>(pstate->p_ref_hook_state);
  if (ref->number <= 0 || ref->number > parsing->count)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_PARAMETER), errmsg("there is no parameter $%d", ref->number)));
  auto *param = makeNode(Param);
  param->paramkind = PARAM_EXTERN;
  param->paramid = ref->number;
  param->paramtype = parsing->types[ref->number - 1];
  param->paramtypmod = -1;
  param->paramcollid = get_typcollation(param->paramtype);
  param->location = ref->location;
  return reinterpret_cast<Node *>(param);
}

/// Marks a target, in a field that relations have no use for: its role is there for the policies that the rewriter adds, no more.
constexpr char kPoliciesOnly[] = "altius_policies_only";

void LendTo(Query *query, RangeTblEntry *rte, bool changed, const Lending &lending) {
  pg::CheckAs(query, rte, changed ? lending.target : BOOTSTRAP_SUPERUSERID);
  if (!changed) return;
  rte->enrname = pstrdup(kPoliciesOnly);
  if (lending.unread) pg::RequireLess(query, rte, ACL_SELECT);
}

bool Lend(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, Lend, context);
  auto *query = reinterpret_cast<Query *>(node);
  const Lending &lending = *static_cast<const Lending *>(context);
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = lfirst_node(RangeTblEntry, cell);
    const bool changed = foreach_current_index(cell) + 1 == query->resultRelation && OidIsValid(lending.target);
    if (rte->rtekind == RTE_RELATION && catalog::IsShardOfOwner(rte->relid)) LendTo(query, rte, changed, lending);
    if (rte->rtekind == RTE_SUBQUERY && strncmp(rte->eref->aliasname, pg::kBarrierAlias, strlen(pg::kBarrierAlias)) == 0)
      rte->security_barrier = true;
  }
  return pg::WalkQuery(query, Lend, context);
}

/// The query that EXPLAIN is about, which was analysed with it.
Query *Subject(Query *query) {
  if (query->commandType != CMD_UTILITY || !IsA(query->utilityStmt, ExplainStmt)) return query;
  return castNode(Query, reinterpret_cast<ExplainStmt *>(query->utilityStmt)->query);
}

void Finish(const Parsing &parsing, Query *query) {
  pg::PopSearchPath(parsing.path);
  if (!parsing.lending.needed) return;
  pg::ReturnRights(parsing.rights);
  Lending lending = parsing.lending;
  Lend(reinterpret_cast<Node *>(Subject(query)), &lending);
}

/// Nodes call shards by their names, and functions and operators.
bool CheckNames(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) {
    RefuseOverload(node);
    return pg::Walk(node, CheckNames, context);
  }
  auto *query = reinterpret_cast<Query *>(node);
  ListCell *cell;
  foreach (cell, query->rtable) {
    const auto *rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind == RTE_RELATION) catalog::RefuseOthers(rte->relid);
  }
  return pg::WalkQuery(query, CheckNames, context);
}

void AfterAnalysis(ParseState *pstate, Query *query, JumbleState *jumble) {
  pg::Entry([&] {
    const bool own = pstate->p_paramref_hook == ParameterOf;
    if (own) Finish(*static_cast<Parsing *>(pstate->p_ref_hook_state), query);
    if (own || IsTextOfAskingNode(pstate->p_sourcetext)) (void)CheckNames(reinterpret_cast<Node *>(Subject(query)), nullptr);
    if (next_hook != nullptr) next_hook(pstate, query, jumble);
  });
}

bool IsUsersLiteral(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, TypeCast)) {
    auto *cast = reinterpret_cast<TypeCast *>(node);
    const bool literal = IsA(cast->arg, A_Const) && !reinterpret_cast<A_Const *>(cast->arg)->isnull;
    if (literal && typenameTypeId(nullptr, cast->typeName) >= FirstNormalObjectId) return true;
  }
  return pg::WalkRaw(node, IsUsersLiteral, context);
}

}  // namespace

Parsing *MakeParsing(const Oid *types, int count, const Lending &lending, MemoryContext home) {
  auto *parsing =
      static_cast<Parsing *>(MemoryContextAllocZero(home, offsetof(Parsing, types) + sizeof(Oid) * static_cast<Size>(count)));
  parsing->lending = lending;
  parsing->count = count;
  for (int i = 0; i < count; i++) parsing->types[i] = types[i];
  return parsing;
}

void SetUpParsing(ParseState *pstate, void *argument) {
  auto *parsing = static_cast<Parsing *>(argument);
  pstate->p_paramref_hook = ParameterOf;
  pstate->p_ref_hook_state = parsing;
  parsing->path = pg::PushCatalogSearchPath();
  if (!parsing->lending.needed) return;
  parsing->rights = pg::BecomeSuperuserToParse();
}

void RefuseLiteralsOfUsers(const char *sql) {
  const pg::SearchPath path = pg::PushCatalogSearchPath();
  List *statements = raw_parser(sql, RAW_PARSE_DEFAULT);
  Node *statement = linitial_node(RawStmt, statements)->stmt;
  if (IsA(statement, ExplainStmt)) statement = reinterpret_cast<ExplainStmt *>(statement)->query;
  const bool found = IsUsersLiteral(statement, nullptr);
  pg::PopSearchPath(path);
  if (!found) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("a literal of a type made by users can't be read with a view owner's rights"),
                  errhint("Pass the value as a parameter.")));
}

void EndPolicyRoles(Query *query) {
  if (query->resultRelation > 0) {
    auto *rte = list_nth_node(RangeTblEntry, query->rtable, query->resultRelation - 1);
    if (rte->rtekind == RTE_RELATION && rte->enrname != nullptr && strcmp(rte->enrname, kPoliciesOnly) == 0)
      pg::CheckAs(query, rte, BOOTSTRAP_SUPERUSERID);
  }
  ListCell *cell;
  foreach (cell, query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (query->hasModifyingCTE) EndPolicyRoles(castNode(Query, cte->ctequery));
  }
}

void InitParsing() {
  next_hook = post_parse_analyze_hook;
  post_parse_analyze_hook = AfterAnalysis;
}

}  // namespace altius::task
