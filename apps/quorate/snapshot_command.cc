#include "snapshot_command.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <vector>

#include <CLI/CLI.hpp>

#include "server/flags.h"
#include "server/identity.h"
#include "server/restore.h"
#include "server/snapshot_file.h"
#include "snapshot_save.h"

namespace quorate {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> endpoints = {"127.0.0.1:2379"};
  std::string format = "simple";
  bool skip_hash_check = false;
  bool mark_compacted = false;
  server::RestoreOptions restore;
};

int complain(const Error& error, int code) {
  std::cerr << "quorate snapshot: " << error.text << '\n';
  return code;
}

void print_json(const server::SnapshotStatus& status) {
  const backup::Figures& figures = status.figures;
  // The first four are etcdctl's.
  std::printf(
      "{\"hash\":%u,\"revision\":%lld,\"totalKey\":%llu,\"totalSize\":%llu,\"compactRevision\":%lld,\"leases\":%llu}\n",
      figures.hash, static_cast<long long>(figures.revision), static_cast<unsigned long long>(figures.items),
      static_cast<unsigned long long>(status.database_bytes), static_cast<long long>(figures.compact_revision),
      static_cast<unsigned long long>(figures.leases));
}

void print_text(const std::string& file, const server::SnapshotStatus& status) {
  const backup::Figures& figures = status.figures;
  std::printf("%s: whole; every record was read%s\n", file.c_str(),
              status.has_sum ? " and the SHA-256 is right" : "; it has no SHA-256");
  std::printf("hash       %08x\n", figures.hash);
  std::printf("revision   %lld\n", static_cast<long long>(figures.revision));
  if (figures.compact_revision > 0) {
    std::printf("compacted  %lld\n", static_cast<long long>(figures.compact_revision));
  }
  std::printf("keys       %llu in all buckets, %llu of them versions of keys\n",
              static_cast<unsigned long long>(figures.items), static_cast<unsigned long long>(figures.revisions));
  std::printf("leases     %llu\n", static_cast<unsigned long long>(figures.leases));
  std::printf("size       %llu bytes\n", static_cast<unsigned long long>(status.database_bytes));
  if (figures.auth_enabled) {
    std::puts("authentication is on in it: `quorate snapshot restore` refuses it");
  }
}

int save(const Options& options) {
  std::vector<client::Endpoint> endpoints;
  for (const std::string& text : options.endpoints) {
    const Result<client::Endpoint> endpoint = client::Endpoint::parse(text);
    if (!endpoint) {
      return complain(endpoint.error(), 2);
    }
    endpoints.push_back(*endpoint);
  }
  const Result<server::SnapshotStatus> status = save_snapshot(options.file, endpoints);
  if (!status) {
    return complain(status.error(), 1);
  }
  print_text(options.file, *status);
  return 0;
}

int show_status(const Options& options) {
  const Result<server::SnapshotStatus> status = server::read_snapshot_status(options.file, !options.skip_hash_check);
  if (!status) {
    return complain(status.error(), 1);
  }
  options.format == "json" ? print_json(*status) : print_text(options.file, *status);
  return 0;
}

/// The peer URLs that --initial-cluster has for this member need not be said twice.
void take_peer_urls_of_cluster(server::ServeOptions& member) {
  const auto self = std::ranges::find(member.initial_cluster, member.name, &server::InitialMember::name);
  if (member.advertise_peer_urls.empty() && self != member.initial_cluster.end()) {
    member.advertise_peer_urls = self->peer_urls;
  }
}

int restore(Options& options) {
  server::RestoreOptions& wanted = options.restore;
  if ((wanted.bump_revision != 0) != options.mark_compacted) {
    return complain({ErrorCode::invalid,
                     "--bump-revision and --mark-compacted go together: clients that watch an old "
                     "revision must be told that it is gone"},
                    2);
  }
  take_peer_urls_of_cluster(wanted.member);
  if (const Status completed = complete_options(wanted.member); !completed) {
    return complain(completed.error(), 2);
  }
  wanted.file = options.file;
  wanted.needs_sum = !options.skip_hash_check;
  const Result<server::RestoredMember> member = restore_snapshot(wanted);
  if (!member) {
    return complain(member.error(), 1);
  }
  std::printf("%s: revision %lld restored into '%s', member %s (%s) of cluster %s\n", options.file.c_str(),
              static_cast<long long>(member->revision), wanted.member.data_dir.c_str(), wanted.member.name.c_str(),
              server::hex_id(member->member.value()).c_str(), server::hex_id(member->cluster.value()).c_str());
  if (const std::size_t members = wanted.member.initial_cluster.size(); members > 1) {
    std::printf("Each of the %zu members restores the same file, with the same --initial-cluster.\n", members);
  }
  return 0;
}

/// The flags of `quorate serve` that say who a member is, under the same names and with the same checks.
void add_member_flags(CLI::App& command, server::ServeOptions& member) {
  constexpr std::string_view kNames[] = {
      "name",      "data-dir",       "initial-cluster", "initial-cluster-token", "initial-advertise-peer-urls",
      "consensus", "phase-1-quorum", "phase-2-quorum"};
  for (const server::FlagSpec& flag : server::serve_flags()) {
    if (std::ranges::find(kNames, flag.name) == std::end(kNames)) {
      continue;
    }
    command.add_option_function<std::string>(
        "--" + std::string(flag.name),
        [&flag, &member](const std::string& value) {
          if (const Status set = flag.set(member, value); !set) {
            throw CLI::ValidationError(set.error().text);
          }
        },
        std::string(flag.meaning) + " (default: " + std::string(flag.default_text) + ")");
  }
}

}  // namespace

int snapshot_command(std::span<const std::string> words) {
  Options options;
  CLI::App app("quorate snapshot: a backup of the whole, in etcd's format, and a new cluster from it",
               "quorate snapshot");
  app.require_subcommand(1);
  CLI::App& save_app = *app.add_subcommand("save", "from a running node into FILE, read back and checked");
  CLI::App& status_app = *app.add_subcommand("status", "reads all of FILE, checks it, tells what it holds");
  CLI::App& restore_app = *app.add_subcommand("restore", "makes the data directory of one member of a new cluster");
  for (CLI::App* command : {&save_app, &status_app, &restore_app}) {
    command->add_option("FILE", options.file, "an etcd snapshot file")->required();
  }
  save_app.add_option("--endpoints", options.endpoints, "client endpoints; the first that answers is asked")
      ->delimiter(',')
      ->capture_default_str();
  status_app.add_option("-w,--write-out", options.format, "simple or json")->check(CLI::IsMember({"simple", "json"}));
  for (CLI::App* command : {&status_app, &restore_app}) {
    command->add_flag("--skip-hash-check", options.skip_hash_check,
                      "FILE has no sum at its end: a copy of etcd's member/snap/db");
  }
  add_member_flags(restore_app, options.restore.member);
  restore_app
      .add_option("--bump-revision", options.restore.bump_revision,
                  "how far the revision is raised, for clients that remember later ones than the backup has")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 62));
  restore_app.add_flag("--mark-compacted", options.mark_compacted,
                       "with --bump-revision: what was before is compacted");
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return save_app.parsed() ? save(options) : status_app.parsed() ? show_status(options) : restore(options);
}

}  // namespace quorate
