#include "isolated_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

namespace quorate {
namespace {

// What the child tells, one line each: the first letter says what.
constexpr char kFault = 'F';
constexpr char kStory = 'S';
constexpr char kChecker = 'C';
constexpr char kViolation = 'V';

std::FILE* g_told = nullptr;  // the child's way to the parent

void tell(char what, std::string_view text) {
  std::string line = what + std::string(text);
  std::ranges::replace(line, '\n', ' ');
  std::fprintf(g_told, "%s\n", line.c_str());
}

/// The place of the assertion says which it is; the values differ from run to run.
void on_assert_failed(std::string_view report) {
  const std::size_t line = report.find(':', report.find(':') + 1);
  tell(kChecker, report.substr(0, line));
  tell(kViolation, report.substr(0, report.find_last_not_of('\n') + 1));
  std::fflush(g_told);
  _exit(0);
}

void be_child(sim::RunSettings settings, int out, double cpu_limit, const sim::Story* words) {
  g_told = fdopen(out, "w");
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, STDERR_FILENO);
  const auto seconds = static_cast<rlim_t>(std::ceil(cpu_limit) + 1);
  const rlimit limit{.rlim_cur = seconds, .rlim_max = seconds};
  setrlimit(RLIMIT_CPU, &limit);
  set_assert_hook(&on_assert_failed);
  settings.on_fault = [](const sim::FaultEvent& event) { tell(kFault, sim::to_text(event)); };
  sim::Story story;
  if (words != nullptr) {
    story = *words;
    story.print = [](std::string_view line) { tell(kStory, line); };
    settings.story = &story;
  }
  const sim::RunResult result = sim::run(settings);
  if (!result.violation.empty()) {
    tell(kChecker, result.checker);
    tell(kViolation, result.violation);
  }
  std::fflush(g_told);
  _exit(0);
}

void note(IsolatedResult& result, std::string_view line, const sim::Story* words) {
  const std::string_view text = line.substr(1);
  switch (line[0]) {
    case kFault:
      if (const auto events = sim::parse_faults(text)) {
        result.faults.insert(result.faults.end(), events->begin(), events->end());
      }
      break;
    case kStory: words->print(text); break;
    case kChecker: result.checker = text; break;
    case kViolation: result.violation = text; break;
    default: break;
  }
}

void read_all(int in, IsolatedResult& result, const sim::Story* words) {
  std::FILE* told = fdopen(in, "r");
  char* line = nullptr;
  std::size_t capacity = 0;
  for (ssize_t size = 0; (size = getline(&line, &capacity, told)) > 0;) {
    note(result, std::string_view(line, static_cast<std::size_t>(size - 1)), words);
  }
  std::free(line);  // NOLINT(cppcoreguidelines-no-malloc): getline's
  std::fclose(told);
}

}  // namespace

IsolatedResult run_isolated(sim::RunSettings settings, double cpu_limit, const sim::Story* words) {
  int ends[2];
  QUORATE_ASSERT(pipe2(ends, O_CLOEXEC) == 0, "a pipe to the run");
  std::fflush(stdout);
  const pid_t child = fork();
  QUORATE_ASSERT(child >= 0, "a process for the run");
  if (child == 0) {
    close(ends[0]);
    be_child(std::move(settings), ends[1], cpu_limit, words);
  }
  close(ends[1]);
  IsolatedResult result;
  read_all(ends[0], result, words);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  result.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  if (result.violation.empty() && WIFSIGNALED(status)) {
    const bool timed_out = WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL;
    result.checker = timed_out ? "no end" : "signal " + std::to_string(WTERMSIG(status));
    result.violation = "the run was ended by signal " + std::to_string(WTERMSIG(status));
  }
  return result;
}

}  // namespace quorate
