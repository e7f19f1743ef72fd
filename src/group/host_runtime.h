#pragma once
// The host behind the door in host.h: routes messages and confirmations to replicas, and stops all of them when the log
// or the engine fails.
//
// Invariants: 1. a message of an unknown group, or one that breaks the format, is dropped and traced. 2. a link's news
//                of an earlier life of a node never reaches a core. 3. on_stopped is called at most once.
// Owned as a Host, on the node's loop. To be destroyed only when the loop runs none of its callbacks any more.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "group/contact_book.h"
#include "group/engine_writer.h"
#include "group/host.h"
#include "group/mender.h"
#include "group/message.h"
#include "group/node_parts.h"
#include "group/replica_runtime.h"
#include "group/salvage.h"
#include "group/scrubber.h"

namespace quorate::group {

class HostRuntime final : public Host,
                          public ReplicaOwner,
                          public peer::MeshEvents,
                          public storage::LogEvents,
                          private MenderOwner {
 public:
  HostRuntime(HostConfig config, Environment environment, HostEvents& events, std::unique_ptr<storage::Log> log,
              std::unique_ptr<peer::MetLives> met, storage::Recovery recovery);
  ~HostRuntime() override;

  // Host
  [[nodiscard]] Status add_group(GroupConfig config, state::StateMachine& machine, GroupEvents& events) override;
  [[nodiscard]] Status start() override;
  void learn_contacts(std::span<const consensus::Contact> contacts) override;
  [[nodiscard]] std::vector<consensus::Contact> contacts() const override { return book_.all(); }
  [[nodiscard]] Replica& replica(GroupId group) override;
  [[nodiscard]] const PutStages& put_stages(GroupId group) const override { return replicas_.at(group)->put_stages(); }
  [[nodiscard]] std::vector<peer::LinkStatus> links() const override;
  [[nodiscard]] const storage::LogStats& log_stats() const override { return log_->stats(); }
  [[nodiscard]] const storage::Recovery& recovery() const override { return recovery_; }
  [[nodiscard]] bool found_damaged_records() const override { return found_damaged_records_; }
  [[nodiscard]] std::size_t groups_in_repair() const override;

  // ReplicaOwner
  void on_executed(ReplicaRuntime& replica) override { engine_.on_executed(replica); }
  void on_configuration_changed(GroupId group, const consensus::ConfigurationChanged& change) override;
  void on_fatal(const Error& why) override;
  [[nodiscard]] bool pushes_back() const override;

  // peer::MeshEvents
  void on_message(NodeId from, peer::Channel channel, GroupId group, Buffer message) override;
  void on_peer_up(NodeId node, Incarnation incarnation) override;
  void on_peer_down(NodeId node, Incarnation incarnation, std::string_view why) override;
  void on_peer_rejected(NodeId node, std::string_view why) override;
  void on_removed(std::string_view why) override;
  [[nodiscard]] Buffer describe_members() override;

  // storage::LogEvents
  void on_durable(GroupId group, Io io) override;
  void on_log_failed(const Error& error) override;

 private:
  [[nodiscard]] ReplicaRuntime* find(GroupId group);
  // recovery: host_recovery.cc

  /// What the records of a group are.
  struct Records {
    Position applied;  ///< they contain everything up to it
    Generation generation;
    Generation highest;  ///< of which there may be records
  };
  /// A group whose replica begins when others have brought what its log lacks.
  struct Mending {
    GroupConfig config;
    storage::RecoveredGroup whole;  ///< what the log holds of it, and payloads of configurations only
    Records records;
  };

  /// What the group's log and records are worth, and what its machine and core begin with.
  [[nodiscard]] Result<ReplicaStart> recover_group(const GroupConfig& config, state::StateMachine& machine);
  [[nodiscard]] Result<ReplicaStart> make_start(GroupConfig config, storage::RecoveredGroup* recovered, Salvage rest,
                                                const Records& records);
  static void forget_commands(storage::RecoveredGroup& group);
  [[nodiscard]] storage::RecoveredGroup* find_recovered(GroupId group);
  storage::RecoveredGroup& note_lost_log(GroupId group);
  [[nodiscard]] bool goes_on_without(GroupId group, const EntryId& entry, NodeId asking) const override;
  void on_mended(GroupId group, std::span<const storage::LogEntry> entries) override;
  void on_needless(GroupId group) override;
  void begin(ReplicaRuntime& replica);
  /// While the log's end is uncertain, damage in it is all that tells of a loss, or a loss is not made good: looks
  /// whether every replica has settled the first, noted the second, and whether it is durable that the third is.
  void check_recovered(std::uint64_t);

  // members: host_members.cc
  void keep_contacts(const consensus::PersistedState& state);
  [[nodiscard]] bool is_member_anywhere(NodeId node) const;
  void learn(const consensus::Contact& contact);
  void part_with(NodeId node);

  void on_life_noted(std::uint64_t, NodeId node);
  void on_lives_failed(std::uint64_t, const Error& why);
  void on_engine_failed(std::uint64_t, const Error& why);
  void on_damage_found(std::uint64_t, const Scrubber::Damage& damage);

  HostConfig config_;
  Environment environment_;
  HostEvents& events_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<peer::MetLives> met_;
  storage::Recovery recovery_;
  ReplicaLimits limits_;
  Pace pace_;
  NodeParts node_;
  EngineWriter engine_;
  Scrubber scrubber_;
  Mender mender_;
  std::map<GroupId, Mending> mending_;
  std::map<GroupId, std::unique_ptr<ReplicaRuntime>> replicas_;  ///< ordered: news is fanned out in the same order
  std::map<NodeId, Incarnation> peers_;                          ///< the latest life seen of each node
  ContactBook book_;
  std::vector<consensus::Contact> logged_contacts_;     ///< of the log's changes, in order; until start()
  std::map<GroupId, consensus::Membership> committed_;  ///< the latest membership that cannot be taken back
  std::unique_ptr<peer::Mesh> mesh_;
  env::TimerId recovered_timer_ = 0;
  bool is_tail_open_ = false;    ///< the log reports an uncertain end until it is told
  bool is_damage_open_ = false;  ///< it keeps what is damaged until it is told
  bool found_damaged_records_ = false;
  bool started_ = false;
  bool stopped_ = false;
  GroupMessage received_;  ///< memory used again by every message
};

}  // namespace quorate::group
