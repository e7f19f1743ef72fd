#include "explore/story.h"

#include "base/assert.h"
#include "explore/turns.h"
#include "explore/words.h"

namespace quorate::explore {

namespace {

void tell(const StepTable& table, const World& world, const Action& action, std::size_t number,
          std::vector<std::string>& story) {
  const Packet* packet = action.input.kind == InputKind::deliver ? &table.packet(action.input.argument) : nullptr;
  std::vector<std::string> lines;
  (void)take_step(table.model(), table.replica(world.replicas[action.node]), action.input, packet, &lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string margin = i == 0 ? std::to_string(number) + "." : "";
    margin.resize(4 + std::size_t{4} * action.node, ' ');
    story.push_back(margin + lines[i]);
  }
}

void describe(const StepTable& table, const World& world, std::vector<std::string>& story) {
  story.emplace_back("in the end:");
  for (std::size_t n = 0; n < table.model().bounds.nodes; ++n) {
    const Replica& replica = table.replica(world.replicas[n]);
    const std::uint64_t term = replica.core->status().tag.value();
    story.push_back("    " + words(replica.id) + (replica.role == consensus::Role::leader ? " leads" : " is in") +
                    " term " + words(term) + ", has decided " + words(replica.commit.value()) + ", disk " +
                    words(replica.durable.log) +
                    (replica.unconfirmed.empty() ? "" : ", unsynced " + words(replica.written.log)));
  }
}

}  // namespace

Story tell_story(Tables& tables, Symmetry& symmetry, std::span<const std::uint16_t> path) {
  Story story;
  Turns turns(tables);
  std::vector<Action> how;
  World kept = beginning(tables, how);  // as the search knows it
  World told = first_lives(tables.steps.model());
  Permutation to_told = symmetry.normalise(kept).inverse();
  std::size_t number = 0;
  for (const Action& action : how) {
    tell(tables.steps, told, action, ++number, story.lines);
    (void)carry_out(tables, action, told);
  }
  told.budget = tables.steps.model().bounds.budget;
  for (const std::uint16_t chosen : path) {
    turns.start(kept);
    for (std::size_t i = 0; i <= chosen; ++i) {
      const bool is_there = turns.next();
      QUORATE_ASSERT(is_there, "a path goes from turn to turn", chosen, i);
    }
    for (const Action& action : turns.steps()) {
      const Action own = symmetry.renamed(action, to_told);
      tell(tables.steps, told, own, ++number, story.lines);
      story.violation = carry_out(tables, own, told).violation;
    }
    kept = turns.end();
    to_told = to_told.after(symmetry.normalise(kept).inverse());
  }
  describe(tables.steps, told, story.lines);
  return story;
}

}  // namespace quorate::explore
