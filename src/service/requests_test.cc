// The table of waiting requests: numbers are never given twice, deadlines come neither early nor much too late.

#include "service/requests.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace quorate::service {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

TEST(Requests, ANumberOfAnEarlierUserOfASlotFindsNothing) {
  RequestTable table(10, 1000);
  Request* first = table.add(RequestKind::write, Buffer(), Instant(), Instant::max(), false);
  const Ticket number = first->number;
  first->context = table.new_context(*first);
  const Context context = first->context;
  EXPECT_EQ(table.find(number), first);
  EXPECT_EQ(table.find_proposal(context), first);
  table.release(*first);
  EXPECT_EQ(table.find(number), nullptr);
  Request* second = table.add(RequestKind::write, Buffer(), Instant(), Instant::max(), false);
  EXPECT_EQ(second, first) << "its memory is used again";
  EXPECT_EQ(table.find(number), nullptr);
  EXPECT_EQ(table.find_proposal(context), nullptr);
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find_proposal(table.new_context()), nullptr);
}

TEST(Requests, NumberAndBytesAreBounded) {
  RequestTable table(3, 100);
  Request* large =
      table.add(RequestKind::write, Buffer::copy_of(std::string(60, 'x')), Instant(), Instant::max(), false);
  ASSERT_NE(large, nullptr);
  EXPECT_EQ(table.add(RequestKind::write, Buffer::copy_of(std::string(60, 'x')), Instant(), Instant::max(), false),
            nullptr);
  table.settle(*large);
  EXPECT_EQ(table.bytes(), 0U);
  EXPECT_NE(table.add(RequestKind::write, Buffer::copy_of(std::string(60, 'x')), Instant(), Instant::max(), false),
            nullptr);
  EXPECT_NE(table.add(RequestKind::write, Buffer(), Instant(), Instant::max(), false), nullptr);
  EXPECT_EQ(table.add(RequestKind::write, Buffer(), Instant(), Instant::max(), false), nullptr);
  EXPECT_NE(table.add(RequestKind::write, Buffer(), Instant(), Instant::max(), true), nullptr) << "the service's own";
}

TEST(Requests, DeadlinesComeInTimeAgainstAModel) {
  std::mt19937_64 random(5);
  RequestTable table(100'000, 1'000'000);
  std::map<Ticket, Instant> model;
  Instant now(1h);
  std::vector<Ticket> due;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 3 != 0) {
      const Duration wait =
          random() % 10 == 0 ? Duration(random() % 60'000'000'000) : Duration(random() % 8'000'000'000);
      const Instant deadline = random() % 20 == 0 ? Instant::max() : now + wait;
      model[table.add(RequestKind::write, Buffer(), now, deadline, false)->number] = deadline;
    } else if (!model.empty() && random() % 2 == 0) {
      const auto victim = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
      table.release(*table.find(victim->first));
      model.erase(victim);
    }
    if (random() % 4 != 0) {
      continue;
    }
    now += random() % 500 == 0 ? Duration(30s) : Duration(random() % 20'000'000);
    const std::optional<Instant> next = table.next_due();
    due.clear();
    table.take_due(now, due);
    for (const Ticket number : due) {
      ASSERT_TRUE(model.contains(number));
      ASSERT_LE(model[number], now) << "never early";
      table.release(*table.find(number));
      model.erase(number);
    }
    ASSERT_TRUE(due.empty() || (next && *next <= now)) << "the timer would have been armed in time";
    for (const auto& [number, deadline] : model) {
      ASSERT_GT(deadline, now - RequestTable::kBucket) << "not much too late";
    }
  }
  EXPECT_EQ(table.size(), model.size());
}

}  // namespace
}  // namespace quorate::service
