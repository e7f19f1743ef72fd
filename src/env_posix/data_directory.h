#pragma once
// A node's data directory: who may use it, whose it is, and how often it was started.
//
// Invariants: 1. one process at a time: an exclusive lock is held until the object ends, and by nobody after the
// process died. 2. a directory belongs to one member of one cluster and one protocol, for ever. 3. every start gets an
// incarnation greater than all before it, durable before it is used. 4. only the owner may read it (0700).
// Owned by `server`. Format: docs/formats/data_directory.md.

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "env_posix/files.h"

namespace quorate::env_posix {

inline constexpr std::uint32_t kDataDirectoryVersion = 1;

/// Whose data it is.
struct DataIdentity {
  ClusterId cluster;
  NodeId member;
  std::string protocol;  ///< "raft", ...: lower-case letters and digits
  friend bool operator==(const DataIdentity&, const DataIdentity&) = default;
};

class DataDirectory {
 public:
  /// Makes the directory if it does not exist (its parent must), locks it, and checks or writes its identity.
  /// Errors, each naming the path and what to do: busy: another process (its pid) holds it. invalid: others may read
  /// it, or it is no directory. foreign: it belongs to another member, cluster or protocol. newer_format: a later
  /// version wrote it, naming both. corrupt: its identity is damaged or missing although there is data.
  /// io, no_space: it cannot be written.
  [[nodiscard]] static Result<DataDirectory> open(const std::string& path, const DataIdentity& identity);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const DataIdentity& identity() const { return identity_; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  /// The directory was empty: this is the member's first start.
  [[nodiscard]] bool is_new() const { return is_new_; }

 private:
  DataDirectory() = default;
  [[nodiscard]] Status make_or_check();
  [[nodiscard]] Status lock();
  [[nodiscard]] Status check_identity(const DataIdentity& wanted);
  [[nodiscard]] Status write_identity();

  std::string path_;
  Descriptor directory_;
  Descriptor lock_;
  DataIdentity identity_;
  Incarnation incarnation_;
  bool is_new_ = false;
};

}  // namespace quorate::env_posix
