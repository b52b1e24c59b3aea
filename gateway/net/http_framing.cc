#include "gateway/net/http_framing.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "gateway/net/http_chars.h"

namespace sluice::gateway {

namespace {

// What the fields said, each judged after all were seen.
struct Seen {
  std::size_t hosts = 0;
  std::string_view host;
  std::size_t lengths = 0;
  std::string_view length;
  bool transfer_encoding = false;
  std::size_t chunked = 0;  // how often the coding was named
  std::string_view other_coding;
  bool malformed_coding = false;
  bool close = false;
  bool keep_alive = false;
  std::string_view expectation;
};

// Calls `each` with the trimmed elements of a comma-separated list; empty ones included.
template <class Each>
void for_each_element(std::string_view list, const Each& each) {
  while (true) {
    const std::size_t comma = list.find(',');
    each(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) {
      return;
    }
    list.remove_prefix(comma + 1);
  }
}

void see_transfer_encoding(std::string_view value, Seen& seen) {
  seen.transfer_encoding = true;
  for_each_element(value, [&seen](std::string_view coding) {
    const std::string_view name = trimmed(coding.substr(0, coding.find(';')));
    const bool is_chunked = equal_without_case(name, "chunked");
    const bool well_formed = !name.empty() && std::ranges::all_of(name, is_token_char);
    if (!well_formed || (is_chunked && name.size() != coding.size())) {
      seen.malformed_coding = true;  // chunked has no parameters
    } else if (is_chunked) {
      ++seen.chunked;
    } else {
      seen.other_coding = name;
    }
  });
}

void see_connection(std::string_view value, Seen& seen) {
  for_each_element(value, [&seen](std::string_view option) {
    seen.close = seen.close || equal_without_case(option, "close");
    seen.keep_alive = seen.keep_alive || equal_without_case(option, "keep-alive");
  });
}

// The length of a name rules out nearly every field before its letters are compared.
void see(const HeaderField& field, Seen& seen) {
  switch (field.name.size()) {
    case 4:
      if (equal_without_case(field.name, "host")) {
        ++seen.hosts;
        seen.host = field.value;
      }
      break;
    case 6:
      if (equal_without_case(field.name, "expect")) {
        const bool known = equal_without_case(field.value, "100-continue");
        seen.expectation = known && !seen.expectation.empty() ? seen.expectation : field.value;
      }
      break;
    case 10:
      if (equal_without_case(field.name, "connection")) {
        see_connection(field.value, seen);
      }
      break;
    case 14:
      if (equal_without_case(field.name, "content-length")) {
        ++seen.lengths;
        seen.length = field.value;
      }
      break;
    case 17:
      if (equal_without_case(field.name, "transfer-encoding")) {
        see_transfer_encoding(field.value, seen);
      }
      break;
    default:
      break;
  }
}

std::optional<Refusal> judge_host(const Seen& seen, bool http_1_0) {
  if (seen.hosts == 0 && !http_1_0) {
    return bad_request("HTTP/1.1 requires a Host header");
  }
  if (seen.hosts > 1) {
    return bad_request("more than one Host header");
  }
  if (!std::ranges::all_of(seen.host, is_host_char)) {
    return bad_request("the Host header " + shown(seen.host) + " is not a host and port");
  }
  return std::nullopt;
}

std::optional<Refusal> judge_transfer_encoding(const Seen& seen, bool http_1_0) {
  if (http_1_0) {
    return bad_request("Transfer-Encoding is not part of HTTP/1.0");
  }
  if (seen.malformed_coding) {
    return bad_request("malformed Transfer-Encoding header");
  }
  if (!seen.other_coding.empty()) {
    return not_supported(
        501, "transfer coding " + shown(seen.other_coding) + " is not supported, only chunked is");
  }
  if (seen.chunked != 1) {
    return bad_request("Transfer-Encoding names chunked more than once");
  }
  return std::nullopt;
}

std::optional<Refusal> judge_length_syntax(const Seen& seen) {
  if (seen.lengths > 1) {
    return bad_request("more than one Content-Length header");
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (seen.length.empty() || !std::ranges::all_of(seen.length, is_digit)) {
    return bad_request("Content-Length " + shown(seen.length) + " is not a number");
  }
  return std::nullopt;
}

// Of the digits that a client sent, as many as a number of 64 bits has.
std::string shown_number(std::string_view digits) {
  constexpr std::size_t kShown = 20;
  return std::string(digits.substr(0, kShown)) + (digits.size() > kShown ? "..." : "");
}

std::optional<Refusal> take_length(const Seen& seen, std::size_t limit, std::uint64_t& length) {
  length = 0;
  for (const char c : seen.length) {
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
    if (length > limit) {  // checked at each digit: no overflow
      return over_limit(413,
                        HttpRefusal::body_too_large,
                        "the body has " + shown_number(seen.length) + " bytes, the limit is " +
                            std::to_string(limit));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> apply_framing(const HttpOptions& options, RequestHead& head) {
  Seen seen;
  for (const HeaderField& field : head.headers) {
    see(field, seen);
  }
  if (auto refusal = judge_host(seen, head.http_1_0)) {
    return refusal;
  }
  if (seen.lengths > 0) {
    if (auto refusal = judge_length_syntax(seen)) {
      return refusal;
    }
  }
  head.keep_alive = !seen.close && (!head.http_1_0 || seen.keep_alive);
  if (seen.transfer_encoding) {
    if (auto refusal = judge_transfer_encoding(seen, head.http_1_0)) {
      return refusal;
    }
    head.framing = BodyFraming::chunked;
    // RFC 9112, section 6.3: chunked wins over a length, and the connection ends with the answer,
    // since somebody on the way may have believed the length.
    head.keep_alive = head.keep_alive && seen.lengths == 0;
  } else if (seen.lengths > 0) {
    if (auto refusal = take_length(seen, options.body_bytes, head.content_length)) {
      return refusal;
    }
    head.framing = head.content_length > 0 ? BodyFraming::length : BodyFraming::none;
  }
  if (!seen.expectation.empty()) {
    if (!equal_without_case(seen.expectation, "100-continue")) {
      return not_supported(417, "expectation " + shown(seen.expectation) + " is not supported");
    }
    head.expects_continue = !head.http_1_0 && head.framing != BodyFraming::none;
  }
  return std::nullopt;
}

}  // namespace sluice::gateway
