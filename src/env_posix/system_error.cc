#include "env_posix/system_error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace quorate::env_posix {
namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::no_space;
    case ENOENT: return ErrorCode::not_found;
    case EEXIST: return ErrorCode::already_exists;
    default: return ErrorCode::io;
  }
}

}  // namespace

Error system_error(std::string_view what, int number) {
  return {code_of(number), "cannot " + std::string(what) + ": " + std::generic_category().message(number)};
}

}  // namespace quorate::env_posix
