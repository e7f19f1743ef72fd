#include "server/running_node.h"

#include "server/node.h"
#include "server/protocol_choice.h"
#include "server/register_node.h"

namespace quorate::server {

Result<std::unique_ptr<RunningNode>> open_node(ServeOptions options, EventLog& log) {
  const Result<const consensus::Protocol*> protocol = choose_protocol(options);
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  if (!(*protocol)->keeps_log()) {
    return RegisterNode::open(std::move(options), **protocol, log);
  }
  Result<std::unique_ptr<Node>> node = Node::open(std::move(options), log);
  if (!node) {
    return std::unexpected(node.error());
  }
  return std::move(*node);
}

}  // namespace quorate::server
