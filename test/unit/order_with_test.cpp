// SPDX-License-Identifier: PostgreSQL
// WITH around a statement that is taken out, and rows that are sent while others are computed: all small cases, run as decided and as
// PostgreSQL runs them.
#include "altius/core/order/with.hpp"
#include "catch.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

using namespace altius::core::order;

namespace {

/// Entries that read those before them; the statement that is taken out, and what is left, read some.
struct With {
  std::vector<Entry> entries;
  std::vector<unsigned> reads;  // of each entry, as bits
  unsigned statement = 0;
  unsigned rest = 0;
};

bool ReadsEntry(const void* context, int reader, int other) {
  const auto* with = static_cast<const With*>(context);
  const unsigned read = reader < 0 ? with->statement : with->reads[static_cast<unsigned>(reader)];
  return (read >> other & 1) != 0;
}

/// What is read is known by which evaluations went into it.
class Run {
 public:
  Run(const With& with, const std::vector<Travel>& travels)
      : with_(with), travels_(travels), outside_(with.entries.size(), -1), inside_(outside_), done_(with.entries.size(), 0) {}

  int Outside(unsigned i) {
    if (travels_[i] == Travel::Moved) return kMissing;
    if (outside_[i] < 0) outside_[i] = Evaluate(i, false);
    return outside_[i];
  }

  int Inside(unsigned i) {
    if (travels_[i] == Travel::HandedOver) return Outside(i);
    if (travels_[i] == Travel::No) return kMissing;
    if (inside_[i] < 0) inside_[i] = Evaluate(i, true);
    return inside_[i];
  }

  int done(unsigned i) const { return done_[i]; }

  static constexpr int kMissing = 1 << 30;

 private:
  int Evaluate(unsigned i, bool inside) {
    const Entry& entry = with_.entries[i];
    // The same each time, unless it is volatile, changes rows, or is computed too late.
    int value = static_cast<int>(i) + 1;
    if (entry.is_volatile || entry.modifies) value += 10 * done_[i];
    if (entry.read_before && inside) value += 500;
    done_[i]++;
    for (unsigned j = 0; j < i; j++) {
      if ((with_.reads[i] >> j & 1) == 0) continue;
      const int read = inside ? Inside(j) : Outside(j);
      if (read == kMissing) return kMissing;
      value = (value * 31 + read) % 1000003;
    }
    return value;
  }

  const With& with_;
  const std::vector<Travel>& travels_;
  std::vector<int> outside_, inside_, done_;
};

/// Nobody reads an entry twice here, but two may.
void CountReaders(With* with) {
  for (unsigned i = 0; i < with->entries.size(); i++) {
    int readers = static_cast<int>(with->statement >> i & 1) + static_cast<int>(with->rest >> i & 1);
    int entries = 0;
    for (const unsigned read : with->reads) entries += static_cast<int>(read >> i & 1);
    with->entries[i].several = readers + entries > 1;
  }
}

std::vector<Travel> Decided(const With& with) {
  std::vector<Travel> travels(with.entries.size(), Travel::No);
  TakeAlong(with.entries.data(), static_cast<int>(with.entries.size()), ReadsEntry, &with, travels.data());
  return travels;
}

/// As one statement each entry is computed once, where it is.
bool IsRight(const With& with) {
  const std::vector<Travel> travels = Decided(with);
  const std::vector<Travel> in_place(with.entries.size(), Travel::HandedOver);
  Run run(with, travels), plain(with, in_place);
  for (unsigned i = 0; i < with.entries.size(); i++) {
    if ((with.statement >> i & 1) != 0 && run.Inside(i) != plain.Inside(i)) return false;
    if ((with.rest >> i & 1) != 0 && run.Outside(i) != plain.Outside(i)) return false;
  }
  for (unsigned i = 0; i < with.entries.size(); i++) {
    if (with.entries[i].modifies && run.done(i) > 1) return false;
  }
  return true;
}

bool IsFree(const Entry& entry) { return !entry.modifies && !entry.is_volatile && !entry.read_before; }

}  // namespace

TEST_CASE("what a statement reads of the WITH around it is the same for all, and done once", "[order]") {
  int wrong = 0, cases = 0, copied = 0;
  for (const unsigned count : {1u, 2u, 3u}) {
    const unsigned kinds = 1u << (3 * count), edges = 1u << (count * (count - 1) / 2), readers = 1u << (2 * count);
    for (unsigned code = 0; code < kinds * edges * readers; code++) {
      With with;
      unsigned kind = code % kinds, edge = code / kinds % edges, reader = code / kinds / edges;
      for (unsigned i = 0; i < count; i++, kind >>= 3) {
        with.entries.push_back({(kind & 1) != 0, (kind & 2) != 0, false, (kind & 4) != 0});
        with.reads.push_back(edge & ((1u << i) - 1));
        edge >>= i;
      }
      with.statement = reader & ((1u << count) - 1);
      with.rest = reader >> count;
      CountReaders(&with);
      cases++;
      if (!IsRight(with)) wrong++;
      const std::vector<Travel> travels = Decided(with);
      for (unsigned i = 0; i < count; i++) copied += travels[i] == Travel::Copied && IsFree(with.entries[i]) ? 1 : 0;
    }
  }
  CHECK(cases > 200000);
  CHECK(wrong == 0);
  CHECK(copied > 10000);  // it is not all handed over
}

namespace {

/// A target of a few rows; each row to send is one number, or is computed of the target as it is found.
struct Target {
  std::vector<int> rows;
};

/// UPDATE: the row at place `at` becomes `value`.  INSERT: at -1.
struct Sent {
  int at;
  int value;
};

/// Sends rows in batches of this many, computing those of a batch when it is its turn; all of them before: a batch of all.
std::vector<int> Shipped(const Target& before, int count, bool inserts, bool reads, int batch) {
  Target target = before;
  std::vector<Sent> waiting;
  for (int i = 0; i < count; i++) {
    const int sum = reads ? std::accumulate(target.rows.begin(), target.rows.end(), 0) : 0;
    waiting.push_back({inserts ? -1 : i % static_cast<int>(before.rows.size()), 10 * (i + 1) + sum});
    if (static_cast<int>(waiting.size()) < batch && i + 1 < count) continue;
    for (const Sent& sent : waiting) {
      if (sent.at < 0) target.rows.push_back(sent.value);
      if (sent.at >= 0) target.rows[static_cast<unsigned>(sent.at)] = sent.value;
    }
    waiting.clear();
  }
  return target.rows;
}

/// Rows with unique keys in two shards move; a batch leaves and arrives before the next one leaves.  Whether none meets one that is
/// still to leave.
bool MovesWell(const std::vector<int>& keys, int step, int batch) {
  std::vector<int> present = keys;
  for (std::size_t from = 0; from < keys.size(); from += static_cast<std::size_t>(batch)) {
    const std::size_t to = std::min(keys.size(), from + static_cast<std::size_t>(batch));
    for (std::size_t i = from; i < to; i++) present.erase(std::find(present.begin(), present.end(), keys[i]));
    for (std::size_t i = from; i < to; i++) {
      if (std::find(present.begin(), present.end(), keys[i] + step) != present.end()) return false;
      present.push_back(keys[i] + step);
    }
  }
  return true;
}

/// MERGE and ON CONFLICT DO UPDATE raise an error where a second row of the source meets a row of the target.  Whether that is seen.
bool SeesSecond(const std::vector<int>& met, int batch) {
  for (std::size_t from = 0; from < met.size(); from += static_cast<std::size_t>(batch)) {
    const std::size_t to = std::min(met.size(), from + static_cast<std::size_t>(batch));
    for (std::size_t i = from; i < to; i++) {
      for (std::size_t j = from; j < i; j++) {
        if (met[i] == met[j]) return true;
      }
    }
  }
  return false;
}

int BatchOf(const Rows& rows, int all, int batch) { return GoAtOnce(rows) ? all : batch; }

}  // namespace

TEST_CASE("rows are sent while others are computed only where nobody can tell", "[order]") {
  for (const int batch : {1, 2, 3}) {
    for (const int count : {1, 2, 3, 4, 5}) {
      for (const bool inserts : {false, true}) {
        for (const bool reads : {false, true}) {
          const Target target = {{1, 2, 3}};
          const int used = BatchOf({false, false, reads}, count, batch);
          CHECK(Shipped(target, count, inserts, reads, used) == Shipped(target, count, inserts, reads, count));
          if (!reads) CHECK(used == batch);
        }
      }
      std::vector<int> keys;
      for (int i = 0; i < count; i++) keys.push_back(i);
      for (const int step : {1, -1, 2}) CHECK(MovesWell(keys, step, BatchOf({false, true, false}, count, batch)));
      for (int twice = 1; twice < count; twice++) {
        std::vector<int> met = keys;
        met.back() = count - 1 - twice;
        CHECK(SeesSecond(met, BatchOf({true, false, false}, count, batch)));
      }
    }
  }
}

TEST_CASE("modifications that only feed the statement go along, one with the other", "[order]") {
  With with;
  with.entries.resize(3);
  for (Entry& entry : with.entries) entry.modifies = true;
  with.reads = {0, 1, 2};
  with.statement = 4;
  CountReaders(&with);
  CHECK(Decided(with) == std::vector<Travel>(3, Travel::Moved));
  with.rest = 2;
  CountReaders(&with);
  CHECK(Decided(with) == std::vector<Travel>({Travel::No, Travel::HandedOver, Travel::Moved}));
}
