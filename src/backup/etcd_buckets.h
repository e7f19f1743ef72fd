#pragma once
// The names in an etcd database, as far as a backup needs them: docs/formats/etcd_snapshot.md.
//
// Invariant: what is written under a name is what etcd 3.4 to 3.6 reads there. Pure.

#include <string_view>

namespace quorate::backup {

inline constexpr std::string_view kAlarmBucket = "alarm";
inline constexpr std::string_view kAuthBucket = "auth";
inline constexpr std::string_view kKeyBucket = "key";
inline constexpr std::string_view kLeaseBucket = "lease";
inline constexpr std::string_view kMetaBucket = "meta";

/// What etcd makes in a new database: it finds all of them in ours.
inline constexpr std::string_view kBuckets[] = {kAlarmBucket,      kAuthBucket, "authRoles",  "authUsers",
                                                "cluster",         kKeyBucket,  kLeaseBucket, "members",
                                                "members_removed", kMetaBucket};

// In the bucket `meta`. A compaction that was scheduled and not finished is done again by whoever opens the database.
inline constexpr std::string_view kConsistentIndex = "consistent_index";
inline constexpr std::string_view kScheduledCompaction = "scheduledCompactRev";
inline constexpr std::string_view kFinishedCompaction = "finishedCompactRev";

// In the bucket `auth`; its value is one byte.
inline constexpr std::string_view kAuthEnabled = "authEnabled";

}  // namespace quorate::backup
