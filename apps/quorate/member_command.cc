#include "member_command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/rpc_client.h"
#include "membership_view.h"

namespace quorate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTimeoutMs = 10'000;
constexpr auto kLookPause = std::chrono::milliseconds(200);
constexpr const char* kDescribe = "/quorate.v1.Membership/Describe";
constexpr const char* kSet = "/quorate.v1.Membership/Set";
constexpr const char* kAddLearner = "/quorate.v1.Membership/AddLearner";

struct Options {
  std::string endpoints = "127.0.0.1:2379";
  std::string voters;
  std::string name;
  std::string peer_urls;
  bool dry_run = false;
  int patience = 60;  ///< seconds
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    words.emplace_back(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return words;
}

/// The cluster, through whichever node answers, and through its leader where that is known.
class Cluster {
 public:
  explicit Cluster(std::vector<std::string> endpoints) : endpoints_(std::move(endpoints)) {}

  /// What the leader tells, or else any other node.
  [[nodiscard]] Result<MembershipView> look() {
    Result<MembershipView> best = fail(ErrorCode::io, "no endpoint given");
    std::vector<std::string> asked;
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
      const std::string endpoint = endpoints_[i];  // the list may grow
      const Result<std::string> answer = client::call_node(endpoint, kDescribe, {}, kTimeoutMs);
      if (!answer) {
        best = best ? std::move(best) : std::unexpected(answer.error());
        continue;
      }
      std::optional<MembershipView> view = read_membership_view(*answer);
      if (!view) {
        return fail(ErrorCode::invalid, endpoint + " does not answer as a Quorate node");
      }
      if (view->told_by_leader) {
        std::rotate(endpoints_.begin(), endpoints_.begin() + static_cast<std::ptrdiff_t>(i),
                    endpoints_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        return std::move(*view);
      }
      add_endpoints(*view);
      best = std::move(*view);
    }
    return best;
  }

  /// Asks one node after the other until one takes it.
  [[nodiscard]] Result<std::string> ask(const char* path, const std::string& message) {
    Result<std::string> answer = fail(ErrorCode::io, "no endpoint given");
    for (const std::string& endpoint : endpoints_) {
      answer = client::call_node(endpoint, path, message, kTimeoutMs);
      if (answer || answer.error().text.find("etcdserver: ") != std::string::npos) {
        return answer;
      }
    }
    return answer;
  }

 private:
  void add_endpoints(const MembershipView& view) {
    for (const MemberLine& member : view.members) {
      for (const std::string& url : member.client_urls) {
        const std::string endpoint = url.substr(url.find("://") == std::string::npos ? 0 : url.find("://") + 3);
        if (std::ranges::find(endpoints_, endpoint) == endpoints_.end()) {
          endpoints_.push_back(endpoint);
        }
      }
    }
  }

  std::vector<std::string> endpoints_;
};

int complain(const std::string& text) {
  std::fprintf(stderr, "quorate member: %s\n", text.c_str());
  return 1;
}

int list(Cluster& cluster) {
  const Result<MembershipView> view = cluster.look();
  if (!view) {
    return complain(view.error().text);
  }
  std::printf("%s\nquorum: %s%s%s\n", describe_members(*view).c_str(), describe_quorum(*view, view->voters).c_str(),
              view->outgoing_voters.empty() ? "" : " and ",
              view->outgoing_voters.empty() ? "" : describe_quorum(*view, view->outgoing_voters).c_str());
  return 0;
}

int add(Cluster& cluster, const Options& options) {
  const Result<std::string> answer = cluster.ask(kAddLearner, encode_add_learner_request(options.peer_urls));
  if (!answer) {
    return complain(answer.error().text);
  }
  const Result<MembershipView> view = cluster.look();
  if (!view) {
    return complain("added, but who the members are is not known: " + view.error().text);
  }
  std::string all;
  for (const MemberLine& member : view->members) {
    const bool is_new = !member.peer_urls.empty() && member.peer_urls[0] == split(options.peer_urls)[0];
    const std::string& name = is_new ? options.name : member.name;
    for (const std::string& url : member.peer_urls) {
      all += (all.empty() ? "" : ",") + (name.empty() ? hex_text(member.id) : name) + "=" + url;
    }
  }
  std::printf(
      "added as a learner. Start it with:\n  quorate serve --name=%s --initial-cluster-state=existing \\\n"
      "    --initial-cluster=%s \\\n    --initial-advertise-peer-urls=%s --listen-peer-urls=%s "
      "--listen-client-urls=... --advertise-client-urls=...\n"
      "and let it vote, when it has the data, with: quorate member set NAMES\n",
      options.name.c_str(), all.c_str(), options.peer_urls.c_str(), options.peer_urls.c_str());
  return 0;
}

/// The ids of the voters asked for, rising.
Result<std::vector<std::uint64_t>> resolve(const MembershipView& view, const std::string& names) {
  std::vector<std::uint64_t> ids;
  for (const std::string& name : split(names)) {
    const MemberLine* member = view.find(name);
    if (member == nullptr) {
      return fail(ErrorCode::invalid, "no member is called " + name +
                                          " (`quorate member list` shows them); add it first: quorate "
                                          "member add " +
                                          name + " PEER-URL");
    }
    ids.push_back(member->id);
  }
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

/// Who shall vote and is too far behind; empty: nobody.
std::string who_is_behind(const MembershipView& view, const std::vector<std::uint64_t>& voters) {
  std::string text;
  for (const std::uint64_t id : voters) {
    const MemberLine* member = view.find(id);
    const bool is_level = member != nullptr && (view.votes(id) || member->match * 10 >= view.commit * 9);
    if (!is_level) {
      const std::string name = member == nullptr || member->name.empty() ? hex_text(id) : member->name;
      text += (text.empty() ? "" : ", ") + name + " has " + std::to_string(member == nullptr ? 0 : member->match) +
              " of " + std::to_string(view.commit) + " entries";
    }
  }
  return text;
}

void print_plan(const MembershipView& view, const std::vector<std::uint64_t>& voters) {
  std::printf("now:     %s decide\n", describe_quorum(view, view.voters).c_str());
  std::printf("between: %s, and at the same time %s\n", describe_quorum(view, view.voters).c_str(),
              describe_quorum(view, voters).c_str());
  std::printf("then:    %s decide\n", describe_quorum(view, voters).c_str());
  for (const MemberLine& member : view.members) {
    const bool votes_then = std::ranges::find(voters, member.id) != voters.end();
    if (view.votes(member.id) && !votes_then) {
      std::printf("leaves for good: %s (%s)\n", member.name.c_str(), hex_text(member.id).c_str());
    }
  }
}

bool is_done(const MembershipView& view, const std::vector<std::uint64_t>& voters) {
  std::vector<std::uint64_t> now = view.voters;
  std::ranges::sort(now);
  return view.outgoing_voters.empty() && now == voters;
}

int set(Cluster& cluster, const Options& options) {
  Result<MembershipView> view = cluster.look();
  const Result<std::vector<std::uint64_t>> voters =
      view ? resolve(*view, options.voters) : std::unexpected(view.error());
  if (!voters) {
    return complain(voters.error().text);
  }
  if (!view->quorum_sizes.fit(voters->size())) {
    return complain("the cluster was founded with --phase-1-quorum=" + std::to_string(view->quorum_sizes.phase_1) +
                    " and --phase-2-quorum=" + std::to_string(view->quorum_sizes.phase_2) + ", which do not fit " +
                    std::to_string(voters->size()) +
                    " voters: each must be at most their number, and both together more (0: a majority)");
  }
  print_plan(*view, *voters);
  if (options.dry_run || is_done(*view, *voters)) {
    std::puts(options.dry_run ? "nothing was changed (--dry-run)" : "so it is already");
    return 0;
  }
  const auto began = Clock::now();
  const auto deadline = began + std::chrono::seconds(options.patience);
  std::string said;
  const auto say = [&said](const std::string& line) {
    if (line != said) {
      std::puts(line.c_str());
      std::fflush(stdout);
      said = line;
    }
  };
  std::string last_error = "no answer";
  while (Clock::now() < deadline) {
    if (!view) {
      last_error = view.error().text;
    } else if (is_done(*view, *voters)) {
      std::printf(
          "done in %lld ms: %s decide\n",
          static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count()),
          describe_quorum(*view, *voters).c_str());
      return 0;
    } else if (!view->outgoing_voters.empty()) {
      say("in the joint state: " + describe_quorum(*view, view->outgoing_voters) + ", and " +
          describe_quorum(*view, view->voters));
      std::this_thread::sleep_for(kLookPause);
    } else if (const std::string behind = view->told_by_leader ? who_is_behind(*view, *voters) : "no leader tells";
               !behind.empty()) {
      say("waiting: " + behind);
      last_error = behind;
      std::this_thread::sleep_for(kLookPause);
    } else {
      say("asking the leader to exchange the voters");
      if (const auto answer = cluster.ask(kSet, encode_set_request(*voters)); !answer) {
        // Nothing is lost by asking again: the same voters are the same change.
        last_error = answer.error().text;
        say("not yet: " + last_error);
        std::this_thread::sleep_for(kLookPause);
      }
    }
    view = cluster.look();
  }
  return complain("not done within " + std::to_string(options.patience) + " s (" + last_error +
                  "); `quorate member list` shows how it stands");
}

}  // namespace

int member_command(std::span<const std::string> arguments) {
  Options options;
  CLI::App app("who takes part in a cluster, and how to change that", "quorate member");
  app.require_subcommand(1);
  app.add_option("--endpoints", options.endpoints, "host:port of one node or several, separated by commas")
      ->capture_default_str();
  app.fallthrough();
  CLI::App* list_app = app.add_subcommand("list", "all members: role, log, addresses");
  CLI::App* add_app = app.add_subcommand("add", "add a member that gets the data and does not vote yet");
  add_app->add_option("NAME", options.name, "of the new member")->required();
  add_app->add_option("PEER-URL", options.peer_urls, "where the others will find it: http://host:port")->required();
  CLI::App* set_app = app.add_subcommand("set", "let exactly these members vote, through the joint state");
  set_app->add_option("VOTERS", options.voters, "names or ids, separated by commas; other voters leave the cluster")
      ->required();
  set_app->add_flag("--dry-run", options.dry_run, "only print the quorums before, between and after");
  set_app->add_option("--wait", options.patience, "seconds to wait for members that are behind")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  Cluster cluster(split(options.endpoints));
  return *list_app ? list(cluster) : *add_app ? add(cluster, options) : set(cluster, options);
}

}  // namespace quorate
