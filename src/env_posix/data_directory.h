#pragma once
// A node's data directory: who may use it, whose it is, and how often it was started.
//
// Invariants: 1. one process at a time: an exclusive lock is held until the object ends, and by nobody after the
// process died. 2. a directory belongs to one member of one cluster, one protocol and its quorum sizes, for ever. 3.
// every start gets an incarnation greater than all before it, durable before it is used. 4. only the owner may read it
// (0700). Owned by `server`. Format: docs/formats/data_directory.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "env_posix/files.h"
#include "quorum/phase_sizes.h"

namespace quorate::env_posix {

inline constexpr std::uint32_t kDataDirectoryVersion = 4;

/// Whose data it is.
struct DataIdentity {
  ClusterId cluster;
  NodeId member;
  std::string protocol;  ///< "raft", ...: lower-case letters and digits
  /// Tells the state that a restore began with from every other; 0: it began with nothing. For a directory that exists
  /// this is not asked: it says so itself.
  std::uint64_t restored = 0;
  quorum::PhaseSizes quorum_sizes{};  ///< of the cluster, for ever
  friend bool operator==(const DataIdentity&, const DataIdentity&) = default;
};

/// Who the members were when the directory was made: what a node knows of them before it has read anything.
struct DataOrigin {
  enum class Kind : std::uint8_t {
    founded,  ///< with these members the cluster began
    joined,   ///< they were there already
  };
  struct Member {
    NodeId node;
    std::string urls;  ///< separated by commas, without spaces
    friend bool operator==(const Member&, const Member&) = default;
  };
  Kind kind = Kind::founded;
  std::vector<Member> members;  ///< empty: written by a version that did not keep them
};

/// What an identity file says.
struct StoredIdentity {
  DataIdentity who;
  DataOrigin origin;
};

class DataDirectory {
 public:
  /// What stands in the directory; nothing if it is new. Takes no lock and changes nothing. Errors as of open().
  [[nodiscard]] static Result<std::optional<StoredIdentity>> look(const std::string& path);

  /// Makes the directory if it does not exist (its parent must), locks it, and checks or writes its identity.
  /// Errors, each naming the path and what to do: busy: another process (its pid) holds it. invalid: others may read
  /// it, or it is no directory. foreign: it belongs to another member, cluster or protocol, or has other quorum sizes.
  /// newer_format: a later version wrote it, naming both. corrupt: its identity is damaged or missing although there is
  /// data. io, no_space: it cannot be written.
  [[nodiscard]] static Result<DataDirectory> open(const std::string& path, const DataIdentity& identity,
                                                  const DataOrigin& origin);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const DataIdentity& identity() const { return identity_; }
  /// The id that this member's links ask of others: members that began with another state, or with none, have another
  /// one, whatever they are configured as.
  [[nodiscard]] ClusterId cluster() const;
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  /// Drawn at random when the directory was made: tells it from another one of the same member. Not 0.
  [[nodiscard]] std::uint64_t birth() const { return birth_; }
  /// As it was given to the first open().
  [[nodiscard]] const DataOrigin& origin() const { return origin_; }
  /// The directory was empty: this is the member's first start.
  [[nodiscard]] bool is_new() const { return is_new_; }

 private:
  DataDirectory() = default;
  [[nodiscard]] Status make_or_check();
  [[nodiscard]] Status lock();
  [[nodiscard]] Status check_identity(const DataIdentity& wanted, const DataOrigin& origin);
  [[nodiscard]] Status write_identity();

  std::string path_;
  Descriptor directory_;
  Descriptor lock_;
  DataIdentity identity_;
  DataOrigin origin_;
  Incarnation incarnation_;
  std::uint64_t birth_ = 0;
  bool is_new_ = false;
};

}  // namespace quorate::env_posix
