#pragma once
// The seam to nghttp2: its session with our memory, options and callbacks. Nothing else knows its C interface's shape.

#include <nghttp2/nghttp2.h>

namespace quorate::rpc {

class Http2Session;

/// A server session that reports to `owner`, which outlives it.
[[nodiscard]] nghttp2_session* make_server_session(Http2Session& owner);

}  // namespace quorate::rpc
