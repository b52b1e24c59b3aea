#include "gateway/net/reply_head.h"

#include <charconv>
#include <utility>

namespace sluice::gateway {

namespace {

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

void append_number(std::string& out, std::size_t number) {
  char digits[24];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

void append_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool control = (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
    out += control ? ' ' : c;
  }
}

}  // namespace

bool status_has_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

void append_reply_head(std::string& out, const ClientReply& reply, const ReplyHeadFacts& facts) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(reply.status));
  out += ' ';
  out += reason_of(reply.status);
  if (!facts.date.empty()) {
    out += "\r\nDate: ";
    out += facts.date;
  }
  if (!reply.content_type.empty()) {
    out += "\r\nContent-Type: ";
    append_text(out, reply.content_type);
  }
  if (facts.streams) {
    // HTTP/1.0 has no chunks: there the end of the connection ends the body.
    out += facts.http_1_0 ? "" : "\r\nTransfer-Encoding: chunked";
  } else if (status_has_body(reply.status)) {
    out += "\r\nContent-Length: ";
    append_number(out, facts.body_size);
  }
  for (const auto& [name, value] : reply.headers) {
    out += "\r\n";
    append_text(out, name);
    out += ": ";
    append_text(out, value);
  }
  if (!facts.keep_alive) {
    out += "\r\nConnection: close";
  } else if (facts.http_1_0) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
}

ClientReply reply_of(const Refusal& refusal) {
  std::string text = R"({"error":")";
  for (const char c : refusal.error.detail) {
    if (c == '"' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  text += "\"}";
  ClientReply reply;
  reply.status = refusal.status;
  reply.content_type = "application/json";
  if (refusal.status == 503) {
    reply.headers.emplace_back("Retry-After", "1");
  }
  reply.body.push_back(Buffer::from_string(std::move(text)));
  reply.close = true;
  return reply;
}

}  // namespace sluice::gateway
