// SPDX-License-Identifier: PostgreSQL
// Mutated bytes where etcd's words and Patroni's values are read.  The first byte says what the
// rest is.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "altius/base/error.hpp"
#include "altius/core/etcd/watcher.hpp"
#include "altius/core/ha/group.hpp"

using namespace altius::core;

namespace {

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

/// A stream in pieces; every line goes to a watcher that waits for it.
void Stream(std::string_view bytes) {
  etcd::WatcherOptions options;
  options.endpoints = {"http://a", "http://b"};
  options.prefixes = {"/service/coord/", "/service/shard-"};
  options.user = "f";
  etcd::Watcher watcher(options);
  etcd::Millis now = 0;
  watcher.Start(now);
  etcd::LineBuffer lines(1 << 16);
  const std::size_t piece = bytes.empty() ? 1 : 1 + static_cast<unsigned char>(bytes[0]);
  int id = 1;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!lines.Append(bytes.substr(at, piece))) return;
    while (const auto line = lines.Next()) {
      for (const etcd::Request& request : watcher.TakeActions().send) id = request.id;
      now += 300;
      watcher.Tick(now);
      watcher.Answer(id, line->size() % 7 == 0 ? 401 : 200, *line, now);
      for (const etcd::Request& request : watcher.TakeActions().send) id = request.id;
      watcher.Line(id, *line, now);
      for (const etcd::Change& change : watcher.TakeChanges()) Check(!change.key.empty());
      Check(watcher.NextDeadline() > 0);
    }
  }
}

/// Lines "key value": the view must stay consistent and the decision come to an end.
void Keys(std::string_view bytes) {
  ha::ClusterView view(ha::KeyMap({ha::Layout::Scopes, "service", "", "coord=0,s{group}"}));
  ha::GroupMemory memory;
  ha::Surroundings around;
  around.etcd = 1;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string key = "/service/coord/" + std::string(line.substr(0, blank));
    around.now += 1000;
    if (blank == line.size()) {
      view.Erase(key);
    } else {
      view.Set(key, line.substr(blank + 1), around.now);
    }
    around.verdict = ha::Verdict{ha::Verdict::Kind::Primary,
                                 memory.target.epoch,
                                 memory.target.host,
                                 memory.target.port,
                                 line.size(),
                                 1,
                                 {}};
    const ha::Decision decision = ha::Decide(memory, view.group(0), around);
    Check(decision.rules.size() < 16);
    memory = decision.next;
    Check(view.group(0).keys >= 0);
    (void)ha::Publication(memory);
    (void)ha::Replicas(memory, view.group(0));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
}

void Map(std::string_view bytes) {
  try {
    const ha::KeyMap map({ha::Layout::Auto, "service", "x", std::string(bytes)});
    (void)map.Locate("/service/" + std::string(bytes) + "/leader");
    Check(!map.prefixes().empty());
  } catch (const altius::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      Stream(bytes);
      break;
    case 1:
      Keys(bytes);
      break;
    case 2:
      Map(bytes);
      break;
    case 3: {
      const auto decoded = etcd::DecodeBase64(bytes);
      if (decoded) Check(etcd::DecodeBase64(etcd::EncodeBase64(*decoded)) == decoded);
      Check(etcd::DecodeBase64(etcd::EncodeBase64(bytes)) == bytes);
      break;
    }
    case 4:
      (void)etcd::ParseRange(bytes);
      (void)etcd::ParseAuthenticate(bytes);
      (void)etcd::ParseStatus(500, bytes);
      (void)etcd::ParseTxn(bytes);
      break;
    default:
      (void)ha::ParseConnUrl(bytes);
      (void)ha::ParseTime(bytes);
      (void)ha::ParseMember(bytes);
      (void)ha::ParseFailover(bytes, 1);
  }
  return 0;
}
