#pragma once
// What /metrics says: plain counters of the node's parts under etcd's names where the meaning is the same, written by
// prometheus-cpp. Nothing here stands on a request's path.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quorate::server {

/// Collects series and writes them in Prometheus' text format.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  /// A histogram of which only count and sum are known: one bucket, +Inf.
  void summary_of(std::string_view name, std::string_view help, std::uint64_t count, double sum, Labels labels = {});

  /// process_*: memory, CPU, descriptors, start time, as every Prometheus client exports them.
  void add_process();

  [[nodiscard]] std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace quorate::server
