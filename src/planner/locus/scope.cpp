// SPDX-License-Identifier: PostgreSQL
#include "scope.hpp"

#include "altius/pg/node.hpp"
#include "planner/level.hpp"
#include "translation.hpp"

namespace altius::planner {

namespace {

List *ConditionsOf(const Translation &translation, const locus::List<const locus::Condition *> &conditions) {
  List *result = NIL;
  for (const locus::Condition *condition : conditions) result = lappend(result, translation.ConditionOf(*condition));
  return result;
}

List *PrunesOf(const Translation &translation, const locus::Prunes &prunes) {
  List *result = NIL;
  for (const locus::Value value : prunes.values) result = lappend(result, translation.ConstantOf(value));
  return result;
}

Scope *NewScope(Translation *translation, locus::Analysis *analysis, const locus::Scope *located) {
  auto *scope = static_cast<Scope *>(palloc0(sizeof(Scope)));
  scope->translation = translation;
  scope->analysis = analysis;
  scope->located = located;
  return scope;
}

/// The scopes and parts seen so far, by number: parts name their owners.
struct Counterparts {
  Translation *translation;
  locus::Analysis *analysis;
  pg::Array<Scope *> scopes;
  pg::Array<Part *> parts;
};

template <typename T>
T *Seen(pg::Array<T *> *known, int id) {
  if (known->size() <= id) known->resize(id + 1);
  return (*known)[id];
}

Scope *ScopeFor(Counterparts *known, const locus::Scope *located);

Part *PartFor(Counterparts *known, const locus::Part *located) {
  if (Part *part = Seen(&known->parts, located->id)) return part;
  const Translation &translation = *known->translation;
  auto *part = static_cast<Part *>(palloc0(sizeof(Part)));
  known->parts[located->id] = part;
  part->located = located;
  part->reach = located->reach;
  part->pruned = located->prunes.known;
  part->prunes = PrunesOf(translation, located->prunes);
  part->rels = translation.IndexesOf(located->relations);
  part->quals = ConditionsOf(translation, located->conditions);
  part->join_quals = ConditionsOf(translation, located->join_conditions);
  for (const locus::From *node : located->nodes) part->nodes = lappend(part->nodes, translation.NodeOf(*node));
  if (located->left != nullptr) {
    part->left = ScopeFor(known, located->left);
    part->right = ScopeFor(known, located->right);
  }
  part->owner = ScopeFor(known, located->owner);
  return part;
}

Scope *ScopeFor(Counterparts *known, const locus::Scope *located) {
  if (Scope *seen = Seen(&known->scopes, located->id)) return seen;
  Scope *scope = NewScope(known->translation, known->analysis, located);
  known->scopes[located->id] = scope;
  for (const locus::Part *part : located->parts) scope->parts.push_back(PartFor(known, part));
  scope->conjuncts = ConditionsOf(*known->translation, located->conditions);
  return scope;
}

locus::Analysis *NewAnalysis(locus::Tree *tree, int cut_root) {
  auto *analysis = static_cast<locus::Analysis *>(palloc(sizeof(locus::Analysis)));
  return new (analysis) locus::Analysis(tree, cut_root);
}

}  // namespace

Translation *LocatedQuery::MakeTranslation(Query *query) {
  return new (palloc(sizeof(Translation))) Translation(query);
}

QueryLocus LocatedQuery::Whole() {
  const locus::Query &root = translation_->Root();
  const locus::Locus &located = NewAnalysis(&translation_->tree, locus::kNone)->LocusOf(root);
  return {&located, located.whole, PrunesOf(*translation_, located.prunes)};
}

Scope *LocatedQuery::CutScope() {
  const locus::Query &root = translation_->Root();
  locus::Analysis *analysis = NewAnalysis(&translation_->tree, root.id);
  Counterparts known = {translation_, analysis, {}, {}};
  return ScopeFor(&known, analysis->ScopeOf(root, false));
}

Scope *AnalyzeFrom(const Level *level) { return LocatedQuery(level->query).CutScope(); }

Scope *ScopeOfValues(Query *query) {
  auto *translation = new (palloc(sizeof(Translation))) Translation(query);
  auto *located = translation->tree.arena.Make<locus::Scope>();
  located->query = &translation->Bare();
  auto *part = translation->tree.arena.Make<locus::Part>();
  part->reach = Reach::Replicated;
  located->parts.Add(translation->tree.arena, part);
  part->owner = located;
  locus::Analysis *analysis = NewAnalysis(&translation->tree, located->query->id);
  Counterparts known = {translation, analysis, {}, {}};
  return ScopeFor(&known, located);
}

bool IsWhole(const Scope &scope) { return locus::IsWhole(*scope.located); }

}  // namespace altius::planner
