#pragma once
// One change as watchers get it: encoded once in each form, however many watchers want it.
//
// Invariant: the bytes are those of mvccpb.Event; a delete carries its key and revision alone.
// A value type of the watchers; on the loop.

#include "base/bytes.h"
#include "base/callback.h"
#include "state/kv/store.h"

namespace quorate::service {

class SharedEvent {
 public:
  explicit SharedEvent(kv::Event event) : event_(std::move(event)) {}

  [[nodiscard]] const kv::Event& event() const { return event_; }
  [[nodiscard]] std::size_t bytes() const { return event_.key.size() + event_.value.size(); }

  /// Without prev_kv.
  [[nodiscard]] const Buffer& plain();
  /// Fetches the version before, once. False: it is being fetched, ask again after `ready`.
  [[nodiscard]] bool fetch_previous(kv::Store& store, Callback<> ready);
  /// With prev_kv, if there is one; only after fetch_previous().
  [[nodiscard]] const Buffer& with_previous();

 private:
  kv::Event event_;
  kv::Event previous_;
  bool is_fetched_ = false;
  bool has_previous_ = false;
  Buffer plain_;
  Buffer with_previous_;
};

}  // namespace quorate::service
