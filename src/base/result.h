#pragma once
// Expected failures as values. A code exists only if some caller reacts to it differently; the text is
// for a person and names what failed, the value and the limit.

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace quorate {

enum class ErrorCode : std::uint8_t {
  invalid,         ///< the input breaks a rule; the text names field and limit
  not_found,       ///< what was asked for does not exist
  already_exists,  ///< what was to be created exists
  corrupt,         ///< a checksum or structure is wrong: never guess on
  newer_format,    ///< written by a newer version than this one
  foreign,         ///< belongs to another cluster or node
  no_space,        ///< the disk or a quota is full
  busy,            ///< a bounded queue is full or a lock is held: try later
  io,              ///< the operating system refused; the text holds its reason
};

struct Error {
  ErrorCode code = ErrorCode::invalid;
  std::string text;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string text) {
  return std::unexpected<Error>(Error{code, std::move(text)});
}

}  // namespace quorate

/// Returns the error of `expression` from the enclosing function, if it has one.
#define QUORATE_TRY(expression)                                                     \
  do {                                                                              \
    if (auto quorate_status_ = (expression); !quorate_status_)                      \
      return std::unexpected<::quorate::Error>(std::move(quorate_status_).error()); \
  } while (false)
