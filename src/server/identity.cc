#include "server/identity.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <openssl/evp.h>

#include "base/assert.h"

namespace quorate::server {
namespace {

/// The first eight bytes of SHA-1, big-endian.
std::uint64_t short_sha1(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int ok = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr);
  QUORATE_ASSERT(ok == 1 && size >= 8, "SHA-1 is available");
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) {
    value = value << 8 | digest[static_cast<std::size_t>(i)];
  }
  return value;
}

std::string big_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i) {
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  return bytes;
}

}  // namespace

Result<ClusterIdentity> identify(const ServeOptions& options) {
  ClusterIdentity identity;
  std::vector<std::string> all_urls;
  for (const InitialMember& initial : options.initial_cluster) {
    MemberIdentity member;
    member.name = initial.name;
    for (const Url& url : initial.peer_urls) {
      member.peer_urls.push_back(url.text());
      all_urls.push_back(url.text());
    }
    std::sort(member.peer_urls.begin(), member.peer_urls.end());
    std::string seed;
    for (const std::string& url : member.peer_urls) {
      seed += url;
    }
    member.id = NodeId(short_sha1(seed + options.initial_cluster_token));
    if (member.name == options.name) {
      identity.self = member.id;
    }
    identity.members.push_back(std::move(member));
  }
  std::sort(all_urls.begin(), all_urls.end());
  if (const auto twice = std::adjacent_find(all_urls.begin(), all_urls.end()); twice != all_urls.end()) {
    return fail(ErrorCode::invalid,
                "--initial-cluster has the peer URL " + *twice + " twice; each member needs its own");
  }
  std::sort(identity.members.begin(), identity.members.end(),
            [](const MemberIdentity& a, const MemberIdentity& b) { return a.id < b.id; });
  std::string ids;
  for (const MemberIdentity& member : identity.members) {
    ids += big_endian(member.id.value());
  }
  identity.cluster = ClusterId(short_sha1(ids));
  return identity;
}

ClusterIdentity identity_of(const env_posix::StoredIdentity& stored, const ServeOptions& options) {
  ClusterIdentity identity{.cluster = stored.who.cluster,
                           .self = stored.who.member,
                           .members = {},
                           .quorum_sizes = stored.who.quorum_sizes,
                           .founded = stored.origin.kind == env_posix::DataOrigin::Kind::founded};
  for (const env_posix::DataOrigin::Member& member : stored.origin.members) {
    std::vector<std::string> urls = split_urls(member.urls);
    std::string name = name_of(urls, options);
    identity.members.push_back({member.node, std::move(name), std::move(urls)});
  }
  return identity;
}

env_posix::DataOrigin origin_of(const ClusterIdentity& identity) {
  using Kind = env_posix::DataOrigin::Kind;
  env_posix::DataOrigin origin{.kind = identity.founded ? Kind::founded : Kind::joined, .members = {}};
  for (const MemberIdentity& member : identity.members) {
    origin.members.push_back({member.id, join_urls(member.peer_urls)});
  }
  return origin;
}

std::vector<std::string> split_urls(std::string_view urls) {
  std::vector<std::string> result;
  while (!urls.empty()) {
    const std::size_t comma = urls.find(',');
    result.emplace_back(urls.substr(0, comma));
    urls = comma == std::string_view::npos ? std::string_view() : urls.substr(comma + 1);
  }
  return result;
}

std::string join_urls(const std::vector<std::string>& urls) {
  std::string text;
  for (const std::string& url : urls) {
    text += (text.empty() ? "" : ",") + url;
  }
  return text;
}

std::string name_of(const std::vector<std::string>& urls, const ServeOptions& options) {
  for (const InitialMember& initial : options.initial_cluster) {
    for (const Url& url : initial.peer_urls) {
      if (std::ranges::find(urls, url.text()) != urls.end()) {
        return initial.name;
      }
    }
  }
  return {};
}

std::string hex_id(std::uint64_t id) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(id));
  return text.data();
}

}  // namespace quorate::server
