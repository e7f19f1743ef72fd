#include "peer/handshake.h"

#include <gtest/gtest.h>

#include "base/plant.h"

namespace quorate::peer {
namespace {

const Hello kSelf{.cluster = ClusterId(0xabc), .from = NodeId(2), .to = NodeId(1), .life = {Incarnation(5)}};

Hello hello_from_1() {
  Hello hello;
  hello.cluster = ClusterId(0xabc);
  hello.from = NodeId(1);
  hello.to = NodeId(2);
  hello.life = {Incarnation(9), 0xB1, 0x57};
  hello.attempt = 3;
  return hello;
}

TEST(HandshakeTest, AHelloComesBackAsItWas) {
  const std::string bytes = encode_hello(hello_from_1());
  EXPECT_EQ(bytes.size(), 80U);
  EXPECT_EQ(bytes.substr(0, 8), "quorpeer");
  EXPECT_EQ(decode_hello(bytes).value(), hello_from_1());
  EXPECT_EQ(decode_hello(bytes + "what a later version adds").value(), hello_from_1());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (size != 56 && size != 64) {  // where hellos ended that told less
      EXPECT_FALSE(decode_hello(ByteView(bytes).substr(0, size))) << size;
    }
  }
  std::string other = bytes;
  other[3] = 'X';
  EXPECT_FALSE(decode_hello(other));
}

TEST(HandshakeTest, AHelloTellsWhatOtherProtocolItsGroupsRun) {
  Hello hello = hello_from_1();
  hello.consensus = "raft";
  EXPECT_EQ(encode_hello(hello), encode_hello(hello_from_1())) << "as versions said hello that had no other";
  hello.consensus = "another";
  const std::string bytes = encode_hello(hello);
  EXPECT_EQ(bytes.size(), 87U);
  EXPECT_EQ(decode_hello(bytes).value(), hello);
  EXPECT_FALSE(decode_hello(ByteView(bytes).substr(0, 62)));
  std::string wide = bytes + std::string(100, 'x');
  wide[12] = 65;
  EXPECT_FALSE(decode_hello(wide)) << "no name is that long";
}

TEST(HandshakeTest, AHelloTellsQuorumSizes) {
  Hello hello = hello_from_1();
  hello.consensus = "another";
  hello.quorum_sizes.phase_2 = 2;
  const std::string bytes = encode_hello(hello);
  EXPECT_EQ(decode_hello(bytes).value(), hello);
  EXPECT_TRUE(decode_hello(ByteView(bytes).substr(0, 63))->quorum_sizes.are_majorities()) << "who tells none";
  EXPECT_EQ(decode_hello(ByteView(bytes).substr(0, 71))->quorum_sizes, hello.quorum_sizes);
  EXPECT_EQ(decode_hello(ByteView(bytes).substr(0, 71))->life, Life{Incarnation(9)}) << "who tells no more";
}

TEST(HandshakeTest, ARefusalComesBackAsItWasWithoutControlCharacters) {
  const Refusal refusal{RefusalCode::wrong_cluster, "line\nline \x1b[31m"};
  const std::string bytes = encode_refusal(refusal);
  const Result<Refusal> back = decode_refusal(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->code, RefusalCode::wrong_cluster);
  EXPECT_EQ(back->text, "line?line ?[31m");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_refusal(ByteView(bytes).substr(0, size))) << size;
  }
  EXPECT_LE(encode_refusal({RefusalCode::version, std::string(10'000, 'x')}).size(), kMaxHandshakeBytes);
}

TEST(HandshakeTest, AMemberOfTheSameClusterIsAccepted) {
  EXPECT_FALSE(judge_hello(hello_from_1(), kSelf, true).has_value());
  Hello anyone = kSelf;
  anyone.to = NodeId();
  EXPECT_FALSE(judge_hello(hello_from_1(), anyone, true).has_value());
}

TEST(HandshakeTest, WhoDoesNotFitIsToldWhatBothSidesAre) {
  Hello hello = hello_from_1();
  hello.cluster = ClusterId(0xdef);
  EXPECT_EQ(judge_hello(hello, kSelf, true)->text,
            "wrong cluster: node 1 belongs to cluster def, node 2 to cluster abc");

  hello = hello_from_1();
  hello.consensus = "another";
  EXPECT_EQ(judge_hello(hello, kSelf, true)->code, RefusalCode::wrong_consensus);
  EXPECT_TRUE(judge_hello(hello, kSelf, true)
                  ->text.starts_with("wrong consensus protocol: node 1 runs another, node 2 runs raft; "));
  EXPECT_LE(judge_hello(hello, kSelf, true)->text.size(), 256U) << "a refusal's text is cut there";
  Hello same = kSelf;
  same.consensus = "another";
  EXPECT_FALSE(judge_hello(hello, same, true).has_value());

  hello = hello_from_1();
  hello.from = NodeId(~1ULL);
  hello.quorum_sizes = {.phase_1 = 128, .phase_2 = 127};
  EXPECT_EQ(judge_hello(hello, kSelf, true)->code, RefusalCode::wrong_quorums);
  EXPECT_TRUE(judge_hello(hello, kSelf, true)
                  ->text.starts_with("wrong quorum sizes: node 2 has a majority and a majority, node fffffffffffffffe "
                                     "has 128 and 127; "));
  EXPECT_LE(judge_hello(hello, kSelf, true)->text.size(), 256U);
  same = kSelf;
  same.quorum_sizes = hello.quorum_sizes;
  same.to = hello.from;
  EXPECT_FALSE(judge_hello(hello, same, true).has_value());

  hello = hello_from_1();
  hello.to = NodeId(7);
  EXPECT_EQ(judge_hello(hello, kSelf, true)->text, "wrong node: node 1 looked for node 7 where node 2 answers");

  hello = hello_from_1();
  hello.from = NodeId(8);
  EXPECT_EQ(judge_hello(hello, kSelf, true)->text, "wrong node: node 2 looked for node 1 where node 8 answers");

  EXPECT_EQ(judge_hello(hello_from_1(), kSelf, false)->code, RefusalCode::unknown_node);

  hello = hello_from_1();
  hello.from = NodeId(2);
  EXPECT_EQ(judge_hello(hello, kSelf, true)->code, RefusalCode::same_node);

  hello = hello_from_1();
  hello.version = 4;
  hello.oldest_version = 3;
  EXPECT_EQ(judge_hello(hello, kSelf, true)->text, "node 1 speaks peer protocol 3 to 4, node 2 speaks 1");
  hello.oldest_version = 1;  // newer, but it still understands ours
  EXPECT_FALSE(judge_hello(hello, kSelf, true).has_value());
}

// C-12, C-13
TEST(HandshakeTest, AMemberThatWasMetBeforeComesBackInALaterLifeOrNotAtAll) {
  const Life met{Incarnation(9), 0xB1, 0x57};
  const auto judge = [](Life life, const Life& before) {
    Hello hello = hello_from_1();
    hello.life = life;
    const std::optional<Refusal> refusal = judge_life(hello, before, NodeId(2));
    if (refusal) {
      EXPECT_LE(refusal->text.size(), 256U) << "a refusal's text is cut there";
    }
    return refusal ? std::optional(refusal->code) : std::nullopt;
  };
  EXPECT_EQ(judge(met, met), std::nullopt) << "another connection";
  EXPECT_EQ(judge({Incarnation(10), 0xB1, 0x58}, met), std::nullopt);
  EXPECT_EQ(judge({Incarnation(8), 0xB1, 0x56}, met), RefusalCode::older_life);
  EXPECT_EQ(judge({Incarnation(9), 0xB1, 0x58}, met), RefusalCode::older_life) << "a copy of life 8 was started";
  EXPECT_EQ(judge({Incarnation(1), 0xB2, 0x58}, met), RefusalCode::another_birth);
  EXPECT_EQ(judge({Incarnation(99), 0xB2, 0x58}, met), RefusalCode::another_birth) << "started often enough";
  EXPECT_EQ(judge({Incarnation(10)}, met), RefusalCode::another_birth) << "an old program has another directory";
  EXPECT_EQ(judge({Incarnation(10), 0xB1, 0x58}, {Incarnation(9)}), std::nullopt) << "it was brought up to date";
}

#ifdef QUORATE_PLANTS
TEST(HandshakeTest, ThePlantAcceptsAnotherCluster) {
  Hello hello = hello_from_1();
  hello.cluster = ClusterId(0xdef);
  activate_plant("accept_wrong_cluster");
  EXPECT_FALSE(judge_hello(hello, kSelf, true).has_value());
  activate_plant("");
}
#endif

}  // namespace
}  // namespace quorate::peer
