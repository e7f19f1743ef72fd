#pragma once
// A text file that was compiled into the binary (cmake/quorate_embed.cmake).

#include <span>
#include <string_view>

namespace quorate::stories {

struct EmbeddedText {
  std::string_view protocol;  ///< the folder above the file's: "raft" of src/consensus/raft/testdata/x.txt
  std::string_view name;      ///< of the file, without its ending
  std::string_view text;
};

}  // namespace quorate::stories
