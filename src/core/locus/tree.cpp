// SPDX-License-Identifier: PostgreSQL
#include "altius/core/locus/tree.hpp"

#include <initializer_list>

namespace altius::core::locus {

int Tree::AddRelation(const Relation& relation) {
  if (first_.empty()) first_.Add(arena, kNone);
  relations_.Add(arena, relation);
  first_.Add(arena, kNone);
  return relations_.size() - 1;
}

Query* Tree::AddQuery() {
  auto* query = arena.Make<Query>();
  query->id = queries_++;
  return query;
}

Value Tree::ValueOf(const Term& term, int domain) {
  if (first_.empty()) first_.Add(arena, kNone);
  Value& first = first_[term.relation + 1];
  for (Value value = first; value != kNone; value = values_[value].next) {
    if (values_[value].term == term && values_[value].domain == domain) return value;
  }
  values_.Add(arena, {term, domain, first});
  first = values_.size() - 1;
  return first;
}

namespace {

struct Reads {
  const Arena& arena;
  Set relations;

  void Of(const Condition& condition) { relations = relations.Union(arena, condition.relations); }
  void OfFrom(const From* from) {
    if (from == nullptr) return;
    for (const Condition* condition : from->conditions) Of(*condition);
    for (const From* item : from->items) OfFrom(item);
  }
};

}  // namespace

void CloseQuery(const Tree& tree, Query* query) {
  Reads reads = {tree.arena, {}};
  reads.OfFrom(query->from);
  for (const Condition* condition : query->expressions) reads.Of(*condition);
  for (const Query* arm : {query->left, query->right}) {
    if (arm != nullptr) reads.relations = reads.relations.Union(tree.arena, arm->outer);
  }
  query->relations.ForEach([&](int index) {
    const Relation& relation = tree.relation(index);
    if (relation.source != nullptr) reads.Of(*relation.source);
    if (relation.query != nullptr)
      reads.relations = reads.relations.Union(tree.arena, relation.query->outer);
  });
  query->outer = reads.relations.Without(tree.arena, query->relations);
}

}  // namespace altius::core::locus
