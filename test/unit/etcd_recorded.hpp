// SPDX-License-Identifier: PostgreSQL
// What a real etcd (3.4.23) said through its JSON gateway, byte for byte.  The keys are /service/coord/leader = n1
// (revision 2), /service/shard-1/leader = m1, m2 (3, 4), /service/coord/x put and deleted (5, 6).
#pragma once

namespace recorded {

constexpr const char* kRange =
    R"({"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"3","raft_term":"2"},"kvs":[)"
    R"({"key":"L3NlcnZpY2UvY29vcmQvbGVhZGVy","create_revision":"2","mod_revision":"2","version":"1","value":"bjE="}],"count":"1)"
    R"("})";

constexpr const char* kTxn =
    R"({"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"3","raft_term":"2"},"succee)"
    R"(ded":true,"responses":[{"response_range":{"header":{"revision":"3"},"kvs":[{"key":"L3NlcnZpY2UvY29vcmQvbGVhZGVy","create)"
    R"(_revision":"2","mod_revision":"2","version":"1","value":"bjE="}],"count":"1"}},{"response_range":{"header":{"revision":")"
    R"(3"},"count":"1"}}]})";

constexpr const char* kStream =
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"3","raft_term":"2)"
    R"("},"created":true}})" "\n"
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"3","raft_term":"2)"
    R"("},"watch_id":"1","created":true}})" "\n"
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"3","raft_term":"2)"
    R"("},"events":[{"kv":{"key":"L3NlcnZpY2UvY29vcmQvbGVhZGVy","create_revision":"2","mod_revision":"2","version":"1","value":)"
    R"("bjE="}}]}})" "\n"
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"4","raft_term":"2)"
    R"("},"watch_id":"1","events":[{"kv":{"key":"L3NlcnZpY2Uvc2hhcmQtMS9sZWFkZXI=","create_revision":"3","mod_revision":"4","ve)"
    R"(rsion":"2","value":"bTI="}}]}})" "\n"
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"5","raft_term":"2)"
    R"("},"events":[{"kv":{"key":"L3NlcnZpY2UvY29vcmQveA==","create_revision":"5","mod_revision":"5","version":"1"}}]}})" "\n"
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"6","raft_term":"2)"
    R"("},"events":[{"type":"DELETE","kv":{"key":"L3NlcnZpY2UvY29vcmQveA==","mod_revision":"6"}}]}})" "\n";

constexpr const char* kCompacted =
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","raft_term":"2"},"canceled":t)"
    R"(rue,"compact_revision":"5"}})";

constexpr const char* kNoUser =
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"6","raft_term":"2)"
    R"("},"watch_id":"-1","created":true,"canceled":true,"cancel_reason":"rpc error: code = InvalidArgument desc = etcdserver: )"
    R"(user name is empty"}})";

constexpr const char* kWatchDenied =
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"6","raft_term":"2)"
    R"("},"watch_id":"-1","created":true,"canceled":true,"cancel_reason":"rpc error: code = PermissionDenied desc = etcdserver:)"
    R"( permission denied"}})";

constexpr const char* kWatchTokenRefused =
    R"({"result":{"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"6","raft_term":"2)"
    R"("},"watch_id":"-1","created":true,"canceled":true,"cancel_reason":"rpc error: code = Unauthenticated desc = etcdserver: )"
    R"(invalid auth token"}})";

constexpr const char* kClosing =
    R"({"error":{"grpc_code":14,"http_code":503,"message":"transport is closing","http_status":"Service Unavailable"}})";

constexpr const char* kToken =
    R"({"header":{"cluster_id":"3556172557997394135","member_id":"17496614320493254894","revision":"6","raft_term":"2"},"token")"
    R"(:"lLpTmnOZEgVJzwix.18"})";

constexpr const char* kAuthOff =  // HTTP 412
    R"({"error":"etcdserver: authentication is not enabled","message":"etcdserver: authentication is not enabled","code":9})";

constexpr const char* kWrongPassword =  // HTTP 400
    R"({"error":"etcdserver: authentication failed, invalid user ID or password","message":"etcdserver: authentication failed, )"
    R"(invalid user ID or password","code":3})";

constexpr const char* kTokenRefused =  // HTTP 401
    R"({"error":"etcdserver: invalid auth token","message":"etcdserver: invalid auth token","code":16})";

constexpr const char* kDenied =  // HTTP 403
    R"({"error":"etcdserver: permission denied","message":"etcdserver: permission denied","code":7})";

}  // namespace recorded
