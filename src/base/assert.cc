#include "base/assert.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace quorate {
namespace {

AssertHook g_hook = nullptr;  // set once at start-up

}  // namespace

void set_assert_hook(AssertHook hook) { g_hook = hook; }

void assert_failed(const char* file, int line, const char* condition, std::string_view message,
                   const AssertValue* values, int value_count) {
  std::string report;
  report.append(file).append(":").append(std::to_string(line)).append(": assertion failed: ");
  report.append(message).append(" (").append(condition).append(")");
  for (int i = 0; i < value_count; ++i) {
    report.append(i == 0 ? ": " : ", ");
    const AssertValue& value = values[i];
    if (!value.is_number) {
      report.append(value.text);
    } else if (value.is_negative) {
      report.append(std::to_string(static_cast<std::int64_t>(value.number)));
    } else {
      report.append(std::to_string(value.number));
    }
  }
  report.append("\n");
  std::fwrite(report.data(), 1, report.size(), stderr);
  std::fflush(stderr);
  if (g_hook != nullptr) {
    g_hook(report);
  }
  std::abort();
}

}  // namespace quorate
