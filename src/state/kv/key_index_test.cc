#include "state/kv/key_index.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace quorate::kv {
namespace {

using Model = std::map<std::string, bool>;  // key -> live

std::string random_key(std::mt19937_64& random, int style) {
  std::string key;
  switch (style) {
    case 0:  // eight random bytes
      for (int i = 0; i < 8; ++i) {
        key.push_back(static_cast<char>(random()));
      }
      return key;
    case 1:
      return "/registry/pods/namespace-" + std::to_string(random() % 20) + "/pod-" + std::to_string(random() % 900);
    case 2:  // few letters, so that keys are prefixes of each other, zeros included
      for (std::uint64_t length = 1 + random() % 12; length > 0; --length) {
        key.push_back(random() % 3 == 0 ? '\0' : static_cast<char>('a' + random() % 2));
      }
      return key;
    default: return std::to_string(100'000'000 + random() % 3000);
  }
}

void expect_same(const KeyIndex& index, const Model& model) {
  index.check();
  auto expected = model.begin();
  std::uint64_t rank = 0;
  for (KeyIndex::Cursor at = index.first(); at.valid(); at.next(), ++expected) {
    ASSERT_NE(expected, model.end());
    ASSERT_EQ(at.entry().key(), expected->first);
    ASSERT_EQ(index.rank(expected->first), rank);
    if (expected->second) {
      ASSERT_EQ(index.select_live(rank).entry().key(), expected->first);
      ++rank;
    }
  }
  EXPECT_EQ(expected, model.end());
  EXPECT_EQ(index.live_count(), rank);
  EXPECT_FALSE(index.select_live(rank).valid());
  std::uint64_t live = 0;
  KeyIndex::Cursor at = index.first();
  for (at.skip_dead(); at.valid(); at.next(), at.skip_dead()) {
    EXPECT_TRUE(model.at(std::string(at.entry().key())));
    ++live;
  }
  EXPECT_EQ(live, rank);
}

class KeyIndexModel : public testing::TestWithParam<int> {};

TEST_P(KeyIndexModel, behaves_like_an_ordered_map) {
  std::mt19937_64 random(GetParam());
  KeyIndex index;
  Model model;
  for (int round = 0; round < 60; ++round) {
    const bool grow = round % 20 < 12;
    for (int i = 0; i < 200; ++i) {
      const std::string key = random_key(random, GetParam());
      const auto known = model.lower_bound(key);
      if (grow ? random() % 8 != 0 : random() % 8 == 0) {
        EXPECT_EQ(index.insert_live(key).key(), key);
        model[key] = true;
      } else if (known != model.end()) {
        const std::string victim = known->first;
        if (random() % 3 == 0) {
          index.set_live(victim, false);
          model[victim] = false;
        } else {
          index.remove(index.find(victim)->key());
          model.erase(victim);
        }
      }
      EXPECT_EQ(index.find(key) != nullptr, model.contains(key));
      const KeyIndex::Cursor at = index.lower_bound(key);
      const auto next = model.lower_bound(key);
      ASSERT_EQ(at.valid(), next != model.end());
      if (at.valid()) {
        EXPECT_EQ(at.entry().key(), next->first);
      }
    }
    expect_same(index, model);
  }
  while (!model.empty()) {
    const std::string victim = std::next(model.begin(), static_cast<long>(random() % model.size()))->first;
    index.remove(victim);
    model.erase(victim);
  }
  expect_same(index, model);
  EXPECT_EQ(index.memory_bytes(), 0U);
}

INSTANTIATE_TEST_SUITE_P(styles, KeyIndexModel, testing::Range(0, 4));

TEST(KeyIndex, fills_leaves_when_keys_rise) {
  KeyIndex index;
  const std::uint64_t count = 100'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    (void)index.insert_live("key-" + std::to_string(10'000'000 + i));
  }
  index.check();
  EXPECT_LT(index.memory_bytes() / count, 100U);  // 64 of the entry, 12 of the key, and its share of nodes
  EXPECT_EQ(index.rank("key-10050000"), 50'000U);
}

Version version(std::int64_t main, bool tombstone = false) {
  return {.main = main, .sub = 0, .size_bytes = 10, .checksum = 0, .tombstone = tombstone};
}

struct Entry {
  KeyEntry* entry = KeyEntry::make("k");
  Entry() = default;
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { KeyEntry::destroy(entry); }
};

TEST(KeyEntry, finds_versions_across_generations) {
  Entry holder;
  KeyEntry& entry = *holder.entry;
  entry.put(version(2), 2, 1);
  entry.put(version(4), 2, 2);
  entry.erase(version(6, true));
  entry.put(version(9), 9, 1);
  entry.put(version(11), 9, 2);
  VersionInfo info;
  EXPECT_FALSE(entry.find_at(1, info));
  ASSERT_TRUE(entry.find_at(3, info));
  EXPECT_EQ(info.at.main, 2);
  EXPECT_EQ(info.version, 1);
  ASSERT_TRUE(entry.find_at(5, info));
  EXPECT_EQ(info.at.main, 4);
  EXPECT_EQ(info.create_revision, 2);
  EXPECT_EQ(info.version, 2);
  EXPECT_FALSE(entry.find_at(6, info));
  EXPECT_FALSE(entry.find_at(8, info));
  ASSERT_TRUE(entry.find_at(10, info));
  EXPECT_EQ(info.create_revision, 9);
  EXPECT_EQ(info.version, 1);
  ASSERT_TRUE(entry.find_at(99, info));
  EXPECT_EQ(info.version, 2);
  EXPECT_EQ(entry.before({9, 0})->main, 6);
  EXPECT_EQ(entry.before({2, 0}), nullptr);
}

TEST(KeyEntry, keeps_what_a_read_at_the_compacted_revision_sees_and_a_deletion_exactly_at_it) {
  Entry holder;
  KeyEntry& entry = *holder.entry;
  entry.put(version(2), 2, 1);
  entry.put(version(4), 2, 2);
  entry.erase(version(6, true));
  EXPECT_EQ(entry.obsolete_at(1), 0U);
  EXPECT_EQ(entry.obsolete_at(3), 0U);
  EXPECT_EQ(entry.obsolete_at(5), 1U);
  EXPECT_EQ(entry.obsolete_at(6), 2U);  // W-02
  EXPECT_EQ(entry.obsolete_at(7), 3U);
  EXPECT_TRUE(entry.is_kept(version(6, true), 6));
  EXPECT_FALSE(entry.is_kept(version(4), 6));
  EXPECT_FALSE(entry.is_kept(version(6, true), 7));
  std::vector<Version> removed;
  entry.drop_oldest(1, removed);
  ASSERT_EQ(removed.size(), 1U);
  VersionInfo info;
  ASSERT_TRUE(entry.find_at(5, info));
  EXPECT_EQ(info.version, 2);
  EXPECT_EQ(info.create_revision, 2);
  entry.drop_oldest(1, removed);
  EXPECT_EQ(entry.version_count(), 1U);
  entry.put(version(8), 8, 1);
  EXPECT_FALSE(entry.find_at(7, info));
  ASSERT_TRUE(entry.find_at(8, info));
  EXPECT_EQ(info.version, 1);
}

}  // namespace
}  // namespace quorate::kv
