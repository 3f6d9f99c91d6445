// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/names_input.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/pg/type_parts.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::pg {

namespace {

struct Reader {
  FmgrInfo input;  // of the base type
  Oid param;
  int32 modifier;
  Oid domain;  // InvalidOid: none
  void *checks;
};

Datum Read(FunctionCallInfo fcinfo) {
  return Entry([&] {
    auto *reader = static_cast<Reader *>(fcinfo->flinfo->fn_extra);
    char *text_of = PG_ARGISNULL(0) ? nullptr : PG_GETARG_CSTRING(0);
    const int32 modifier = OidIsValid(reader->domain) ? reader->modifier : PG_GETARG_INT32(2);
    const Rights before = BecomeSuperuser();
    const Datum value = InputFunctionCall(&reader->input, text_of, reader->param, modifier);
    ReturnRights(before);
    if (OidIsValid(reader->domain))
      domain_check(value, text_of == nullptr, reader->domain, &reader->checks, fcinfo->flinfo->fn_mcxt);
    fcinfo->isnull = text_of == nullptr;
    return value;
  });
}

}  // namespace

void ReadNamesFreely(FmgrInfo *input, Oid type) {
  int32 modifier = -1;
  const Oid base = getBaseTypeAndTypmod(type, &modifier);
  if (!TextNamesObjects(base) || HasDomains(base)) return;
  auto *reader = static_cast<Reader *>(MemoryContextAllocZero(input->fn_mcxt, sizeof(Reader)));
  Oid function;
  getTypeInputInfo(base, &function, &reader->param);
  fmgr_info_cxt(function, &reader->input, input->fn_mcxt);
  reader->modifier = modifier;
  reader->domain = base == type ? InvalidOid : type;
  input->fn_addr = Read;
  input->fn_strict = base == type;
  input->fn_extra = reader;
}

}  // namespace altius::pg
