#include "sim/cell_run.h"

#include <algorithm>
#include <utility>

#include "sim/cell_client.h"
#include "sim/run_frame.h"

namespace quorate::sim {
namespace {

using Outcome = CellOperation::Outcome;

constexpr std::uint64_t kLastKeys = 12;  ///< of each group, that are asked for in the end

class CellRun final : public RunFrame {
 public:
  explicit CellRun(const RunSettings& settings) : RunFrame(settings) {
    for (std::uint32_t i = 1; i <= settings_.workload.clients; ++i) {
      clients_.push_back(std::make_unique<CellClient>(i, settings_.workload, cluster_, random_.split("client"), fields_,
                                                      settings_.nodes.group_count));
    }
  }

  RunResult carry_out() {
    start_nodes();
    for (const auto& client : clients_) {
      client->start();
    }
    tell("the safety phase begins");
    schedule_look();
    faults_.start(Instant(settings_.safety_phase));
    run_until(Instant(settings_.safety_phase));
    liveness_phase();
    finish();
    return std::move(result_);
  }

 private:
  void tell_clients_of_end(std::uint32_t node) override {
    for (const auto& client : clients_) {
      client->on_life_ended(node);
    }
  }
  void after_step() override {
    if (!teller_) {
      return;
    }
    for (const auto& [group, field] : fields_) {
      for (std::size_t& told = told_operations_[group]; told < field.history.size(); ++told) {
        tell("group " + std::to_string(group.value()) + ": " + words(field.history[told]));
      }
    }
  }

  void liveness_phase() {
    if (!result_.violation.empty()) {
      return;
    }
    heal();
    for (const auto& client : clients_) {
      client->stop_starting();
    }
    const Instant bound = cluster_.now() + settings_.liveness_bound;
    const auto all_idle = [this] {
      return std::ranges::all_of(clients_, [](const auto& client) { return client->is_idle(); });
    };
    if (!run_until(bound, all_idle)) {
      fail_run("V-11: an operation has no outcome long after its deadline");
      return;
    }
    decide_all(bound);
    if (result_.violation.empty() && !run_until(bound, [this] { return all_whole(); })) {
      fail_run("V-11: a node that lost its memory does not vote again long after healing");
    }
    compare_registers();
  }

  /// Every node gets the last keys decided, and tells all of them, within the bound.
  void decide_all(Instant bound) {
    CellClient& client = *clients_.front();
    for (std::uint32_t i = 1; i <= settings_.nodes.group_count; ++i) {
      const GroupId group(i);
      const std::uint64_t end = fields_[group].first_key + kLastKeys / 2;
      for (std::uint64_t key = end > kLastKeys ? end - kLastKeys : 1; key < end; ++key) {
        const std::string name = "k" + std::to_string(key);
        const auto proposer = static_cast<std::uint32_t>(key % cluster_.node_count() + 1);
        ask_until_decided(client, proposer, group, name, "last " + name, bound);
        for (std::uint32_t node = 1; node <= cluster_.node_count() && result_.violation.empty(); ++node) {
          ask_until_decided(client, node, group, name, std::nullopt, bound);
        }
        if (!result_.violation.empty()) {
          return;
        }
      }
    }
  }

  void ask_until_decided(CellClient& client, std::uint32_t node, GroupId group, const std::string& key,
                         const std::optional<std::string>& wish, Instant bound) {
    do {
      client.ask(node, group, key, wish);
      if (!run_until(bound, [&] { return client.is_idle(); })) {
        fail_run("V-11: " + key + " of group " + std::to_string(group.value()) + " is not decided through n" +
                 std::to_string(node) + " within the bound after healing");
        return;
      }
      if (client.last_outcome() == Outcome::not_decided) {
        fail_run("I-40: " + key + " of group " + std::to_string(group.value()) + " was decided, and n" +
                 std::to_string(node) + " says that it is not");
        return;
      }
    } while (client.last_outcome() != Outcome::decided);
  }

  [[nodiscard]] bool all_whole() {
    for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
      for (std::uint32_t i = 1; i <= settings_.nodes.group_count; ++i) {
        const consensus::CoreStatus status = cluster_.node(node).host().replica(GroupId(i)).status();
        if (status.loss.kind != consensus::Loss::Kind::none || status.uncertain_tail) {
          return false;
        }
      }
    }
    return true;
  }

  /// I-04: whatever two nodes know, they know the same.
  void compare_registers() {
    for (std::uint32_t i = 1; i <= settings_.nodes.group_count && result_.violation.empty(); ++i) {
      const GroupId group(i);
      std::map<std::string, std::string> known;
      for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
        cluster_.node(node).keys(group).for_each([&](const std::string& key, const Buffer& value) {
          const auto [at, is_new] = known.try_emplace(key, value.view());
          if (!is_new && at->second != value.view()) {
            fail_run("I-04: n" + std::to_string(node) + " and another node differ in " + key + " of group " +
                     std::to_string(group.value()));
          }
        });
      }
      for (const CellOperation& one : fields_[group].history) {
        // A key of which the word was lost with the node that gave the answer may be known to nobody, until it is asked
        // for.
        const auto at = known.find(one.key);
        if (one.outcome == Outcome::decided && at != known.end() && at->second != one.value) {
          fail_run("I-04: " + one.key + " of group " + std::to_string(group.value()) + " was answered as " + one.value +
                   ", and is " + at->second);
        }
      }
    }
  }

  void finish() {
    for (const auto& [group, field] : fields_) {
      if (result_.violation.empty()) {
        if (const std::string wrong = check_cells(field.history); !wrong.empty()) {
          fail_run("group " + std::to_string(group.value()) + ": " + wrong, "a history");
        }
      }
      result_.unknown +=
          static_cast<std::uint64_t>(std::ranges::count(field.history, Outcome::unknown, &CellOperation::outcome));
    }
    for (const auto& client : clients_) {
      result_.acknowledged += client->acknowledged();
    }
    sum_up();
  }

  std::map<GroupId, CellField> fields_;
  std::map<GroupId, std::size_t> told_operations_;
  std::vector<std::unique_ptr<CellClient>> clients_;
};

}  // namespace

RunResult run_cells(const RunSettings& settings) { return CellRun(settings).carry_out(); }

}  // namespace quorate::sim
