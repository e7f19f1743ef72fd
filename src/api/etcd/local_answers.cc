// What this node answers by itself: its status, and the whole store's hash in the older form. These are rare, so
// generated protobuf writes them.

#include "api/etcd/api.h"
#include "api/etcd/generated.h"
#include "api/etcd/version.h"
#include "base/assert.h"
#include "etcd/rpc.pb.h"

namespace quorate::etcd {
namespace {

namespace pb = etcdserverpb;

std::string alarm_text(const kv::Alarm& alarm) {
  return "memberID:" + std::to_string(alarm.member) +
         " alarm:" + pb::AlarmType_Name(static_cast<pb::AlarmType>(alarm.type));
}

}  // namespace

NodeId transferee_of(ByteView request) {
  google::protobuf::Arena arena;
  auto& message = make<pb::MoveLeaderRequest>(arena);
  const bool is_parsed = parse(message, request);
  return is_parsed ? NodeId(message.targetid()) : NodeId();
}

Buffer hash_of(const Buffer& hash_kv_body) {
  google::protobuf::Arena arena;
  auto& whole = make<pb::HashKVResponse>(arena);
  const bool is_parsed = parse(whole, hash_kv_body.view());
  QUORATE_ASSERT(is_parsed, "the service answers with a HashKVResponse");
  auto& answer = make<pb::HashResponse>(arena);
  answer.set_hash(whole.hash());
  return encode(answer);
}

void Api::answer_status(rpc::Call& call, Group& group) {
  const consensus::CoreStatus core = group.service->status();
  const kv::Store& store = group.service->store();
  google::protobuf::Arena arena;
  auto& status = make<pb::StatusResponse>(arena);
  status.set_version(std::string(kServerVersion));
  status.set_dbsize(static_cast<std::int64_t>(store.size_bytes()));
  status.set_dbsizeinuse(static_cast<std::int64_t>(store.size_bytes()));
  status.set_leader(core.leader.value());
  status.set_raftindex(core.commit.value());
  status.set_raftterm(core.tag.value());
  status.set_raftappliedindex(store.executed().value());
  if (core.leader.is_none()) {
    status.add_errors(std::string(kNoLeader.text));
  }
  for (const kv::Alarm& alarm : store.alarms()) {
    status.add_errors(alarm_text(alarm));
  }
  status.set_storageversion(std::string(kStorageVersion));
  status.set_dbsizequota(config_.quota_bytes);
  status.mutable_downgradeinfo();
  const std::array<Buffer, 2> parts = {group.headers.header(store.revision(), core.tag), encode(status)};
  answer(call, parts);
  finish(call, {});
}

}  // namespace quorate::etcd
