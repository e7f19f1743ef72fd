#pragma once
// Asks, for a person who waits at start-up, whether the peers that are missing answer at their addresses at all.
//
// Of each pair of members only one connects, so a node may know nothing of a peer but that it has not connected. A
// probe opens a TCP connection and says nothing. Nothing depends on it but the words of a log line. Owned by the node,
// on the loop; the transport outlives it. At most one probe a peer is open at a time, until the next ask() or end().

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/transport.h"
#include "group/contact_book.h"

namespace quorate::server {

class PeerProbes {
 public:
  using Contacts = std::function<std::vector<consensus::Contact>()>;

  PeerProbes(env::Transport& transport, Contacts contacts);
  ~PeerProbes();
  PeerProbes(const PeerProbes&) = delete;
  PeerProbes& operator=(const PeerProbes&) = delete;

  /// Begins to ask `node`; what an earlier probe found is forgotten.
  void ask(NodeId node);
  /// "refused", "does not resolve", "answers, but has not connected yet"; "timed out" if there is no answer so far.
  [[nodiscard]] std::string_view found(NodeId node) const;
  /// Ends all probes.
  void end();

 private:
  class Probe;

  env::Transport& transport_;
  Contacts contacts_;
  std::map<NodeId, std::unique_ptr<Probe>> probes_;
};

}  // namespace quorate::server
