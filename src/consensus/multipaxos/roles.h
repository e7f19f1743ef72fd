#pragma once
// Why a replica's role changes, in words for a person.

#include <cstdint>
#include <string_view>

namespace quorate::multipaxos {

enum class RoleCause : std::uint8_t {
  silence,
  would_be_heeded,
  would_not_be_heeded,
  handed_over,
  promised,
  leader_heard,
  higher_prepare,
  higher_message,
  no_quorum,
  vote_lost,
  members_changed,
};

[[nodiscard]] constexpr std::string_view words_of(RoleCause cause) {
  switch (cause) {
    case RoleCause::silence: return "no word from a leader";
    case RoleCause::would_be_heeded: return "enough acceptors would promise";
    case RoleCause::would_not_be_heeded: return "the others would not promise";
    case RoleCause::handed_over: return "the leader handed over";
    case RoleCause::promised: return "enough acceptors have promised";
    case RoleCause::leader_heard: return "heard from the leader of the ballot";
    case RoleCause::higher_prepare: return "another node prepares a higher ballot";
    case RoleCause::higher_message: return "a message of a higher ballot";
    case RoleCause::no_quorum: return "too few answered within the election time-out";
    case RoleCause::vote_lost: return "it is no longer a voter";
    case RoleCause::members_changed: return "the membership changed";
  }
  return "?";
}

}  // namespace quorate::multipaxos
