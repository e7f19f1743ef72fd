#include "server/node_home.h"

#include <utility>
#include <vector>

#include "env_posix/entropy.h"
#include "server/node_config.h"

namespace quorate::server {
namespace {

constexpr std::size_t kRoomBesideRequest = 524'288;  // in a message, as etcd leaves it

}  // namespace

Result<NodeHome> open_home(const ServeOptions& options, ClusterIdentity& identity, const consensus::Protocol& protocol,
                           EventLog& log) {
  NodeHome home;
  Result<std::unique_ptr<env_posix::EventLoop>> loop = env_posix::EventLoop::make();
  if (!loop) {
    return std::unexpected(loop.error());
  }
  home.loop = std::move(*loop);
  const env_posix::DataIdentity who{.cluster = identity.cluster,
                                    .member = identity.self,
                                    .protocol = std::string(protocol.name()),
                                    .quorum_sizes = identity.quorum_sizes};
  Result<env_posix::DataDirectory> directory =
      env_posix::DataDirectory::open(options.data_dir, who, origin_of(identity));
  if (!directory) {
    return std::unexpected(directory.error());
  }
  home.directory = std::move(*directory);
  identity.cluster = home.directory->cluster();
  home.life = {home.directory->incarnation(), home.directory->birth(), env_posix::SystemEntropy().next()};
  log_starting(options, identity, protocol, *home.directory, log);
  Result<std::unique_ptr<env_posix::PosixFiles>> files = env_posix::PosixFiles::open(options.data_dir, *home.loop);
  if (!files) {
    return std::unexpected(files.error());
  }
  home.files = std::move(*files);
  return home;
}

rpc::ServerLimits client_limits_of(const ServeOptions& options) {
  rpc::ServerLimits limits;
  limits.max_concurrent_streams = options.max_concurrent_streams;
  limits.max_message_bytes = options.max_request_bytes + kRoomBesideRequest;
  limits.keepalive_min_time = options.keepalive_min_time;
  return limits;
}

Status listen_for_clients(const ServeOptions& options, env_posix::TcpTransport& transport, ClientListener& clients,
                          EventLog& log) {
  for (const std::vector<Url>* urls : {&options.listen_client_urls, &options.listen_metrics_urls}) {
    for (const Url& url : *urls) {
      QUORATE_TRY(transport.listen(url.address(), clients));
      if (!url.is_loopback()) {
        log.warn("serving client traffic insecurely; this is strongly discouraged!",
                 {{"traffic", "http"}, {"address", url.address()}});
      }
    }
  }
  return {};
}

}  // namespace quorate::server
