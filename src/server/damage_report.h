#pragma once
// Words about a damaged log or record store: what is damaged, what that means for each group, and what to do.
//
// Used by the node, on the loop.

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "consensus/contract/core.h"
#include "server/event_log.h"
#include "storage/log.h"

namespace quorate::server {

/// At start: every place that does not read, up to a few.
void report_damage(const storage::Recovery& recovery, EventLog& log);
/// The record store did not read (`why`); it stands as `aside` in the data directory now.
void report_records_laid_aside(const Error& why, const std::string& aside, EventLog& log);
/// A group that does not have what it once had. Once at start; again while it waits.
void report_loss(GroupId group, const consensus::CoreStatus& status, EventLog& log);

}  // namespace quorate::server
