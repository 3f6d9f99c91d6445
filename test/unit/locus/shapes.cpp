// SPDX-License-Identifier: PostgreSQL
// Statements made of named pieces: every pair of pieces, joined in every way, under every top; and
// at random, pairs of pairs. The pieces are those that the rules tell apart.
#include <initializer_list>

#include "builder.hpp"
#include "pieces.hpp"

namespace locus_test {

namespace {

class Shapes : Builder {
 public:
  Shapes(World& world, Chooser& choose) : Builder(world), choose_(choose) {}

  /// `pieces`: how many there may be in all.
  const Query* Statement(const Terms& outer, int pieces) {
    const auto joined = Draw({Joined::Inner, Joined::Inner, Joined::Left, Joined::Scalar});
    Terms first, second;
    const int left = pieces > 2 ? 1 + choose_(pieces - 1) : 1;
    if (joined >= Joined::Union) return SetOf(joined, outer, left, pieces - left);
    Level level = Open();
    const From* one = Side(&level, &first, outer, {}, left);
    if (joined >= Joined::Exists) {
      From* from = NewFrom(From::Kind::Inner);
      from->items.Add(arena(), one);
      level.query->from = from;
      Sublink(&level, from, joined, first, outer, pieces - left);
      return Close(&level, first, first, outer);
    }
    const bool lateral = joined != Joined::Full && joined != Joined::LeftSwapped;
    const From* other = Side(&level, &second, outer, lateral ? first : Terms{}, pieces - left);
    Join(&level, joined, one, other, first, second);
    if (joined == Joined::Inner && choose_.Any(4) == 0) AddThird(&level, first, second, outer);
    return Close(&level, first, second, outer);
  }

 private:
  /// In turn; at random, every second time one of `often`.
  template <typename Enum>
  Enum Draw(std::initializer_list<Enum> often) {
    if (!choose_.exhaustive() && choose_(2) == 0)
      return often.begin()[choose_(static_cast<int>(often.size()))];
    return static_cast<Enum>(choose_(Count<Enum>));
  }

  From* Table(Level* level, Terms* columns, Relation::Kind kind, int colocation = 1, int domain = 0,
              bool sampled = false) {
    Relation relation;
    relation.kind = kind;
    relation.colocation = colocation;
    relation.key = kind == Relation::Kind::Hash ? 1 : kNone;
    relation.domain = domain;
    relation.sampled = sampled;
    return Leaf(level, relation, columns, Rows());
  }

  std::vector<Row> Rows() {
    std::vector<Row> rows;
    for (int i = choose_.Any(4); i >= 0; i--)
      rows.push_back({{choose_.Any(4), choose_.Any(5) - 1, kNull}});
    return rows;
  }

  /// --- pieces ---

  const From* Side(Level* level, Terms* columns, const Terms& outer, const Terms& before,
                   int pieces) {
    Terms around = outer;
    around.insert(around.end(), before.begin(), before.end());
    if (pieces > 1) return FromQuery(level, columns, Statement(around, pieces));
    auto piece = Draw({Piece::Hash, Piece::HashBeside, Piece::Reference, Piece::Pinned,
                       Piece::PinnedAggregate, Piece::CopyLimit, Piece::OuterAggregate,
                       Piece::CopyLeftPinned});
    if (ReadsOutside(piece) && around.empty()) piece = InPlaceOf(piece);
    return OfPiece(level, columns, around, piece);
  }

  static bool ReadsOutside(Piece piece) {
    return piece == Piece::OuterAggregate || piece == Piece::OuterAndPinned ||
           piece == Piece::OuterRows || piece == Piece::OuterPinnedRows ||
           piece == Piece::OuterValues || piece == Piece::CopyLeftOuter ||
           piece == Piece::LoudLeftPinned;
  }

  /// Where nothing is outside.
  static Piece InPlaceOf(Piece piece) {
    return piece == Piece::CopyLeftOuter    ? Piece::CopyLeftPinned
           : piece == Piece::LoudLeftPinned ? Piece::PinnedAggregate
           : piece == Piece::OuterAggregate ? Piece::PinnedAggregate
           : piece == Piece::OuterAndPinned ? Piece::PinnedOther
                                            : Piece::Pinned;
  }

  const Term& AnyOf(const Terms& terms) {
    return terms[static_cast<std::size_t>(choose_.Any(static_cast<int>(terms.size())))];
  }

  From* Values(Level* level, Terms* columns, const Term& term, bool ships) {
    auto* source = arena().Make<Condition>();
    source->ships = ships;
    Read(source, term);
    Relation relation;
    relation.kind = Relation::Kind::Rows;
    relation.source = source;
    From* leaf = Leaf(level, relation, columns);
    world_.computed[leaf->relation] = term;
    return leaf;
  }

  From* FromQuery(Level* level, Terms* columns, const Query* query, int home = kNone) {
    Relation relation;
    relation.kind = home == kNone ? Relation::Kind::Query : Relation::Kind::Cte;
    relation.home = home;
    relation.query = query;
    return Leaf(level, relation, columns);
  }

  const From* OfPiece(Level* level, Terms* columns, const Terms& around, Piece piece) {
    switch (piece) {
      case Piece::Hash:
        return Table(level, columns, Relation::Kind::Hash);
      case Piece::HashBeside:
        return Table(level, columns, Relation::Kind::Hash);
      case Piece::HashElsewhere:
        return Table(level, columns, Relation::Kind::Hash, 2);
      case Piece::HashCoarse:
        return Table(level, columns, Relation::Kind::Hash, 1, 1);
      case Piece::Reference:
        return Table(level, columns, Relation::Kind::Reference);
      case Piece::Single:
        return Table(level, columns, Relation::Kind::SingleShard, 1);
      case Piece::Here:
        return Table(level, columns, Relation::Kind::Here);
      case Piece::Values:
        return Table(level, columns, Relation::Kind::Rows);
      case Piece::CopyLeftPinned:
      case Piece::CopyLeftOther:
      case Piece::CopyLeftLimit:
      case Piece::HashLeftCopy:
      case Piece::HashLeftPinned:
      case Piece::HashFull:
        return JoinPiece(level, columns, around, piece);
      case Piece::Cte:
      case Piece::CteLimit:
        return FromQuery(level, columns, Inner(piece, around), level->query->id);
      case Piece::CteOutside:
        ctes_ = ctes_.With(arena(), root_);
        return FromQuery(level, columns, Inner(Piece::Cte, around), root_);
      case Piece::OuterValues:
      case Piece::HereValues:
        return Values(level, columns, piece == Piece::OuterValues ? AnyOf(around) : Constant(1),
                      piece == Piece::OuterValues);
      default:
        return FromQuery(level, columns, Inner(piece, around));
    }
  }

  const From* JoinPiece(Level* level, Terms* columns, const Terms& around, Piece piece) {
    Terms kept, other;
    const bool outer = piece == Piece::CopyLeftOuter;
    const bool copy = piece == Piece::CopyLeftPinned || piece == Piece::CopyLeftOther || outer;
    const bool limit = piece == Piece::CopyLeftLimit;
    const From* one =
        Table(level, &kept, copy || limit ? Relation::Kind::Reference : Relation::Kind::Hash);
    const From* two = limit ? FromQuery(level, &other, Inner(Piece::CopyLimit, {}))
                            : Table(level, &other,
                                    piece == Piece::HashLeftCopy ? Relation::Kind::Reference
                                                                 : Relation::Kind::Hash);
    From* join =
        NewJoin(level, piece == Piece::HashFull ? From::Kind::Full : From::Kind::Left, one, two);
    if (!copy) join->conditions.Add(arena(), Equal(kept[0], other[0]));
    if (outer) join->conditions.Add(arena(), Equal(other[0], AnyOf(around)));
    if (piece == Piece::HashLeftPinned || (copy && (!outer || choose_.Any(3) == 0)))
      join->conditions.Add(arena(),
                           Equal(other[0], Constant(piece == Piece::CopyLeftPinned ? 1 : 2)));
    *columns = {kept[0], other[1]};
    return join;
  }

  const Query* JoinQuery(Level level, const Terms& around, Piece piece) {
    Terms columns;
    From* from = NewFrom(From::Kind::Inner);
    from->items.Add(arena(), piece == Piece::LoudLeftPinned
                                 ? LoudLeft(&level, &columns, around)
                                 : JoinPiece(&level, &columns, around, piece));
    level.query->from = from;
    Put(&level, columns[0]);
    Put(&level, columns[1]);
    CloseQuery(world_.tree, level.query);
    return level.query;
  }

  const From* LoudLeft(Level* level, Terms* columns, const Terms& around) {
    const Term outside = AnyOf(around);
    Terms kept, other;
    const From* loud = FromQuery(level, &kept, Inner(Piece::OuterAndPinned, {outside}));
    From* join = NewJoin(level, From::Kind::Left, loud, Table(level, &other, Relation::Kind::Hash));
    join->conditions.Add(arena(), Equal(other[0], choose_.Any(2) == 0 ? outside : Constant(2)));
    *columns = {kept[1], other[1]};
    return join;
  }

  const Query* SetPiece(Piece piece) {
    const bool aggregates = piece == Piece::UnionAggregates || piece == Piece::UnionAggregatesApart;
    switch (piece) {
      case Piece::Union:
        return SetQuery(Query::Operation::Union, false, Inner(Piece::Hash, {}),
                        Inner(Piece::HashBeside, {}));
      case Piece::UnionAll:
        return SetQuery(Query::Operation::Union, true, Inner(Piece::Hash, {}),
                        Inner(Piece::HashBeside, {}));
      case Piece::UnionCrossed:
        return SetQuery(Query::Operation::Union, false, Inner(Piece::Hash, {}),
                        Inner(Piece::HashBeside, {}, true));
      case Piece::UnionPinned:
        return SetQuery(Query::Operation::Union, false, Inner(Piece::Pinned, {}),
                        Inner(Piece::PinnedLimit, {}));
      case Piece::ExceptPinned:
        return SetQuery(Query::Operation::Except, true, Inner(Piece::Hash, {}),
                        Inner(Piece::Pinned, {}));
      case Piece::IntersectCopies:
        return SetQuery(Query::Operation::Intersect, false, Inner(Piece::Reference, {}),
                        Inner(Piece::CopyLimit, {}));
      case Piece::UnionLimit:
        return SetQuery(Query::Operation::Union, false, Inner(Piece::Reference, {}),
                        Inner(Piece::Reference, {}), true);
      case Piece::UnionMixed:
        return SetQuery(Query::Operation::Union, choose_.Any(2) == 1, Inner(Piece::Hash, {}),
                        Inner(Piece::HashCoarse, {}));
      default:
        if (!aggregates) return nullptr;
        return SetQuery(
            Query::Operation::Union, true, Inner(Piece::PinnedAggregate, {}),
            Inner(piece == Piece::UnionAggregates ? Piece::PinnedAggregate : Piece::PinnedOther,
                  {}));
    }
  }

  const Query* SetQuery(Query::Operation operation, bool all, const Query* left, const Query* right,
                        bool limited = false) {
    Level level = Open();
    if (limited) Limited(&level);
    level.query->operation = operation;
    level.query->all = all;
    level.query->left = left;
    level.query->right = right;
    level.query->outputs.Add(arena(), {});
    level.query->outputs.Add(arena(), {});
    CloseQuery(world_.tree, level.query);
    return level.query;
  }

  /// The piece as a query of its own.
  const Query* Inner(Piece piece, const Terms& around, bool crossed = false) {
    if (const Query* query = SetPiece(piece)) return query;
    Level level = Open();
    Terms columns;
    if (piece == Piece::CopyLeftOuter || piece == Piece::LoudLeftPinned)
      return JoinQuery(level, around, piece);
    const auto copies = piece == Piece::CopyAggregate || piece == Piece::CopyLimit ||
                        piece == Piece::CteLimit || piece == Piece::CopySample ||
                        piece == Piece::CopyWithLimit || piece == Piece::Reference;
    From* from = NewFrom(From::Kind::Inner);
    Terms limited;
    const bool limit_first = piece == Piece::CopyWithLimit && choose_.Any(2) == 0;
    if (limit_first)
      from->items.Add(arena(), FromQuery(&level, &limited, Inner(Piece::CopyLimit, {})));
    from->items.Add(
        arena(), Table(&level, &columns, copies ? Relation::Kind::Reference : Relation::Kind::Hash,
                       1, piece == Piece::HashCoarse ? 1 : 0, piece == Piece::CopySample));
    if (piece == Piece::CopyWithLimit && !limit_first)
      from->items.Add(arena(), FromQuery(&level, &limited, Inner(Piece::CopyLimit, {})));
    if (piece == Piece::CopyWithLimit) columns = {columns[1], limited[0]};
    level.query->from = from;
    if (piece == Piece::Pinned || piece == Piece::PinnedAggregate || piece == Piece::PinnedLimit ||
        piece == Piece::Sets || piece == Piece::Cte)
      from->conditions.Add(arena(), Equal(columns[0], Constant(1)));
    if (piece == Piece::PinnedOther || piece == Piece::NoneThere ||
        piece == Piece::OuterAndPinned || piece == Piece::OuterPinnedRows)
      from->conditions.Add(arena(), Equal(columns[0], Constant(2)));
    if (ReadsOutside(piece)) from->conditions.Add(arena(), Equal(columns[0], AnyOf(around)));
    if (crossed) std::swap(columns[0], columns[1]);
    Above(&level, piece, columns);
    CloseQuery(world_.tree, level.query);
    return level.query;
  }

  void Above(Level* level, Piece piece, const Terms& columns) {
    switch (piece) {
      case Piece::PinnedAggregate:
      case Piece::PinnedOther:
      case Piece::OuterAggregate:
      case Piece::OuterAndPinned:
      case Piece::Aggregate:
      case Piece::CopyAggregate:
        return Aggregated(level, columns[1]);
      case Piece::NoneThere:
        Aggregated(level, columns[1]);
        level->upper()->having = Upper::Having::Empty;
        return;
      case Piece::ByKey:
      case Piece::ByKeyCoarse:
        return Grouped(level, columns[0], piece == Piece::ByKey ? 0 : 1);
      case Piece::ByValue:
        return Grouped(level, columns[1], 0);
      case Piece::Sets:
      case Piece::HashSets:
        Grouped(level, columns[0], 0);
        return WithEmptySet(level);
      case Piece::Window:
        return Windowed(level, columns[0], columns[0]);
      case Piece::WindowByValue:
        return Windowed(level, columns[0], columns[1]);
      case Piece::DistinctOn:
        Put(level, columns[1]);
        Put(level, columns[0]);
        return Distinct(level, true);
      default:
        break;
    }
    Put(level, columns[0]);
    Put(level, columns[1]);
    level->query->cut = piece == Piece::Recursive;
    if (piece == Piece::Distinct) Distinct(level, false);
    if (piece == Piece::CopyLimit || piece == Piece::CteLimit || piece == Piece::PinnedLimit ||
        piece == Piece::HashLimit)
      Limited(level);
  }

  /// What shard groups can't do of it.
  void Limits(Level* level, int group, const Term& dependent) {
    List<Term>& outputs = level->query->outputs;
    if (group != 0 && !level->query->grouping_sets && outputs.size() < 3 && choose_.Any(2) == 0) {
      Put(level, dependent);
      outputs[outputs.size() - 1] = {};  // it is no key, for it is not compared
      level->upper()->ungroupable = true;
    }
    level->upper()->within = choose_.Any(12) == 0;
    level->upper()->unreadable = choose_.Any(12) == 0;
  }

  /// One or two aggregates, of all rows or of groups.
  void Numbers(Level* level, const Terms& first, const Terms& second) {
    using Kind = Output::Kind;
    constexpr Kind kKinds[] = {Kind::CountDistinct, Kind::SumDistinct, Kind::Sum,  Kind::Max,
                               Kind::Average,       Kind::Second,      Kind::Text, Kind::SumHere};
    level->query->grouped = true;
    const int group = choose_.Any(4);
    if (group == 0) {
      level->query->empty_group = true;
    } else {
      const Term& key = group == 1 ? first[0] : group == 2 ? first[1] : second[0];
      GroupedBy(level, key, choose_.Any(4) == 0 ? 1 : 0);
      if (choose_.Any(3) != 0) WithEmptySet(level);
      level->upper()->group_here = choose_.Any(8) == 0;
    }
    // Keys are counted twice where one of them is in two groups of a set: rare unless they are sought.
    const bool keys = level->query->grouping_sets && choose_.Any(2) == 0;
    const int kinds = keys || choose_.Any(2) == 0 ? 2 : 8;
    const Term argument = keys ? first[0] : AnyOf({first[0], first[0], first[1], second[0], second[1]});
    for (int i = choose_.Any(2); i >= 0; i--) {
      const Term own = choose_.Any(4) == 0 ? first[1] : argument;
      Put(level, own, kKinds[choose_.Any(kinds)], choose_.Any(4) == 0 ? second[1] : Term{});
    }
    if (level->query->outputs.size() < 3 && choose_.Any(3) == 0) Put(level, {}, Kind::OnlyHere);
    if (level->query->outputs.size() < 2) Put(level, {}, Kind::Count);
    if (group != 0 && choose_.Any(6) == 0) Distinct(level, false);
    Limits(level, group, first[1]);
    if (level->upper()->group_here) ComputeHere(level);
  }

  const Query* Close(Level* level, const Terms& first, const Terms& second, const Terms& outer) {
    const bool has_subquery = !level->query->outputs.empty();
    const auto top = has_subquery ? Top::Rows : static_cast<Top>(choose_.Any(Count<Top>));
    switch (top) {
      case Top::Aggregate:
      case Top::NoneThere:
        Aggregated(level, second[1]);
        if (top == Top::NoneThere) {
          level->upper()->having =
              choose_.Any(2) == 0 ? Upper::Having::Empty : Upper::Having::EmptyHere;
          if (level->upper()->having == Upper::Having::EmptyHere) ComputeHere(level);
        }
        break;
      case Top::ByKey:
      case Top::Sets:
        Grouped(level, first[0], 0);
        if (top == Top::Sets) WithEmptySet(level);
        break;
      case Top::ByOther:
        Grouped(level, second[0], choose_.Any(2));
        break;
      case Top::ByValue:
        Grouped(level, first[1], 0);
        break;
      case Top::Window:
        Windowed(level, first[1], second[0]);
        break;
      case Top::Numbers:
        Numbers(level, first, second);
        break;
      case Top::OnlyHere:
        Put(level, first[0]);
        Put(level, {}, Output::Kind::OnlyHere);
        break;
      case Top::Rows:
      case Top::Distinct:
      case Top::Limit:
      case Top::Count_:
        Put(level, first[0]);
        if (!has_subquery)
          Put(level, !outer.empty() && choose_.Any(10) == 0 ? outer[0] : second[1]);
        if (top == Top::Distinct) Distinct(level, false);
        if (top == Top::Limit) Limited(level);
    }
    CloseQuery(world_.tree, level->query);
    return level->query;
  }

  /// --- pairs ---

  void Join(Level* level, Joined joined, const From* one, const From* other, const Terms& first,
            const Terms& second) {
    From* from = NewFrom(From::Kind::Inner);
    From* join = from;
    if (joined == Joined::Inner) {
      from->items.Add(arena(), one);
      from->items.Add(arena(), other);
    } else {
      const bool swapped = joined == Joined::LeftSwapped;
      join = NewJoin(level, joined == Joined::Full ? From::Kind::Full : From::Kind::Left,
                     Within(swapped ? other : one, swapped ? second : first),
                     Within(swapped ? one : other, swapped ? first : second));
      from->items.Add(arena(), join);
    }
    level->query->from = from;
    AddConditions(&join->conditions, first, second);
    if (joined != Joined::Inner && choose_.Any(5) == 0)  // above the outer join
      from->conditions.Add(arena(), Equal(choose_.Any(2) == 0 ? first[0] : second[0], Constant(1)));
  }

  /// One more in an inner join.
  void AddThird(Level* level, const Terms& first, const Terms& second, const Terms& outer) {
    Terms before = first, third;
    before.insert(before.end(), second.begin(), second.end());
    const From* item = OfPiece(level, &third, AroundOf(before, outer),
                               static_cast<Piece>(choose_.Any(Count<Piece>)));
    auto* from = const_cast<From*>(level->query->from);
    from->items.Add(arena(), item);
    from->conditions.Add(arena(), Equal(choose_.Any(2) == 0 ? first[0] : second[0], third[0]));
  }

  static Terms AroundOf(const Terms& before, Terms outer) {
    outer.insert(outer.end(), before.begin(), before.end());
    return outer;
  }

  /// A side of an outer join, perhaps with conditions of its own.
  const From* Within(const From* side, const Terms& columns) {
    if (choose_.Any(6) != 0) return side;
    From* from = NewFrom(From::Kind::Inner);
    from->items.Add(arena(), side);
    Condition* condition = Meant({Meaning::Kind::Less, columns[1], columns[0]});
    condition->ships = choose_.Any(2) == 0;
    if (!condition->ships) world_.meanings.back().kind = Meaning::Kind::OnlyHere;
    from->conditions.Add(arena(), condition);
    return from;
  }

  void AddConditions(List<const Condition*>* conditions, const Terms& first, const Terms& second) {
    const auto on = Draw({On::Nothing, On::Keys, On::KeyIsOne});
    const bool keys =
        on == On::Keys || on == On::KeyAndValue || on == On::KeysAndOne || on == On::KeyIsOneOrTwo;
    if (keys) conditions->Add(arena(), Equal(first[0], second[0]));
    if (on == On::KeysCoarse) conditions->Add(arena(), Equal(first[0], second[0], 1));
    if (on == On::KeyAndValue || on == On::Crossed)
      conditions->Add(arena(), Equal(first[1], second[0]));
    if (on == On::KeyIsOne || on == On::KeysAndOne)
      conditions->Add(arena(), Equal(first[0], Constant(1)));
    if (on == On::OtherKeyIsOne) conditions->Add(arena(), Equal(second[0], Constant(1)));
    if (on == On::KeyIsOneOrTwo) conditions->Add(arena(), OneOrTwo(first[0], second));
    if (on == On::OnlyHere) {
      Condition* condition = Meant({Meaning::Kind::OnlyHere, first[0], second[0]});
      condition->ships = false;
      conditions->Add(arena(), condition);
    }
    if (on == On::InLimited) conditions->Add(arena(), InLimited(first[0]));
  }

  const Condition* InLimited(const Term& key) {
    Subquery subquery;
    subquery.query = Inner(Piece::CopyLimit, {});
    subquery.any = true;
    subquery.left.Add(arena(), key);
    subquery.right.Add(arena(), 1);
    subquery.domains.Add(arena(), 0);
    Condition* condition = Meant({Meaning::Kind::In, key, {}});
    condition->subqueries.Add(arena(), subquery);
    return condition;
  }

  /// first.k = 1 OR first.k = 2, or the latter of the other's value.
  const Condition* OneOrTwo(const Term& key, const Terms& second) {
    auto* either = arena().Make<Condition>();
    either->kind = Condition::Kind::Or;
    for (const Condition* part :
         {Equal(key, Constant(1)), Equal(choose_.Any(2) == 0 ? key : second[1], Constant(2))}) {
      either->parts.Add(arena(), part);
      either->relations = either->relations.Union(arena(), part->relations);
    }
    return either;
  }

  void Sublink(Level* level, From* from, Joined joined, const Terms& first, const Terms& outer,
               int pieces) {
    Terms around = outer;
    around.insert(around.end(), first.begin(), first.end());
    ctes_ = {};
    const Query* query = pieces > 1 ? Statement(around, pieces) : SublinkQuery(first, around);
    Subquery subquery;
    subquery.query = query;
    subquery.ctes = std::exchange(ctes_, {});
    subquery.any = joined == Joined::In || joined == Joined::NotIn || joined == Joined::InCoarse;
    subquery.argument = !subquery.any && query->outer.IsEmpty();
    subquery.left.Add(arena(), first[0]);
    subquery.right.Add(arena(), 1);
    subquery.domains.Add(arena(), joined == Joined::InCoarse ? 1 : 0);
    constexpr Meaning::Kind kKinds[] = {Meaning::Kind::Exists, Meaning::Kind::NotExists,
                                        Meaning::Kind::In, Meaning::Kind::NotIn, Meaning::Kind::In};
    if (joined != Joined::Scalar) {
      Condition* condition =
          Meant({kKinds[static_cast<int>(joined) - static_cast<int>(Joined::Exists)],
                 subquery.any ? first[0] : Term{},
                 {}});
      condition->relations = condition->relations.Union(arena(), query->outer);
      condition->subqueries.Add(arena(), subquery);
      from->conditions.Add(arena(), condition);
      if (choose_.Any(3) == 0) from->conditions.Add(arena(), Equal(first[0], Constant(1)));
      return;
    }
    auto* expression = arena().Make<Condition>();
    expression->relations = query->outer;
    expression->subqueries.Add(arena(), subquery);
    level->query->expressions.Add(arena(), expression);
    level->query->outputs.Add(arena(), {});
    level->upper()->outputs.push_back({Output::Kind::Scalar, {}, expression, {}});
  }

  /// SELECT * FROM piece WHERE what it has to do with the row outside
  const Query* SublinkQuery(const Terms& first, const Terms& around) {
    Level level = Open();
    Terms second;
    From* from = NewFrom(From::Kind::Inner);
    from->items.Add(arena(), Side(&level, &second, around, {}, 1));
    level.query->from = from;
    AddConditions(&from->conditions, second, first);
    return Close(&level, second, second, {});
  }

  const Query* SetOf(Joined joined, const Terms& outer, int left, int right) {
    const Query* arms[2];
    for (const Query*& arm : arms) {
      const int pieces = &arm == &arms[0] ? left : right;
      arm = pieces > 1 ? Statement(outer, pieces) : Arm(outer);
    }
    const auto operation = joined == Joined::Intersect ? Query::Operation::Intersect
                           : joined == Joined::Except  ? Query::Operation::Except
                                                       : Query::Operation::Union;
    return SetQuery(operation, joined == Joined::UnionAll, arms[0], arms[1], choose_.Any(8) == 0);
  }

  const Query* Arm(const Terms& outer) {
    Level level = Open();
    Terms columns;
    From* from = NewFrom(From::Kind::Inner);
    from->items.Add(arena(), Side(&level, &columns, outer, {}, 1));
    level.query->from = from;
    if (choose_.Any(3) == 0) from->conditions.Add(arena(), Equal(columns[0], Constant(1)));
    Put(&level, columns[0]);
    Put(&level, columns[1]);
    CloseQuery(world_.tree, level.query);
    return level.query;
  }

  Chooser& choose_;
  Set ctes_;  // read by the sublink that is being made
};

}  // namespace

std::unique_ptr<World> GeneratePieces(Chooser& choose, int pieces) {
  auto world = std::make_unique<World>();
  world->shards = choose.exhaustive() ? 2 : 2 + choose(2);
  world->root = Shapes(*world, choose).Statement({}, pieces);
  return world;
}

}  // namespace locus_test
