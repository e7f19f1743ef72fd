// What the key-value store costs: execute() of puts over many random keys, batches for the engine, reads, recovery.
//
//   kv_bench [keys]        default 1,000,000; prints one line a figure, in nanoseconds of CPU an operation
//
// The engine is a null one (batches are dropped) or, for reads and recovery, an ordered map: the figures are the state
// machine's own cost.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <time.h>

#include "codec/etcd_request.h"
#include "state/kv/store.h"

namespace {

using namespace quorate;

class MapRecords final : public env::RecordStore {
 public:
  bool keep = false;
  std::map<std::string, Buffer> data;

  env::Lookup get(ByteView key, Callback<>) override {
    const auto found = data.find(std::string(key));
    return found == data.end() ? env::Lookup{} : env::Lookup{env::Lookup::State::value, found->second};
  }
  Result<std::optional<Buffer>> get_blocking(ByteView key) override {
    const auto found = data.find(std::string(key));
    return found == data.end() ? std::optional<Buffer>() : std::optional<Buffer>(found->second);
  }
  std::unique_ptr<env::RecordCursor> scan(ByteView from, ByteView to) override {
    return std::make_unique<Cursor>(data.lower_bound(std::string(from)), data.lower_bound(std::string(to)));
  }
  void read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                       Callback<Result<env::RecordPage>> done) override {
    done(env::read_page(*cursor, max_bytes));
  }
  Status write(env::RecordBatch batch) override {
    for (auto& op : batch.ops) {
      if (keep && op.kind == env::RecordBatch::Op::Kind::put) {
        data[std::string(op.key.view())] = op.value;
      } else if (keep) {
        data.erase(std::string(op.key.view()));
      }
    }
    return {};
  }
  void flush(Callback<Status> done) override { done({}); }
  [[nodiscard]] bool stalled() const override { return false; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return 0; }

 private:
  using Iterator = std::map<std::string, Buffer>::const_iterator;
  class Cursor final : public env::RecordCursor {
   public:
    Cursor(Iterator from, Iterator to) : at_(from), to_(to) {}
    [[nodiscard]] bool valid() const override { return at_ != to_; }
    [[nodiscard]] ByteView key() const override { return at_->first; }
    [[nodiscard]] ByteView value() const override { return at_->second.view(); }
    void next() override { ++at_; }
    [[nodiscard]] Status status() const override { return {}; }

   private:
    Iterator at_;
    Iterator to_;
  };
};

class Waiter final : public kv::StoreObserver {
 public:
  std::uint64_t replies = 0;
  [[nodiscard]] bool wants_reply(const kv::RequestId&) const override { return true; }
  void on_reply(const kv::RequestId&, kv::Reply) override { ++replies; }
  void on_events(std::int64_t, std::span<const kv::Event>) override {}
  void on_lease_granted(const kv::LeaseInfo&) override {}
  void on_lease_revoked(std::int64_t) override {}
  void on_compacted(std::int64_t) override {}
  void on_replaced(std::int64_t) override {}
};

class Never {
 public:
  void ready(std::uint64_t) {}
};

std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t x = state;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::string key_of(std::uint64_t number) {
  std::string key(8, '\0');
  for (char& byte : key) {
    byte = static_cast<char>(number);
    number >>= 8;
  }
  return key;
}

/// CPU time of this thread: neighbours on the machine do not count.
class Clock {
 public:
  [[nodiscard]] double ns() const { return now() - start_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  }
  double start_ = now();
};

void report(const char* what, double ns, std::uint64_t operations) {
  std::printf("%-44s %10.0f ns each, %llu operations\n", what, ns / static_cast<double>(operations),
              static_cast<unsigned long long>(operations));
  std::fflush(stdout);
}

/// Puts `count` random keys (in batches of 100 for the engine); times execute() and collect() apart.
void put_all(kv::Store& store, MapRecords& records, std::uint64_t count, std::uint64_t seed, const char* what,
             bool registry) {
  constexpr std::uint64_t kTurn = 100;
  const std::string value(256, 'v');
  std::vector<Buffer> commands(kTurn);
  double execute_ns = 0;
  double collect_ns = 0;
  for (std::uint64_t done = 0; done < count; done += kTurn) {
    for (Buffer& command : commands) {
      const std::uint64_t number = next_random(seed);
      const std::string key =
          registry ? "/registry/pods/namespace-" + std::to_string(number % 50) + "/pod-" + std::to_string(number >> 20)
                   : key_of(number);
      const Buffer put = codec::encode_request(codec::PutRequest{.key = key, .value = value});
      command =
          kv::encode_command({.kind = kv::CommandKind::put, .request = {NodeId(1), Incarnation(1), 1}}, put.view());
    }
    const Clock clock;
    for (const Buffer& command : commands) {
      (void)store.execute({store.executed().next(), Tag(1)}, command, {});
    }
    execute_ns += clock.ns();
    const Clock collecting;
    env::RecordBatch batch;
    store.collect(store.executed(), batch);
    collect_ns += collecting.ns();
    (void)records.write(std::move(batch));
  }
  report(what, execute_ns, count);
  report("  collect", collect_ns, count);
}

void read_all(kv::Store& store, std::uint64_t count, std::uint64_t seed, const char* what) {
  std::vector<Buffer> requests;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    requests.push_back(codec::encode_request(codec::RangeRequest{.key = key_of(next_random(seed))}));
  }
  const Clock clock;
  Never never;
  for (std::uint64_t i = 0; i < count; ++i) {
    kv::Reply reply;
    (void)store.range(requests[i % requests.size()].view(), reply, Callback<>::to<&Never::ready>(&never));
  }
  report(what, clock.ns(), count);
}

void count_all(kv::Store& store, std::uint64_t count) {
  const std::string all("\0", 1);
  const Buffer request =
      codec::encode_request(codec::RangeRequest{.key = all, .range_end = all, .limit = 10, .keys_only = true});
  const Clock clock;
  Never never;
  for (std::uint64_t i = 0; i < count; ++i) {
    kv::Reply reply;
    (void)store.range(request.view(), reply, Callback<>::to<&Never::ready>(&never));
  }
  report("keys of everything, limit 10, with count", clock.ns(), count);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  Waiter waiter;
  {
    MapRecords records;
    const auto store = kv::Store::make(GroupId(1), records, {}, waiter);
    put_all(*store, records, keys, 1, "put 256 B, new random 8-byte keys", false);
    put_all(*store, records, keys, 1, "put 256 B, the same keys again", false);
    count_all(*store, 200'000);
  }
  {
    MapRecords records;
    const auto store = kv::Store::make(GroupId(1), records, {}, waiter);
    put_all(*store, records, keys, 1, "put 256 B, /registry/... keys", true);
  }
  {
    MapRecords records;
    records.keep = true;
    const std::uint64_t some = keys < 200'000 ? keys : 200'000;
    auto store = kv::Store::make(GroupId(1), records, {}, waiter);
    put_all(*store, records, some, 1, "put 256 B, engine keeps them (std::map)", false);
    read_all(*store, some, 1, "get of 1000 keys");
    store = kv::Store::make(GroupId(1), records, {}, waiter);
    const Clock clock;
    (void)store->recover(state::kFirstGeneration);
    report("recover", clock.ns(), some);
  }
  return 0;
}
