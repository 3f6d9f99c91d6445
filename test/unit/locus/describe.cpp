// SPDX-License-Identifier: PostgreSQL
#include <string>

#include "world.hpp"

namespace locus_test {

namespace {

class Describer {
 public:
  explicit Describer(const World& world) : world_(world) {}

  std::string Of(const Query& query) {
    if (query.operation != Query::Operation::None) {
      constexpr const char* kNames[] = {"", " UNION ", " INTERSECT ", " EXCEPT "};
      return "(" + Of(*query.left) + kNames[static_cast<int>(query.operation)] +
             (query.all ? "ALL " : "") + Of(*query.right) + ")";
    }
    const Upper& upper = world_.uppers[static_cast<std::size_t>(query.id)];
    std::string text = !query.distinct     ? "SELECT"
                       : upper.distinct_on ? "SELECT DISTINCT ON 1"
                                           : "SELECT DISTINCT";
    for (const Output& output : upper.outputs) {
      constexpr const char* kKinds[] = {
          "",         "count",          "sum",          "max", "average",  "second", "text",
          "sum here", "count distinct", "sum distinct", "",    "only here"};
      text += std::string(" ") + kKinds[static_cast<int>(output.kind)] + " " +
              (output.kind == Output::Kind::Scalar
                   ? "(" + Of(*output.condition->subqueries[0].query) + ")"
                   : Of(output.term));
      if (output.filter.id != kNone) text += " FILTER " + Of(output.filter) + " > 0";
    }
    if (query.distinct) text += " domain" + std::to_string(upper.distinct_domain);
    text += " FROM " + Of(*query.from);
    for (std::size_t i = 0; i < upper.group.size(); i++) {
      text +=
          " GROUP BY " + Of(upper.group[i]) + " domain" + std::to_string(upper.group_domains[i]);
    }
    if (query.grouping_sets) text += " AND BY ()";
    if (upper.group_here) text += " here";
    if (upper.having == Upper::Having::EmptyHere) text += " HAVING count(*) = 0 here";
    if (upper.having == Upper::Having::Empty) text += " HAVING count(*) = 0";
    for (const Term& term : upper.partition) text += " PARTITION BY " + Of(term);
    if (upper.limit != kNone) text += " LIMIT " + std::to_string(upper.limit);
    return text;
  }

 private:
  std::string Of(const Term& term) {
    if (term.id == kNone) return "*";
    if (term.relation != kNone)
      return "t" + std::to_string(term.relation) + (term.id == 1 ? ".k" : ".v");
    if (term.id < 1000) return std::to_string(world_.constants[static_cast<std::size_t>(term.id)]);
    std::string text = "{";
    for (const int element : world_.arrays[static_cast<std::size_t>(term.id - 1000)])
      text += " " + std::to_string(element);
    return text + "}";
  }

  std::string Of(const Condition& condition) {
    const auto value = [&](Value it) { return Of(world_.tree.term(it)); };
    switch (condition.kind) {
      case Condition::Kind::Equal:
        return value(condition.left) + (world_.tree.domain(condition.left) == 0 ? " = " : " ~ ") +
               value(condition.right);
      case Condition::Kind::Any:
        return value(condition.left) + " = ANY " + value(condition.right);
      case Condition::Kind::And:
      case Condition::Kind::Or:
        return "(" + Of(*condition.parts[0]) +
               (condition.kind == Condition::Kind::Or ? " OR " : " AND ") +
               Of(*condition.parts[1]) + ")";
      case Condition::Kind::Opaque:
        break;
    }
    const Meaning& meaning = world_.meanings[static_cast<std::size_t>(condition.origin)];
    constexpr const char* kKinds[] = {"less", "differ", "null",      "EXISTS",   "NOT EXISTS",
                                      "IN",   "NOT IN", "less than", "only here"};
    std::string text =
        Of(meaning.left) + " " + kKinds[static_cast<int>(meaning.kind)] + " " + Of(meaning.right);
    if (!condition.subqueries.empty()) text += "(" + Of(*condition.subqueries[0].query) + ")";
    return text;
  }

  std::string Of(const List<const Condition*>& conditions, const char* before) {
    std::string text;
    for (const Condition* condition : conditions) {
      text += (text.empty() ? before : std::string(" AND ")) + Of(*condition);
    }
    return text;
  }

  std::string Of(const From& from) {
    if (from.kind == From::Kind::Leaf) return OfRelation(from.relation);
    std::string text;
    for (const From* item : from.items) {
      const char* between = from.kind == From::Kind::Inner  ? ", "
                            : from.kind == From::Kind::Left ? " LEFT JOIN "
                                                            : " FULL JOIN ";
      text += (text.empty() ? "" : between) + Of(*item);
    }
    return from.kind == From::Kind::Inner ? text + Of(from.conditions, " WHERE ")
                                          : "(" + text + Of(from.conditions, " ON ") + ")";
  }

  std::string OfRelation(int index) {
    const Relation& relation = world_.tree.relation(index);
    const std::string name = " t" + std::to_string(index);
    if (relation.kind == Relation::Kind::Cte) return "CTE (" + Of(*relation.query) + ")" + name;
    if (relation.query != nullptr) return "LATERAL (" + Of(*relation.query) + ")" + name;
    constexpr const char* kKinds[] = {"hash", "single", "reference", "here", "rows", "", ""};
    std::string text = kKinds[static_cast<int>(relation.kind)];
    if (relation.kind == Relation::Kind::Hash) text += std::to_string(relation.colocation);
    if (relation.sampled) text += " sampled";
    if (relation.locked) text += " locked";
    text += name + "[";
    for (const Row& row : world_.tables[static_cast<std::size_t>(index)]) {
      text += " " + std::to_string(row.values[0]) + "," + std::to_string(row.values[1]);
    }
    return text + "]";
  }

  const World& world_;
};

}  // namespace

std::string Describe(const World& world) {
  return std::to_string(world.shards) + " shards: " + Describer(world).Of(*world.root);
}

}  // namespace locus_test
