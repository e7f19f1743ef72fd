#pragma once
// A completion without allocation: an object, a member function and a token.
//
//   Callback<Status> done = Callback<Status>::to<&Log::on_synced>(this, batch_number);
//   done(Status{});                 // calls this->on_synced(batch_number, Status{})
//
// The callee must outlive the call; who hands a callback to an adapter keeps the object alive until it was
// called or the adapter was destroyed.

#include <cstdint>
#include <utility>

namespace quorate {

template <class... Args>
class Callback {
 public:
  Callback() = default;

  template <auto Method, class Object>
  [[nodiscard]] static Callback to(Object* object, std::uint64_t token = 0) {
    Callback callback;
    callback.object_ = object;
    callback.token_ = token;
    callback.call_ = [](void* self, std::uint64_t word, Args... args) {
      (static_cast<Object*>(self)->*Method)(word, std::forward<Args>(args)...);
    };
    return callback;
  }

  void operator()(Args... args) const { call_(object_, token_, std::forward<Args>(args)...); }
  explicit operator bool() const { return call_ != nullptr; }

 private:
  void (*call_)(void*, std::uint64_t, Args...) = nullptr;
  void* object_ = nullptr;
  std::uint64_t token_ = 0;
};

}  // namespace quorate
