#include "stories/transcript.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "consensus/contract/membership_codec.h"
#include "stories/words.h"

namespace quorate::stories {

using consensus::TimerKind;

namespace {

using Words = std::vector<std::string>;

std::uint64_t to_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

NodeId to_node(const std::string& text) { return NodeId(text.starts_with('n') ? to_number(text.substr(1)) : 0); }

std::pair<NodeId, NodeId> to_link(const std::string& text) {
  const std::size_t arrow = text.find("->");
  if (arrow == std::string::npos) {
    return {};
  }
  return {to_node(text.substr(0, arrow)), to_node(text.substr(arrow + 2))};
}

/// "n1,n2"
std::vector<NodeId> to_nodes(const std::string& text) {
  std::vector<NodeId> nodes;
  std::istringstream stream(text);
  for (std::string node; std::getline(stream, node, ',');) {
    nodes.push_back(to_node(node));
  }
  return nodes;
}

/// "n1,n2 [learners n3,n4]" from words[first] on.
consensus::Membership to_membership(const Words& words, std::size_t first) {
  consensus::Membership membership;
  membership.voters = to_nodes(words.at(first));
  if (words.size() > first + 2 && words[first + 1] == "learners") {
    membership.learners = to_nodes(words[first + 2]);
  }
  return membership;
}

/// "members=n1,n2" is a configuration entry, anything else a command.
consensus::Entry to_entry(EntryId id, const std::string& text) {
  constexpr std::string_view kMembers = "members=";
  if (!text.starts_with(kMembers)) {
    return {id, consensus::EntryKind::command, Buffer::copy_of(text)};
  }
  consensus::Membership membership;
  membership.voters = to_nodes(text.substr(kMembers.size()));
  return {id, consensus::EntryKind::configuration, consensus::encode_membership(membership)};
}

}  // namespace

std::vector<Happening> Transcript::run(const std::string& command) {
  std::istringstream stream(command);
  Words words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  if (!words.empty() && words.front() == "quietly") {
    words.erase(words.begin());
  }
  if (words.empty() || !do_command(words)) {
    problems_.push_back("unknown command: " + command);
  }
  std::vector<Happening> happened = cluster_->take_happenings();
  for (std::string& line : std::exchange(looks_, {})) {
    happened.push_back({.text = std::move(line)});
  }
  return happened;
}

void Transcript::end() {
  problems_.insert(problems_.end(), cluster_->violations().begin(), cluster_->violations().end());
  branches_.insert(cluster_->branches().begin(), cluster_->branches().end());
}

bool Transcript::do_command(const Words& words) {
  const std::string& verb = words.front();
  if (verb == "nodes") {
    make_nodes(words);
    return true;
  }
  return do_life(verb, words) || do_input(verb, words) || do_network(verb, words) || do_look(verb, words);
}

void Transcript::make_nodes(const Words& words) {
  end();
  cluster_ = std::make_unique<Cluster>(cluster_->protocol());
  Cluster::Options options;
  std::set<NodeId> absent;
  const std::uint64_t count = to_number(words.at(1));
  for (std::size_t i = 2; i < words.size(); ++i) {
    if (words[i] == "no-pre-vote") {
      options.core.pre_vote = false;
    } else if (words[i] == "no-check-quorum") {
      options.core.check_quorum = false;
    } else if (words[i] == "window") {
      options.core.window_messages = to_number(words.at(i + 1));
      options.core.window_entries = to_number(words.at(i + 2));
    } else if (words[i] == "per-message") {
      options.core.max_entries_per_message = to_number(words.at(i + 1));
    } else if (words[i] == "notice-delay") {
      options.core.commit_notice_delay = std::chrono::milliseconds(to_number(words.at(i + 1)));
    } else if (words[i] == "quorums") {
      options.core.quorum_sizes.phase_1 = static_cast<std::uint32_t>(to_number(words.at(i + 1)));
      options.core.quorum_sizes.phase_2 = static_cast<std::uint32_t>(to_number(words.at(i + 2)));
    } else if (words[i] == "manual") {
      options.manual_disk = true;
    } else if (words[i] == "learner") {
      options.core.initial_membership.learners.push_back(to_node(words.at(i + 1)));
    } else if (words[i] == "absent") {
      absent.insert(to_node(words.at(i + 1)));
    }
  }
  for (std::uint64_t id = 1; id <= count; ++id) {
    if (!options.core.initial_membership.contains(NodeId(id)) && !absent.contains(NodeId(id))) {
      options.core.initial_membership.voters.emplace_back(id);
    }
  }
  options_ = options;
  for (std::uint64_t id = 1; id <= count; ++id) {
    cluster_->add_node(NodeId(id), options);
  }
}

bool Transcript::preload(const Words& words) {
  const auto log = std::ranges::find_if(
      words, [](const std::string& word) { return word == "log" || word.find(':') != std::string::npos; });
  std::string state;
  for (auto word = words.begin() + 2; word < log; ++word) {
    state += (state.empty() ? "" : " ") + *word;
  }
  const std::optional<Buffer> blob = cluster_->protocol().state_of_words(state);
  if (!blob) {
    return false;
  }
  Disk disk;
  disk.state = *blob;
  std::uint64_t position = 0;
  for (auto word = log; word != words.end(); ++word) {
    if (const std::size_t colon = word->find(':'); colon != std::string::npos) {
      const EntryId id{Position(++position), tag_of_words(word->substr(0, colon))};
      disk.log[id.position] = to_entry(id, word->substr(colon + 1));
    }
  }
  cluster_->add_node(to_node(words.at(1)), options_, std::move(disk));
  return true;
}

void Transcript::make_odd_node(const Words& words) {
  Cluster::Options odd = options_;
  odd.core.pre_vote = words.at(2) != "no-pre-vote";
  cluster_->add_node(to_node(words.at(1)), odd);
}

bool Transcript::do_life(const std::string& verb, const Words& words) {
  if (verb == "preload") {
    return preload(words);
  }
  if (verb == "node") {
    make_odd_node(words);
  } else if (verb == "start") {
    for (const NodeId node : cluster_->node_ids()) {
      if (words.size() == 1 || std::ranges::find(words, name_of(node)) != words.end()) {
        cluster_->start(node);
      }
    }
  } else if (verb == "restart") {
    cluster_->start(to_node(words.at(1)), words.size() > 2 && words[2] == "uncertain");
  } else if (verb == "crash") {
    cluster_->crash(to_node(words.at(1)), words.size() > 3 ? to_number(words[3]) : 0);
  } else if (verb == "damage" && (words.at(2) == "all" || words.at(2) == "cell")) {
    cluster_->damage_cells(to_node(words.at(1)), words.at(2) == "all" ? "" : words.at(3));
  } else if (verb == "damage") {
    cluster_->damage(to_node(words.at(1)), Position(to_number(words.at(3))), words.back() == "forgets");
  } else if (verb == "manual" || verb == "auto") {
    cluster_->set_manual_disk(to_node(words.at(1)), verb == "manual");
  } else if (verb == "persist") {
    cluster_->persist(to_node(words.at(1)), words.size() > 2 ? to_number(words[2]) : 0);
  } else {
    return false;
  }
  return true;
}

bool Transcript::do_input(const std::string& verb, const Words& words) {
  const NodeId node = words.size() > 1 ? to_node(words[1]) : NodeId();
  if (verb == "fire") {
    cluster_->fire(node, words.at(2) == "election"    ? TimerKind::election
                         : words.at(2) == "heartbeat" ? TimerKind::heartbeat
                         : words.at(2) == "retry"     ? TimerKind::retry
                                                      : TimerKind::notice);
  } else if (verb == "up") {
    const NodeId other = to_node(words.at(2));
    cluster_->step(node, consensus::PeerUp{other, cluster_->life_of(other)});
  } else if (verb == "down") {
    const NodeId other = to_node(words.at(2));
    cluster_->step(node, consensus::PeerDown{other, cluster_->life_of(other)});
  } else if (verb == "propose") {
    cluster_->propose(node, Words(words.begin() + 2, words.end()));
  } else if (verb == "propose-for") {
    cluster_->propose(to_node(words.at(2)), Words(words.begin() + 3, words.end()), node);
  } else if (verb == "read") {
    for (std::uint64_t i = 0; i < (words.size() > 3 ? to_number(words[3]) : 1); ++i) {
      cluster_->read(node, words.at(2));
    }
  } else if (verb == "transfer") {
    cluster_->step(node, consensus::TransferLeadership{to_node(words.at(2))});
  } else if (verb == "reconfigure") {
    cluster_->reconfigure(node, to_membership(words, 2));
  } else if (verb == "offer" || verb == "receive" || verb == "sent" || verb == "not-sent") {
    do_snapshot(verb, words);
  } else if (verb == "dropped") {
    cluster_->step(node, consensus::SendDropped{to_node(words.at(2)), Position(to_number(words.at(3))),
                                                Position(to_number(words.at(4)))});
  } else if (verb == "snapshot") {
    const Position position(to_number(words.at(2)));
    const auto entry = cluster_->written(node).log.find(position);
    const EntryId id = entry == cluster_->written(node).log.end() ? EntryId{position, Tag()} : entry->second.id;
    cluster_->step(node, consensus::SnapshotTaken{id, {}});
  } else {
    return false;
  }
  return true;
}

/// What the runtimes tell of a snapshot of n1 up to position P; "sent" tells n1.
void Transcript::do_snapshot(const std::string& verb, const Words& words) {
  const auto [from, to] = to_link(words.at(1));
  const EntryId id = cluster_->snapshot_id(from, Position(to_number(words.at(2))));
  if (verb == "offer") {
    (void)cluster_->offer_snapshot(from, to, id);
  } else if (verb == "receive") {
    cluster_->receive_snapshot(from, to, id);
  } else {
    cluster_->step(from, consensus::SnapshotSent{to, verb == "sent", id.position});
  }
}

/// Takes up to `count` packets (all if 0) of a link out of the network.
std::vector<Packet> Transcript::take(const std::string& link, std::uint64_t count) {
  const auto [from, to] = to_link(link);
  std::vector<Packet> taken;
  std::deque<Packet> rest;
  for (Packet& packet : cluster_->network) {
    const bool fits = packet.from == from && packet.to == to && (count == 0 || taken.size() < count);
    (fits ? taken.emplace_back(std::move(packet)) : rest.emplace_back(std::move(packet)));
  }
  cluster_->network = std::move(rest);
  return taken;
}

void Transcript::deliver(std::vector<Packet> packets) {
  for (Packet& packet : packets) {
    cluster_->network.push_back(std::move(packet));
    cluster_->deliver(cluster_->network.size() - 1);
  }
}

bool Transcript::do_network(const std::string& verb, const Words& words) {
  const std::uint64_t count = words.size() > 2 ? to_number(words[2]) : 0;
  if (verb == "deliver") {
    deliver(take(words.at(1), count));
  } else if (verb == "drop") {
    (void)take(words.at(1), count);
  } else if (verb == "repeat") {
    const std::vector<Packet> packets = take(words.at(1));
    for (int i = 0; i < 2; ++i) {
      cluster_->network.insert(cluster_->network.end(), packets.begin(), packets.end());
    }
  } else if (verb == "garble") {
    for (Packet& packet : cluster_->network) {
      if (std::pair(packet.from, packet.to) == to_link(words.at(1))) {
        packet.message = Buffer::copy_of(std::string(packet.message.view()) + "?");
      }
    }
  } else if (verb == "claim") {
    for (Packet& packet : cluster_->network) {
      packet.from = std::pair(packet.from, packet.to) == to_link(words.at(1)) ? to_node(words.at(2)) : packet.from;
    }
  } else if (verb == "hold") {
    held_[words.at(2)] = take(words.at(1));
  } else if (verb == "release") {
    deliver(std::exchange(held_[words.at(1)], {}));
  } else if (verb == "settle") {
    cluster_->settle();
  } else if (verb == "cut") {
    cluster_->cut_links.insert({to_node(words.at(1)), to_node(words.at(2))});
    cluster_->cut_links.insert({to_node(words.at(2)), to_node(words.at(1))});
  } else if (verb == "cut-one") {
    cluster_->cut_links.insert(to_link(words.at(1)));
  } else if (verb == "heal") {
    cluster_->cut_links.clear();
  } else {
    return false;
  }
  return true;
}

bool Transcript::do_look(const std::string& verb, const Words& words) {
  if (verb == "status") {
    for (const NodeId node : cluster_->node_ids()) {
      if (words.size() == 1 || std::ranges::find(words, name_of(node)) != words.end()) {
        look(cluster_->status_words(node));
      }
    }
  } else if (verb == "network") {
    for (const Packet& packet : cluster_->network) {
      look(name_of(packet.from) + " -> " + name_of(packet.to) + ": " +
           cluster_->protocol().message_words(packet.message.view()) + ", entries " +
           std::to_string(packet.entries.size()));
    }
  } else if (verb == "forgive") {
    if (cluster_->violations().empty()) {
      problems_.emplace_back("nothing to forgive");
    }
    cluster_->forgive();
  } else if (verb == "timers") {
    cluster_->shows_timers = words.at(1) == "on";
  } else {
    return false;
  }
  return true;
}

void Transcript::look(std::string line) { looks_.push_back(std::move(line)); }

// ---- whole stories --------------------------------------------------------------------------------------

bool is_quiet(std::string_view command) { return command.starts_with("quietly "); }

bool is_transcribed(const Happening& happening) {
  switch (happening.kind) {
    case Happening::Kind::arrived:
    case Happening::Kind::began:
    case Happening::Kind::ended: return false;
    default: return true;
  }
}

Replay replay(const consensus::Protocol& protocol, const std::string& text) {
  Replay result;
  Transcript transcript(protocol);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) {
      continue;  // what happened last time
    }
    result.text += line + "\n";
    if (!line.starts_with("> ")) {
      continue;
    }
    const std::string command = line.substr(2);
    for (const Happening& happening : transcript.run(command)) {
      if (is_transcribed(happening) && !is_quiet(command)) {
        result.text += "  " + line_of(happening) + "\n";
      }
    }
  }
  transcript.end();
  result.problems = transcript.problems();
  result.branches = transcript.branches();
  return result;
}

}  // namespace quorate::stories
