// The members: who they are, where they are found, and how that is changed. These calls are rare, so generated protobuf
// reads and writes them.
//
// Facts: etcd's facts, section 2.10. quorate.v1.Membership is Quorate's own: proto/quorate/membership.proto.

#include <algorithm>
#include <charconv>

#include "api/etcd/api.h"
#include "api/etcd/generated.h"
#include "base/assert.h"
#include "etcd/rpc.pb.h"
#include "quorate/membership.pb.h"

namespace quorate::etcd {
namespace {

namespace pb = etcdserverpb;
using service::MemberChange;

constexpr RpcStatus kBadUrls = {rpc::Code::invalid_argument, "etcdserver: given member URLs are invalid"};
constexpr RpcStatus kNoTls = {rpc::Code::invalid_argument,
                              "quorate: TLS between members is not supported yet; use http:// on a trusted network"};
constexpr RpcStatus kManyGroups = {
    rpc::Code::unimplemented, "quorate: the members of a cluster with several groups (--groups) cannot be changed yet"};

/// "http://host:port" with nothing behind it.
RpcStatus check_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return kBadUrls;
  }
  if (url.starts_with("https://") || url.starts_with("unixs://")) {
    return kNoTls;
  }
  const std::string_view address = url.substr(scheme + 3);
  const std::size_t colon = address.rfind(':');
  if (!url.starts_with("http://") || colon == std::string_view::npos || colon == 0 ||
      address.find_first_of("/?#, ") != std::string_view::npos) {
    return kBadUrls;
  }
  std::uint16_t port = 0;
  const std::string_view digits = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() ? RpcStatus{} : kBadUrls;
}

template <class Urls>
RpcStatus take_urls(const Urls& urls, std::string& out) {
  for (const std::string& url : urls) {
    if (const RpcStatus bad = check_url(url); bad.code != rpc::Code::ok) {
      return bad;
    }
    out += (out.empty() ? "" : ",") + url;
  }
  return out.empty() ? kBadUrls : RpcStatus{};
}

RpcStatus read_change(MethodId method, const Buffer& message, std::uint32_t max_learners, MemberChange& change) {
  google::protobuf::Arena arena;
  if (method == MethodId::member_add) {
    auto& request = make<pb::MemberAddRequest>(arena);
    if (!parse(request, message.view())) {
      return kMalformed;
    }
    change.kind = request.islearner() ? MemberChange::Kind::add_learner : MemberChange::Kind::add;
    change.max_learners = max_learners;
    return take_urls(request.peerurls(), change.urls);
  }
  if (method == MethodId::membership_add_learner) {
    auto& request = make<quorate::v1::AddLearnerRequest>(arena);
    if (!parse(request, message.view())) {
      return kMalformed;
    }
    change.kind = MemberChange::Kind::add_learner;
    return take_urls(request.peer_urls(), change.urls);
  }
  if (method == MethodId::member_update) {
    auto& request = make<pb::MemberUpdateRequest>(arena);
    if (!parse(request, message.view())) {
      return kMalformed;
    }
    change.kind = MemberChange::Kind::update;
    change.node = NodeId(request.id());
    return take_urls(request.peerurls(), change.urls);
  }
  if (method == MethodId::membership_set) {
    auto& request = make<quorate::v1::SetRequest>(arena);
    if (!parse(request, message.view()) || request.voters_size() == 0) {
      return kMalformed;
    }
    change.kind = MemberChange::Kind::set;
    for (const std::uint64_t voter : request.voters()) {
      change.voters.emplace_back(voter);
    }
    std::ranges::sort(change.voters);
    const auto repeated = std::ranges::unique(change.voters);
    change.voters.erase(repeated.begin(), repeated.end());
    return {};
  }
  auto& request = make<pb::MemberRemoveRequest>(arena);  // MemberPromoteRequest has the same one field
  if (!parse(request, message.view())) {
    return kMalformed;
  }
  change.kind = method == MethodId::member_remove ? MemberChange::Kind::remove : MemberChange::Kind::promote;
  change.node = NodeId(request.id());
  return change.node.is_none() ? status_of(kv::Failure::member_not_found) : RpcStatus{};
}

void add_urls(pb::Member& member, std::string_view urls) {
  while (!urls.empty()) {
    const std::size_t comma = urls.find(',');
    member.add_peerurls(std::string(urls.substr(0, comma)));
    urls = comma == std::string_view::npos ? std::string_view() : urls.substr(comma + 1);
  }
}

/// Everybody who takes part, rising ids. Name and client URLs are as each member published them at its start: a member
/// that never started has neither.
std::vector<pb::Member> members_of(const service::KvService& service) {
  const consensus::Membership membership = service.status().membership;
  const std::map<NodeId, Buffer>& published = service.store().members();
  const std::vector<consensus::Contact> contacts = service.contacts();
  std::vector<pb::Member> result;
  for (const NodeId node : membership.all_nodes()) {
    pb::Member& member = result.emplace_back();
    if (const auto own = published.find(node); own != published.end()) {
      const bool is_parsed = parse(member, own->second.view());
      QUORATE_ASSERT(is_parsed, "members publish an etcdserverpb.Member", node);
    }
    member.set_id(node.value());
    member.clear_peerurls();
    const auto found = std::ranges::find(contacts, node, &consensus::Contact::node);
    bool will_vote = false;
    if (found != contacts.end()) {
      add_urls(member, found->urls);
      will_vote = found->will_vote;  // it was added as a voter: that it has to catch up first is our own affair
    }
    member.set_islearner(!membership.is_voter(node) && !will_vote);
  }
  return result;
}

template <class Response>
void list_members(const service::KvService& service, Response& response) {
  for (pb::Member& member : members_of(service)) {
    *response.add_members() = std::move(member);
  }
}

}  // namespace

bool is_member_change(MethodId method) {
  return method == MethodId::member_add || method == MethodId::member_remove || method == MethodId::member_update ||
         method == MethodId::member_promote || method == MethodId::membership_add_learner ||
         method == MethodId::membership_set;
}

bool is_linearizable_member_list(ByteView request) {
  google::protobuf::Arena arena;
  auto& message = make<pb::MemberListRequest>(arena);
  return parse(message, request) && message.linearizable();
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
  google::protobuf::Arena arena;
  auto& list = make<pb::MemberListResponse>(arena);
  list_members(*group.service, list);
  const std::array<Buffer, 2> parts = {group.headers.header(0, term), encode(list)};
  answer(call, parts);
  finish(call, {});
}

void Api::on_member_change(rpc::Call& call, Group& group, MethodId method, Buffer message) {
  MemberChange change;
  const RpcStatus refusal =
      groups_.size() > 1 ? kManyGroups : read_change(method, message, config_.max_learners, change);
  if (refusal.code != rpc::Code::ok) {
    finish(call, refusal);
    return;
  }
  Request& request = begin_request(call, group, method);
  request.ticket = group.service->change_members(std::move(change), call.deadline(),
                                                 service::AnswerTo::to<&Api::on_answer>(this, request.slot));
}

/// The answer's bytes are the id of the member that the change was about.
void Api::answer_member_change(rpc::Call& call, Group& group, MethodId method, const service::Answer& done) {
  google::protobuf::Arena arena;
  Buffer body;
  if (method == MethodId::member_add || method == MethodId::membership_add_learner) {
    auto& response = make<pb::MemberAddResponse>(arena);
    list_members(*group.service, response);
    const std::uint64_t id = service::read_member_answer(done.body.view()).value();
    for (const pb::Member& member : response.members()) {
      if (member.id() == id) {
        *response.mutable_member() = member;
      }
    }
    body = encode(response);
  } else {  // MemberRemove, MemberUpdate, MemberPromote and Set answer alike
    auto& response = make<pb::MemberRemoveResponse>(arena);
    list_members(*group.service, response);
    body = encode(response);
  }
  const std::array<Buffer, 2> parts = {group.headers.header(0, done.term), body};
  answer(call, parts);
  finish(call, {});
}

void Api::answer_membership(rpc::Call& call, Group& group) {
  google::protobuf::Arena arena;
  auto& response = make<quorate::v1::DescribeResponse>(arena);
  const consensus::CoreStatus status = group.service->status();
  const std::vector<consensus::MemberProgress> progress = group.service->progress();
  response.set_leader(status.leader.value());
  response.set_commit(status.commit.value());
  response.set_told_by_leader(status.role == consensus::Role::leader);
  response.set_phase_1_quorum(group.service->quorum_sizes().phase_1);
  response.set_phase_2_quorum(group.service->quorum_sizes().phase_2);
  for (const NodeId node : status.membership.voters) {
    response.add_voters(node.value());
  }
  for (const NodeId node : status.membership.outgoing_voters) {
    response.add_outgoing_voters(node.value());
  }
  for (const pb::Member& member : members_of(*group.service)) {
    quorate::v1::Member& out = *response.add_members();
    out.set_id(member.id());
    out.set_name(member.name());
    *out.mutable_peer_urls() = member.peerurls();
    *out.mutable_client_urls() = member.clienturls();
    const auto known = std::ranges::find(progress, NodeId(member.id()), &consensus::MemberProgress::node);
    const bool is_self = NodeId(member.id()) == config_.self;
    out.set_joining(!member.islearner() && !status.membership.is_voter(NodeId(member.id())));
    out.set_match(known != progress.end() ? known->match.value() : is_self ? status.last.value() : 0);
  }
  const Buffer body = encode(response);
  answer(call, {&body, 1});
  finish(call, {});
}

}  // namespace quorate::etcd
