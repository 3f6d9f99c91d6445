// SPDX-License-Identifier: PostgreSQL
// The watcher's picture of the keys: which etcd they are from, what changed, whether something was
// missed.
#include "altius/core/etcd/watcher.hpp"

#include <algorithm>

namespace altius::core::etcd {

/// Whether the message is from the etcd that was read, and not from before; else all is read again.
bool Watcher::HeaderFits(const Header& header, Millis now) {
  if (header.cluster_id != cluster_id_) {
    Restart("it is a member of another etcd cluster now", now);
    return false;
  }
  if (header.revision < read_revision_) {
    Restart("its revision went back", now);
    return false;
  }
  seen_revision_ = std::max(seen_revision_, header.revision);
  return true;
}

/// Whether the answer is from before what is known: etcd was restored, or rebuilt and filled again.
bool Watcher::IsOlder(const TxnAnswer& answer) const {
  if (answer.header.revision < seen_revision_ || answer.header.raft_term < raft_term_) return true;
  for (const RangeAnswer& range : answer.ranges) {
    for (const KeyValue& kv : range.kvs) {
      const auto known = keys_.find(kv.key);
      if (known != keys_.end() && kv.mod_revision < known->second.mod_revision) return true;
    }
  }
  return false;
}

void Watcher::NoteIdentity(const TxnAnswer& answer) {
  const Header& header = answer.header;
  const bool another = cluster_id_ != 0 && header.cluster_id != cluster_id_;
  if (another || IsOlder(answer)) {
    incarnation_++;
    Log(true,
        endpoint() + (another ? " belongs to another etcd cluster than what was followed before"
                              : " knows less than before: it was restored or rebuilt"));
    processed_revision_ = 0;
    seen_revision_ = 0;
  }
  cluster_id_ = header.cluster_id;
  raft_term_ = header.raft_term;
  read_revision_ = header.revision;
  seen_revision_ = std::max(seen_revision_, header.revision);
  processed_revision_ = std::max(processed_revision_, header.revision);
}

/// The answer is all there is now.
void Watcher::Replace(const TxnAnswer& answer) {
  std::map<std::string, KeyValue> now;
  for (const RangeAnswer& range : answer.ranges) {
    for (const KeyValue& kv : range.kvs) now[kv.key] = kv;
  }
  for (const auto& [key, kv] : keys_) {
    if (!now.contains(key)) changed_.insert(key);
  }
  for (const auto& [key, kv] : now) {
    const auto before = keys_.find(key);
    const bool same = before != keys_.end() && before->second.mod_revision == kv.mod_revision &&
                      before->second.create_revision == kv.create_revision &&
                      before->second.value == kv.value;
    if (!same) changed_.insert(key);
  }
  keys_ = std::move(now);
}

void Watcher::Apply(const Event& event) {
  const KeyValue& kv = event.kv;
  const bool wanted =
      std::any_of(options_.prefixes.begin(), options_.prefixes.end(),
                  [&](const std::string& prefix) { return kv.key.starts_with(prefix); });
  const auto known = keys_.find(kv.key);
  const bool old = kv.mod_revision <= read_revision_ ||
                   (known != keys_.end() && kv.mod_revision <= known->second.mod_revision);
  if (!wanted || old) return;
  if (event.deleted) {
    if (known != keys_.end()) keys_.erase(known);
  } else {
    keys_[kv.key] = kv;
  }
  changed_.insert(kv.key);
  processed_revision_ = std::max(processed_revision_, kv.mod_revision);
  seen_revision_ = std::max(seen_revision_, kv.mod_revision);
}

/// Whether two heartbeats in a row knew of changes that the stream did not bring.
bool Watcher::Missed(const TxnAnswer& answer) {
  std::int64_t count = 0;
  bool newer = false;
  for (const RangeAnswer& range : answer.ranges) {
    count += range.count;
    for (const KeyValue& kv : range.kvs) newer = newer || kv.mod_revision > processed_revision_;
  }
  const bool counted = count == static_cast<std::int64_t>(keys_.size());
  if (counted) count_restarts_ = 0;
  if (!newer && (counted || !counts_help_)) {
    suspicion_ = -1;
    return false;
  }
  const bool again = suspicion_ == processed_revision_;
  suspicion_ = processed_revision_;
  if (again && !newer && ++count_restarts_ > 2) counts_help_ = false;  // nor did reading help
  return again;
}

std::vector<Change> Watcher::TakeChanges() {
  std::vector<Change> changes;
  for (const std::string& key : changed_) {
    const auto found = keys_.find(key);
    changes.push_back({key, found == keys_.end() ? std::nullopt : std::optional(found->second)});
  }
  changed_.clear();
  return changes;
}

}  // namespace altius::core::etcd
