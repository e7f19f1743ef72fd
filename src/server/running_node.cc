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
  return (*protocol)->keeps_log() ? Node::open(std::move(options), **protocol, log)
                                  : RegisterNode::open(std::move(options), **protocol, log);
}

}  // namespace quorate::server
