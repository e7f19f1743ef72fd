// What a store keeps of the cluster's members for those who ask it: where they are found, as changes of the membership
// told, and what each published of itself.

#include <algorithm>

#include "state/kv/store_impl.h"

namespace quorate::kv {

using Op = env::RecordBatch::Op;

void StoreImpl::run_publish_member(Task& task) {
  const NodeId member = task.command.header.request.origin;
  const Buffer description = Buffer::copy_of(task.command.request);
  members_[member] = description;
  add_side_op(task.id.position, {Op::Kind::put, keys_.member(member), description});
}

/// Who is no longer among `members` was removed, and its id never comes back: an empty contact says so.
void StoreImpl::configure(Position position, std::span<const NodeId> members,
                          std::span<const state::MemberContact> contacts) {
  skip(position);
  const auto keep = [this, position](NodeId node, ByteView text) {
    Buffer& known = contacts_[node];
    if (known.view() != text) {
      known = Buffer::copy_of(text);
      add_side_op(position, {Op::Kind::put, keys_.contact(node), known});
    }
  };
  for (const state::MemberContact& contact : contacts) {
    keep(contact.node, contact.text);
  }
  for (const auto& [node, text] : contacts_) {
    if (!text.empty() && !std::ranges::binary_search(members, node)) {
      keep(node, {});
      if (members_.erase(node) > 0) {
        add_side_op(position, {Op::Kind::erase, keys_.member(node), {}});
      }
    }
  }
}

}  // namespace quorate::kv
