// The index of watchers against walking through all of them.

#include "service/watcher_index.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace quorate::service {
namespace {

struct Bounds {
  std::string key;
  std::string end;
  [[nodiscard]] bool contains(const std::string& wanted) const {
    if (end.empty()) {
      return wanted == key;
    }
    return wanted >= key && (end == std::string(1, '\0') || wanted < end);
  }
};

TEST(WatcherIndex, FindsWhatWalkingFinds) {
  std::mt19937_64 random(11);
  WatcherIndex index(1);
  std::map<WatcherId, Bounds> model;
  const auto word = [&] {
    return std::string(1 + random() % 3, static_cast<char>('a' + random() % 4)) + std::to_string(random() % 20);
  };
  WatcherId made = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (model.size() < 50 || (random() % 2 == 0 && model.size() < 400)) {
      Bounds bounds{word(), ""};
      switch (random() % 4) {
        case 0: bounds.end = std::string(1, '\0'); break;
        case 1: bounds.end = bounds.key + "~"; break;
        case 2: bounds.end = std::max(word(), bounds.key) + "0"; break;
        default: break;
      }
      // Ids come back, too: a watcher that caught up again is older than others.
      const WatcherId id = random() % 3 == 0 && made > 10 && !model.contains(made - 5) ? made - 5 : ++made;
      index.add(bounds.key, bounds.end, id);
      model[id] = bounds;
    } else {
      const auto victim = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
      index.remove(victim->second.key, victim->second.end, victim->first);
      model.erase(victim);
    }
    const std::string wanted = word();
    std::vector<WatcherId> found;
    index.find(wanted, found);
    std::vector<WatcherId> expected;
    for (const auto& [id, bounds] : model) {
      if (bounds.contains(wanted)) {
        expected.push_back(id);
      }
    }
    std::ranges::sort(found);
    ASSERT_EQ(found, expected) << wanted;
  }
  for (const auto& [id, bounds] : model) {
    index.remove(bounds.key, bounds.end, id);
  }
  EXPECT_TRUE(index.empty());
}

TEST(WatcherIndex, OrderIsThatOfKeysThenRangesThenIds) {
  WatcherIndex index(1);
  index.add("a", std::string(1, '\0'), 1);
  index.add("a", "c", 5);
  index.add("b", "", 9);
  index.add("b", "", 3);
  index.add("a", "c", 2);
  std::vector<WatcherId> found;
  index.find("b", found);
  EXPECT_EQ(found, (std::vector<WatcherId>{3, 9, 2, 5, 1}));
}

}  // namespace
}  // namespace quorate::service
