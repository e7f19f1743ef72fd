#include "rpc/http1_parser.h"

#include <algorithm>
#include <utility>

namespace quorate::rpc {
namespace {

constexpr std::size_t kMaxHeaders = 100;

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return result;
}

/// Digits only, small enough not to overflow.
bool parse_size(std::string_view text, std::size_t& value) {
  constexpr std::size_t kMaxDigits = 15;
  if (text.empty() || text.size() > kMaxDigits) {
    return false;
  }
  value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return false;
    }
    value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  return true;
}

}  // namespace

void Http1Parser::reset() {
  head_.clear();
  has_head_ = false;
  body_left_ = 0;
  keeps_alive_ = true;
  is_http_1_0_ = false;
  expects_continue_ = false;
  request_ = {};
}

bool Http1Parser::take_expects_continue() { return std::exchange(expects_continue_, false) && body_left_ > 0; }

Http1Parser::State Http1Parser::refuse(int status) {
  status_ = status;
  return State::refused;
}

Http1Parser::State Http1Parser::feed(std::string_view& input) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  if (!has_head_) {
    const std::size_t searched = head_.size() < kEnd.size() ? 0 : head_.size() - (kEnd.size() - 1);
    const std::size_t taken = std::min(input.size(), max_head_bytes_ + kEnd.size() - head_.size());
    const std::size_t before = head_.size();
    head_.append(input.substr(0, taken));
    const std::size_t end = head_.find(kEnd, searched);
    if (end == std::string::npos) {
      input.remove_prefix(taken);
      return head_.size() >= max_head_bytes_ + kEnd.size() ? refuse(431) : State::needs_more;
    }
    head_.resize(end + kEnd.size());
    input.remove_prefix(head_.size() - before);
    if (const State state = parse_head(); state == State::refused) {
      return state;
    }
  }
  const std::size_t size = std::min(input.size(), body_left_);
  request_.body.append(input.substr(0, size));
  input.remove_prefix(size);
  body_left_ -= size;
  return body_left_ == 0 ? State::ready : State::needs_more;
}

Http1Parser::State Http1Parser::parse_head() {
  has_head_ = true;
  std::string_view rest(head_);
  rest.remove_suffix(2);  // the empty line; each line keeps its own end
  bool is_first = true;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (is_first) {
      if (!parse_request_line(line)) {
        return refuse(status_ != 0 ? status_ : 400);
      }
      is_first = false;
    } else if (request_.headers.size() >= kMaxHeaders) {
      return refuse(431);
    } else if (!parse_header(line)) {
      return refuse(400);
    }
  }
  return apply_headers() ? State::ready : refuse(status_);
}

bool Http1Parser::parse_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return false;
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  const bool is_target = !target.empty() && std::all_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F;
  });
  if (!is_token(method) || !is_target) {
    return false;
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    status_ = version.starts_with("HTTP/") ? 505 : 400;
    return false;
  }
  is_http_1_0_ = version == "HTTP/1.0";
  keeps_alive_ = !is_http_1_0_;
  request_.method = method;
  request_.target = target;
  return true;
}

bool Http1Parser::parse_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return false;
  }
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_field_value(value)) {
    return false;
  }
  request_.headers.emplace_back(lower(line.substr(0, colon)), value);
  return true;
}

bool Http1Parser::apply_headers() {
  bool has_length = false;
  bool has_host = false;
  status_ = 400;
  for (const auto& [name, value] : request_.headers) {
    if (name == "content-length") {
      if (has_length || !parse_size(value, body_left_)) {
        return false;
      }
      has_length = true;
    } else if (name == "transfer-encoding") {
      status_ = 501;
      return false;
    } else if (name == "host") {
      if (has_host) {
        return false;
      }
      has_host = true;
    } else if (name == "connection") {
      const std::string options = lower(value);
      if (options.find("close") != std::string::npos) {
        keeps_alive_ = false;
      } else if (options.find("keep-alive") != std::string::npos) {
        keeps_alive_ = true;
      }
    } else if (name == "expect") {
      expects_continue_ = lower(value) == "100-continue";
    }
  }
  if (!has_host && !is_http_1_0_) {
    return false;
  }
  if (body_left_ > max_body_bytes_) {
    status_ = 413;
    return false;
  }
  status_ = 0;
  return true;
}

std::string_view http_reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

}  // namespace quorate::rpc
