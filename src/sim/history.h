#pragma once
// What clients did and saw in a run, and the order that revisions give it: the input of the checkers.
//
// The trail is the sequence of all changes by revision, as the replicas executed them (every replica must agree, or the
// run already failed). A client's operation carries its interval in the world's time, and its outcome: known or not.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "sim/requests.h"
#include "state/kv/store.h"

namespace quorate::sim {

enum class OperationKind : std::uint8_t {
  put,
  erase,
  compare_and_put,
  range,  ///< linearizable
  serializable_range,
  past_range,  ///< at an explicit revision
  lease_grant,
  lease_revoke,
  lease_keep_alive,
  compact,
};

enum class OperationOutcome : std::uint8_t {
  ok,
  refused,  ///< definitely without effect
  unknown,  ///< may have happened, may happen later
};

struct Operation {
  std::uint32_t client = 0;
  std::uint32_t node = 0;  ///< that was asked
  OperationKind kind = OperationKind::put;
  OperationOutcome outcome = OperationOutcome::unknown;
  Instant invoked{};
  Instant returned{};  ///< of ok and refused ones
  std::string key;
  std::string end;    ///< ranges and deletes
  std::string value;  ///< unique among all writes of a run
  std::string other;  ///< second key of a compare_and_put
  std::int64_t argument =
      0;  ///< expected mod_revision, asked revision, lease id; 1: a delete that asks for the previous values
  std::int64_t revision = 0;  ///< of the answer's header
  AnswerFields answer;
};

/// One change of one key.
struct Change {
  bool is_erase = false;
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  friend bool operator==(const Change&, const Change&) = default;
};

/// What a replica executed, or a watcher was told. A delete has a key only.
[[nodiscard]] Change change_of(const kv::Event& event);

/// Everything that happened at one revision, in sub-revision order.
using Changes = std::vector<Change>;

/// What one watcher was told. Begins at `from`; ends when it was cancelled, its node died, or the run ended.
struct WatchRecord {
  std::uint32_t client = 0;
  std::uint32_t node = 0;
  std::string key;
  std::string end;
  std::int64_t from = 0;  ///< first revision that it must be told
  struct Told {
    std::int64_t revision = 0;
    Change change;
  };
  std::vector<Told> told;
  std::vector<std::pair<std::size_t, std::int64_t>> progress;  ///< (events told before, revision promised)
  bool compacted = false;                                      ///< ended by a compaction, which is legal
  std::int64_t compact_revision = 0;
  bool alive_at_end = false;  ///< then it must have been told everything
};

/// One group's history.
struct History {
  std::vector<Operation> operations;
  std::map<std::int64_t, Changes> trail;  ///< by revision; the first write of a store is revision 2
  /// When the first replica executed a revision, in the world's time.
  std::map<std::int64_t, Instant> executed_at;
  std::vector<WatchRecord> watches;
  Instant ended{};  ///< the run's last instant
};

/// What of `history` is known where everything behind `revision` is lost: operations that stand behind it never were.
[[nodiscard]] History history_until(const History& history, std::int64_t revision);

/// True if `key` lies in [from, end) as etcd's range_end means it.
[[nodiscard]] bool in_range(std::string_view key, std::string_view from, std::string_view end);

}  // namespace quorate::sim
