#include "put_report.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace quorate {
namespace {

double value_of(std::string_view metrics, const std::string& series) {
  const std::size_t at = metrics.find("\n" + series + " ");
  return at == std::string_view::npos ? 0 : std::strtod(metrics.data() + at + series.size() + 2, nullptr);
}

StageFigures::Sum sum_of(std::string_view metrics, std::string_view stage) {
  const std::string label = "{stage=\"" + std::string(stage) + "\"}";
  return {value_of(metrics, "quorate_put_stage_seconds_count" + label),
          value_of(metrics, "quorate_put_stage_seconds_sum" + label)};
}

/// Mean in microseconds of what was counted in between.
double mean_us(const StageFigures::Sum& before, const StageFigures::Sum& after) {
  const double count = after.count - before.count;
  return count == 0 ? 0 : 1e6 * (after.seconds - before.seconds) / count;
}

double mean_us(const std::vector<Duration>& took) {
  const Duration total = std::accumulate(took.begin(), took.end(), Duration());
  return static_cast<double>(total.count()) / 1e3 / static_cast<double>(took.size());
}

std::string line(const char* name, double us, const char* where) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "  %-16s %7.0f   %s\n", name, us, where);
  return text.data();
}

}  // namespace

StageFigures StageFigures::parse(std::string_view metrics) {
  return {.is_leader = value_of(metrics, "etcd_server_is_leader") == 1,
          .receive = sum_of(metrics, "receive"),
          .sync = sum_of(metrics, "sync"),
          .replication = sum_of(metrics, "replication"),
          .execution = sum_of(metrics, "execution")};
}

std::string latency_line(std::vector<Duration> took) {
  std::ranges::sort(took);
  const auto at = [&took](double part) {
    const auto index = static_cast<std::size_t>(part * static_cast<double>(took.size() - 1));
    return static_cast<double>(took[index].count()) / 1e3;
  };
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "mean %.0f us, p50 %.0f, p99 %.0f, worst %.0f: %.0f puts a second\n",
                mean_us(took), at(0.5), at(0.99), at(1), 1e6 / mean_us(took));
  return text.data();
}

std::string stage_table(const std::vector<StageFigures>& before, const std::vector<StageFigures>& after,
                        std::size_t leader, const std::vector<Duration>& took) {
  double followers_sync = 0;
  std::size_t followers = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (i != leader && after[i].sync.count > before[i].sync.count) {
      followers_sync += mean_us(before[i].sync, after[i].sync);
      ++followers;
    }
  }
  followers_sync /= followers == 0 ? 1 : static_cast<double>(followers);
  const double total = mean_us(took);
  const double receive = mean_us(before[leader].receive, after[leader].receive);
  const double sync = mean_us(before[leader].sync, after[leader].sync);
  const double replication = mean_us(before[leader].replication, after[leader].replication);
  const double execution = mean_us(before[leader].execution, after[leader].execution);
  const double travel = std::max(0.0, replication - followers_sync);
  std::string text = "where a put's time goes, microseconds on average:\n";
  text += line("receive", receive, "leader: from the parsed request to its place in the log, at the turn's end");
  text += line("leader's sync", sync, "beside the three below: write, sync, hand-over");
  if (followers > 0) {
    text += line("send", travel / 2, "to the follower: half of what sync and commit leave of the way there and back");
    text += line("follower's sync", followers_sync, "mean of the followers");
    text += line("response", travel / 2, "from the follower to the commit: the other half");
  } else {
    text += line("commit", std::max(0.0, replication - sync), "after the sync");
  }
  text += line("execution", execution, "leader: in the state machine");
  text += line("client", std::max(0.0, total - receive - replication - execution),
               "the rest of what it waited: its own work, both hops, gRPC");
  return text + line("all", total, "receive + send + follower's sync + response + execution + client");
}

}  // namespace quorate
