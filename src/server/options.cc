#include "server/options.h"

#include <algorithm>
#include <charconv>

#include "protocols/protocols.h"

namespace quorate::server {
namespace {

std::string flag_value(std::string_view flag, std::string_view value) {
  return "--" + std::string(flag) + "=" + std::string(value);
}

std::unexpected<Error> bad_url(std::string_view flag, std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid, flag_value(flag, text) + ": " + std::string(why));
}

Result<std::uint16_t> parse_port(std::string_view flag, std::string_view url, std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return bad_url(flag, url, "the port must be a number from 0 to 65535, as in http://127.0.0.1:2379");
  }
  return port;
}

bool same_urls(std::vector<Url> a, std::vector<Url> b) {
  const auto by_text = [](const Url& x, const Url& y) { return x.text() < y.text(); };
  std::sort(a.begin(), a.end(), by_text);
  std::sort(b.begin(), b.end(), by_text);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Url& x, const Url& y) { return x.text() == y.text(); });
}

std::string join(const std::vector<Url>& urls) {
  std::string text;
  for (const Url& url : urls) {
    text += (text.empty() ? "" : ",") + url.text();
  }
  return text;
}

Status check_timing(const ServeOptions& options) {
  if (options.heartbeat_ms == 0 || options.election_ms < 5 * options.heartbeat_ms) {
    return fail(ErrorCode::invalid, flag_value("election-timeout", std::to_string(options.election_ms)) +
                                        " must be at least 5 times --heartbeat-interval=" +
                                        std::to_string(options.heartbeat_ms) + " (milliseconds)");
  }
  if (options.election_ms > 50'000) {
    return fail(ErrorCode::invalid,
                flag_value("election-timeout", std::to_string(options.election_ms)) + " is too long: at most 50000 ms");
  }
  return {};
}

Status check_cluster(const ServeOptions& options) {
  const auto self = std::find_if(options.initial_cluster.begin(), options.initial_cluster.end(),
                                 [&](const InitialMember& member) { return member.name == options.name; });
  if (self == options.initial_cluster.end()) {
    std::string names;
    for (const InitialMember& member : options.initial_cluster) {
      names += (names.empty() ? "" : ", ") + member.name;
    }
    return fail(ErrorCode::invalid, "--name=" + options.name + " is not in --initial-cluster, which has " + names +
                                        "; add " + options.name + "=" + join(options.advertise_peer_urls) +
                                        " to it or correct --name");
  }
  if (!same_urls(self->peer_urls, options.advertise_peer_urls)) {
    return fail(ErrorCode::invalid, "--initial-cluster has " + options.name + "=" + join(self->peer_urls) +
                                        " but --initial-advertise-peer-urls=" + join(options.advertise_peer_urls) +
                                        "; the two must agree");
  }
  return {};
}

}  // namespace

std::string Url::address() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Url::text() const { return scheme + "://" + address(); }

bool Url::is_loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }

Result<Url> parse_url(std::string_view flag, std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return bad_url(flag, text, "a URL needs a scheme, as in http://127.0.0.1:2379");
  }
  Url url;
  url.scheme = text.substr(0, scheme_end);
  if (url.scheme == "https" || url.scheme == "unixs") {
    return bad_url(flag, text,
                   "TLS is not supported yet and is never replaced by plaintext; use http:// on a trusted network");
  }
  if (url.scheme == "unix") {
    return bad_url(flag, text, "unix sockets are not supported yet; use http://127.0.0.1:PORT");
  }
  if (url.scheme != "http") {
    return bad_url(flag, text, "the scheme must be http");
  }
  std::string_view rest = text.substr(scheme_end + 3);
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return bad_url(flag, text, "a URL here has no path");
  }
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return bad_url(flag, text, "a URL needs host and port, as in http://127.0.0.1:2379");
  }
  url.host = rest.substr(0, colon);
  if (url.host.starts_with('[') && url.host.ends_with(']')) {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  Result<std::uint16_t> port = parse_port(flag, text, rest.substr(colon + 1));
  if (!port) {
    return std::unexpected(port.error());
  }
  url.port = *port;
  return url;
}

Result<std::vector<Url>> parse_urls(std::string_view flag, std::string_view comma_separated) {
  std::vector<Url> urls;
  while (!comma_separated.empty()) {
    const std::size_t comma = comma_separated.find(',');
    Result<Url> url = parse_url(flag, comma_separated.substr(0, comma));
    if (!url) {
      return std::unexpected(url.error());
    }
    urls.push_back(std::move(*url));
    comma_separated = comma == std::string_view::npos ? "" : comma_separated.substr(comma + 1);
  }
  if (urls.empty()) {
    return fail(ErrorCode::invalid, "--" + std::string(flag) + " needs at least one URL");
  }
  return urls;
}

Status complete_options(ServeOptions& options) {
  const auto local = [](std::uint16_t port) { return Url{"http", "localhost", port}; };
  if (options.data_dir.empty()) {
    options.data_dir = options.name + ".quorate";
  }
  if (options.listen_client_urls.empty()) {
    options.listen_client_urls = {local(2379)};
  } else if (options.advertise_client_urls.empty()) {
    return fail(ErrorCode::invalid,
                "--advertise-client-urls is required when --listen-client-urls is set; clients are told these URLs, "
                "for example --advertise-client-urls=" +
                    join(options.listen_client_urls));
  }
  if (options.listen_peer_urls.empty()) {
    options.listen_peer_urls = {local(2380)};
  }
  if (options.advertise_client_urls.empty()) {
    options.advertise_client_urls = {local(2379)};
  }
  if (options.advertise_peer_urls.empty()) {
    options.advertise_peer_urls = {local(2380)};
  }
  if (options.initial_cluster.empty()) {
    options.initial_cluster = {InitialMember{options.name, options.advertise_peer_urls}};
  }
  if (options.initial_cluster_state != "new" && options.initial_cluster_state != "existing") {
    return fail(ErrorCode::invalid, flag_value("initial-cluster-state", options.initial_cluster_state) +
                                        ": must be `new` (the cluster begins with all of --initial-cluster) or "
                                        "`existing` (this node joins, or has joined, one that runs)");
  }
  if (!options.consensus.empty() && protocols::find(options.consensus) == nullptr) {
    return fail(ErrorCode::invalid, flag_value("consensus", options.consensus) +
                                        ": unknown protocol; this version has " + protocols::names());
  }
  if (options.engine != "rocksdb" && options.engine != "memory") {
    return fail(ErrorCode::invalid, flag_value("engine", options.engine) + ": must be rocksdb or memory");
  }
  if (options.groups == 0 || options.groups > 4096) {
    return fail(ErrorCode::invalid, flag_value("groups", std::to_string(options.groups)) + ": must be 1 to 4096");
  }
  for (const auto& [name, value] : {std::pair("max-inflight-appends", options.max_inflight_appends),
                                    std::pair("max-entries-per-append", options.max_entries_per_append)}) {
    if (value == 0) {
      return fail(ErrorCode::invalid, flag_value(name, "0") + ": must be at least 1");
    }
  }
  QUORATE_TRY(check_timing(options));
  return check_cluster(options);
}

}  // namespace quorate::server
