#include "server/protocol_choice.h"

#include <optional>

#include "env_posix/data_directory.h"
#include "protocols/protocols.h"

namespace quorate::server {

Result<const consensus::Protocol*> choose_protocol(const ServeOptions& options) {
  const Result<std::optional<env_posix::StoredIdentity>> stored = env_posix::DataDirectory::look(options.data_dir);
  if (!stored) {
    return std::unexpected(stored.error());
  }
  if (!stored->has_value()) {
    return options.consensus.empty() ? &protocols::default_protocol() : protocols::find(options.consensus);
  }
  const std::string& kept = (*stored)->who.protocol;
  const std::string whose = "data directory '" + options.data_dir + "' belongs to a cluster that runs " + kept;
  if (!options.consensus.empty() && options.consensus != kept) {
    return fail(ErrorCode::foreign, whose + ", and --consensus=" + options.consensus +
                                        " asks for another protocol; a cluster keeps the one that it was founded with: "
                                        "leave --consensus out, or found another cluster with an empty --data-dir");
  }
  const consensus::Protocol* protocol = protocols::find(kept);
  if (protocol == nullptr) {
    return fail(ErrorCode::foreign, whose + ", which this program does not have (it has " + protocols::names() +
                                        "); use the program that made the directory");
  }
  return protocol;
}

}  // namespace quorate::server
