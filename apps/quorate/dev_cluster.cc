#include "dev_cluster.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_get.h"

namespace quorate::dev {
namespace {

constexpr int kNodeCount = 3;
constexpr int kHttpTimeoutMs = 300;
constexpr int kExecLooks = 1000;
constexpr auto kStopPatience = std::chrono::seconds(10);

bool port_is_free(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    return false;
  }
  const int reuse = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(descriptor);
  return is_free;
}

/// etcd's usual pair for a first node, and the pairs that its own examples use for the second and third.
std::uint16_t usual_client_port(int index) {
  return static_cast<std::uint16_t>(index == 0 ? 2379 : 2379 + (index + 1) * 10'000);
}

Result<NodePlan> plan_node(int index, std::vector<std::string>& notes) {
  NodePlan node;
  node.name = "n" + std::to_string(index + 1);
  const std::uint16_t usual = usual_client_port(index);
  for (int step = 0; step < 100; ++step) {
    const auto port = static_cast<std::uint16_t>(usual + step * 10);
    if (port_is_free(port) && port_is_free(static_cast<std::uint16_t>(port + 1))) {
      node.client_port = port;
      node.peer_port = static_cast<std::uint16_t>(port + 1);
      if (step > 0) {
        notes.push_back("ports " + std::to_string(usual) + "/" + std::to_string(usual + 1) +
                        " are taken: " + node.name + " uses " + std::to_string(port) + "/" + std::to_string(port + 1));
      }
      return node;
    }
  }
  return fail(ErrorCode::busy, "no free pair of ports for " + node.name + " from " + std::to_string(usual) + " on");
}

std::string pid_file(const std::string& directory, const NodePlan& node) {
  return directory + "/" + node.name + ".pid";
}

std::string command_line_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A zombie still has a pid but serves nobody.
bool is_alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t after_name = line.rfind(") ");
  return after_name != std::string::npos && line[after_name + 2] != 'Z' && line[after_name + 2] != 'X';
}

std::string own_binary() {
  std::string path(PATH_MAX, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return path;
}

std::vector<std::string> serve_arguments(const Cluster& cluster, const NodePlan& node) {
  std::string members;
  for (const NodePlan& member : cluster.nodes()) {
    members += (members.empty() ? "" : ",") + member.name + "=" + member.peer_url();
  }
  std::vector<std::string> arguments = {own_binary(),
                                        "serve",
                                        "--name=" + node.name,
                                        "--data-dir=" + cluster.data_directory(node),
                                        "--listen-client-urls=" + node.client_url(),
                                        "--advertise-client-urls=" + node.client_url(),
                                        "--listen-peer-urls=" + node.peer_url(),
                                        "--initial-advertise-peer-urls=" + node.peer_url(),
                                        "--initial-cluster=" + members,
                                        "--initial-cluster-token=quorate-dev"};
  arguments.insert(arguments.end(), cluster.flags().begin(), cluster.flags().end());
  return arguments;
}

/// Runs in the child. `report` closes by itself once the node's program runs; otherwise it gets errno.
[[noreturn]] void become_node(const std::vector<std::string>& arguments, const std::string& log_file,
                              bool dies_with_parent, int report) {
  if (dies_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::setpgid(0, 0);  // Ctrl-C goes to the parent, which ends the nodes in order
  } else {
    ::setsid();
  }
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& argument : arguments) {
    words.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: execv's signature predates const
  }
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  const int why = errno;
  (void)!::write(report, &why, sizeof(why));
  ::_exit(127);
}

std::unexpected<Error> cannot_start(int number) {
  return fail(ErrorCode::io, std::string("cannot start a process: ") + std::strerror(number));
}

}  // namespace

std::string NodePlan::client_url() const { return "http://127.0.0.1:" + std::to_string(client_port); }
std::string NodePlan::peer_url() const { return "http://127.0.0.1:" + std::to_string(peer_port); }

std::optional<Cluster> Cluster::find_in(const std::string& directory) {
  Cluster cluster;
  cluster.directory_ = std::filesystem::absolute(directory).string();
  std::ifstream known(cluster.directory_ + "/cluster");
  NodePlan node;
  while (known >> node.name >> node.client_port >> node.peer_port) {
    cluster.nodes_.push_back(node);
  }
  return cluster.nodes_.empty() ? std::nullopt : std::optional(std::move(cluster));
}

Result<Cluster> Cluster::open(const std::string& directory, std::vector<std::string> flags,
                              std::vector<std::string>& notes) {
  if (std::optional<Cluster> known = find_in(directory)) {
    known->flags_ = std::move(flags);
    return std::move(*known);
  }
  Cluster cluster;
  cluster.flags_ = std::move(flags);
  cluster.directory_ = std::filesystem::absolute(directory).string();
  std::error_code error;
  std::filesystem::create_directories(cluster.directory_, error);
  if (error) {
    return fail(ErrorCode::io, "cannot create " + cluster.directory_ + ": " + error.message());
  }
  const std::string plan = cluster.directory_ + "/cluster";
  for (int i = 0; i < kNodeCount; ++i) {
    Result<NodePlan> made = plan_node(i, notes);
    if (!made) {
      return std::unexpected(made.error());
    }
    cluster.nodes_.push_back(*made);
  }
  std::ofstream file(plan);
  for (const NodePlan& made : cluster.nodes_) {
    file << made.name << ' ' << made.client_port << ' ' << made.peer_port << '\n';
  }
  file.close();
  if (!file) {
    return fail(ErrorCode::io, "cannot write " + plan);
  }
  return cluster;
}

std::string Cluster::data_directory(const NodePlan& node) const { return directory_ + "/" + node.name; }
std::string Cluster::log_file(const NodePlan& node) const { return directory_ + "/" + node.name + ".log"; }

Result<NodePlan> Cluster::find(const std::string& name) const {
  std::string names;
  for (const NodePlan& node : nodes_) {
    if (node.name == name) {
      return node;
    }
    names += (names.empty() ? "" : ", ") + node.name;
  }
  return fail(ErrorCode::not_found, "no node is named `" + name + "`; there are " + names);
}

pid_t Cluster::running_pid(const NodePlan& node) const {
  std::ifstream file(pid_file(directory_, node));
  pid_t pid = 0;
  if (!(file >> pid) || pid <= 0 || !is_alive(pid)) {
    return 0;
  }
  // The number may have been given to another program since.
  return command_line_of(pid).find("--data-dir=" + data_directory(node)) != std::string::npos ? pid : 0;
}

Result<pid_t> Cluster::start(const NodePlan& node, bool dies_with_parent) {
  if (const pid_t pid = running_pid(node); pid != 0) {
    return pid;
  }
  const std::vector<std::string> arguments = serve_arguments(*this, node);
  const std::string log = log_file(node);
  std::array<int, 2> report{-1, -1};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) {
    return cannot_start(errno);
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    become_node(arguments, log, dies_with_parent, report[1]);
  }
  const int fork_error = errno;
  ::close(report[1]);
  int why = 0;
  const bool failed = pid > 0 && ::read(report[0], &why, sizeof(why)) > 0;
  ::close(report[0]);
  if (pid < 0 || failed) {
    return cannot_start(pid < 0 ? fork_error : why);
  }
  // The pipe closes a moment before the kernel shows the new command line, by which every look recognizes a node.
  for (int look = 0; look < kExecLooks && is_alive(pid) && command_line_of(pid).empty(); ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::ofstream(pid_file(directory_, node)) << pid << '\n';
  return pid;
}

bool Cluster::stop(const NodePlan& node) {
  const pid_t pid = running_pid(node);
  if (pid == 0) {
    return false;
  }
  ::kill(pid, SIGTERM);
  const auto patience = std::chrono::steady_clock::now() + kStopPatience;
  while (running_pid(node) != 0) {
    ::waitpid(pid, nullptr, WNOHANG);  // if it is a child of ours
    if (std::chrono::steady_clock::now() > patience) {
      ::kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

NodeState Cluster::state(const NodePlan& node) const {
  NodeState state;
  state.pid = running_pid(node);
  if (state.pid == 0) {
    return state;
  }
  const auto metrics = http_get({"127.0.0.1", node.client_port}, "/metrics", kHttpTimeoutMs);
  state.answers = metrics.has_value();
  state.is_leader = metrics && metrics->body.find("\netcd_server_is_leader 1") != std::string::npos;
  state.ready = is_ready(node, kHttpTimeoutMs);
  return state;
}

bool Cluster::is_ready(const NodePlan& node, int patience_ms) const {
  const auto health = http_get({"127.0.0.1", node.client_port}, "/health", patience_ms);
  return health && health->status == 200;
}

std::string Cluster::last_error(const NodePlan& node) const {
  std::ifstream file(log_file(node));
  std::string line;
  std::string found;
  while (std::getline(file, line)) {
    if (line.find("\"level\":\"error\"") != std::string::npos || line.starts_with("quorate: ")) {
      found = line;
    }
  }
  return found;
}

}  // namespace quorate::dev
