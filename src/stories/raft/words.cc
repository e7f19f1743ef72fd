#include "stories/raft/words.h"

#include "consensus/raft/hard_state.h"
#include "stories/happening.h"

namespace quorate::stories {

std::string state_words(ByteView blob) {
  const raft::HardState hard = raft::decode_hard_state(blob).value_or(raft::HardState{});
  return "term " + std::to_string(hard.term.value()) + " vote " + (hard.vote.is_none() ? "none" : name_of(hard.vote));
}

}  // namespace quorate::stories
