// SPDX-License-Identifier: PostgreSQL
// What aggregates give.
#include <numeric>
#include <set>

#include "run.hpp"

namespace locus_test {

namespace {

int SumOf(const std::vector<int>& values) {
  return values.empty() ? kNull : std::accumulate(values.begin(), values.end(), 0);
}

}  // namespace

int ResultOf(Output::Kind kind, std::vector<int> values) {
  if (kind == Output::Kind::Count) return static_cast<int>(values.size());
  std::erase(values, kNull);
  std::sort(values.begin(), values.end(), std::greater<>());
  const std::set<int> different(values.begin(), values.end());
  switch (kind) {
    case Output::Kind::Sum:
      return SumOf(values);
    case Output::Kind::Max:
      return values.empty() ? kNull : values[0];
    case Output::Kind::Average:
      return values.empty() ? kNull : 100 * SumOf(values) / static_cast<int>(values.size());
    case Output::Kind::Second:
      return values.size() < 2 ? kNull : values[1];
    case Output::Kind::Text:
      return std::accumulate(values.begin(), values.end(), 0,
                             [](int text, int value) { return (text * 7 + value + 1) % 1000003; });
    case Output::Kind::SumHere:
      return SumOf(values);
    case Output::Kind::CountDistinct:
      return static_cast<int>(different.size());
    case Output::Kind::SumDistinct:
      return SumOf({different.begin(), different.end()});
    default:
      return kNull;
  }
}

}  // namespace locus_test
