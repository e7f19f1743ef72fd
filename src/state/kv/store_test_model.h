#pragma once
// A naive store for the model test: every state kept as a whole, every reply put together from strings. Slow, and
// written from the facts about etcd's behaviour (section 2) rather than from the store.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "codec/crc32c.h"
#include "state/kv/store_test_world.h"

namespace quorate::kv::test {

struct ModelKv {
  std::string key;
  std::string value;
  std::int64_t create = 0;
  std::int64_t mod = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  std::int64_t sub = 0;
};

inline std::string nonzero(std::uint32_t number, std::int64_t value) {
  return value == 0 ? std::string() : number_field(number, value);
}
inline std::string nonempty(std::uint32_t number, ByteView bytes) {
  return bytes.empty() ? std::string() : field(number, bytes);
}
inline std::string marshal(const ModelKv& kv) {
  return nonempty(1, kv.key) + nonzero(2, kv.create) + nonzero(3, kv.mod) + nonzero(4, kv.version) +
         nonempty(5, kv.value) + nonzero(6, kv.lease);
}

struct ModelTxn;
struct ModelOp {
  codec::RequestOp::Kind kind{};
  codec::RangeRequest range;
  codec::PutRequest put;
  codec::DeleteRangeRequest erase;
  std::shared_ptr<ModelTxn> txn;
};
struct ModelTxn {
  std::vector<codec::CompareRequest> compares;
  std::vector<ModelOp> success;
  std::vector<ModelOp> failure;
};

inline TxnBuilder build(const ModelTxn& txn) {
  TxnBuilder builder;
  for (const codec::CompareRequest& compare : txn.compares) {
    if (compare.target == codec::CompareRequest::value) {
      builder.compare_value(compare.result, compare.key, compare.operand_value);
    } else {
      builder.compare(compare.target, compare.result, compare.key, compare.operand, compare.range_end);
    }
  }
  for (const bool branch : {true, false}) {
    for (const ModelOp& op : branch ? txn.success : txn.failure) {
      switch (op.kind) {
        case codec::RequestOp::Kind::range: builder.range(branch, op.range); break;
        case codec::RequestOp::Kind::put: builder.put(branch, op.put); break;
        case codec::RequestOp::Kind::delete_range: builder.erase(branch, op.erase); break;
        case codec::RequestOp::Kind::txn: builder.txn(branch, build(*op.txn)); break;
        case codec::RequestOp::Kind::none: builder.bytes += field(branch ? 2 : 3, {}); break;
      }
    }
  }
  return builder;
}

struct ModelReply {
  Failure failure = Failure::none;
  std::int64_t revision = 0;
  std::string body;
};

class Model {
 public:
  using State = std::map<std::string, ModelKv>;
  struct Record {
    std::int64_t main = 0;
    std::int64_t sub = 0;
    bool tombstone = false;
    ModelKv kv;  ///< of a tombstone: the key alone
  };

  std::int64_t revision = 1;
  std::int64_t compacted = -1;
  std::map<std::int64_t, std::int64_t> leases;  ///< id, ttl
  std::set<std::pair<std::uint64_t, std::int32_t>> alarms;
  std::vector<Record> records;  ///< what etcd's backend would hold when compaction is done
  std::vector<SeenEvent> events;

  Model() { states_[0] = states_[1] = {}; }
  const State& now() const { return states_.at(revision); }

  static bool in_range(const std::string& key, ByteView from, ByteView end) {
    if (end.empty()) {
      return key == from;
    }
    return key >= from && (end == ByteView("\0", 1) || key < end);
  }

  // ---- commands -----------------------------------------------------------------------------------------------
  ModelReply put(const codec::PutRequest& request) {
    begin();
    if (request.lease != 0 && !leases.contains(request.lease)) {
      return refuse(Failure::lease_not_found);
    }
    if ((request.ignore_value || request.ignore_lease) && !work_.contains(std::string(request.key))) {
      return refuse(Failure::key_not_found);
    }
    const std::string body = do_put(request);
    return finish(body);
  }
  ModelReply erase(const codec::DeleteRangeRequest& request) {
    begin();
    const std::string body = do_erase(request);
    return finish(body);
  }
  ModelReply txn(const ModelTxn& request) {
    begin();
    std::vector<bool> path;
    choose(request, path);
    std::size_t at = 0;
    if (const Failure failure = check(request, path, at); failure != Failure::none) {
      return refuse(failure);
    }
    at = 0;
    const std::string body = do_txn(request, path, at);
    return finish(body);
  }
  ModelReply compact(std::int64_t to) {
    begin();
    if (to <= compacted) {
      return refuse(Failure::compacted);
    }
    if (to > revision) {
      return refuse(Failure::future_revision);
    }
    compacted = to;
    std::erase_if(records, [this](const Record& record) { return !retained(record); });
    return finish("");
  }
  ModelReply grant(std::int64_t id, std::int64_t ttl) {
    begin();
    if (leases.contains(id)) {
      return refuse(Failure::lease_exists);
    }
    leases[id] = std::max<std::int64_t>(ttl, 2);
    return finish(nonzero(2, id) + nonzero(3, leases[id]));
  }
  ModelReply revoke(std::int64_t id) {
    begin();
    if (!leases.contains(id)) {
      return refuse(Failure::lease_not_found);
    }
    for (const auto& [key, kv] : State(work_)) {
      if (kv.lease == id) {
        remove(key);
      }
    }
    leases.erase(id);
    return finish("");
  }

  // ---- reads --------------------------------------------------------------------------------------------------
  ModelReply range(const codec::RangeRequest& request) {
    begin();
    std::string body;
    const Failure failure = do_range(request, body);
    return {failure, revision, failure == Failure::none ? body : ""};
  }
  ModelReply hash_kv(std::int64_t asked) const {
    if (asked > 0 && asked < compacted) {
      return {Failure::compacted, revision, ""};
    }
    if (asked > revision) {
      return {Failure::future_revision, revision, ""};
    }
    const std::int64_t upto = asked == 0 ? revision : asked;
    std::map<std::string, const Record*> newest;
    for (const Record& record : records) {
      if (record.main <= upto) {
        newest[record.kv.key] = &record;
      }
    }
    std::erase_if(newest, [](const auto& one) { return one.second->tombstone; });
    std::uint32_t hash = codec::crc32c_portable("key");
    for (const Record& record : records) {
      if (record.main > upto) {
        continue;
      }
      const auto kept = newest.find(record.kv.key);
      if (record.main <= compacted && !newest.empty() && (kept == newest.end() || kept->second != &record)) {
        continue;
      }
      std::string key = big_endian(record.main) + "_" + big_endian(record.sub) + (record.tombstone ? "t" : "");
      hash = codec::crc32c_portable(key + marshal(record.kv), hash);
    }
    return {Failure::none, revision, nonzero(2, hash) + nonzero(3, compacted) + nonzero(4, upto)};
  }
  std::vector<SeenEvent> history(std::int64_t from, ByteView key, ByteView end) const {
    std::vector<SeenEvent> result;
    for (const Record& record : records) {
      if (record.main >= from && in_range(record.kv.key, key, end)) {
        result.push_back(event_of(record, true));
      }
    }
    return result;
  }
  std::vector<std::string> lease_keys(std::int64_t id) const {
    std::vector<std::string> result;
    for (const auto& [key, kv] : now()) {
      if (kv.lease == id) {
        result.push_back(key);
      }
    }
    return result;
  }

 private:
  static std::string big_endian(std::int64_t value) {
    std::string result;
    for (int shift = 56; shift >= 0; shift -= 8) {
      result.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
    }
    return result;
  }
  bool retained(const Record& record) const {
    if (record.main > compacted) {
      return true;
    }
    for (const Record& other : records) {
      if (other.kv.key == record.kv.key && other.main <= compacted &&
          std::pair(other.main, other.sub) > std::pair(record.main, record.sub)) {
        return false;
      }
    }
    return !record.tombstone || record.main == compacted;
  }
  SeenEvent event_of(const Record& record, bool later) const {
    SeenEvent event{.type = record.tombstone ? Event::Type::erase : Event::Type::put,
                    .key = record.kv.key,
                    .value = record.kv.value,
                    .create_revision = record.kv.create,
                    .mod_revision = record.main,
                    .sub_revision = record.sub,
                    .version = record.kv.version,
                    .lease = record.kv.lease};
    const Record* before = nullptr;
    for (const Record& other : records) {
      if (other.kv.key == record.kv.key && std::pair(other.main, other.sub) < std::pair(record.main, record.sub)) {
        before = &other;
      }
    }
    if (before != nullptr && !before->tombstone && (!later || record.main - 1 >= compacted)) {
      event.previous_revision = before->main;
      event.previous_sub = before->sub;
    }
    return event;
  }

  void begin() {
    work_ = now();
    changes_ = 0;
  }
  std::int64_t visible() const { return changes_ == 0 ? revision : revision + 1; }
  ModelReply refuse(Failure failure) const { return {failure, revision, ""}; }
  ModelReply finish(const std::string& body) {
    if (changes_ > 0) {
      states_[++revision] = work_;
    }
    return {Failure::none, revision, body};
  }
  void record(bool tombstone, const ModelKv& kv) {
    records.push_back({revision + 1, changes_++, tombstone, kv});
    events.push_back(event_of(records.back(), false));
  }
  void remove(const std::string& key) {
    work_.erase(key);
    record(true, {.key = key});
  }

  std::string do_put(const codec::PutRequest& request) {
    const std::string key(request.key);
    const auto old = work_.find(key);
    ModelKv kv{.key = key,
               .value = std::string(request.value),
               .create = revision + 1,
               .mod = revision + 1,
               .version = 1,
               .lease = request.lease,
               .sub = changes_};
    std::string body;
    if (old != work_.end()) {
      kv.create = old->second.create;
      kv.version = old->second.version + 1;
      kv.value = request.ignore_value ? old->second.value : kv.value;
      kv.lease = request.ignore_lease ? old->second.lease : kv.lease;
      body = request.prev_kv ? field(2, marshal(old->second)) : "";
    }
    record(false, kv);
    work_[key] = kv;
    return body;
  }
  std::string do_erase(const codec::DeleteRangeRequest& request) {
    std::string previous;
    std::int64_t deleted = 0;
    for (const auto& [key, kv] : State(work_)) {
      if (in_range(key, request.key, request.range_end)) {
        previous += request.prev_kv ? field(3, marshal(kv)) : "";
        remove(key);
        ++deleted;
      }
    }
    return nonzero(2, deleted) + previous;
  }
  Failure do_range(const codec::RangeRequest& request, std::string& body) {
    using R = codec::RangeRequest;
    const std::int64_t at = request.revision <= 0 ? visible() : request.revision;
    if (at > visible()) {
      return Failure::future_revision;
    }
    if (at < compacted) {
      return Failure::compacted;
    }
    std::vector<ModelKv> found;
    for (const auto& [key, kv] : at == visible() ? work_ : states_.at(at)) {
      if (in_range(key, request.key, request.range_end)) {
        found.push_back(kv);
      }
    }
    const auto count = static_cast<std::int64_t>(found.size());
    if (request.count_only) {
      body = nonzero(4, count);
      return Failure::none;
    }
    std::int32_t order = request.sort_order;
    const bool filters = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                         request.min_create_revision != 0 || request.max_create_revision != 0;
    if (request.limit > 0 && count > request.limit && !filters && order == R::none) {
      found.resize(static_cast<std::size_t>(request.limit) + 1);
    }
    std::erase_if(found, [&request](const ModelKv& kv) {
      return (request.max_mod_revision != 0 && kv.mod > request.max_mod_revision) ||
             (request.min_mod_revision != 0 && kv.mod < request.min_mod_revision) ||
             (request.max_create_revision != 0 && kv.create > request.max_create_revision) ||
             (request.min_create_revision != 0 && kv.create < request.min_create_revision);
    });
    const auto less = [&request](const ModelKv& a, const ModelKv& b) {
      switch (request.sort_target) {
        case R::by_version: return a.version < b.version;
        case R::by_create: return a.create < b.create;
        case R::by_mod: return a.mod < b.mod;
        case R::by_value: return a.value < b.value;
        default: return a.key < b.key;
      }
    };
    if (order == R::descend) {
      std::stable_sort(found.begin(), found.end(), [&less](const ModelKv& a, const ModelKv& b) { return less(b, a); });
    } else {
      std::stable_sort(found.begin(), found.end(), less);
    }
    const bool more = request.limit > 0 && static_cast<std::int64_t>(found.size()) > request.limit;
    if (more) {
      found.resize(static_cast<std::size_t>(request.limit));
    }
    for (ModelKv kv : found) {
      if (request.keys_only) {
        kv.value.clear();
        kv.lease = 0;
      }
      body += field(2, marshal(kv));
    }
    body += nonzero(3, more ? 1 : 0) + nonzero(4, count);
    return Failure::none;
  }

  static bool holds(std::int32_t result, int order) {
    switch (result) {
      case codec::CompareRequest::equal: return order == 0;
      case codec::CompareRequest::greater: return order > 0;
      case codec::CompareRequest::less: return order < 0;
      case codec::CompareRequest::not_equal: return order != 0;
      default: return true;
    }
  }
  static bool compare_kv(const codec::CompareRequest& compare, const ModelKv& kv) {
    using C = codec::CompareRequest;
    std::int64_t left = 0;
    switch (compare.target) {
      case C::version: left = kv.version; break;
      case C::create: left = kv.create; break;
      case C::mod: left = kv.mod; break;
      case C::lease: left = kv.lease; break;
      default: return holds(compare.result, kv.value.compare(std::string(compare.operand_value)));
    }
    return holds(compare.result, left < compare.operand ? -1 : left > compare.operand ? 1 : 0);
  }
  void choose(const ModelTxn& txn, std::vector<bool>& path) const {
    const bool yes = std::ranges::all_of(txn.compares, [this](const codec::CompareRequest& compare) {
      std::vector<ModelKv> found;
      for (const auto& [key, kv] : work_) {
        if (in_range(key, compare.key, compare.range_end)) {
          found.push_back(kv);
        }
      }
      if (found.empty()) {
        return compare.target != codec::CompareRequest::value && compare_kv(compare, {});
      }
      return std::ranges::all_of(found, [&compare](const ModelKv& kv) { return compare_kv(compare, kv); });
    });
    path.push_back(yes);
    for (const ModelOp& op : yes ? txn.success : txn.failure) {
      if (op.kind == codec::RequestOp::Kind::txn) {
        choose(*op.txn, path);
      }
    }
  }
  Failure check(const ModelTxn& txn, const std::vector<bool>& path, std::size_t& at) const {
    for (const ModelOp& op : path[at++] ? txn.success : txn.failure) {
      Failure failure = Failure::none;
      if (op.kind == codec::RequestOp::Kind::range) {
        failure = op.range.revision > revision                              ? Failure::future_revision
                  : op.range.revision != 0 && op.range.revision < compacted ? Failure::compacted
                                                                            : Failure::none;
      } else if (op.kind == codec::RequestOp::Kind::put) {
        failure = (op.put.ignore_value || op.put.ignore_lease) && !work_.contains(std::string(op.put.key))
                      ? Failure::key_not_found
                  : op.put.lease != 0 && !leases.contains(op.put.lease) ? Failure::lease_not_found
                                                                        : Failure::none;
      } else if (op.kind == codec::RequestOp::Kind::txn) {
        failure = check(*op.txn, path, at);
      }
      if (failure != Failure::none) {
        return failure;
      }
    }
    return Failure::none;
  }
  std::string do_txn(const ModelTxn& txn, const std::vector<bool>& path, std::size_t& at) {
    const bool yes = path[at++];
    std::string body = nonzero(2, yes ? 1 : 0);
    for (const ModelOp& op : yes ? txn.success : txn.failure) {
      std::string response;
      const auto header = [this] { return field(1, nonzero(3, visible())); };
      switch (op.kind) {
        case codec::RequestOp::Kind::range: {
          std::string fields;
          EXPECT_EQ(do_range(op.range, fields), Failure::none);
          response = field(1, header() + fields);
          break;
        }
        case codec::RequestOp::Kind::put: {
          const std::string fields = do_put(op.put);
          response = field(2, header() + fields);
          break;
        }
        case codec::RequestOp::Kind::delete_range: {
          const std::string fields = do_erase(op.erase);
          response = field(3, header() + fields);
          break;
        }
        case codec::RequestOp::Kind::txn: {
          const std::string fields = do_txn(*op.txn, path, at);
          response = field(4, field(1, "") + fields);
          break;
        }
        case codec::RequestOp::Kind::none: break;
      }
      body += field(3, response);
    }
    return body;
  }

  std::map<std::int64_t, State> states_;  ///< after each revision
  State work_;
  std::int64_t changes_ = 0;
};

}  // namespace quorate::kv::test
