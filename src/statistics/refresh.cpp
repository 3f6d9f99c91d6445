// SPDX-License-Identifier: PostgreSQL
// The asking node's side: asks each node for the statistics of its shards, and tells each the table's.
#include "altius/statistics/statistics.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/txn/coordinated.hpp"
#include "table.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::statistics {
namespace {

/// Keeps the rows as they come.
class TextSink final : public remote::RowSink {
 public:
  TextSink() : home_(CurrentMemoryContext) {}

  void Row(const PGresult *result, int row) override {
    for (int i = 0; i < kTexts; i++) {
      const char *value = i < PQnfields(result) && !PQgetisnull(result, row, i) ? PQgetvalue(result, row, i) : "";
      texts.push_back(MemoryContextStrdup(home_, value));
    }
  }

  pg::Array<const char *> texts;  // kTexts for each row

 private:
  MemoryContext home_;
};

char *NameOf(const catalog::Table &table) { return quote_qualified_identifier(table.schema, table.name); }

/// Groups with shards of the table, each once; one alone where all have the same.
pg::Array<int> GroupsToAsk(const catalog::Table &table) {
  pg::Array<int> groups;
  for (int i = 0; i < table.shard_count; i++) {
    for (int j = 0; j < table.shards[i].group_count; j++) {
      const int group = table.shards[i].groups[j];
      if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
      if (table.kind == catalog::TableKind::Reference) return groups;
    }
  }
  return groups;
}

/// A call of ours with the first `count` texts as its arguments.
remote::Request *SendCall(int group, txn::Access access, const char *call, int count, const char *const *texts, remote::RowSink *sink) {
  remote::StatementText statement;
  statement.sql = call;
  statement.param_count = count;
  statement.param_values = texts;
  statement.by_node = true;
  return remote::Send(txn::Enlist(group, access), statement, sink);
}

/// What the nodes that have shards say of them.
struct Answers {
  pg::Array<TextSink *> sinks;
  bool here;  // one of them is this node
};

Answers AskAll(const catalog::Table &table) {
  const char *const name = NameOf(table);
  Answers answers{};
  pg::Array<remote::Request *> requests;
  for (const int group : GroupsToAsk(table)) {
    if (group == catalog::LocalGroup()) {
      answers.here = true;
      continue;
    }
    auto *sink = new (palloc(sizeof(TextSink))) TextSink();
    answers.sinks.push_back(sink);
    requests.push_back(SendCall(group, txn::Access::Read, "SELECT * FROM altius_internal.shard_statistics($1::pg_catalog.regclass)", 1,
                                &name, sink));
  }
  remote::WaitAll(requests.data(), requests.size());
  return answers;
}

Table FromRows(Oid relid, const TextSink &sink) {
  Table found{};
  for (int i = 0; i < sink.texts.size(); i += kTexts) AddFromTexts(relid, sink.texts.data() + i, &found);
  return found;
}

Table MergeAnswers(const catalog::Table &table, const Answers &answers) {
  pg::Array<Table> parts;
  if (answers.here) parts.push_back(OfShardsHere(table));
  for (const TextSink *sink : answers.sinks) parts.push_back(FromRows(table.relid, *sink));
  return MergeTables(table, parts);
}

/// The calls for the other nodes, which go out as they are made.
struct Telling {
  const char *name;
  const int *groups;
  int count;
  pg::Array<remote::Request *> requests;
};

void TellOne(void *context, const char *const *texts) {
  auto *telling = static_cast<Telling *>(context);
  const char *arguments[kTexts + 1] = {telling->name};
  std::copy(texts, texts + kTexts, arguments + 1);
  for (int i = 0; i < telling->count; i++) {
    telling->requests.push_back(
        SendCall(telling->groups[i], txn::Access::Write,
                 "SELECT altius_internal.keep_statistics($1::pg_catalog.regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                 kTexts + 1, arguments, nullptr));
  }
}

}  // namespace

void Refresh(const catalog::Table &table) {
  const Answers answers = AskAll(table);
  Table found{};
  pg::AsOwner(pg::OwnerOfRelation(table.relid), [&] {
    found = MergeAnswers(table, answers);
    Keep(table.relid, found);
  });
  Telling telling{NameOf(table), nullptr, 0, {}};
  telling.groups = txn::OtherGroups(&telling.count);
  ToTexts(found, TellOne, &telling);
  remote::WaitAll(telling.requests.data(), telling.requests.size());
}

}  // namespace altius::statistics
