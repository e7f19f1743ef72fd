#pragma once
// Which life of each other node this one has met last, kept over this node's own lives: a member that comes back with
// an empty directory (F-D11) or an old copy of it (F-D12) has forgotten what it promised, and only others can know.
//
// Invariants: 1. a life is durable here before its link comes up, so before any word of it counts. 2. the file is
//                written whole, one copy after the other: a write that was cut off, or damage in one copy, loses
//                nothing that was noted.
// Owned by the node's host, on the loop. Format: docs/formats/met_lives.md.

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/callback.h"
#include "base/ids.h"
#include "base/result.h"
#include "env/files.h"
#include "peer/life.h"

namespace quorate::peer {

class MetLives {
 public:
  static constexpr std::size_t kMaxNodes = 500;  ///< that one node ever has links to at a time

  /// Forgets with its end.
  MetLives() = default;
  /// Blocking. Makes the file if there is none. Errors: corrupt: neither copy reads. io, no_space: as the files say.
  [[nodiscard]] static Result<std::unique_ptr<MetLives>> open(env::FileSystem& files, std::string_view path);

  /// `noted`: ask note() again. `failed`: nothing will ever be noted any more.
  void set_events(Callback<NodeId> noted, Callback<const Error&> failed) {
    noted_ = noted;
    failed_ = failed;
  }

  /// The last life that was met, even if it is not durable yet; null: none.
  [[nodiscard]] const Life* find(NodeId node) const;
  /// True: the life is durable. False: it will be, and `noted` is called then.
  [[nodiscard]] bool note(NodeId node, const Life& life);
  /// The node will never be met again.
  void forget(NodeId node);

 private:
  using Lives = std::map<NodeId, Life>;

  /// What the file holds; nothing if it was never written.
  struct Kept {
    std::uint64_t sequence = 0;
    Lives lives;
  };

  [[nodiscard]] static std::string encode(const Kept& kept);
  [[nodiscard]] static std::optional<Kept> decode(ByteView copy);
  [[nodiscard]] Status read();
  [[nodiscard]] Status write_both_copies();
  void write();
  void write_copy(std::uint64_t copy);
  void on_written(std::uint64_t copy, Status status);

  std::unique_ptr<env::File> file_;  ///< null: nothing is kept
  Kept kept_;
  Callback<NodeId> noted_;
  Callback<const Error&> failed_;
  std::vector<NodeId> waiting_;   ///< for the next write
  std::vector<NodeId> in_write_;  ///< for the one under way
  std::string written_;           ///< its bytes
  ByteView written_view_;
};

}  // namespace quorate::peer
