#include "peer/handshake.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/assert.h"
#include "base/plant.h"
#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::peer {
namespace {

constexpr std::string_view kMagic = "quorpeer";
constexpr std::size_t kMaxRefusalText = 256;
constexpr std::string_view kUntold = "raft";  // what nodes run whose hello does not tell: there was no other

std::string versions(std::uint16_t oldest, std::uint16_t newest) {
  return oldest == newest ? std::to_string(newest) : std::to_string(oldest) + " to " + std::to_string(newest);
}

std::string_view consensus_of(const Hello& hello) {
  return hello.consensus.empty() ? kUntold : std::string_view(hello.consensus);
}

}  // namespace

std::string encode_hello(const Hello& hello) {
  QUORATE_ASSERT(hello.consensus.size() <= kMaxConsensusName, "a protocol's name is short", hello.consensus);
  const std::string_view told = consensus_of(hello) == kUntold ? std::string_view() : consensus_of(hello);
  codec::Writer writer;
  writer.bytes(kMagic);
  writer.u16(hello.version);
  writer.u16(hello.oldest_version);
  writer.u32(static_cast<std::uint32_t>(told.size()));
  writer.u64(hello.cluster.value());
  writer.u64(hello.from.value());
  writer.u64(hello.to.value());
  writer.u64(hello.life.incarnation.value());
  writer.u64(hello.attempt);
  writer.bytes(told);
  writer.u32(hello.quorum_sizes.phase_1);
  writer.u32(hello.quorum_sizes.phase_2);
  writer.u64(hello.life.birth);
  writer.u64(hello.life.start);
  return writer.take();
}

Result<Hello> decode_hello(ByteView body) {
  codec::Reader reader(body);
  const ByteView magic = reader.bytes(kMagic.size());
  Hello hello;
  hello.version = reader.u16();
  hello.oldest_version = reader.u16();
  const std::uint32_t told_size = reader.u32();
  hello.cluster = ClusterId(reader.u64());
  hello.from = NodeId(reader.u64());
  hello.to = NodeId(reader.u64());
  hello.life.incarnation = Incarnation(reader.u64());
  hello.attempt = reader.u64();
  hello.consensus = std::string(reader.bytes(told_size));
  if (reader.ok() && reader.remaining() > 0) {
    hello.quorum_sizes.phase_1 = reader.u32();
    hello.quorum_sizes.phase_2 = reader.u32();
  }
  if (reader.ok() && reader.remaining() > 0) {
    hello.life.birth = reader.u64();
    hello.life.start = reader.u64();
  }
  // Later versions may append fields: what follows is theirs.
  if (!reader.ok() || magic != kMagic) {
    return fail(ErrorCode::invalid, "not the greeting of a Quorate node");
  }
  if (hello.from.is_none() || hello.life.incarnation.is_none() || told_size > kMaxConsensusName ||
      hello.oldest_version > hello.version) {
    return fail(ErrorCode::invalid, "a greeting without node, life or version");
  }
  return hello;
}

std::string encode_refusal(const Refusal& refusal) {
  codec::Writer writer;
  writer.bytes(kMagic);
  writer.u8(static_cast<std::uint8_t>(refusal.code));
  writer.sized_bytes(std::string_view(refusal.text).substr(0, kMaxRefusalText));
  return writer.take();
}

Result<Refusal> decode_refusal(ByteView body) {
  codec::Reader reader(body);
  const ByteView magic = reader.bytes(kMagic.size());
  Refusal refusal;
  refusal.code = static_cast<RefusalCode>(reader.u8());
  refusal.text = std::string(reader.sized_bytes());
  if (!reader.ok() || magic != kMagic || refusal.text.size() > kMaxRefusalText) {
    return fail(ErrorCode::invalid, "not the refusal of a Quorate node");
  }
  // The text reaches logs: nothing in it may end a line or move a cursor.
  std::replace_if(refusal.text.begin(), refusal.text.end(), [](char c) { return c < 0x20 || c == 0x7F; }, '?');
  return refusal;
}

std::string encode_question() {
  codec::Writer writer;
  writer.bytes(kMagic);
  writer.u16(kProtocolVersion);
  return writer.take();
}

bool is_question(ByteView body) { return body.size() >= kMagic.size() && body.substr(0, kMagic.size()) == kMagic; }

std::optional<Refusal> judge_hello(const Hello& hello, const Hello& self, bool is_known) {
  if (hello.version < self.oldest_version || self.version < hello.oldest_version) {
    return Refusal{RefusalCode::version, "node " + hex(hello.from.value()) + " speaks peer protocol " +
                                             versions(hello.oldest_version, hello.version) + ", node " +
                                             hex(self.from.value()) + " speaks " +
                                             versions(self.oldest_version, self.version)};
  }
  if (hello.cluster != self.cluster && !QUORATE_PLANT(accept_wrong_cluster)) {
    // The same words on either side, whoever asked: a person reads them once.
    const Hello& first = hello.from < self.from ? hello : self;
    const Hello& second = hello.from < self.from ? self : hello;
    return Refusal{RefusalCode::wrong_cluster, "wrong cluster: node " + hex(first.from.value()) +
                                                   " belongs to cluster " + hex(first.cluster.value()) + ", node " +
                                                   hex(second.from.value()) + " to cluster " +
                                                   hex(second.cluster.value())};
  }
  if (consensus_of(hello) != consensus_of(self)) {
    const Hello& first = hello.from < self.from ? hello : self;
    const Hello& second = hello.from < self.from ? self : hello;
    return Refusal{RefusalCode::wrong_consensus, "wrong consensus protocol: node " + hex(first.from.value()) +
                                                     " runs " + std::string(consensus_of(first)) + ", node " +
                                                     hex(second.from.value()) + " runs " +
                                                     std::string(consensus_of(second)) +
                                                     "; start the one that is new with an empty data directory "
                                                     "and the other's --consensus"};
  }
  if (hello.quorum_sizes != self.quorum_sizes) {
    const Hello& first = hello.from < self.from ? hello : self;
    const Hello& second = hello.from < self.from ? self : hello;
    return Refusal{RefusalCode::wrong_quorums, "wrong quorum sizes: node " + hex(first.from.value()) + " has " +
                                                   first.quorum_sizes.text() + ", node " + hex(second.from.value()) +
                                                   " has " + second.quorum_sizes.text() +
                                                   "; start the one that is new with an empty data directory and the "
                                                   "other's --phase-1-quorum and --phase-2-quorum"};
  }
  if (hello.from == self.from) {
    return Refusal{RefusalCode::same_node, "same node id twice: two processes are node " + hex(self.from.value())};
  }
  if (hello.to != self.from) {
    return Refusal{RefusalCode::wrong_node, "wrong node: node " + hex(hello.from.value()) + " looked for node " +
                                                hex(hello.to.value()) + " where node " + hex(self.from.value()) +
                                                " answers"};
  }
  if (!self.to.is_none() && hello.from != self.to) {
    return Refusal{RefusalCode::wrong_node, "wrong node: node " + hex(self.from.value()) + " looked for node " +
                                                hex(self.to.value()) + " where node " + hex(hello.from.value()) +
                                                " answers"};
  }
  if (!is_known) {
    return Refusal{RefusalCode::unknown_node, "unknown node: " + hex(hello.from.value()) +
                                                  " is not a member that node " + hex(self.from.value()) + " knows"};
  }
  return std::nullopt;
}

std::optional<Refusal> judge_life(const Hello& hello, const Life& met, NodeId self) {
  const std::string node = "node " + hex(hello.from.value());
  if (met.birth != 0 && hello.life.birth != met.birth && !QUORATE_PLANT(accept_another_birth)) {
    return Refusal{RefusalCode::another_birth,
                   "lost data: " + node + " was here before with another data directory than it has now, node " +
                       hex(self.value()) + " says; put the right one back, or remove the member and add a new one"};
  }
  if (QUORATE_PLANT(accept_older_life)) {
    return std::nullopt;
  }
  const std::string number = std::to_string(hello.life.incarnation.value());
  if (hello.life.incarnation < met.incarnation) {
    return Refusal{RefusalCode::older_life, "same node id twice, or an old copy of its data: " + node +
                                                " runs its life " + number + ", node " + hex(self.value()) +
                                                " has met its life " + std::to_string(met.incarnation.value())};
  }
  if (hello.life.incarnation == met.incarnation && met.start != 0 && hello.life.start != met.start) {
    return Refusal{RefusalCode::older_life, "same node id twice, or an old copy of its data: " + node +
                                                " runs another life " + number + " than node " + hex(self.value()) +
                                                " has met"};
  }
  return std::nullopt;
}

std::string_view trace_name(RefusalCode code) {
  switch (code) {
    case RefusalCode::another_birth: return "peer.refused_another_birth";
    case RefusalCode::older_life: return "peer.refused_older_life";
    default: return "peer.refused";
  }
}

std::string hex(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16);
  return {digits, end.ptr};
}

}  // namespace quorate::peer
