// SPDX-License-Identifier: PostgreSQL
#include "overloads.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/catcache.h"
#include "utils/syscache.h"
}

namespace altius::task {

namespace {

template <typename Form>
Form FormOf(HeapTuple tuple) {
  return reinterpret_cast<Form>(GETSTRUCT(tuple));
}

[[noreturn]] void Refuse(const char *kind, const char *name) {
  ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_FUNCTION), errmsg("%s \"%s\" is not the only one that may be meant", kind, name),
                  errdetail("Another role has made a polymorphic one of this name in the same schema."),
                  errhint("Drop or rename one of them.")));
  pg_unreachable();
}

/// Whether a call with so many arguments may mean it, whatever their types are.
bool TakesAny(const FormData_pg_proc &function, int count) {
  bool polymorphic = false;
  for (int i = 0; i < function.pronargs; i++) polymorphic = polymorphic || IsPolymorphicType(function.proargtypes.values[i]);
  if (!polymorphic) return false;
  if (OidIsValid(function.provariadic)) return count >= function.pronargs - 1;
  return count <= function.pronargs && count >= function.pronargs - function.pronargdefaults;
}

void CheckFunction(Oid oid, int count) {
  if (oid < FirstNormalObjectId) return;
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(tuple)) return;
  const auto *called = FormOf<Form_pg_proc>(tuple);
  if (superuser_arg(called->proowner)) return ReleaseSysCache(tuple);
  CatCList *all = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(NameStr(called->proname)));
  bool taken = false;
  for (int i = 0; i < all->n_members && !taken; i++) {
    const auto *other = FormOf<Form_pg_proc>(&all->members[i]->tuple);
    taken = other->oid != oid && other->pronamespace == called->pronamespace && other->proowner != called->proowner &&
            TakesAny(*other, count);
  }
  ReleaseSysCacheList(all);
  if (taken) Refuse("function", NameStr(called->proname));
  ReleaseSysCache(tuple);
}

bool TakesAny(const FormData_pg_operator &it) { return IsPolymorphicType(it.oprleft) || IsPolymorphicType(it.oprright); }

void CheckOperator(Oid oid) {
  if (oid < FirstNormalObjectId) return;
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(tuple)) return;
  const auto *called = FormOf<Form_pg_operator>(tuple);
  if (superuser_arg(called->oprowner)) return ReleaseSysCache(tuple);
  CatCList *all = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(NameStr(called->oprname)));
  bool taken = false;
  for (int i = 0; i < all->n_members && !taken; i++) {
    const auto *other = FormOf<Form_pg_operator>(&all->members[i]->tuple);
    taken = other->oid != oid && other->oprnamespace == called->oprnamespace && other->oprowner != called->oprowner &&
            other->oprkind == called->oprkind && TakesAny(*other);
  }
  ReleaseSysCacheList(all);
  if (taken) Refuse("operator", NameStr(called->oprname));
  ReleaseSysCache(tuple);
}

}  // namespace

void RefuseOverload(Node *node) {
  switch (nodeTag(node)) {
    case T_FuncExpr: {
      const auto *call = reinterpret_cast<FuncExpr *>(node);
      const bool cast = call->funcformat == COERCE_EXPLICIT_CAST || call->funcformat == COERCE_IMPLICIT_CAST;
      if (!cast) CheckFunction(call->funcid, list_length(call->args));
      break;
    }
    case T_Aggref:
      CheckFunction(reinterpret_cast<Aggref *>(node)->aggfnoid, list_length(reinterpret_cast<Aggref *>(node)->aggargtypes));
      break;
    case T_WindowFunc:
      CheckFunction(reinterpret_cast<WindowFunc *>(node)->winfnoid, list_length(reinterpret_cast<WindowFunc *>(node)->args));
      break;
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
      CheckOperator(reinterpret_cast<OpExpr *>(node)->opno);
      break;
    case T_ScalarArrayOpExpr:
      CheckOperator(reinterpret_cast<ScalarArrayOpExpr *>(node)->opno);
      break;
    default:
      break;
  }
}

}  // namespace altius::task
