#pragma once
// Assertions that stay on in every build: a broken invariant stops the process with the state that broke it.
//
// QUORATE_ASSERT(condition, "what must hold", value...): values are integers, ids or text; they are
// printed as they are, without formatting libraries, so that pure code may assert too.

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/ids.h"

namespace quorate {

/// One value of a failed assertion: a number or a text.
struct AssertValue {
  std::string_view text;
  std::uint64_t number = 0;
  bool is_number = false;
  bool is_negative = false;

  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  AssertValue(T value)  // NOLINT(google-explicit-constructor): made from the macro's arguments
      : number(static_cast<std::uint64_t>(value)), is_number(true) {
    if constexpr (std::is_signed_v<T>) {
      is_negative = value < 0;
    }
  }
  template <class Kind>
  AssertValue(StrongId<Kind> id)  // NOLINT(google-explicit-constructor)
      : number(id.value()), is_number(true) {}
  AssertValue(std::string_view value) : text(value) {}  // NOLINT(google-explicit-constructor)
  AssertValue(const char* value) : text(value) {}       // NOLINT(google-explicit-constructor)
};

/// Called with the failure's text before the process ends; `server` and `sim` add what they know.
using AssertHook = void (*)(std::string_view report);
void set_assert_hook(AssertHook hook);

[[noreturn]] void assert_failed(const char* file, int line, const char* condition, std::string_view message,
                                const AssertValue* values, int value_count);

template <class... Values>
[[noreturn]] void assert_failed_with(const char* file, int line, const char* condition, std::string_view message,
                                     const Values&... values) {
  if constexpr (sizeof...(Values) == 0) {
    assert_failed(file, line, condition, message, nullptr, 0);
  } else {
    const AssertValue list[] = {AssertValue(values)...};
    assert_failed(file, line, condition, message, list, static_cast<int>(sizeof...(Values)));
  }
}

}  // namespace quorate

#define QUORATE_ASSERT(condition, ...)                                            \
  do {                                                                            \
    if (!(condition)) [[unlikely]]                                                \
      ::quorate::assert_failed_with(__FILE__, __LINE__, #condition, __VA_ARGS__); \
  } while (false)

#define QUORATE_UNREACHABLE(...) ::quorate::assert_failed_with(__FILE__, __LINE__, "unreachable", __VA_ARGS__)
