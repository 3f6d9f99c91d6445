// SPDX-License-Identifier: PostgreSQL
// The watcher against a small etcd that lives in the test: what it asks for is answered, or not.
#include "altius/core/etcd/watcher.hpp"

#include <set>
#include <string>

#include "altius/core/etcd/json.hpp"
#include "catch.hpp"
#include "etcd_recorded.hpp"

using namespace altius::core::etcd;

namespace {

struct Store {
  std::uint64_t cluster_id = 77;
  std::int64_t revision = 1;
  std::uint64_t raft_term = 2;
  std::map<std::string, KeyValue> keys;
  std::vector<Event> history;
  int extra_count = 0;

  void Put(const std::string& key, const std::string& value) {
    revision++;
    KeyValue& kv = keys[key];
    kv = {key,      value,          kv.create_revision == 0 ? revision : kv.create_revision,
          revision, kv.version + 1, 0};
    history.push_back({false, kv});
  }
  void Delete(const std::string& key) {
    revision++;
    keys.erase(key);
    history.push_back({true, {key, {}, 0, revision, 0, 0}});
  }
  Json Head() const {
    return {{"cluster_id", std::to_string(cluster_id)},
            {"revision", std::to_string(revision)},
            {"raft_term", std::to_string(raft_term)}};
  }
  static Json KvJson(const KeyValue& kv) {
    return {{"key", EncodeBase64(kv.key)},
            {"value", EncodeBase64(kv.value)},
            {"create_revision", std::to_string(kv.create_revision)},
            {"mod_revision", std::to_string(kv.mod_revision)}};
  }
  std::string ReadAnswer(const std::string& body) const {
    Json responses = Json::array();
    const Json request = Json::parse(body);
    for (const Json& operation : request["success"]) {
      const Json& range = operation["request_range"];
      const std::string begin = *DecodeBase64(StringOf(range, "key"));
      const std::string end = *DecodeBase64(StringOf(range, "range_end"));
      Json kvs = Json::array();
      int count = extra_count;
      for (const auto& [key, kv] : keys) {
        if (key < begin || key >= end) continue;
        count++;
        if (kv.mod_revision < Int64Of(range, "min_mod_revision")) continue;
        if (!range.contains("limit") || kvs.empty()) kvs.push_back(KvJson(kv));
      }
      responses.push_back({{"response_range", {{"kvs", kvs}, {"count", std::to_string(count)}}}});
    }
    return Json{{"header", Head()}, {"succeeded", true}, {"responses", responses}}.dump();
  }
  std::string Created() const {
    return Json{{"result", {{"header", Head()}, {"created", true}}}}.dump();
  }
  std::string EventLine(const Event& event) const {
    Json json = {{"kv", KvJson(event.kv)}};
    if (event.deleted) json["type"] = "DELETE";
    return Json{{"result", {{"header", Head()}, {"events", Json::array({json})}}}}.dump();
  }
};

WatcherOptions Options(std::vector<std::string> endpoints = {"http://a", "http://b", "http://c"}) {
  WatcherOptions options;
  options.endpoints = std::move(endpoints);
  options.prefixes = {"/s/x/"};
  return options;
}

/// Drives a watcher: endpoints in `dead` answer nothing, those in `refusing` fail at once.
struct World {
  explicit World(WatcherOptions options) : watcher(std::move(options)) { watcher.Start(now); }

  /// Handles what the watcher asks for, once; true when there was something.
  bool Serve() {
    Actions actions = watcher.TakeActions();
    for (int id : actions.drop) {
      if (id == stream) stream = 0;
      dropped++;
    }
    for (const LogLine& line : actions.log) log += line.text + "\n";
    for (const Request& request : actions.send) Serve(request);
    return !actions.send.empty() || !actions.drop.empty();
  }
  void Serve(const Request& request) {
    last = request;
    sent.push_back(request);
    const std::string host = request.url.substr(0, request.url.find('/', 8));
    if (refusing.contains(host)) return watcher.Ended(request.id, "connection refused", now);
    if (dead.contains(host) || silent_kinds.contains(request.kind)) return;
    if (request.kind == RequestKind::Authenticate) {
      if (wrong_password) return watcher.Answer(request.id, 400, recorded::kWrongPassword, now);
      if (!auth) return watcher.Answer(request.id, 412, recorded::kAuthOff, now);
      tokens++;
      return watcher.Answer(request.id, 200, recorded::kToken, now);
    }
    if (auth && (request.token.empty() || expire > 0)) {
      if (expire > 0) expire--;
      return watcher.Answer(request.id, 401, recorded::kTokenRefused, now);
    }
    if (request.stream) {
      stream = request.id;
      watcher.Line(request.id, store.Created(), now);
    } else {
      watcher.Answer(request.id, 200, store.ReadAnswer(request.body), now);
    }
  }
  void Settle() {
    for (int i = 0; i < 100 && Serve(); i++) {
    }
  }
  void Run(Millis millis) {
    const Millis end = now + millis;
    Settle();
    while (now < end) {
      now = std::min(end, std::max(now + 1, watcher.NextDeadline()));
      watcher.Tick(now);
      Settle();
    }
  }
  void Send(const Event& event) { watcher.Line(stream, store.EventLine(event), now); }
  void Put(const std::string& key, const std::string& value) {
    store.Put(key, value);
    Send(store.history.back());
  }
  int Count(RequestKind kind) const {
    return static_cast<int>(
        std::count_if(sent.begin(), sent.end(), [&](const Request& r) { return r.kind == kind; }));
  }

  Store store;
  Watcher watcher;
  Millis now = 1000;
  int stream = 0;
  int dropped = 0;
  std::set<std::string> dead, refusing;
  std::set<RequestKind> silent_kinds;
  bool auth = false, wrong_password = false;
  int expire = 0;
  int tokens = 0;
  Request last;
  std::vector<Request> sent;
  std::string log;
};

}  // namespace

TEST_CASE("without endpoints or prefixes nothing happens") {
  Watcher watcher(Options({}));
  watcher.Start(1);
  watcher.Tick(100000);
  CHECK(watcher.phase() == Phase::Stopped);
  CHECK(watcher.TakeActions().send.empty());
}

TEST_CASE("read, watch, heartbeats") {
  World world(Options());
  world.store.Put("/s/x/leader", "n1");
  world.store.Put("/s/y/leader", "other");
  world.Settle();
  CHECK(world.watcher.phase() == Phase::Live);
  REQUIRE(world.watcher.TakeChanges().size() == 1);
  CHECK(world.watcher.keys().at("/s/x/leader").value == "n1");
  world.Run(5000);
  CHECK(world.Count(RequestKind::Heartbeat) >= 5);
  CHECK(world.Count(RequestKind::Heartbeat) <= 7);
  CHECK(world.Count(RequestKind::Read) == 1);
  CHECK(world.watcher.agreements() >= 5);
  CHECK(world.watcher.problem().empty());
  world.Put("/s/x/leader", "n2");
  const auto changes = world.watcher.TakeChanges();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].now->value == "n2");
  world.store.Delete("/s/x/leader");
  world.Send(world.store.history.back());
  REQUIRE(world.watcher.TakeChanges().size() == 1);
  CHECK(world.watcher.keys().empty());
  world.Run(5000);
  CHECK(world.Count(RequestKind::Read) == 1);
}

TEST_CASE("the first endpoint is chosen by the seed, all are used") {
  std::set<std::string> first;
  for (std::uint64_t seed = 1; seed < 50; seed++) {
    WatcherOptions options = Options();
    options.seed = seed;
    World world(options);
    world.Settle();
    first.insert(world.watcher.endpoint());
  }
  CHECK(first.size() == 3);
}

TEST_CASE("a refusing endpoint is left at once, all of them are asked with a growing pause") {
  World world(Options());
  world.refusing = {"http://a", "http://b", "http://c"};
  world.Settle();
  CHECK(world.sent.size() == 3);
  CHECK(world.watcher.phase() == Phase::Waiting);
  world.Run(20000);
  // Pauses of at most 2 s, at least 1 s once grown; three requests each round.
  CHECK(world.sent.size() >= 3 * 10);
  CHECK(world.sent.size() <= 3 * 30);
  world.refusing = {"http://a", "http://c"};
  world.Run(2500);
  CHECK(world.watcher.phase() == Phase::Live);
  CHECK(world.watcher.endpoint() == "http://b");
}

TEST_CASE("a silent endpoint is left after the time-out, also when it goes silent later") {
  World world(Options());
  world.Settle();
  const std::string first = world.watcher.endpoint();
  world.dead = {first};
  const Millis stopped = world.now;
  while (world.watcher.endpoint() == first) world.Run(10);
  CHECK(world.now - stopped <= 3100);  // at most one heartbeat's pause and its time-out
  CHECK(world.watcher.phase() == Phase::Live);
  CHECK(world.log.find("no answer in time") != std::string::npos);
}

TEST_CASE("a watch that is not created in time is given up") {
  World world(Options());
  world.silent_kinds = {RequestKind::Watch};
  world.Run(1100);
  CHECK(world.Count(RequestKind::Watch) == 2);
  CHECK(world.log.find("not created in time") != std::string::npos);
}

TEST_CASE(
    "after a reconnect only the newest state of a key is handed out, never what was in between") {
  World world(Options());
  world.store.Put("/s/x/leader", "n1");
  world.Settle();
  world.watcher.TakeChanges();
  world.watcher.Ended(world.stream, "transport is closing", world.now);
  for (const char* name : {"n2", "n3", "n2", "n4"}) world.store.Put("/s/x/leader", name);
  world.store.Put("/s/x/gone", "1");
  world.store.Delete("/s/x/gone");
  world.Settle();
  const auto changes = world.watcher.TakeChanges();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].now->value == "n4");
  CHECK(world.watcher.incarnation() == 0);
  CHECK(world.watcher.syncs() == 2);
  // What the new stream might repeat is not taken again.
  for (const Event& event : world.store.history) world.Send(event);
  CHECK(world.watcher.TakeChanges().empty());
}

TEST_CASE("a burst within one look counts once for each key") {
  World world(Options());
  world.Settle();
  for (int i = 0; i < 10; i++) world.Put("/s/x/leader", "n" + std::to_string(i));
  const auto changes = world.watcher.TakeChanges();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].now->value == "n9");
}

TEST_CASE("a compacted or canceled watch leads to a full read at the same endpoint") {
  World world(Options());
  world.Settle();
  const std::string endpoint = world.watcher.endpoint();
  world.store.Put("/s/x/leader", "n1");
  world.watcher.Line(world.stream, recorded::kCompacted, world.now);
  world.Settle();
  CHECK(world.watcher.endpoint() == endpoint);
  CHECK(world.watcher.keys().size() == 1);
  CHECK(world.watcher.phase() == Phase::Live);
  CHECK(world.dropped >= 1);
}

TEST_CASE("restarts without end become a failure of the endpoint") {
  World world(Options());
  world.silent_kinds = {RequestKind::Heartbeat};
  world.Settle();
  const std::string endpoint = world.watcher.endpoint();
  for (int i = 0; i < 4; i++) {
    world.watcher.Line(world.stream, recorded::kCompacted, world.now);
    world.Settle();
  }
  CHECK(world.watcher.endpoint() != endpoint);
}

TEST_CASE("an event that the stream leaves out is found by the heartbeat") {
  World world(Options());
  world.Settle();
  SECTION("a put") { world.store.Put("/s/x/leader", "n1"); }
  SECTION("a deletion") {
    world.Put("/s/x/leader", "n1");
    world.store.Delete("/s/x/leader");
  }
  world.Run(3000);
  CHECK(world.watcher.syncs() == 2);
  CHECK(world.watcher.keys().size() == world.store.keys.size());
}

TEST_CASE("an event that is a little late is not taken for a lost one") {
  World world(Options());
  world.Settle();
  for (int i = 0; i < 5; i++) {
    world.store.Put("/s/x/leader", "n" + std::to_string(i));
    const Event late = world.store.history.back();
    const std::uint64_t agreed = world.watcher.agreements();
    world.Run(1000);  // one heartbeat sees it first
    CHECK(world.watcher.agreements() == agreed);
    world.Send(late);
  }
  CHECK(world.watcher.syncs() == 1);
}

TEST_CASE("counts that never fit are not believed for ever") {
  World world(Options());
  world.Settle();
  world.store.extra_count = 1;  // a gateway that counts in another way
  world.Run(60000);
  CHECK(world.watcher.syncs() <= 5);
}

TEST_CASE("an etcd that was restored, rebuilt or replaced is noticed") {
  World world(Options());
  for (int i = 0; i < 5; i++) world.store.Put("/s/x/leader", "n1");
  world.Settle();
  world.watcher.TakeChanges();
  Store fresh;
  SECTION("an older revision") {
    fresh.Put("/s/x/leader", "n2");
    world.store = fresh;
  }
  SECTION("rebuilt and filled beyond the old revision") {
    fresh.Put("/s/x/leader", "n2");
    for (int i = 0; i < 20; i++) fresh.Put("/s/x/status", "1");
    world.store = fresh;
  }
  SECTION("another cluster") {
    for (int i = 0; i < 20; i++) fresh.Put("/s/x/leader", "n2");
    fresh.cluster_id = 78;
    world.store = fresh;
  }
  SECTION("an older term") {
    world.store.raft_term = 1;
    world.store.Put("/s/x/leader", "n2");
  }
  world.watcher.Ended(world.stream, "partial file", world.now);
  world.Settle();
  CHECK(world.watcher.incarnation() == 1);
  CHECK(world.watcher.keys().at("/s/x/leader").value == "n2");
  CHECK(world.watcher.phase() == Phase::Live);
  world.Run(3000);
  CHECK(world.watcher.incarnation() == 1);
}

TEST_CASE("a stream of another cluster is not believed") {
  World world(Options());
  world.Settle();
  const int before = world.watcher.syncs();
  Store other;
  other.cluster_id = 99;
  other.revision = 100;
  other.Put("/s/x/leader", "evil");
  world.watcher.Line(world.stream, other.EventLine(other.history.back()), world.now);
  CHECK(world.watcher.keys().empty());
  world.Settle();
  CHECK(world.watcher.syncs() == before + 1);
}

TEST_CASE("users: a token first, a new one when it is too old") {
  WatcherOptions options = Options();
  options.user = "f";
  options.password = "secret";
  World world(options);
  world.auth = true;
  world.Settle();
  CHECK(world.watcher.phase() == Phase::Live);
  CHECK(world.tokens == 1);
  CHECK(world.last.token == "lLpTmnOZEgVJzwix.18");
  SECTION("it expires: a heartbeat notices, the stream goes on") {
    world.expire = 1;
    world.Run(3000);
    CHECK(world.tokens == 2);
    CHECK(world.watcher.syncs() == 1);
    CHECK(world.dropped == 0);
  }
  SECTION("the watch is refused") {
    world.watcher.Line(world.stream, recorded::kWatchTokenRefused, world.now);
    world.Settle();
    CHECK(world.tokens == 2);
    CHECK(world.watcher.syncs() == 2);
  }
  SECTION("the password was changed meanwhile") {
    world.expire = 1000;
    world.wrong_password = true;
    world.Run(5000);
    CHECK(world.watcher.problem().find("authentication failed") != std::string::npos);
    // Etcd takes long to look at a password: it is not asked in vain, and a new one is tried at
    // once.
    const int logins = world.Count(RequestKind::Authenticate);
    world.Run(60000);
    CHECK(world.Count(RequestKind::Authenticate) - logins <= 12);
    world.wrong_password = false;
    world.expire = 0;
    world.watcher.SetPassword("new");
    world.Run(10);
    CHECK(world.watcher.phase() == Phase::Live);
    CHECK(world.watcher.problem().empty());
  }
  SECTION("a token that is never good enough does not lead to a busy loop") {
    world.expire = 1000000;
    const std::size_t before = world.sent.size();
    world.Run(10000);
    CHECK(world.sent.size() - before < 400);
  }
}

TEST_CASE("etcd without authentication takes a configured user too") {
  WatcherOptions options = Options();
  options.user = "f";
  World world(options);
  world.Settle();
  CHECK(world.watcher.phase() == Phase::Live);
}

TEST_CASE("a prefix that may not be read is said") {
  World world(Options());
  const Actions actions = world.watcher.TakeActions();
  world.watcher.Answer(actions.send.at(0).id, 403, recorded::kDenied, world.now);
  CHECK(world.watcher.problem().find("permission denied") != std::string::npos);
  world.Settle();
  CHECK(world.watcher.phase() == Phase::Live);
  world.watcher.Line(world.stream, recorded::kWatchDenied, world.now);
  CHECK(world.watcher.problem().find("permission denied") != std::string::npos);
}

TEST_CASE("an etcd that is too old is said") {
  World world(Options({"http://a"}));
  const Actions actions = world.watcher.TakeActions();
  world.watcher.Answer(actions.send.at(0).id, 404, "404 page not found\n", world.now);
  CHECK(world.watcher.problem().find("3.4 or later") != std::string::npos);
  CHECK(world.watcher.phase() == Phase::Waiting);
}

TEST_CASE("several prefixes: one read, one stream; a prefix below another is left out") {
  WatcherOptions options = Options();
  options.prefixes = {"/s/a/", "/s/b/", "/s/a/x/"};
  World world(options);
  world.store.Put("/s/a/leader", "n1");
  world.store.Put("/s/b/leader", "m1");
  world.Serve();
  world.Serve();
  CHECK(world.watcher.phase() == Phase::Creating);  // one of two
  world.watcher.Line(world.stream, world.store.Created(), world.now);
  CHECK(world.watcher.phase() == Phase::Live);
  CHECK(world.watcher.TakeChanges().size() == 2);
}

TEST_CASE("answers to requests that were given up change nothing") {
  World world(Options());
  world.Settle();
  const int old_stream = world.stream;
  world.watcher.Ended(old_stream, "gone", world.now);
  world.watcher.Line(old_stream, "garbage", world.now);
  world.watcher.Ended(old_stream, "gone", world.now);
  world.watcher.Answer(old_stream, 200, "garbage", world.now);
  world.Settle();
  CHECK(world.watcher.phase() == Phase::Live);
  CHECK(world.watcher.syncs() == 2);
}
