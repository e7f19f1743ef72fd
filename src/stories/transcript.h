#pragma once
// The language of the stories in src/consensus/*/testdata: commands that a person reads, and what then happens to a
// cluster of real cores of that protocol. A line that begins with "> " is a command; the lines behind it, indented by
// two spaces, are what must happen. Everything else is for the reader.
//
// - nodes 3 [absent n3] [learner n3] [no-pre-vote] [no-check-quorum] [window M E] [per-message E] [manual]
// [notice-delay MS] [quorums N M]: n1.. of one group
// - node n3 no-pre-vote: before start: this one has another setting than the others
// - preload n1 term 2 [vote n2] log 1:x 2:y: before start: n1's disk: the protocol's small state in its own words, then
//   tag:payload from position 1; the payload members=n1,n2 makes a configuration entry
// - start [n1..], restart n1 [uncertain], crash n1 [keep K]
// - damage n1 keep P [forgets]: n1 is down; its disk loses the entries behind P, and its term and vote
// - fire n1 election|heartbeat|notice|retry, up n1 n2, down n1 n2 (n1 learns that the link to n2 works, or not)
// - in protocols without a log: propose n1 k=x, read n1 k, damage n1 cell k, damage n1 all
// - propose n1 x y, propose-for n2 n1 x (a client of n2 waits), read n1 r, transfer n1 n2
// - manual n1, auto n1, persist n1 [K]: whose writes become durable only when told; K of them
// - deliver n1->n2 [K], drop n1->n2 [K], repeat n1->n2, garble n1->n2, settle, quietly settle
// - claim n1->n2 n3: the packets on that link say that they come from n3
// - hold n1->n2 NAME, release NAME: takes packets aside, gives them back later
// - cut n1 n2, cut-one n1->n2, heal, dropped n1 n2 F L (SendDropped)
// - snapshot n1 P: n1's log may be cut up to P
// - offer n1->n2 P, receive n1->n2 P: n1's snapshot of everything up to P: n2 hears of it, n2 has it
// - sent n1->n2 P, not-sent n1->n2 P: n1 hears what became of it
// - reconfigure n1 n1,n2 [learners n3]: n1 is asked for that membership
// - status [n1..], network, timers on|off
//
// "quietly" before a command: what it does is not told. Owned by who plays the story.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stories/cluster.h"

namespace quorate::stories {

class Transcript {
 public:
  explicit Transcript(const consensus::Protocol& protocol) : cluster_(std::make_unique<Cluster>(protocol)) {}

  /// Carries out a command and tells what happened. What is not understood is a problem.
  std::vector<Happening> run(const std::string& command);
  /// Nothing more happens: asks the cluster whether it was right.
  void end();

  [[nodiscard]] const Cluster& cluster() const { return *cluster_; }
  /// Commands that were not understood, broken invariants.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  /// Names of the branches that were reached.
  [[nodiscard]] const std::set<std::string_view>& branches() const { return branches_; }

 private:
  using Words = std::vector<std::string>;

  bool do_command(const Words& words);
  bool do_life(const std::string& verb, const Words& words);
  bool do_input(const std::string& verb, const Words& words);
  bool do_network(const std::string& verb, const Words& words);
  bool do_look(const std::string& verb, const Words& words);
  void make_nodes(const Words& words);
  void make_odd_node(const Words& words);
  bool preload(const Words& words);
  void do_snapshot(const std::string& verb, const Words& words);
  std::vector<Packet> take(const std::string& link, std::uint64_t count = 0);
  void deliver(std::vector<Packet> packets);
  void look(std::string line);

  Cluster::Options options_;
  std::unique_ptr<Cluster> cluster_;
  std::map<std::string, std::vector<Packet>> held_;
  std::vector<std::string> looks_;  ///< what the command under way was asked to show
  std::set<std::string_view> branches_;
  std::vector<std::string> problems_;
};

/// True for "quietly ...".
[[nodiscard]] bool is_quiet(std::string_view command);
/// False for what lanes show and transcripts do not: arrivals, lives.
[[nodiscard]] bool is_transcribed(const Happening& happening);

struct Replay {
  std::string text;  ///< of the story, as it should be
  std::vector<std::string> problems;
  std::set<std::string_view> branches;
};
/// Plays a whole story.
[[nodiscard]] Replay replay(const consensus::Protocol& protocol, const std::string& text);

}  // namespace quorate::stories
