#include "bench_command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/rpc_client.h"
#include "codec/varint.h"
#include "dev_cluster.h"
#include "http_get.h"
#include "protocols/protocols.h"
#include "put_report.h"

namespace quorate {
namespace {

constexpr int kTimeoutMs = 5000;
constexpr int kReadyLooks = 3000;
constexpr auto kPause = std::chrono::milliseconds(10);

struct Options {
  std::vector<std::string> endpoints;
  std::uint64_t total = 5000;
  std::uint64_t warm_up = 500;
  std::size_t value_bytes = 256;
  bool stages = false;
  std::string consensus;  ///< of the nodes of its own; empty: the default
};

/// Three nodes of its own in a directory that goes when they do.
class OwnCluster {
 public:
  OwnCluster() = default;
  OwnCluster(const OwnCluster&) = delete;
  OwnCluster& operator=(const OwnCluster&) = delete;
  ~OwnCluster() {
    if (cluster_) {
      for (const dev::NodePlan& node : cluster_->nodes()) {
        (void)cluster_->stop(node);
      }
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  Status start(const std::string& consensus) {
    directory_ = ".quorate-bench-XXXXXX";
    if (::mkdtemp(directory_.data()) == nullptr) {
      return fail(ErrorCode::io, "cannot make a directory here for the nodes' data");
    }
    std::vector<std::string> notes;
    std::vector<std::string> flags;
    if (!consensus.empty()) {
      flags.push_back("--consensus=" + consensus);
    }
    Result<dev::Cluster> cluster = dev::Cluster::open(directory_, std::move(flags), notes);
    if (!cluster) {
      return std::unexpected(cluster.error());
    }
    cluster_ = std::move(*cluster);
    for (const dev::NodePlan& node : cluster_->nodes()) {
      if (const Result<pid_t> pid = cluster_->start(node, true); !pid) {
        return std::unexpected(pid.error());
      }
    }
    for (const dev::NodePlan& node : cluster_->nodes()) {
      int looks = 0;
      while (!cluster_->is_ready(node, 100)) {
        if (++looks > kReadyLooks || cluster_->running_pid(node) == 0) {
          return fail(ErrorCode::io, node.name + " did not become ready: " + cluster_->last_error(node));
        }
        std::this_thread::sleep_for(kPause);
      }
    }
    return {};
  }
  [[nodiscard]] std::vector<client::Endpoint> endpoints() const {
    std::vector<client::Endpoint> all;
    for (const dev::NodePlan& node : cluster_->nodes()) {
      all.push_back({"127.0.0.1", node.client_port});
    }
    return all;
  }

 private:
  std::string directory_;
  std::optional<dev::Cluster> cluster_;
};

Result<std::vector<StageFigures>> read_stages(const std::vector<client::Endpoint>& endpoints) {
  std::vector<StageFigures> all;
  for (const client::Endpoint& endpoint : endpoints) {
    const std::optional<HttpAnswer> answer = http_get(endpoint, "/metrics", kTimeoutMs);
    if (!answer || answer->status != 200) {
      return fail(ErrorCode::io, endpoint.text() + " does not answer /metrics");
    }
    all.push_back(StageFigures::parse(answer->body));
  }
  return all;
}

/// etcdserverpb.PutRequest{key, value}.
std::string put_request(std::string_view key, std::string_view value) {
  std::string message(1, 0x0A);
  codec::append_varint(message, key.size());
  message.append(key);
  message.push_back(0x12);
  codec::append_varint(message, value.size());
  return message.append(value);
}

/// What each put took.
Result<std::vector<Duration>> put_all(client::RpcClient& client, std::uint64_t count, std::size_t value_bytes,
                                      std::mt19937_64& random) {
  const std::string value(value_bytes, 'v');
  std::vector<Duration> took;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = random();
    const std::string_view key(reinterpret_cast<const char*>(&number), sizeof(number));
    const auto began = std::chrono::steady_clock::now();
    const Status done =
        client.call("/etcdserverpb.KV/Put", put_request(key, value), [](std::string_view) { return Status(); });
    if (!done) {
      return std::unexpected(done.error());
    }
    took.push_back(std::chrono::steady_clock::now() - began);
  }
  return took;
}

Status measure(const Options& options, const std::vector<client::Endpoint>& endpoints) {
  const Result<std::vector<StageFigures>> roles = read_stages(endpoints);
  if (!roles) {
    return std::unexpected(roles.error());
  }
  const auto leads = std::ranges::find_if(*roles, &StageFigures::is_leader);
  if (leads == roles->end()) {
    return fail(ErrorCode::io, "none of the endpoints leads: name all members");
  }
  const auto leader = static_cast<std::size_t>(leads - roles->begin());
  Result<client::Socket> socket = client::connect_to(endpoints[leader], kTimeoutMs);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  client::RpcClient client(std::move(*socket), endpoints[leader]);
  std::mt19937_64 random(1);
  if (const auto warm = put_all(client, options.warm_up, options.value_bytes, random); !warm) {
    return std::unexpected(warm.error());
  }
  const Result<std::vector<StageFigures>> before = read_stages(endpoints);
  const Result<std::vector<Duration>> took = put_all(client, options.total, options.value_bytes, random);
  const Result<std::vector<StageFigures>> after = read_stages(endpoints);
  if (!before || !took || !after) {
    return std::unexpected(!before ? before.error() : !took ? took.error() : after.error());
  }
  std::printf("%llu puts of %zu bytes, one after the other, through the leader %s\n",
              static_cast<unsigned long long>(options.total), options.value_bytes, endpoints[leader].text().c_str());
  std::fputs(latency_line(*took).c_str(), stdout);
  if (options.stages) {
    std::fputs(stage_table(*before, *after, leader, *took).c_str(), stdout);
  }
  return {};
}

int carry_out(const Options& options) {
  std::vector<client::Endpoint> endpoints;
  for (const std::string& text : options.endpoints) {
    const Result<client::Endpoint> endpoint = client::Endpoint::parse(text);
    if (!endpoint) {
      std::cerr << "quorate bench: " << endpoint.error().text << '\n';
      return 2;
    }
    endpoints.push_back(*endpoint);
  }
  OwnCluster own;
  Status done;
  if (endpoints.empty()) {
    done = own.start(options.consensus);
    endpoints = done ? own.endpoints() : endpoints;
  }
  done = done ? measure(options, endpoints) : done;
  if (!done) {
    std::cerr << "quorate bench: " << done.error().text << '\n';
    return 1;
  }
  return 0;
}

}  // namespace

int bench_command(std::span<const std::string> words) {
  Options options;
  CLI::App app("quorate bench: what one client's requests take, and where their time goes", "quorate bench");
  app.require_subcommand(1);
  CLI::App& put = *app.add_subcommand("put", "one client that puts, one after the other, with random keys of 8 bytes");
  put.add_flag("--stages", options.stages, "print where a put's time goes");
  put.add_option("--endpoints", options.endpoints, "client endpoints of all members (default: three nodes of its own)")
      ->delimiter(',');
  put.add_option("--consensus", options.consensus,
                 "the protocol of the nodes of its own: " + protocols::names(protocols::ordered()));
  put.add_option("--total", options.total, "puts that are measured")->check(CLI::Range(1, 100'000'000));
  put.add_option("--value-bytes", options.value_bytes, "bytes of a value")->check(CLI::Range(0, 1'000'000));
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return carry_out(options);
}

}  // namespace quorate
