// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/type_parts.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::pg {

bool IsMadeOf(Oid type, bool (*test)(Oid type, void *context), void *context) {
  check_stack_depth();
  type = getBaseType(type);
  if (test(type, context)) return true;
  if (OidIsValid(get_element_type(type))) return IsMadeOf(get_element_type(type), test, context);
  if (type_is_range(type)) return IsMadeOf(get_range_subtype(type), test, context);
  if (type_is_multirange(type)) return IsMadeOf(get_multirange_range(type), test, context);
  if (get_typtype(type) != TYPTYPE_COMPOSITE) return false;
  const TupleDesc fields = lookup_rowtype_tupdesc_copy(type, -1);
  for (int i = 0; i < fields->natts; i++) {
    const Form_pg_attribute field = TupleDescAttr(fields, i);
    if (!field->attisdropped && IsMadeOf(field->atttypid, test, context)) return true;
  }
  return false;
}

bool HasDomains(Oid type) {
  check_stack_depth();
  if (get_typtype(type) == TYPTYPE_DOMAIN) return true;
  if (OidIsValid(get_element_type(type))) return HasDomains(get_element_type(type));
  if (type_is_range(type)) return HasDomains(get_range_subtype(type));
  if (type_is_multirange(type)) return HasDomains(get_multirange_range(type));
  if (get_typtype(type) != TYPTYPE_COMPOSITE) return false;
  const TupleDesc fields = lookup_rowtype_tupdesc_copy(type, -1);
  for (int i = 0; i < fields->natts; i++) {
    const Form_pg_attribute field = TupleDescAttr(fields, i);
    if (!field->attisdropped && HasDomains(field->atttypid)) return true;
  }
  return false;
}

bool IsObjectNumber(Oid type) {
  switch (type) {
    case REGPROCOID:
    case REGPROCEDUREOID:
    case REGOPEROID:
    case REGOPERATOROID:
    case REGCLASSOID:
    case REGCOLLATIONOID:
    case REGTYPEOID:
    case REGROLEOID:
    case REGNAMESPACEOID:
    case REGCONFIGOID:
    case REGDICTIONARYOID:
      return true;
    default:
      return false;
  }
}

}  // namespace altius::pg
