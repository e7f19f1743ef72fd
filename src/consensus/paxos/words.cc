#include "consensus/paxos/words.h"

#include <algorithm>
#include <charconv>

#include "base/match.h"
#include "consensus/paxos/cell.h"
#include "consensus/paxos/wire.h"

namespace quorate::paxos {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string words(const Ballot& ballot) {
  return ballot.is_none() ? "nothing"
                          : number(ballot.round) + ".n" + number(ballot.proposer.value()) +
                                (ballot.life.value() > 1 ? "/" + number(ballot.life.value()) : "");
}

std::string text(ByteView bytes) {
  constexpr std::size_t kWorthShowing = 64;
  const bool is_text = std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c <= '~'; });
  return is_text && !bytes.empty() && bytes.size() <= kWorthShowing ? std::string(bytes)
                                                                    : number(bytes.size()) + " bytes";
}

std::string accepted_words(const Ballot& accepted, ByteView value) {
  return accepted.is_none() ? "accepted nothing" : "accepted " + text(value) + " in " + words(accepted);
}

std::string told_words(const SurveyAnswer& answer) {
  std::string all;
  for (const ToldCell& one : answer.cells) {
    all += ", " + text(one.cell) + " " +
           (one.decided ? "decided " + text(one.value) : accepted_words(one.accepted, one.value));
  }
  return all + (answer.last ? "" : ", and more");
}

}  // namespace

std::string message_words(ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return "(no message)";
  }
  return std::visit(
      Match{[](const Prepare& m) { return "prepare " + words(m.ballot) + " for " + text(m.cell); },
            [](const Promise& m) {
              return "promise " + words(m.ballot) + " for " + text(m.cell) + ", " + accepted_words(m.accepted, m.value);
            },
            [](const Accept& m) { return "accept " + text(m.cell) + "=" + text(m.value) + " in " + words(m.ballot); },
            [](const Accepted& m) { return "accepted " + text(m.cell) + " in " + words(m.ballot); },
            [](const Refused& m) {
              return "refused " + words(m.ballot) + " for " + (m.cell.empty() ? "all cells" : text(m.cell)) +
                     ", has promised " + words(m.promised);
            },
            [](const Decided& m) { return "decided " + text(m.cell) + "=" + text(m.value); },
            [](const Survey& m) {
              return "prepare " + words(m.ballot) + " for all cells" +
                     (m.after.empty() ? "" : ", tell of those behind " + text(m.after));
            },
            [](const SurveyAnswer& m) {
              return "promise " + words(m.ballot) + " for all cells" + (m.conditional ? " if all do" : "") +
                     told_words(m);
            }},
      *decoded);
}

std::string state_words(ByteView blob) {
  return "promised " + words(decode_floor(blob).value_or(Ballot())) + " in all cells";
}

std::optional<Buffer> state_of_words(std::string_view words) {
  constexpr std::string_view kBegin = "promised ";
  constexpr std::string_view kEnd = " in all cells";
  if (!words.starts_with(kBegin) || !words.ends_with(kEnd) || words.size() < kBegin.size() + kEnd.size()) {
    return std::nullopt;
  }
  const std::string_view ballot = words.substr(kBegin.size(), words.size() - kBegin.size() - kEnd.size());
  if (ballot == "nothing") {
    return Buffer();
  }
  Ballot floor{.round = 0, .proposer = {}, .life = Incarnation(1)};
  std::uint64_t proposer = 0;
  const char* const end = ballot.data() + ballot.size();
  const auto round = std::from_chars(ballot.data(), end, floor.round);
  if (round.ec != std::errc() || !std::string_view(round.ptr, end).starts_with(".n")) {
    return std::nullopt;
  }
  const auto node = std::from_chars(round.ptr + 2, end, proposer);
  if (node.ec != std::errc() || node.ptr != end) {
    return std::nullopt;
  }
  floor.proposer = NodeId(proposer);
  return encode_floor(floor);
}

std::string cell_words(ByteView name, ByteView blob) {
  const std::optional<AcceptorCell> cell = decode_cell(Buffer::copy_of(blob));
  if (!cell) {
    return text(name) + ": (no cell)";
  }
  if (cell->decided) {
    return text(name) + ": decided " + text(cell->value.view());
  }
  return text(name) + ": promised " + words(cell->promised) +
         (cell->accepted.is_none() ? "" : ", " + accepted_words(cell->accepted, cell->value.view()));
}

}  // namespace quorate::paxos
