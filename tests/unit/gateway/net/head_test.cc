#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/net/http_head.h"

namespace sluice::gateway {
namespace {

struct Parsed {
  HttpOptions options;
  HeadScanner scanner{options};
  HeadScanner::State state = HeadScanner::State::incomplete;
  std::optional<Refusal> refusal;
  RequestHead head;
};

void parse(std::string_view bytes, Parsed& parsed) {
  parsed.state = parsed.scanner.scan(bytes);
  if (parsed.state == HeadScanner::State::complete) {
    parsed.refusal =
        parse_head(bytes.substr(0, parsed.scanner.head_size()), parsed.options, parsed.head);
  } else if (parsed.state == HeadScanner::State::refused) {
    parsed.refusal = parsed.scanner.refusal();
  }
}

TEST(HttpHead, SplitsTheTarget) {
  struct Case {
    const char* target;
    const char* path;
    const char* query;
  };
  const std::vector<Case> cases = {
      {"/", "/", ""},
      {"/a/b", "/a/b", ""},
      {"/a?b=c", "/a", "b=c"},
      {"/?", "/", ""},
      {"/a?b?c", "/a", "b?c"},
      {"/%7e%00", "/%7e%00", ""},
      {"//a", "//a", ""},
      {"http://h", "/", ""},
      {"HTTP://h:80/a?b", "/a", "b"},
      {"https://[::1]:1/a", "/a", ""},
      {"http://h?q", "/", "q"},
  };
  for (const Case& each : cases) {
    Parsed parsed;
    const std::string bytes = "GET " + std::string(each.target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    parse(bytes, parsed);
    ASSERT_FALSE(parsed.refusal) << each.target;
    EXPECT_EQ(parsed.head.path, each.path) << each.target;
    EXPECT_EQ(parsed.head.query, each.query) << each.target;
  }
}

TEST(HttpHead, DecidesHowTheBodyIsFramedAndTheConnectionGoesOn) {
  struct Case {
    const char* version;
    const char* lines;
    BodyFraming framing;
    std::uint64_t length;
    bool keep_alive;
    bool expects_continue;
  };
  using enum BodyFraming;
  const std::vector<Case> cases = {
      {"1.1", "", none, 0, true, false},
      {"1.0", "", none, 0, false, false},
      {"1.0", "Connection: Keep-Alive\r\n", none, 0, true, false},
      {"1.0", "Connection: keep-alive, close\r\n", none, 0, false, false},
      {"1.1", "Connection: close\r\n", none, 0, false, false},
      {"1.1", "Connection: upgrade ,\tCLOSE\r\n", none, 0, false, false},
      {"1.1", "Connection: closed\r\n", none, 0, true, false},
      {"1.1", "Content-Length: 0\r\n", none, 0, true, false},
      {"1.1", "content-LENGTH:\t12 \r\n", length, 12, true, false},
      {"1.1", "Content-Length: 268435456\r\n", length, 268435456, true, false},
      {"1.1", "Content-Length: 5\r\nExpect: 100-Continue\r\n", length, 5, true, true},
      {"1.0", "Content-Length: 5\r\nExpect: 100-continue\r\n", length, 5, false, false},
      {"1.1", "Expect: 100-continue\r\n", none, 0, true, false},
      {"1.1", "Transfer-Encoding: Chunked\r\n", chunked, 0, true, false},
      {"1.1", "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n", chunked, 0, false, false},
      {"1.1", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", chunked, 0, true, true},
  };
  for (const Case& each : cases) {
    Parsed parsed;
    const std::string bytes =
        "PUT / HTTP/" + std::string(each.version) + "\r\nHost: h\r\n" + each.lines + "\r\n";
    parse(bytes, parsed);
    ASSERT_FALSE(parsed.refusal) << bytes << parsed.refusal->error.detail;
    EXPECT_EQ(parsed.head.framing, each.framing) << bytes;
    EXPECT_EQ(parsed.head.content_length, each.length) << bytes;
    EXPECT_EQ(parsed.head.keep_alive, each.keep_alive) << bytes;
    EXPECT_EQ(parsed.head.expects_continue, each.expects_continue) << bytes;
  }
}

TEST(HttpHead, SaysWhatWasWrong) {
  struct Case {
    const char* bytes;
    int status;
    const char* sentence;
  };
  const std::vector<Case> cases = {
      {"GET / HTTP/1.1\nHost: h\r\n\r\n",
       400,
       "line 1 of the request ends in a bare line feed, not in CR LF"},
      {"\r\n\r\n", 400, "the request does not begin with a method"},
      {"\x16\x03\x01", 400, "this port speaks plain HTTP, the client began with TLS"},
      {"GET /\r\nHost: h\r\n\r\n", 400, "the request line has no HTTP version"},
      {"GET / HTTP/3.0\r\n\r\n", 505, "'HTTP/3.0' is not supported, only HTTP/1.1 and 1.0 are"},
      {"GET / HTTP/1.1\r\nA: b\r\nC : d\r\n\r\n",
       400,
       "header line 2 has a space before its colon"},
      {"GET / HTTP/1.1\r\n A: b\r\n\r\n",
       400,
       "header line 1 begins with a space: folded headers are not accepted"},
      {"GET / HTTP/1.1\r\nA\r\n\r\n", 400, "header line 1 has no colon: 'A'"},
      {"GET / HTTP/1.1\r\nA@: b\r\n\r\n", 400, "header line 1 has a bad name: 'A@: b'"},
      {"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400, "the value of header 'A' has a control byte"},
      {"GET / HTTP/1.1\r\n\r\n", 400, "HTTP/1.1 requires a Host header"},
      {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, "more than one Host header"},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "the Host header 'a b' is not a host and port"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n",
       400,
       "Content-Length '1x' is not a number"},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br, chunked\r\n\r\n",
       501,
       "transfer coding 'br' is not supported, only chunked is"},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "expectation 'x' is not supported"},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "the request target 'a' does not begin with '/'"},
  };
  for (const Case& each : cases) {
    Parsed parsed;
    parse(each.bytes, parsed);
    ASSERT_TRUE(parsed.refusal) << each.bytes;
    EXPECT_EQ(parsed.refusal->status, each.status) << each.bytes;
    EXPECT_EQ(parsed.refusal->error.detail, each.sentence);
  }
}

TEST(HttpHead, WhatWasSentIsShownShortAndPrintable) {
  EXPECT_EQ(shown("plain"), "'plain'");
  EXPECT_EQ(shown("a\r\nb\x80"), "'a??b?'");
  EXPECT_EQ(shown(std::string(100, 'x')), "'" + std::string(64, 'x') + "...'");
}

TEST(HttpHead, TheScannerEndsAtTheFirstEmptyLine) {
  const HttpOptions options;
  HeadScanner scanner(options);
  const std::string_view head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(scanner.scan(std::string(head) + "body\nwith\nlines"), HeadScanner::State::complete);
  EXPECT_EQ(scanner.head_size(), head.size());
}

TEST(HttpHead, TheLimitsAreMetExactly) {
  const HttpOptions options{.head_bytes = 64, .request_line_bytes = 20};
  const auto state_of = [&options](const std::string& bytes) {
    HeadScanner scanner(options);
    const auto state = scanner.scan(bytes);
    return state == HeadScanner::State::refused ? scanner.refusal().status : 200;
  };
  EXPECT_EQ(state_of("GET /4567890 HTTP/1.1"), 200);  // 21 bytes, of which the last may be CR
  EXPECT_EQ(state_of("GET /456789 HTTP/1.1\r\n"), 200);
  EXPECT_EQ(state_of("GET /4567890 HTTP/1.1\r\n"), 414);
  EXPECT_EQ(state_of("GET /4567890 HTTP/1.1\r"), 414);
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(state_of(line + "A: " + std::string(41, 'v') + "\r\n\r\n"), 200);
  EXPECT_EQ(state_of(line + "A: " + std::string(42, 'v') + "\r\n\r\n"), 431);
  EXPECT_EQ(state_of(line + "A: " + std::string(45, 'v')), 431);
}

TEST(HttpHead, ViewsFollowTheBytes) {
  Parsed parsed;
  const std::string bytes = "GET http://h HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
  parse(bytes, parsed);
  ASSERT_FALSE(parsed.refusal);
  const std::string copy = bytes;
  parsed.head.rebase(bytes, copy.data());
  EXPECT_EQ(parsed.head.method.data(), copy.data());
  EXPECT_EQ(parsed.head.path, "/");
  EXPECT_EQ(parsed.head.headers[1].value.data(), copy.data() + copy.find('b'));
}

}  // namespace
}  // namespace sluice::gateway
