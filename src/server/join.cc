#include "server/join.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "env_posix/loop.h"
#include "env_posix/tcp_transport.h"
#include "group/contact_book.h"
#include "peer/inquiry.h"
#include "server/quorum_choice.h"

namespace quorate::server {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);
constexpr int kAttempts = 3;

std::string own_urls(const ServeOptions& options) {
  std::string text;
  for (const Url& url : options.advertise_peer_urls) {
    text += (text.empty() ? "" : ",") + url.text();
  }
  return text;
}

std::string describe(const std::vector<MemberIdentity>& members) {
  std::string text;
  for (const MemberIdentity& member : members) {
    text += (text.empty() ? "" : ", ") + hex_id(member.id.value()) + " at " + join_urls(member.peer_urls);
  }
  return text;
}

/// What one member says of its cluster.
struct Told {
  std::string by;  ///< the address that was asked
  ClusterIdentity identity;
};

std::optional<Told> read(const peer::Inquiry::Outcome& outcome, const ServeOptions& options) {
  const std::optional<group::MembersAnswer> answer =
      outcome.answer ? group::decode_members_answer(outcome.answer->view()) : std::nullopt;
  if (!answer) {
    return std::nullopt;
  }
  Told told{outcome.address,
            {.cluster = answer->cluster,
             .self = NodeId(),
             .members = {},
             .quorum_sizes = answer->quorum_sizes,
             .founded = false}};
  for (const consensus::Contact& contact : answer->configuration.contacts) {
    if (answer->configuration.membership.contains(contact.node)) {
      std::vector<std::string> urls = split_urls(contact.urls);
      std::string name = name_of(urls, options);
      if (name == options.name) {
        told.identity.self = contact.node;
      }
      told.identity.members.push_back({contact.node, std::move(name), std::move(urls)});
    }
  }
  return told;
}

std::vector<peer::Inquiry::Outcome> ask(const std::vector<std::string>& addresses) {
  Result<std::unique_ptr<env_posix::EventLoop>> loop = env_posix::EventLoop::make();
  if (!loop) {
    return {{"", std::unexpected(loop.error())}};
  }
  env_posix::TcpTransport transport(**loop);
  peer::Inquiry inquiry(**loop, **loop, transport, [&loop] { (*loop)->stop(); });
  inquiry.ask(addresses, kPatience);
  (*loop)->run();
  return inquiry.outcomes();
}

/// etcd's rule: --initial-cluster must name the members as they are. And the quorum sizes are the cluster's.
Status check_told(const Told& told, const ServeOptions& options, const consensus::Protocol& protocol) {
  const std::string cluster = hex_id(told.identity.cluster.value());
  QUORATE_TRY(check_sizes_kept(options, protocol, told.identity.quorum_sizes,
                               "the members at " + told.by + " belong to cluster " + cluster));
  if (told.identity.self.is_none()) {
    return fail(ErrorCode::foreign, "cluster " + cluster + " (asked at " + told.by + ") has no member at " +
                                        own_urls(options) + "; its members are " + describe(told.identity.members) +
                                        ". Add this one first: etcdctl member add " + options.name +
                                        " --peer-urls=" + own_urls(options));
  }
  for (const MemberIdentity& member : told.identity.members) {
    if (member.name.empty()) {
      return fail(ErrorCode::foreign,
                  "--initial-cluster lacks the member " + hex_id(member.id.value()) + " at " +
                      join_urls(member.peer_urls) + " of cluster " + cluster +
                      "; it must name all members and no others: " + describe(told.identity.members));
    }
  }
  for (const InitialMember& initial : options.initial_cluster) {
    const bool is_member = std::ranges::any_of(
        told.identity.members, [&](const MemberIdentity& member) { return member.name == initial.name; });
    if (!is_member) {
      return fail(ErrorCode::foreign, "--initial-cluster has " + initial.name + ", which is no member of cluster " +
                                          cluster + "; its members are " + describe(told.identity.members));
    }
  }
  return {};
}

Result<ClusterIdentity> ask_to_join(const ServeOptions& options, const consensus::Protocol& protocol, EventLog& log) {
  std::vector<std::string> addresses;
  for (const InitialMember& initial : options.initial_cluster) {
    if (initial.name != options.name) {
      addresses.push_back(initial.peer_urls[0].address());
    }
  }
  if (addresses.empty()) {
    return fail(ErrorCode::invalid,
                "--initial-cluster-state=existing needs the other members in --initial-cluster, to "
                "ask them who this node is");
  }
  Error last{ErrorCode::io, ""};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string silent;
    std::optional<ClusterId> cluster;
    for (const peer::Inquiry::Outcome& outcome : ask(addresses)) {
      const std::optional<Told> told = read(outcome, options);
      if (!told) {
        const std::string why = outcome.answer ? "does not answer as a Quorate node" : outcome.answer.error().text;
        silent += (silent.empty() ? "" : ", ") + outcome.address + " " + why;
        continue;
      }
      if (cluster && *cluster != told->identity.cluster) {
        return fail(ErrorCode::foreign, "--initial-cluster names members of two clusters, " + hex_id(cluster->value()) +
                                            " and " + hex_id(told->identity.cluster.value()) + " (at " + told->by +
                                            ")");
      }
      cluster = told->identity.cluster;
      const Status fits = check_told(*told, options, protocol);
      if (fits) {
        return told->identity;
      }
      last = fits.error();  // another member may know more: a change spreads
    }
    if (!cluster) {
      last = {ErrorCode::io, "no member of --initial-cluster tells who this node is: " + silent +
                                 "; start them first, or correct --initial-cluster"};
    }
    log.warn("cannot join yet", {{"why", last.text}});
  }
  return std::unexpected(last);
}

/// Of a new directory.
Result<ClusterIdentity> begin(const ServeOptions& options, const consensus::Protocol& protocol, EventLog& log) {
  return options.initial_cluster_state == "new" ? found_cluster(options, protocol)
                                                : ask_to_join(options, protocol, log);
}

}  // namespace

Result<ClusterIdentity> found_cluster(const ServeOptions& options, const consensus::Protocol& protocol) {
  Result<ClusterIdentity> identity = identify(options);
  if (!identity) {
    return identity;
  }
  const Result<quorum::PhaseSizes> sizes = sizes_of_new_cluster(options, protocol, identity->members.size());
  if (!sizes) {
    return std::unexpected(sizes.error());
  }
  identity->quorum_sizes = *sizes;
  return identity;
}

Result<ClusterIdentity> find_identity(const ServeOptions& options, const consensus::Protocol& protocol, EventLog& log) {
  const Result<std::optional<env_posix::StoredIdentity>> stored = env_posix::DataDirectory::look(options.data_dir);
  if (!stored) {
    return std::unexpected(stored.error());
  }
  if (!stored->has_value()) {
    return begin(options, protocol, log);
  }
  QUORATE_TRY(check_sizes_kept(options, protocol, (*stored)->who.quorum_sizes,
                               "data directory '" + options.data_dir + "' belongs to a cluster"));
  // A directory of the first format does not say who was there; it was made by a founder.
  const bool is_configured = options.initial_cluster_state == "new" || (*stored)->origin.members.empty();
  Result<ClusterIdentity> identity = is_configured ? identify(options) : identity_of(**stored, options);
  if (identity) {
    identity->quorum_sizes = (*stored)->who.quorum_sizes;
  }
  return identity;
}

}  // namespace quorate::server
