// Any bytes as a log: recovery gives something or refuses, and giving it twice gives the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "storage/log.h"
#include "storage/log_format.h"
#include "storage/test_files.h"
#include "storage/test_loop.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quorate;
  using namespace quorate::storage;
  if (size > 1U << 16) {
    return 0;
  }
  // A right header, so that the search begins with the frames; and frames whose checksums a mutation cannot guess are
  // sealed here: each length byte takes so many bytes as a frame's description.
  const SegmentIdentity identity{7, 1};
  std::string segment = encode_segment_header({.log_id = 7, .sequence = 1, .first_live = 1, .capacity = 4096});
  ByteView rest(reinterpret_cast<const char*>(data), size);
  auto batch_start = static_cast<std::uint32_t>(segment.size());
  while (rest.size() > 2) {
    const auto meta =
        static_cast<std::uint32_t>(std::min<std::size_t>(static_cast<unsigned char>(rest[0]) + 1U, rest.size() - 2));
    const std::uint32_t payload = static_cast<unsigned char>(rest[1]) % 64;
    const auto size_of_frame = static_cast<std::uint32_t>(kFrameHeadBytes) + meta + payload;
    const std::size_t at = segment.size();
    segment.append(kFrameHeadBytes, '\0');
    segment.append(rest.substr(2, meta));
    segment.append(payload, 'p');
    seal_frame(segment, at, {.batch_start = batch_start, .size = size_of_frame, .meta_size = meta}, identity, at);
    if (rest[2] != 1) {
      batch_start = static_cast<std::uint32_t>(segment.size());
    }
    rest.remove_prefix(2 + meta);
  }
  TestDisk disk;
  disk.files["log/segment-000001"].durable = segment;
  TestLoop loop;
  TestEntropy entropy(1);
  std::uint64_t frames = 0;
  for (int life = 0; life < 2; ++life) {
    TestFiles files(disk);
    Recovery recovery;
    const auto log = Log::open(files, loop, loop, entropy, "log", {.segment_bytes = 64U << 10}, recovery);
    if (!log.has_value()) {
      if (life == 1) {
        std::abort();  // what was accepted once is accepted again
      }
      return 0;
    }
    if (life == 1 && recovery.frames != frames) {
      std::abort();
    }
    frames = recovery.frames;
    loop.crash();
  }
  return 0;
}
