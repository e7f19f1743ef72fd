#include "dev_command.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "dev_cluster.h"
#include "env_posix/data_directory.h"
#include "protocols/protocols.h"

namespace quorate::dev {
namespace {

constexpr auto kReadyPatience = std::chrono::seconds(30);
constexpr int kReadyPatienceMs = 100;
constexpr auto kPollInterval = std::chrono::milliseconds(10);
constexpr auto kFollowInterval = std::chrono::milliseconds(250);

std::atomic<bool> g_interrupted{false};

constexpr const char* kHelp =
    "quorate dev: three nodes on this machine, real processes with data on disk\n"
    "\n"
    "  quorate dev             start them here; announce what happens; Ctrl-C ends them all\n"
    "  quorate dev up          start them in the background (data of an earlier run is kept)\n"
    "  quorate dev status      who runs, who leads\n"
    "  quorate dev env         what a shell needs for etcdctl: eval \"$(quorate dev env)\"\n"
    "  quorate dev start n2    start one node again\n"
    "  quorate dev stop n2     stop one node in order\n"
    "  quorate dev down        stop all nodes, keep their data\n"
    "  quorate dev reset       stop all nodes and delete their data (asks; --yes does not)\n"
    "\n"
    "  --data-dir DIR          where the cluster lives (.quorate-dev)\n"
    "  --consensus NAME        the protocol of a new cluster, which keeps it; `quorate protocols` lists them\n"
    "  --phase-1-quorum N      of a new cluster of a protocol with two phases: how many nodes elect,\n"
    "  --phase-2-quorum M      and how many decide; N + M is more than 3 (2 and 2)\n";

int fail_with(const Error& error) {
  std::cerr << "quorate dev: " << error.text << '\n';
  return 1;
}

std::string role_of(const NodeState& state) {
  if (state.pid == 0) {
    return "down";
  }
  if (!state.answers) {
    return "starting";
  }
  if (state.is_leader) {
    return "leader";
  }
  return state.ready ? "follower" : "waiting";
}

void print_table(const Cluster& cluster) {
  std::printf("%-5s %-8s %-9s %-24s %-24s %s\n", "NAME", "PID", "ROLE", "CLIENT URL", "PEER URL", "DATA");
  for (const NodePlan& node : cluster.nodes()) {
    const NodeState state = cluster.state(node);
    std::printf("%-5s %-8s %-9s %-24s %-24s %s\n", node.name.c_str(),
                state.pid == 0 ? "-" : std::to_string(state.pid).c_str(), role_of(state).c_str(),
                node.client_url().c_str(), node.peer_url().c_str(), cluster.data_directory(node).c_str());
  }
}

/// The nodes that run, for etcdctl.
void print_environment(const Cluster& cluster) {
  std::string endpoints;
  for (const NodePlan& node : cluster.nodes()) {
    if (cluster.running_pid(node) != 0) {
      endpoints += (endpoints.empty() ? "" : ",") + std::string("127.0.0.1:") + std::to_string(node.client_port);
    }
  }
  std::printf("export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=%s\n", endpoints.c_str());
}

/// False: a register of keys is served, and not etcd's API.
bool keeps_log(const Cluster& cluster) {
  const auto stored = env_posix::DataDirectory::look(cluster.data_directory(cluster.nodes().front()));
  if (!stored || !stored->has_value()) {
    return true;
  }
  const consensus::Protocol* protocol = protocols::find((*stored)->who.protocol);
  return protocol == nullptr || protocol->keeps_log();
}

void print_what_next(const Cluster& cluster, const std::string& program) {
  std::string endpoints;
  pid_t leader = 0;
  std::string leader_name = "n1";
  for (const NodePlan& node : cluster.nodes()) {
    endpoints += (endpoints.empty() ? "" : ",") + std::string("127.0.0.1:") + std::to_string(node.client_port);
    const NodeState state = cluster.state(node);
    if (state.is_leader) {
      leader = state.pid;
      leader_name = node.name;
    }
  }
  std::printf("\nTry:\n");
  if (!keeps_log(cluster)) {
    const std::string quorate = program.substr(0, program.rfind(" dev"));
    for (const char* words : {"propose colour red", "propose colour blue", "learn colour"}) {
      std::printf("  %s paxos %s --endpoints %s\n", quorate.c_str(), words, endpoints.c_str());
    }
    std::printf("  %s stop n1\n", program.c_str());
    std::fflush(stdout);
    return;
  }
  std::printf("  export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=%s\n", endpoints.c_str());
  std::printf("  etcdctl put greeting hello\n");
  std::printf("  etcdctl get greeting\n");
  if (leader != 0) {
    std::printf("  kill -9 %-8d                  # the leader, %s; then put again\n", static_cast<int>(leader),
                leader_name.c_str());
  }
  std::printf("  %s start %s\n", program.c_str(), leader_name.c_str());
  std::fflush(stdout);
}

/// Starts every node that does not run; waits until each serves linearizable reads.
int start_all(Cluster& cluster, bool dies_with_parent) {
  const auto began = std::chrono::steady_clock::now();
  for (const NodePlan& node : cluster.nodes()) {
    if (Result<pid_t> pid = cluster.start(node, dies_with_parent); !pid) {
      return fail_with(pid.error());
    }
  }
  for (const NodePlan& node : cluster.nodes()) {
    // A read that began before anybody leads may wait long after somebody does: ask anew.
    while (!cluster.is_ready(node, kReadyPatienceMs)) {
      if (cluster.running_pid(node) == 0) {
        std::cerr << "quorate dev: " << node.name << " ended; its log is " << cluster.log_file(node) << '\n';
        if (const std::string line = cluster.last_error(node); !line.empty()) {
          std::cerr << "  " << line << '\n';
        }
        return 1;
      }
      if (std::chrono::steady_clock::now() - began > kReadyPatience) {
        std::cerr << "quorate dev: " << node.name << " is not ready after 30 s; its log is " << cluster.log_file(node)
                  << '\n';
        return 1;
      }
      if (g_interrupted) {
        return 130;
      }
      std::this_thread::sleep_for(kPollInterval);
    }
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  std::printf("ready after %d ms\n\n", static_cast<int>(took.count()));
  return 0;
}

int stop_all(Cluster& cluster) {
  int stopped = 0;
  for (const NodePlan& node : cluster.nodes()) {
    stopped += cluster.stop(node) ? 1 : 0;
  }
  std::printf("stopped %d of %d nodes; their data is kept in %s\n", stopped, static_cast<int>(cluster.nodes().size()),
              cluster.directory().c_str());
  return 0;
}

/// Says once what changed since the last look.
void announce_changes(const Cluster& cluster, std::map<std::string, std::string>& last, const std::string& program) {
  for (const NodePlan& node : cluster.nodes()) {
    const NodeState state = cluster.state(node);
    const std::string role = role_of(state);
    std::string& known = last[node.name];
    if (!known.empty() && known != role) {
      if (role == "leader") {
        std::printf("%s leads now (pid %d)\n", node.name.c_str(), static_cast<int>(state.pid));
      } else if (role == "down") {
        std::printf("%s is down and stays down; start it with: %s start %s\n", node.name.c_str(), program.c_str(),
                    node.name.c_str());
      } else {
        std::printf("%s: %s -> %s\n", node.name.c_str(), known.c_str(), role.c_str());
      }
      std::fflush(stdout);
    }
    known = role;
  }
}

int run_foreground(Cluster& cluster, const std::string& program) {
  std::signal(SIGINT, [](int) { g_interrupted = true; });
  std::signal(SIGTERM, [](int) { g_interrupted = true; });
  if (const int code = start_all(cluster, true); code != 0) {
    stop_all(cluster);
    return code;
  }
  print_table(cluster);
  print_what_next(cluster, program);
  std::printf("\nCtrl-C ends all three.\n");
  std::fflush(stdout);
  std::map<std::string, std::string> last;
  while (!g_interrupted) {
    announce_changes(cluster, last, program);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    std::this_thread::sleep_for(kFollowInterval);
  }
  std::printf("\n");
  return stop_all(cluster);
}

/// What a person types to run this program on this cluster.
std::string command_of(const Cluster& cluster) {
  std::error_code error;
  const std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path here = std::filesystem::current_path(error);
  const auto shorter = [&](const std::filesystem::path& path) {
    const std::string relative = path.lexically_relative(here).string();
    return relative.empty() || relative.starts_with("..") ? path.string() : relative;
  };
  const std::string directory = shorter(cluster.directory());
  return shorter(binary) + " dev" + (directory == kDefaultDirectory ? "" : " --data-dir " + directory);
}

int reset(Cluster& cluster, bool yes) {
  if (!yes) {
    std::printf("Delete all data in %s? Type yes: ", cluster.directory().c_str());
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "yes") {
      std::printf("nothing was deleted\n");
      return 1;
    }
  }
  stop_all(cluster);
  std::error_code error;
  std::filesystem::remove_all(cluster.directory(), error);
  if (error) {
    return fail_with(Error{ErrorCode::io, "cannot delete " + cluster.directory() + ": " + error.message()});
  }
  std::printf("deleted %s\n", cluster.directory().c_str());
  return 0;
}

int one_node(Cluster& cluster, const std::string& name, bool start) {
  Result<NodePlan> node = cluster.find(name);
  if (!node) {
    return fail_with(node.error());
  }
  if (!start) {
    std::printf(cluster.stop(*node) ? "%s stopped\n" : "%s was not running\n", name.c_str());
    return 0;
  }
  Result<pid_t> pid = cluster.start(*node, false);
  if (!pid) {
    return fail_with(pid.error());
  }
  std::printf("%s runs, pid %d\n", name.c_str(), static_cast<int>(*pid));
  return 0;
}

struct Words {
  std::string directory = kDefaultDirectory;
  std::string consensus;
  std::string phase_1_quorum;
  std::string phase_2_quorum;
  std::string verb;
  std::string node;
  bool yes = false;
  bool help = false;
  std::string unknown;
};

/// Takes the value of a flag, "--name value" or "--name=value", at `at`. False: another word stands there.
bool take_flag(std::span<const std::string> arguments, std::size_t& at, std::string_view name, std::string& value) {
  const std::string_view word = arguments[at];
  if (word == name && at + 1 < arguments.size()) {
    value = arguments[++at];
    return true;
  }
  if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
    value = word.substr(name.size() + 1);
    return true;
  }
  return false;
}

Words read_words(std::span<const std::string> arguments) {
  Words words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--help" || word == "-h") {
      words.help = true;
    } else if (word == "--yes") {
      words.yes = true;
    } else if (take_flag(arguments, i, "--data-dir", words.directory) ||
               take_flag(arguments, i, "--consensus", words.consensus) ||
               take_flag(arguments, i, "--phase-1-quorum", words.phase_1_quorum) ||
               take_flag(arguments, i, "--phase-2-quorum", words.phase_2_quorum)) {
      continue;
    } else if (!word.starts_with('-') && words.verb.empty()) {
      words.verb = word;
    } else if (!word.starts_with('-') && words.node.empty()) {
      words.node = word;
    } else {
      words.unknown = word;
    }
  }
  return words;
}

/// What the nodes are told beyond their places.
std::vector<std::string> flags_of(const Words& words) {
  std::vector<std::string> flags;
  for (const auto& [name, value] :
       {std::pair("--consensus=", words.consensus), std::pair("--phase-1-quorum=", words.phase_1_quorum),
        std::pair("--phase-2-quorum=", words.phase_2_quorum)}) {
    if (!value.empty()) {
      flags.push_back(name + value);
    }
  }
  return flags;
}

int bring_up(const Words& words) {
  std::vector<std::string> notes;
  Result<Cluster> cluster = Cluster::open(words.directory, flags_of(words), notes);
  if (!cluster) {
    return fail_with(cluster.error());
  }
  for (const std::string& note : notes) {
    std::printf("%s\n", note.c_str());
  }
  if (words.verb.empty()) {
    return run_foreground(*cluster, command_of(*cluster));
  }
  const int code = start_all(*cluster, false);
  if (code == 0) {
    print_table(*cluster);
    print_what_next(*cluster, command_of(*cluster));
  }
  return code;
}

int act_on(Cluster& cluster, const Words& words) {
  if (words.verb == "down") {
    return stop_all(cluster);
  }
  if (words.verb == "reset") {
    return reset(cluster, words.yes);
  }
  if (words.verb == "env") {
    print_environment(cluster);
    return 0;
  }
  if (words.verb == "status") {
    print_table(cluster);
    return 0;
  }
  return one_node(cluster, words.node, words.verb == "start");
}

}  // namespace

int dev_main(std::span<const std::string> arguments) {
  const Words words = read_words(arguments);
  if (words.help) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (!words.unknown.empty()) {
    std::cerr << "quorate dev: unexpected `" << words.unknown << "`; see quorate dev --help\n";
    return 2;
  }
  if (!words.consensus.empty() && protocols::find(words.consensus) == nullptr) {
    std::cerr << "quorate dev: --consensus " << words.consensus << ": unknown protocol; this version has "
              << protocols::names() << '\n';
    return 2;
  }
  if (words.verb.empty() || words.verb == "up") {
    return bring_up(words);
  }
  const bool about_one = words.verb == "start" || words.verb == "stop";
  const bool about_all = words.verb == "down" || words.verb == "reset" || words.verb == "status" || words.verb == "env";
  if ((about_one && !words.node.empty()) || (about_all && words.node.empty())) {
    std::optional<Cluster> cluster = Cluster::find_in(words.directory);
    if (cluster) {
      return act_on(*cluster, words);
    }
    std::printf("there is no cluster in %s; quorate dev up starts one\n", words.directory.c_str());
    return about_one ? 1 : 0;
  }
  if (about_one) {
    std::cerr << "quorate dev: " << words.verb << " which node? For example: quorate dev " << words.verb << " n2\n";
    return 2;
  }
  std::cerr << "quorate dev: unknown command `" << words.verb << "`; see quorate dev --help\n";
  return 2;
}

}  // namespace quorate::dev
