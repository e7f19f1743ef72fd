#include "sim/logged_payloads.h"

#include <utility>
#include <vector>

#include "group/host.h"
#include "storage/log_format.h"
#include "storage/segment_scan.h"

namespace quorate::sim {
namespace {

class Collector final : public storage::FrameVisitor {
 public:
  Collector(std::string path, GroupId group, std::map<Position, LoggedPayload>& found)
      : path_(std::move(path)), group_(group), found_(found) {}

  void visit(std::uint64_t offset, storage::Frame& frame, ByteView /*bytes*/) override {
    if (frame.kind != storage::FrameKind::group || frame.group != group_) {
      return;
    }
    auto payload = frame.payloads.begin();
    for (const storage::LogOp& op : frame.ops) {
      const Position position = op.entry.id.position;
      switch (op.kind) {
        case storage::LogOp::Kind::put:
          found_.insert_or_assign(position,
                                  LoggedPayload{op.entry.id.tag, path_, offset + payload->offset, payload->size,
                                                static_cast<consensus::EntryKind>(op.entry.kind)});
          ++payload;
          break;
        case storage::LogOp::Kind::truncate_from: found_.erase(found_.lower_bound(position), found_.end()); break;
        case storage::LogOp::Kind::discard_below: found_.erase(found_.begin(), found_.upper_bound(position)); break;
        case storage::LogOp::Kind::reset_to: found_.clear(); break;
        default: break;
      }
    }
  }
  void lost(std::uint64_t, std::uint64_t, std::uint64_t) override {}

 private:
  std::string path_;
  GroupId group_;
  std::map<Position, LoggedPayload>& found_;
};

}  // namespace

std::map<Position, LoggedPayload> logged_payloads(Disk& disk, GroupId group) {
  struct Segment {
    std::uint64_t log_id = 0;
    std::string path;
    std::string bytes;
  };
  const std::string directory = group::HostConfig().log_directory;
  std::map<std::uint64_t, Segment> segments;
  for (const std::string& name : disk.list(directory).value_or(std::vector<std::string>())) {
    Segment segment{.path = directory + "/" + name};
    const auto file = disk.open(segment.path, env::OpenMode::existing);
    if (!file) {
      continue;
    }
    segment.bytes = (*file)->read(0, (*file)->size().value_or(0)).value_or("");
    if (const auto header =
            storage::decode_segment_header(ByteView(segment.bytes).substr(0, storage::kSegmentHeaderBytes))) {
      segment.log_id = header->log_id;
      segments.insert_or_assign(header->sequence, std::move(segment));
    }
  }
  std::map<Position, LoggedPayload> found;
  for (const auto& [sequence, segment] : segments) {
    Collector collector(segment.path, group, found);
    static_cast<void>(storage::scan_segment(segment.bytes, {segment.log_id, sequence}, {}, collector));
  }
  return found;
}

}  // namespace quorate::sim
