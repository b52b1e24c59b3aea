#include "gateway/net/http_head.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "gateway/net/http_chars.h"
#include "gateway/net/http_framing.h"

namespace sluice::gateway {

namespace {

constexpr std::size_t kMethodSize = 32;  // longer than any method there is

// The next line without its CRLF, which a scanner has seen to be there.
std::string_view take_line(std::string_view& bytes) {
  const std::size_t line_feed = bytes.find('\n');
  const std::string_view line = bytes.substr(0, line_feed - 1);
  bytes.remove_prefix(line_feed + 1);
  return line;
}

std::optional<Refusal> parse_version(std::string_view version, RequestHead& head) {
  if (version == "HTTP/1.1") {
    head.http_1_0 = false;
    return std::nullopt;
  }
  if (version == "HTTP/1.0") {
    head.http_1_0 = true;
    return std::nullopt;
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7])) {
    return not_supported(505, shown(version) + " is not supported, only HTTP/1.1 and 1.0 are");
  }
  return bad_request("malformed HTTP version " + shown(version) + " in the request line");
}

// "http://host:port/path?query": the authority is checked and left out, as RFC 9112, section 3.2.2
// asks of servers.
std::optional<Refusal> strip_authority(std::string_view& target) {
  const std::size_t scheme = equal_without_case(target.substr(0, 7), "http://")    ? 7
                             : equal_without_case(target.substr(0, 8), "https://") ? 8
                                                                                   : 0;
  if (scheme == 0) {
    return bad_request("the request target " + shown(target) + " does not begin with '/'");
  }
  const std::string_view rest = target.substr(scheme);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.empty() || !std::ranges::all_of(authority, is_host_char)) {
    return bad_request("the request target " + shown(target) + " names no valid host");
  }
  target = rest.substr(end);
  return std::nullopt;
}

std::optional<Refusal> parse_target(std::string_view target, RequestHead& head) {
  if (target.empty()) {
    return bad_request("the request line has no target, or two spaces in a row");
  }
  if (!std::ranges::all_of(target, is_target_char)) {
    return bad_request("the request target " + shown(target) +
                       " has bytes that must be percent-encoded");
  }
  if (head.method == "CONNECT") {
    return not_supported(501, "CONNECT is not supported: this server is no proxy");
  }
  if (target == "*") {
    if (head.method != "OPTIONS") {
      return bad_request("the request target '*' is for OPTIONS alone");
    }
  } else if (target.front() != '/') {
    if (auto refusal = strip_authority(target)) {
      return refusal;
    }
  }
  const std::size_t mark = target.find('?');
  head.path = target.substr(0, mark);
  head.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  if (head.path.empty()) {
    head.path = "/";
  }
  return std::nullopt;
}

std::optional<Refusal> parse_request_line(std::string_view line, RequestHead& head) {
  std::size_t size = 0;
  while (size < line.size() && is_token_char(line[size])) {
    ++size;
  }
  if (size == 0 || size == line.size() || line[size] != ' ') {
    return bad_request("malformed request line " + shown(line));
  }
  if (size > kMethodSize) {
    return not_supported(501, "method " + shown(line.substr(0, size)) + " is not supported");
  }
  head.method = line.substr(0, size);
  const std::string_view rest = line.substr(size + 1);
  const std::size_t space = rest.find(' ');
  if (space == std::string_view::npos) {
    return bad_request("the request line has no HTTP version");
  }
  if (auto refusal = parse_version(rest.substr(space + 1), head)) {
    return refusal;
  }
  return parse_target(rest.substr(0, space), head);
}

// A line "name: value"; lines are counted from 1 after the request line.
std::optional<Refusal> parse_field(std::string_view line,
                                   std::size_t line_number,
                                   HeaderField& field) {
  const auto where = [line_number] { return "header line " + std::to_string(line_number); };
  if (line.front() == ' ' || line.front() == '\t') {
    return bad_request(where() + " begins with a space: folded headers are not accepted");
  }
  std::size_t size = 0;
  while (size < line.size() && is_token_char(line[size])) {
    ++size;
  }
  if (size == line.size()) {
    return bad_request(where() + " has no colon: " + shown(line));
  }
  if (line[size] != ':' || size == 0) {
    const bool space = size > 0 && (line[size] == ' ' || line[size] == '\t');
    return bad_request(where() + (space ? " has a space before its colon" : " has a bad name: ") +
                       (space ? std::string() : shown(line)));
  }
  field.name = line.substr(0, size);
  field.value = trimmed(line.substr(size + 1));
  if (!std::ranges::all_of(field.value, is_value_char)) {
    return bad_request("the value of header " + shown(field.name) + " has a control byte");
  }
  return std::nullopt;
}

}  // namespace

void RequestHead::clear() noexcept {
  method = path = query = {};
  headers.clear();
  framing = BodyFraming::none;
  content_length = 0;
  http_1_0 = expects_continue = false;
  keep_alive = true;
}

void RequestHead::rebase(std::string_view from, const char* to) noexcept {
  const auto move = [from, to](std::string_view& view) {
    // A path of static storage ("/" of an absolute target) stays. Unsigned: below is far away, too.
    const auto offset = static_cast<std::size_t>(view.data() - from.data());
    if (offset < from.size()) {
      view = {to + offset, view.size()};
    }
  };
  move(method);
  move(path);
  move(query);
  for (HeaderField& field : headers) {
    move(field.name);
    move(field.value);
  }
}

void HeadScanner::reset() noexcept {
  scanned_ = searched_ = lines_ = 0;
  refusal_.reset();
}

HeadScanner::State HeadScanner::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  return State::refused;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  if (searched_ == 0 && !bytes.empty() && !is_token_char(bytes.front())) {
    // 0x16 opens a TLS handshake: the likeliest reason for bytes that are no HTTP.
    return refuse(bad_request(bytes.front() == '\x16'
                                  ? "this port speaks plain HTTP, the client began with TLS"
                                  : "the request does not begin with a method"));
  }
  while (true) {
    const std::size_t line_feed = bytes.find('\n', searched_);
    if (line_feed == std::string_view::npos) {
      return end_of_bytes(bytes.size());
    }
    const State state = end_of_line(bytes, line_feed);
    if (state != State::incomplete) {
      return state;
    }
  }
}

// No line feed yet: refuse as soon as none could come in time, in the order of end_of_line.
HeadScanner::State HeadScanner::end_of_bytes(std::size_t size) {
  searched_ = size;
  if (lines_ == 0 && size > options_.request_line_bytes + 1) {
    return refuse(over_limit(414,
                             HttpRefusal::head_too_large,
                             "the request line is longer than " +
                                 std::to_string(options_.request_line_bytes) + " bytes"));
  }
  if (size >= options_.head_bytes) {
    return refuse(over_limit(
        431,
        HttpRefusal::head_too_large,
        "the request's headers are larger than " + std::to_string(options_.head_bytes) + " bytes"));
  }
  return State::incomplete;
}

HeadScanner::State HeadScanner::end_of_line(std::string_view bytes, std::size_t line_feed) {
  // A line that ends too late is refused as if its end had not come yet, however it was cut.
  if (end_of_bytes(line_feed) == State::refused) {
    return State::refused;
  }
  if (line_feed == scanned_ || bytes[line_feed - 1] != '\r') {
    return refuse(bad_request("line " + std::to_string(lines_ + 1) +
                              " of the request ends in a bare line feed, not in CR LF"));
  }
  const bool empty = line_feed - 1 == scanned_;
  scanned_ = searched_ = line_feed + 1;
  ++lines_;
  if (empty) {
    return lines_ == 1 ? refuse(bad_request("the request line is empty")) : State::complete;
  }
  if (lines_ > options_.header_count + 1) {
    return refuse(over_limit(
        431,
        HttpRefusal::head_too_large,
        "the request has more than " + std::to_string(options_.header_count) + " headers"));
  }
  return State::incomplete;
}

std::optional<Refusal> parse_head(std::string_view bytes,
                                  const HttpOptions& options,
                                  RequestHead& head) {
  head.clear();
  if (auto refusal = parse_request_line(take_line(bytes), head)) {
    return refusal;
  }
  for (std::string_view line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    HeaderField field;
    if (auto refusal = parse_field(line, head.headers.size() + 1, field)) {
      return refusal;
    }
    head.headers.push_back(field);
  }
  return apply_framing(options, head);
}

}  // namespace sluice::gateway
