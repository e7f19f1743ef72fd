#include "api/etcd/methods.h"

#include <algorithm>

namespace quorate::etcd {
namespace {

enum class Kind : std::uint8_t { unary, server_stream, both_stream };

struct Row {
  std::string_view path;
  MethodId id;
  Kind kind = Kind::unary;
  std::string_view missing = {};
};

constexpr std::string_view kNoAuth =
    "quorate: Auth is not supported yet; this server runs without authentication, as etcd does before auth enable";
constexpr std::string_view kNoLock = "quorate: the Lock service is not supported yet; etcdctl lock works without it";
constexpr std::string_view kNoElection =
    "quorate: the Election service is not supported yet; etcdctl elect works without it";

constexpr Row kRows[] = {
    {"/etcdserverpb.KV/Range", MethodId::range},
    {"/etcdserverpb.KV/Put", MethodId::put},
    {"/etcdserverpb.KV/DeleteRange", MethodId::delete_range},
    {"/etcdserverpb.KV/Txn", MethodId::txn},
    {"/etcdserverpb.KV/Compact", MethodId::compact},
    {"/etcdserverpb.Watch/Watch", MethodId::watch, Kind::both_stream},
    {"/etcdserverpb.Lease/LeaseGrant", MethodId::lease_grant},
    {"/etcdserverpb.Lease/LeaseRevoke", MethodId::lease_revoke},
    {"/etcdserverpb.Lease/LeaseKeepAlive", MethodId::lease_keep_alive, Kind::both_stream},
    {"/etcdserverpb.Lease/LeaseTimeToLive", MethodId::lease_time_to_live},
    {"/etcdserverpb.Lease/LeaseLeases", MethodId::lease_leases},
    {"/etcdserverpb.Cluster/MemberList", MethodId::member_list},
    {"/etcdserverpb.Cluster/MemberAdd", MethodId::member_add},
    {"/etcdserverpb.Cluster/MemberRemove", MethodId::member_remove},
    {"/etcdserverpb.Cluster/MemberUpdate", MethodId::member_update},
    {"/etcdserverpb.Cluster/MemberPromote", MethodId::member_promote},
    {"/quorate.v1.Membership/Describe", MethodId::membership_describe},
    {"/quorate.v1.Membership/AddLearner", MethodId::membership_add_learner},
    {"/quorate.v1.Membership/Set", MethodId::membership_set},
    {"/etcdserverpb.Maintenance/Alarm", MethodId::alarm},
    {"/etcdserverpb.Maintenance/Status", MethodId::status},
    {"/etcdserverpb.Maintenance/Defragment", MethodId::defragment},
    {"/etcdserverpb.Maintenance/Hash", MethodId::hash},
    {"/etcdserverpb.Maintenance/HashKV", MethodId::hash_kv},
    {"/etcdserverpb.Maintenance/Snapshot", MethodId::snapshot, Kind::server_stream},
    {"/etcdserverpb.Maintenance/MoveLeader", MethodId::move_leader},
    {"/etcdserverpb.Maintenance/Downgrade", MethodId::unsupported, Kind::unary,
     "quorate: Downgrade is not supported: there is no other version to go to"},
    {"/grpc.health.v1.Health/Check", MethodId::health_check},
    {"/grpc.health.v1.Health/Watch", MethodId::health_watch, Kind::server_stream},
    {"/etcdserverpb.Auth/AuthEnable", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/AuthDisable", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/AuthStatus", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/Authenticate", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserAdd", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserGet", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserList", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserDelete", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserChangePassword", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserGrantRole", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/UserRevokeRole", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/RoleAdd", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/RoleGet", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/RoleList", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/RoleDelete", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/RoleGrantPermission", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/etcdserverpb.Auth/RoleRevokePermission", MethodId::unsupported, Kind::unary, kNoAuth},
    {"/v3lockpb.Lock/Lock", MethodId::unsupported, Kind::unary, kNoLock},
    {"/v3lockpb.Lock/Unlock", MethodId::unsupported, Kind::unary, kNoLock},
    {"/v3electionpb.Election/Campaign", MethodId::unsupported, Kind::unary, kNoElection},
    {"/v3electionpb.Election/Proclaim", MethodId::unsupported, Kind::unary, kNoElection},
    {"/v3electionpb.Election/Leader", MethodId::unsupported, Kind::unary, kNoElection},
    {"/v3electionpb.Election/Observe", MethodId::unsupported, Kind::server_stream, kNoElection},
    {"/v3electionpb.Election/Resign", MethodId::unsupported, Kind::unary, kNoElection},
};

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::unary: return "unary";
    case Kind::server_stream: return "server_stream";
    case Kind::both_stream: break;
  }
  return "bidi_stream";
}

std::string_view service_of(std::string_view path) { return path.substr(1, path.rfind('/') - 1); }

}  // namespace

Methods::Methods() {
  methods_.reserve(std::size(kRows));  // by_path_ points into it
  for (const Row& row : kRows) {
    methods_.push_back({.path = std::string(row.path),
                        .client_streams = row.kind == Kind::both_stream,
                        .server_streams = row.kind != Kind::unary,
                        .id = static_cast<std::uint32_t>(methods_.size())});
    by_path_.emplace(row.path, &methods_.back());
    MethodStats& stats = stats_.emplace_back();
    stats.service = service_of(row.path);
    stats.method = row.path.substr(row.path.rfind('/') + 1);
    stats.type = type_name(row.kind);
  }
}

const rpc::Method* Methods::find(std::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

bool Methods::serves(std::string_view service) const {
  return std::any_of(stats_.begin(), stats_.end(), [&](const MethodStats& row) { return row.service == service; });
}

MethodId Methods::id_of(const rpc::Method& method) { return kRows[method.id].id; }

std::string_view Methods::missing_text(const rpc::Method& method) const { return kRows[method.id].missing; }

}  // namespace quorate::etcd
