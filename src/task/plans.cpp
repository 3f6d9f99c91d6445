// SPDX-License-Identifier: PostgreSQL
// The least recently used plan goes when the cache is full.  Plans under way are never freed: an
// entry is pinned until the SPI procedure that runs it ends, also by an error.
#include "plans.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/text_forms.hpp"
#include "parsing.hpp"

extern "C" {
#include "common/hashfn.h"
#include "lib/ilist.h"
#include "nodes/parsenodes.h"
#include "utils/hsearch.h"
}

namespace altius::task {

namespace {

constexpr int kMostPlans = 256;

struct Entry {
  uint64 hash;  // key: of text and types
  char* sql;
  Oid* types;
  int type_count;
  Lending lending;
  LocalPlan plan;
  int pins;
  dlist_node by_use;  // newest first
};

HTAB* plans = nullptr;
dlist_head by_use = DLIST_STATIC_INIT(by_use);

uint64 HashOf(const LocalStatement& statement) {
  const auto* sql = reinterpret_cast<const unsigned char*>(statement.sql);
  const auto* types = reinterpret_cast<const unsigned char*>(statement.arg_types);
  const uint64 hash = hash_bytes_extended(sql, static_cast<int>(strlen(statement.sql)), 0);
  return statement.arg_count == 0
             ? hash + statement.lending.needed
             : hash_bytes_extended(types, statement.arg_count * sizeof(Oid),
                                   hash + statement.lending.needed);
}

bool Same(const Entry& entry, const LocalStatement& statement) {
  return entry.type_count == statement.arg_count && entry.lending.needed == statement.lending.needed &&
         entry.lending.target == statement.lending.target && entry.lending.unread == statement.lending.unread &&
         strcmp(entry.sql, statement.sql) == 0 &&
         (entry.type_count == 0 ||
          memcmp(entry.types, statement.arg_types, entry.type_count * sizeof(Oid)) == 0);
}

void Drop(Entry* entry) {
  const LocalPlan plan = entry->plan;
  char* sql = entry->sql;
  Oid* types = entry->types;
  dlist_delete(&entry->by_use);
  hash_search(plans, &entry->hash, HASH_REMOVE, nullptr);
  pfree(sql);
  if (types != nullptr) pfree(types);
  SPI_freeplan(plan.plan);
  MemoryContextDelete(plan.parsing);
}

void DropLeastUsed() {
  for (dlist_node* node = by_use.head.prev; node != &by_use.head; node = node->prev) {
    auto* entry = reinterpret_cast<Entry*>(reinterpret_cast<char*>(node) - offsetof(Entry, by_use));
    if (entry->pins > 0) continue;
    Drop(entry);
    return;
  }
}

void Unpin(void* key) {
  auto* entry = static_cast<Entry*>(hash_search(plans, key, HASH_FIND, nullptr));
  if (entry != nullptr && entry->pins > 0) entry->pins--;
}

/// Keeps the entry until the current memory context, which is the SPI procedure's, goes.
void Pin(Entry* entry) {
  auto* pin =
      static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback) + sizeof(uint64)));
  auto* key = reinterpret_cast<uint64*>(pin + 1);
  *key = entry->hash;
  pin->func = Unpin;
  pin->arg = key;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, pin);
  entry->pins++;
}

Entry* Add(const LocalStatement& statement, uint64 hash) {
  const LocalPlan plan = PlanOf(statement);
  char* sql = MemoryContextStrdup(CacheMemoryContext, statement.sql);
  const Size size = statement.arg_count * sizeof(Oid);
  auto* types =
      size == 0 ? nullptr : static_cast<Oid*>(MemoryContextAlloc(CacheMemoryContext, size));
  if (types != nullptr) memcpy(types, statement.arg_types, size);
  if (hash_get_num_entries(plans) >= kMostPlans) DropLeastUsed();
  SPI_keepplan(plan.plan);
  MemoryContextSetParent(plan.parsing, CacheMemoryContext);
  auto* entry = static_cast<Entry*>(hash_search(plans, &hash, HASH_ENTER, nullptr));
  *entry = Entry{.hash = hash,
                 .sql = sql,
                 .types = types,
                 .type_count = statement.arg_count,
                 .lending = statement.lending,
                 .plan = plan,
                 .pins = 0};
  dlist_push_head(&by_use, &entry->by_use);
  return entry;
}

void MakeTable() {
  HASHCTL control{};
  control.keysize = sizeof(uint64);
  control.entrysize = sizeof(Entry);
  control.hcxt = CacheMemoryContext;
  plans = hash_create("altius plans of local statements", kMostPlans, &control,
                      HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

}  // namespace

LocalPlan PlanOf(const LocalStatement& statement) {
  const int level = pg::BeginPortableText();
  if (statement.lending.needed) RefuseLiteralsOfUsers(statement.sql);
  const MemoryContext parsing =
      AllocSetContextCreate(CurrentMemoryContext, "altius parsing", ALLOCSET_SMALL_SIZES);
  const SPIPlanPtr plan = SPI_prepare_params(
      statement.sql, SetUpParsing,
      MakeParsing(statement.arg_types, statement.arg_count, statement.lending, parsing),
      CURSOR_OPT_PARALLEL_OK);
  if (plan == nullptr)
    elog(ERROR, "could not prepare a shard's statement: %s", SPI_result_code_string(SPI_result));
  pg::EndPortableText(level);
  return {plan, parsing};
}

SPIPlanPtr CachedPlanOf(const LocalStatement& statement) {
  if (plans == nullptr) MakeTable();
  const uint64 hash = HashOf(statement);
  auto* entry = static_cast<Entry*>(hash_search(plans, &hash, HASH_FIND, nullptr));
  if (entry != nullptr && !Same(*entry, statement))
    return PlanOf(statement).plan;  // another text has this hash: not kept
  if (entry == nullptr) {
    entry = Add(statement, hash);
  } else {
    dlist_move_head(&by_use, &entry->by_use);
  }
  Pin(entry);
  return entry->plan.plan;
}

}  // namespace altius::task
