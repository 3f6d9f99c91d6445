// SPDX-License-Identifier: PostgreSQL
#include "altius/core/shard/key_text.hpp"

#include <string>

#include "catch.hpp"

using altius::core::ColumnOfKeyText;

namespace {

// As PostgreSQL 13, 15, 16 and 18 write it.
const std::string kForms[] = {
    "{VAR :varno 1 :varattno 3 :vartype 23 :vartypmod -1 :varcollid 0 :varlevelsup 0 :varnoold 1 "
    ":varoattno 3 :location -1}",
    "{VAR :varno 1 :varattno 3 :vartype 25 :vartypmod -1 :varcollid 100 :varlevelsup 0 :varnosyn 1 "
    ":varattnosyn 3 :location -1}",
    "{VAR :varno 1 :varattno 3 :vartype 25 :vartypmod 14 :varcollid 100 :varnullingrels (b) "
    ":varlevelsup 0 :varnosyn 1 :varattnosyn 3 :location -1}",
    "{VAR :varno 1 :varattno 3 :vartype 20 :vartypmod -1 :varcollid 0 :varnullingrels (b 1 22) "
    ":varlevelsup 0 :varreturningtype 0 :varnosyn 1 :varattnosyn 3 :location -1}"};

}  // namespace

TEST_CASE("the column of a key is read in each version's form") {
  for (const std::string& form : kForms) CHECK(ColumnOfKeyText(form) == 3);
}

TEST_CASE("any other text is no key") {
  const std::string good = "{VAR :varno 1 :varattno 3}";
  CHECK(ColumnOfKeyText(good) == 3);
  for (std::size_t size = 0; size < good.size(); size++) {
    CHECK_FALSE(ColumnOfKeyText(std::string_view(good).substr(0, size)).has_value());
    std::string changed = good;
    changed[size] = '(';
    CHECK_FALSE(ColumnOfKeyText(changed).has_value());
  }
  for (const char* text :
       {"", "{", "{VAR", "{VAR}", "{VAR :varattno 3", "{VAR :varattno 3} ", " {VAR :varattno 3}",
        "{VAR :varattno 0}", "{VAR :varattno -1}", "{VAR :varattno 32768}", "{VAR :varattno 3x}",
        "{VAR :varattno 99999999999999999999}", "{VAR :varattno 3 :varattno 4}", "{VAR :varattno (b)}",
        "{VAR :varattno  3}", "{VAR  :varattno 3}", "{VAR :varattno +3}", "{VAR :varattno {VAR}}",
        "{CONST :varattno 3}", "{VAR : 3 :varattno 3}", "{VAR :a (b 1 :varattno 3}", "({VAR})", "<>"})
    CHECK_FALSE(ColumnOfKeyText(text).has_value());
  CHECK_FALSE(ColumnOfKeyText(std::string(1000000, '(')).has_value());
  CHECK_FALSE(ColumnOfKeyText("{VAR :a (b" + std::string(1000000, ' ')).has_value());
}
