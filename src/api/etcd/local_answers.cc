// What this node answers by itself: its status, its members, and the whole store's hash in the older form. These are
// rare, so generated protobuf writes them.

#include <google/protobuf/arena.h>

#include "api/etcd/api.h"
#include "api/etcd/version.h"
#include "base/assert.h"
#include "etcd/rpc.pb.h"

namespace quorate::etcd {
namespace {

namespace pb = etcdserverpb;

template <class Message>
Message& make(google::protobuf::Arena& arena) {
  return *google::protobuf::Arena::CreateMessage<Message>(&arena);
}

Buffer encode(const google::protobuf::Message& message) { return Buffer::adopt(message.SerializeAsString()); }

std::string alarm_text(const kv::Alarm& alarm) {
  return "memberID:" + std::to_string(alarm.member) +
         " alarm:" + pb::AlarmType_Name(static_cast<pb::AlarmType>(alarm.type));
}

}  // namespace

bool is_linearizable_member_list(ByteView request) {
  google::protobuf::Arena arena;
  auto& message = make<pb::MemberListRequest>(arena);
  return message.ParseFromArray(request.data(), static_cast<int>(request.size())) && message.linearizable();
}

NodeId transferee_of(ByteView request) {
  google::protobuf::Arena arena;
  auto& message = make<pb::MoveLeaderRequest>(arena);
  const bool is_parsed = message.ParseFromArray(request.data(), static_cast<int>(request.size()));
  return is_parsed ? NodeId(message.targetid()) : NodeId();
}

Buffer hash_of(const Buffer& hash_kv_body) {
  google::protobuf::Arena arena;
  auto& whole = make<pb::HashKVResponse>(arena);
  const bool is_parsed = whole.ParseFromArray(hash_kv_body.data(), static_cast<int>(hash_kv_body.size()));
  QUORATE_ASSERT(is_parsed, "the service answers with a HashKVResponse");
  auto& answer = make<pb::HashResponse>(arena);
  answer.set_hash(whole.hash());
  return encode(answer);
}

/// Ids and peer URLs as configured; name and client URLs as each member published them at its start: a member that
/// never started has neither.
Buffer Api::encode_members() const {
  google::protobuf::Arena arena;
  auto& list = make<pb::MemberListResponse>(arena);
  const std::map<NodeId, Buffer>& published = groups_.front()->service->store().members();
  for (const Member& member : config_.members) {
    pb::Member& out = *list.add_members();
    if (const auto own = published.find(member.id); own != published.end()) {
      const bool is_parsed = out.ParseFromArray(own->second.data(), static_cast<int>(own->second.size()));
      QUORATE_ASSERT(is_parsed, "members publish an etcdserverpb.Member", member.id);
    }
    out.set_id(member.id.value());
    out.clear_peerurls();
    for (const std::string& url : member.peer_urls) {
      out.add_peerurls(url);
    }
  }
  return encode(list);
}

Buffer encode_published_member(std::string_view name, std::span<const std::string> client_urls) {
  pb::Member member;
  member.set_name(std::string(name));
  for (const std::string& url : client_urls) {
    member.add_clienturls(url);
  }
  return encode(member);
}

void Api::answer_members(rpc::Call& call, Group& group, Tag term) {
  const std::array<Buffer, 2> parts = {group.headers.header(0, term), encode_members()};
  answer(call, parts);
  finish(call, {});
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
