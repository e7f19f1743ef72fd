// How a host follows changes of the membership: links to who comes, a last word to who goes.

#include <algorithm>
#include <iterator>
#include <utility>

#include "consensus/contract/membership_codec.h"
#include "group/host_runtime.h"

namespace quorate::group {

using consensus::Contact;

/// An entry that is not executed yet may name a member whose address nobody else kept.
void HostRuntime::keep_contacts(const consensus::PersistedState& state) {
  for (const consensus::PersistedState::Slot& slot : state.log) {
    if (slot.kind == consensus::EntryKind::configuration) {
      if (std::optional<consensus::Configuration> read = consensus::decode_configuration(slot.payload.view())) {
        std::ranges::move(read->contacts, std::back_inserter(logged_contacts_));
      }
    }
  }
}

void HostRuntime::learn_contacts(std::span<const Contact> contacts) {
  for (const Contact& contact : contacts) {
    if (contact.urls.empty()) {
      part_with(contact.node);
    } else {
      learn(contact);
    }
  }
}

void HostRuntime::learn(const Contact& contact) {
  if (book_.learn(contact) && mesh_ != nullptr && contact.node != config_.mesh.self) {
    environment_.traces.trace({"group.contact_learnt", contact.node.value()});
    mesh_->set_peer({contact.node, address_of(contact)});
  }
}

void HostRuntime::part_with(NodeId node) {
  book_.forget(node);
  if (mesh_ != nullptr) {
    environment_.traces.trace({"group.member_gone", node.value()});
    mesh_->retire(node);
  } else {
    std::erase_if(config_.mesh.peers, [node](const peer::Peer& peer) { return peer.node == node; });
    config_.mesh.removed.push_back(node);
  }
}

bool HostRuntime::is_member_anywhere(NodeId node) const {
  return std::ranges::any_of(replicas_,
                             [node](const auto& one) { return one.second->status().membership.contains(node); });
}

/// Only a committed change parts with anybody: one that is taken back may come again.
void HostRuntime::on_configuration_changed(GroupId group, const consensus::ConfigurationChanged& change) {
  for (const Contact& contact : change.contacts) {
    learn(contact);
  }
  if (!change.committed) {
    return;
  }
  const std::vector<NodeId> before = std::exchange(committed_[group], change.membership).all_nodes();
  for (const NodeId node : before) {
    if (change.membership.contains(node) || is_member_anywhere(node)) {
      continue;
    }
    if (node == config_.mesh.self) {
      on_removed("the members have decided so");
    } else {
      part_with(node);
    }
  }
}

void HostRuntime::on_removed(std::string_view why) {
  environment_.traces.trace({"group.removed_from_cluster"});
  events_.on_removed(why);
}

Buffer HostRuntime::describe_members() {
  MembersAnswer answer{.cluster = config_.mesh.cluster,
                       .configuration = {.membership = {}, .contacts = book_.all()},
                       .quorum_sizes = config_.mesh.quorum_sizes};
  if (!replicas_.empty()) {
    answer.configuration.membership = replicas_.begin()->second->status().membership;
  }
  return encode_members_answer(answer);
}

}  // namespace quorate::group
