// The one binary of Quorate: picks the sub-command.

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "base/plant.h"
#include "bench_command.h"
#include "check_history_command.h"
#include "dev_command.h"
#include "explore_command.h"
#include "member_command.h"
#include "paxos_command.h"
#include "protocols/protocols.h"
#include "server/serve.h"
#include "sim_command.h"
#include "snapshot_command.h"

namespace {

constexpr const char* kHelp =
    "quorate: consensus as software that people run\n"
    "\n"
    "  quorate dev      three nodes on this machine, ready to try (start here)\n"
    "  quorate serve    one member of a cluster; speaks etcd's v3 API, takes etcd's flags\n"
    "  quorate member   who takes part in a cluster, and how to change that, several at once\n"
    "  quorate paxos propose|learn\n"
    "                   keys that are written once, on a cluster of --consensus paxos\n"
    "  quorate snapshot save|status|restore\n"
    "                   a backup from a running cluster, what is in it, a new cluster from it\n"
    "  quorate sim      the deterministic simulator: one seed, every fault, every history checked\n"
    "  quorate explore  every schedule of a small cluster, on the real consensus core\n"
    "  quorate bench    what one client's requests take, and where their time goes\n"
    "  quorate check-history FILE\n"
    "                   judges what clients of real processes saw by the simulator's checkers\n"
    "  quorate protocols\n"
    "                   the consensus protocols that a cluster can run, one a line; the first is the default;\n"
    "                   --all: those too that run in the simulator only\n"
    "  quorate version  version and build\n"
    "\n"
    "`quorate COMMAND --help` tells more.\n";

int list_protocols(std::span<const std::string> words) {
  const bool all = words.size() == 1 && words[0] == "--all";
  if (!words.empty() && !all) {
    std::fprintf(stderr, "quorate protocols: unexpected `%s`; there is --all\n", words[0].c_str());
    return 2;
  }
  for (const quorate::consensus::Protocol* protocol : all ? quorate::protocols::all() : quorate::protocols::ordered()) {
    std::puts(std::string(protocol->name()).c_str());
  }
  return 0;
}

int unknown_command(const std::string& word) {
  std::cerr << "quorate: unknown command `" << word << "`; `quorate --help` lists the commands\n";
  return 2;
}

/// QUORATE_PLANT=name, in a build with planted bugs only: how tests on real processes see that they would find one.
void choose_plant_of_environment() {
#ifdef QUORATE_PLANTS
  if (const char* plant = std::getenv("QUORATE_PLANT")) {
    quorate::activate_plant(plant);
  }
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::fputs(kHelp, words.empty() ? stderr : stdout);
    return words.empty() ? 2 : 0;
  }
  const std::span<const std::string> rest = std::span(words).subspan(1);
  choose_plant_of_environment();
  if (words[0] == "serve") {
    return quorate::server::serve_main(rest);
  }
  if (words[0] == "dev") {
    return quorate::dev::dev_main(rest);
  }
  if (words[0] == "member") {
    return quorate::member_command(rest);
  }
  if (words[0] == "paxos") {
    return quorate::paxos_command(rest);
  }
  if (words[0] == "sim") {
    return quorate::sim_command(rest);
  }
  if (words[0] == "explore") {
    return quorate::explore_command(rest);
  }
  if (words[0] == "bench") {
    return quorate::bench_command(rest);
  }
  if (words[0] == "check-history") {
    return quorate::check_history_command(rest);
  }
  if (words[0] == "snapshot") {
    return quorate::snapshot_command(rest);
  }
  if (words[0] == "protocols") {
    return list_protocols(rest);
  }
  if (words[0] == "version" || words[0] == "--version") {
    std::puts(quorate::server::version_text().c_str());
    return 0;
  }
  return unknown_command(words[0]);
}
