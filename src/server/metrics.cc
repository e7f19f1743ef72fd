#include "server/metrics.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

namespace quorate::server {
namespace {

/// Seconds since 1970, when the process began.
const double kStarted = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

}  // namespace

struct Metrics::Families {
  std::vector<prometheus::MetricFamily> list;
  std::map<std::string, std::size_t, std::less<>> by_name;

  prometheus::ClientMetric& add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                Labels labels) {
    const auto [known, is_new] = by_name.try_emplace(std::string(name), list.size());
    if (is_new) {
      list.push_back({std::string(name), std::string(help), type, {}});
    }
    prometheus::ClientMetric& metric = list[known->second].metric.emplace_back();
    for (auto& [label, value] : labels) {
      metric.label.push_back({std::move(label), std::move(value)});
    }
    return metric;
  }
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value = value;
}

void Metrics::counter(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = value;
}

void Metrics::summary_of(std::string_view name, std::string_view help, std::uint64_t count, double sum, Labels labels) {
  prometheus::ClientMetric& metric = families_->add(name, help, prometheus::MetricType::Histogram, std::move(labels));
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = sum;
  prometheus::ClientMetric::Bucket bucket;
  bucket.cumulative_count = count;
  bucket.upper_bound = std::numeric_limits<double>::infinity();
  metric.histogram.bucket.push_back(bucket);
}

void Metrics::add_process() {
  std::ifstream statm("/proc/self/statm");
  double virtual_pages = 0;
  double resident_pages = 0;
  statm >> virtual_pages >> resident_pages;
  const auto page = static_cast<double>(::sysconf(_SC_PAGE_SIZE));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  std::error_code ignored;
  const auto descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd", ignored), {});
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", resident_pages * page);
  gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", virtual_pages * page);
  counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
          seconds(usage.ru_utime) + seconds(usage.ru_stime));
  gauge("process_open_fds", "Number of open file descriptors.", static_cast<double>(descriptors));
  gauge("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(limit.rlim_cur));
  gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", kStarted);
}

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(families_->list); }

}  // namespace quorate::server
