#include "consensus/multipaxos/words.h"

#include <charconv>

#include "base/match.h"
#include "consensus/multipaxos/acceptor_state.h"
#include "consensus/multipaxos/ballot.h"
#include "consensus/multipaxos/wire.h"

namespace quorate::multipaxos {

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string words(Tag ballot) {
  const Ballot parts = Ballot::of(ballot);
  return ballot.is_none() ? "none"
                          : number(parts.round) + (parts.member == 0 ? ".nobody" : ".n" + number(parts.member));
}

std::string slots(Position first, Position last) {
  return number(first.value()) + (first == last ? "" : ".." + number(last.value()));
}

/// Takes `prefix` and a number off the front of `text`; nothing if it begins otherwise.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view prefix) {
  std::uint64_t value = 0;
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(prefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text = digits.substr(static_cast<std::size_t>(end - digits.data()));
  return value;
}

}  // namespace

std::string message_words(ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return "(no message)";
  }
  const std::string ballot = words(std::visit([](const auto& one) { return one.ballot; }, *decoded));
  const auto conditional = [](bool yes) { return std::string(yes ? " if all do" : ""); };
  return std::visit(
      Match{[&](const Inquiry&) { return "would you promise " + ballot + "?"; },
            [&](const InquiryAnswer& m) {
              return std::string(m.granted ? "would promise " : "would not promise ") + words(m.asked) +
                     conditional(m.conditional) + ", has promised " + ballot;
            },
            [&](const Prepare& m) {
              return "prepare " + ballot + " from slot " + number(m.first.value()) +
                     (m.by_transfer ? ", by transfer" : "");
            },
            [&](const Promise& m) {
              return "promise " + ballot + conditional(m.conditional) + ", decided " + number(m.decided.value()) +
                     ", last " + number(m.last.value());
            },
            [&](const PromisedRun& m) {
              return "promise " + ballot + ", behind " + number(m.after.value()) + " accepted in " + words(m.accepted);
            },
            [&](const Refused& m) { return "refused " + words(m.asked) + ", has promised " + ballot; },
            [&](const Accept& m) { return "accept in " + ballot + ", decided " + number(m.decided.value()); },
            [&](const Accepted& m) { return "accepted " + slots(m.first, m.last) + " in " + ballot; },
            [&](const Decide& m) { return "decided " + number(m.decided.value()) + " in " + ballot; },
            [&](const LearnRequest& m) {
              return "what was decided at " + slots(m.first, m.last) + "?" +
                     (m.tag.is_none() ? "" : " has " + words(m.tag));
            },
            [&](const Learned& m) { return "decided at " + slots(m.first, m.last); },
            [&](const Confirmed& m) { return "decided at " + slots(m.first, m.last) + " is " + words(m.tag); },
            [&](const Heartbeat& m) {
              return "heartbeat in " + ballot + ", round " + number(m.round) + (m.regular ? "" : " for reads") +
                     ", decided " + number(m.decided.value()) + ", everywhere " + number(m.everywhere.value());
            },
            [&](const HeartbeatAnswer& m) {
              return "heartbeat answered in " + ballot + ", round " + number(m.round) + ", decided " +
                     number(m.decided.value()) + ", noted " + number(m.noted.value());
            },
            [&](const Noted& m) { return "noted " + number(m.noted.value()); },
            [&](const ReadRequest& m) { return "read " + number(m.number) + "?"; },
            [&](const ReadAnswer& m) {
              return "read " + number(m.number) + (m.served ? " at " + number(m.position.value()) : " refused");
            },
            [&](const CampaignNow&) { return "campaign now, after " + ballot; }},
      *decoded);
}

std::string state_words(ByteView blob) {
  const AcceptorState state = decode_acceptor_state(blob).value_or(AcceptorState{});
  if (state.promised.is_none()) {
    return "promised nothing";
  }
  std::string text = "promised " + words(state.promised);
  for (const TagRuns::Run& vote : state.votes) {
    text += ", " + slots(vote.first, vote.last) + " accepted in " + words(vote.tag);
  }
  return text;
}

std::optional<Buffer> state_of_words(std::string_view words) {
  if (words == "promised nothing") {
    return encode(AcceptorState{});
  }
  const std::optional<std::uint64_t> round = take_number(words, "promised ");
  const std::optional<std::uint64_t> member = take_number(words, ".n");
  if (!round || !member || !words.empty()) {
    return std::nullopt;
  }
  return encode(AcceptorState{
      .promised = Ballot{*round, static_cast<std::uint32_t>(*member)}.tag(), .proposer = NodeId(*member), .votes = {}});
}

}  // namespace quorate::multipaxos
