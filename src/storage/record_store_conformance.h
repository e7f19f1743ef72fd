#pragma once
// What every engine must do: the same random operations, flushes and kills against a plain map.
//
// Invariants checked: those of env/record_store.h. After a kill the store must equal the model as it was after some
// prefix of the batches that contains every batch before the last completed flush.
// For tests only: each engine's test derives a ConformanceSubject and calls check_conformance().

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "env/record_store.h"

namespace quorate::storage {

/// An engine under test, with the means to kill it and to let its callbacks happen.
class ConformanceSubject {
 public:
  virtual ~ConformanceSubject() = default;
  [[nodiscard]] virtual env::RecordStore& store() = 0;
  /// Ends the life without a goodbye, as kill -9 or a power loss does, and opens the store again.
  virtual void kill_and_reopen() = 0;
  /// Lets callbacks happen: called repeatedly until what a test waits for came.
  virtual void let_run() = 0;
};

class ConformanceRun {
 public:
  using Model = std::map<std::string, std::string>;

  ConformanceRun(ConformanceSubject& subject, std::uint64_t seed) : subject_(subject), random_(seed) {
    history_.emplace_back();
  }

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      const std::uint64_t choice = random_() % 100;
      if (choice < 55) {
        write_batch();
      } else if (choice < 75) {
        read_one();
      } else if (choice < 88) {
        scan_while_writing();
      } else if (choice < 97) {
        flush();
      } else {
        kill();
      }
    }
    kill();
  }

 private:
  [[nodiscard]] Model& model() { return history_.back(); }
  [[nodiscard]] std::string random_key() { return "k" + std::to_string(random_() % 60); }

  void write_batch() {
    env::RecordBatch batch;
    Model next = model();
    for (std::uint64_t i = random_() % 5 + 1; i > 0; --i) {
      const std::string key = random_key();
      switch (random_() % 8) {
        case 0:
          batch.erase(Buffer::copy_of(key));
          next.erase(key);
          break;
        case 1: {
          std::string to = random_key();
          if (key < to) {
            batch.erase_range(Buffer::copy_of(key), Buffer::copy_of(to));
            next.erase(next.lower_bound(key), next.lower_bound(to));
          }
          break;
        }
        default: {
          std::string value = std::to_string(random_()) + std::string(random_() % 40, '\0');
          batch.put(Buffer::copy_of(key), Buffer::copy_of(value));
          next[key] = value;
        }
      }
    }
    ASSERT_TRUE(subject_.store().write(std::move(batch)).has_value());
    history_.push_back(std::move(next));
  }

  void on_ready(std::uint64_t) { ready_ = true; }
  void on_flushed(std::uint64_t batches, Status status) {
    ASSERT_TRUE(status.has_value()) << status.error().text;
    flushed_ = std::max(flushed_, batches);
    ++flushes_done_;
  }

  void read_one() {
    const std::string key = random_key();
    ready_ = false;
    env::Lookup found = subject_.store().get(key, Callback<>::to<&ConformanceRun::on_ready>(this));
    for (int turn = 0; found.state == env::Lookup::State::pending && turn < 100000; ++turn) {
      subject_.let_run();
      if (ready_) {
        ready_ = false;
        found = subject_.store().get(key, Callback<>::to<&ConformanceRun::on_ready>(this));
      }
    }
    check_value(key, found.state == env::Lookup::State::value ? std::optional(found.value) : std::nullopt);
    ASSERT_NE(found.state, env::Lookup::State::pending) << "a lookup never became ready";
    const auto blocking = subject_.store().get_blocking(key);
    ASSERT_TRUE(blocking.has_value());
    check_value(key, *blocking);
  }
  void check_value(const std::string& key, const std::optional<Buffer>& got) {
    const auto wanted = model().find(key);
    ASSERT_EQ(got.has_value(), wanted != model().end()) << key;
    if (got.has_value()) {
      ASSERT_EQ(got->view(), wanted->second) << key;
    }
  }

  void scan_while_writing() {
    std::string from = random_key();
    std::string to = random_key();
    if (to < from) {
      std::swap(from, to);
    }
    const Model then = model();
    const std::unique_ptr<env::RecordCursor> cursor = subject_.store().scan(from, to);
    for (auto wanted = then.lower_bound(from); wanted != then.lower_bound(to); ++wanted) {
      ASSERT_TRUE(cursor->valid()) << "the scan ended before " << wanted->first;
      ASSERT_EQ(cursor->key(), wanted->first);
      ASSERT_EQ(cursor->value(), wanted->second);
      if (random_() % 3 == 0) {
        write_batch();
      }
      cursor->next();
    }
    ASSERT_FALSE(cursor->valid()) << "the scan goes on to " << cursor->key();
    ASSERT_TRUE(cursor->status().has_value());
  }

  void flush() {
    const std::uint64_t before = flushes_done_;
    const std::uint64_t batches = history_.size() - 1;
    subject_.store().flush(Callback<Status>::to<&ConformanceRun::on_flushed>(this, batches));
    if (random_() % 2 == 0) {
      return;  // completes some time later, or never
    }
    for (int turn = 0; flushes_done_ == before && turn < 100000; ++turn) {
      subject_.let_run();
    }
    ASSERT_GT(flushes_done_, before) << "a flush never completed";
  }

  void kill() {
    subject_.kill_and_reopen();
    Model found;
    const auto cursor = subject_.store().scan("", "\xff");
    for (; cursor->valid(); cursor->next()) {
      found.emplace(cursor->key(), cursor->value());
    }
    ASSERT_TRUE(cursor->status().has_value());
    std::size_t survivors = history_.size();
    while (survivors > flushed_ && history_[survivors - 1] != found) {
      --survivors;
    }
    ASSERT_GT(survivors, flushed_) << "what is left is no prefix that contains the last flush; batches written: "
                                   << history_.size() - 1 << ", flushed: " << flushed_;
    history_.assign(1, found);
    flushed_ = 0;
  }

  ConformanceSubject& subject_;
  std::mt19937_64 random_;
  std::vector<Model> history_;  ///< the model after each batch since the last kill
  std::uint64_t flushed_ = 0;   ///< batches since then that a completed flush covers
  std::uint64_t flushes_done_ = 0;
  bool ready_ = false;
};

inline void check_conformance(ConformanceSubject& subject, std::uint64_t seed, int steps) {
  ConformanceRun(subject, seed).run(steps);
}

}  // namespace quorate::storage
