// SPDX-License-Identifier: PostgreSQL
#include "binary_types.hpp"

#include "altius/pg/type_parts.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::rebalance {

bool TravelsInBinary(Oid type) {
  type = getBaseType(type);
  if (type >= FirstNormalObjectId) return get_typtype(type) == TYPTYPE_ENUM;
  const Oid element = get_element_type(type);
  // Names of other nodes' objects have other oids there: they travel as text.
  if (pg::IsObjectNumber(type) || (OidIsValid(element) && pg::IsObjectNumber(element))) return false;
  HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  const auto* form = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
  const bool both = OidIsValid(form->typsend) && OidIsValid(form->typreceive) &&
                    form->typtype != TYPTYPE_COMPOSITE;
  ReleaseSysCache(tuple);
  return both;
}

}  // namespace altius::rebalance
