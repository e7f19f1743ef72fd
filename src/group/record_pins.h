#pragma once
// Views of one replica's records for backups: who asks gets the records of a moment at which the engine has everything
// that was executed when it asked.
//
// Invariants: 1. both walks of a view are over the same records. 2. nobody is called inside ask(). 3. who asked is
// called at most once, and not at all when the replica stops. Owned by the replica's runtime, on the node's loop.

#include <memory>
#include <vector>

#include "base/callback.h"
#include "base/ids.h"
#include "env/record_store.h"
#include "state/record_space.h"

namespace quorate::group {

/// Walks over everything that makes up a group's state at `position`. `store` reads pages of them off the loop; the
/// walks must not outlive it.
struct PinnedRecords {
  Position position;
  std::shared_ptr<env::RecordCursor> first;
  std::shared_ptr<env::RecordCursor> second;  ///< the same once more
  env::RecordStore* store = nullptr;
};

class RecordPins {
 public:
  explicit RecordPins(env::RecordStore& store) : store_(store) {}

  void ask(Position at_least, Callback<PinnedRecords> to) { waiting_.push_back({at_least, to}); }
  /// The records in `space` stand for `written`: whoever waits for no more gets a view of them.
  void serve(const state::RecordSpace& space, Position written);
  void stop() { waiting_.clear(); }

 private:
  struct Waiting {
    Position at_least;
    Callback<PinnedRecords> to;
  };

  env::RecordStore& store_;
  std::vector<Waiting> waiting_;
};

}  // namespace quorate::group
