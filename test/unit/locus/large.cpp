// SPDX-License-Identifier: PostgreSQL
// Large statements, to be analysed only.
#include "builder.hpp"

namespace locus_test {

namespace {

class Large : Builder {
 public:
  using Builder::Builder;

  const Query* Chain(int length) {
    Level root = Open();
    const Query* before = nullptr;
    for (int i = 0; i < length; i++) {
      Level level = Open();
      Terms first, second;
      From* from = NewFrom(From::Kind::Inner);
      from->items.Add(arena(), Named(&level, &first, before, root.query->id));
      from->items.Add(arena(), Named(&level, &second, before, root.query->id));
      from->conditions.Add(arena(), Equal(first[0], second[0]));
      before = Close(&level, from, first);
    }
    Terms columns;
    From* from = NewFrom(From::Kind::Inner);
    from->items.Add(arena(), Named(&root, &columns, before, root.query->id));
    return Close(&root, from, columns);
  }

  const Query* Join(From::Kind kind, int relations, bool together) {
    Level level = Open();
    Terms columns;
    const From* from = Hash(&level, &columns);
    for (int i = 1; i < relations; i++) {
      const Terms before = columns;
      columns.clear();
      const From* next = Hash(&level, &columns);
      From* join = NewFrom(kind);
      if (kind == From::Kind::Inner) {
        join->items.Add(arena(), from);
        join->items.Add(arena(), next);
      } else {
        join = NewJoin(&level, kind, from, next);
      }
      join->conditions.Add(arena(), Equal(before[together ? 0 : 1], columns[0]));
      from = join;
    }
    return Close(&level, from, columns);
  }

 private:
  From* Hash(Level* level, Terms* columns) {
    Relation relation;
    relation.kind = Relation::Kind::Hash;
    relation.colocation = relation.key = 1;
    relation.domain = 0;
    return Leaf(level, relation, columns);
  }

  /// The CTE, or a table where there is none.
  From* Named(Level* level, Terms* columns, const Query* query, int home) {
    if (query == nullptr) return Hash(level, columns);
    Relation relation;
    relation.kind = Relation::Kind::Cte;
    relation.query = query;
    relation.home = home;
    return Leaf(level, relation, columns);
  }

  const Query* Close(Level* level, const From* from, const Terms& columns) {
    level->query->from = from;
    for (const Term& term : columns) Put(level, term);
    CloseQuery(world_.tree, level->query);
    return level->query;
  }
};

}  // namespace

const Query* ChainOfCtes(World& world, int length) { return Large(world).Chain(length); }

const Query* JoinOfTables(World& world, From::Kind kind, int relations, bool together) {
  return Large(world).Join(kind, relations, together);
}

}  // namespace locus_test
