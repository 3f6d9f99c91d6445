// SPDX-License-Identifier: PostgreSQL
// One entry of FROM as a part.
#include "scope.hpp"

namespace altius::core::locus {

namespace {

/// Stands for where the rows of a relation lie, whether a column says so or not.
constexpr int kPlace = -2;

}  // namespace

Part* ScopeBuilder::NewPart(Reach reach, const From* node) {
  auto* part = arena_.Make<Part>();
  part->reach = reach;
  part->reason = reach == Reach::Here ? Reason::Local : Reason::None;
  part->nodes.Add(arena_, node);
  if (node->relation != kNone) part->relations = part->relations.With(arena_, node->relation);
  return part;
}

Part* ScopeBuilder::PartOfTable(int index, const Relation& relation) {
  auto* part = arena_.Make<Part>();
  part->has_tables = true;
  const bool copied = relation.kind == Relation::Kind::Reference && !relation.locked;
  part->reach = copied ? Reach::Replicated : Reach::Hashed;
  part->colocation = relation.colocation;
  part->once = relation.sampled && copied;
  part->single = relation.kind == Relation::Kind::SingleShard || relation.locked;
  if (relation.kind == Relation::Kind::Hash)
    part->key = tree_->ValueOf({index, relation.key}, relation.domain);
  return part;
}

/// Takes what is known of a whole subquery (or CTE) over, its columns being those of the relation.
void ScopeBuilder::TakeOver(Scope* scope, Part* part, int index, const Locus& locus) {
  part->reach = locus.reach;
  part->colocation = locus.colocation;
  part->single = locus.single;
  part->loud = locus.loud;
  part->once = locus.once;
  part->prunes = locus.prunes;
  part->has_tables = locus.has_tables;
  if (locus.reach != Reach::Hashed || locus.single) return;
  if (locus.loud) {
    part->prunes = {};  // it has rows where the rows that it reads are not
    part->places = locus.pins.Copy(arena_);
    return;
  }
  part->key = tree_->ValueOf({index, kPlace}, locus.domain);
  for (const int column : locus.key_columns) {
    scope->equalities.Unite(arena_, part->key, tree_->ValueOf({index, column}, locus.domain));
  }
  for (const Value pin : locus.pins) scope->equalities.Unite(arena_, part->key, pin);
}

Part* ScopeBuilder::PartOfQuery(Scope* scope, int index, const Relation& relation) {
  auto* part = arena_.Make<Part>();
  part->reason = Reason::Local;
  const bool unshipped_cte = relation.kind == Relation::Kind::Cte &&
                             (relation.home == kNone || relation.home == analysis_->cut_root_);
  if (unshipped_cte || relation.query == nullptr) return part;
  const Locus& locus = analysis_->LocusOf(*relation.query);
  if (locus.whole) TakeOver(scope, part, index, locus);
  part->reason = locus.reason;
  part->lateral = relation.query->outer;
  return part;
}

/// What VALUES, a function or a sample of a table is computed from.
void ScopeBuilder::AddSource(Scope* scope, Part* part, const Condition& source) {
  part->lateral = source.relations;
  if (analysis_->Ships(source, *scope, nullptr)) return;
  part->reach = Reach::Here;
  part->reason = Reason::NotShippable;
}

Part* ScopeBuilder::PartOf(Scope* scope, const From& leaf) {
  const Relation relation = tree_->relation(leaf.relation);
  Part* part = nullptr;
  switch (relation.kind) {
    case Relation::Kind::Hash:
    case Relation::Kind::SingleShard:
    case Relation::Kind::Reference:
      part = PartOfTable(leaf.relation, relation);
      break;
    case Relation::Kind::Query:
    case Relation::Kind::Cte:
      part = PartOfQuery(scope, leaf.relation, relation);
      break;
    case Relation::Kind::Rows:
      part = arena_.Make<Part>();
      part->reach = Reach::Replicated;
      break;
    case Relation::Kind::Here:
      return NewPart(Reach::Here, &leaf);
  }
  if (relation.source != nullptr) AddSource(scope, part, *relation.source);
  part->nodes.Add(arena_, &leaf);
  part->relations = part->relations.With(arena_, leaf.relation);
  return part;
}

}  // namespace altius::core::locus
