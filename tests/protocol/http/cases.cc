#include "tests/protocol/http/cases.h"

namespace sluice::gateway {

namespace {

using namespace std::string_literals;

// A GET with Host and these lines, each with its own line end.
std::string get(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}

// A POST with Host, these lines and this body.
std::string post(const std::string& lines, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n" + body;
}

std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

std::string many_headers(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    lines += "X-" + std::to_string(i) + ": 1\r\n";
  }
  return lines;
}

std::string repeated(const std::string& piece, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all += piece;
  }
  return all;
}

std::vector<FramingCase> request_line_cases() {
  return {
      {"plain GET", get(""), 200, 200, ""},
      {"empty line before the request", "\r\n" + get(""), 200, 200, ""},
      {"two empty lines before the request",
       "\r\n\r\n" + get(""),
       400,
       200,
       "RFC 9112, 2.2 asks to forgive one"},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400, 200, "bare LF"},
      {"bare LF before the request", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 200, "bare LF"},
      {"two spaces before the target",
       "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       200,
       "single space"},
      {"two spaces before the version",
       "GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       200,
       "single space"},
      {"space after the version", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, 200, "single space"},
      {"tab between the parts", "GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"space before the method", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"method in lower case",
       "get / HTTP/1.1\r\nHost: x\r\n\r\n",
       200,
       400,
       "a method is any token"},
      {"method that is not known", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 200, 200, ""},
      {"method with other token characters",
       "M-SEARCH+1 / HTTP/1.1\r\nHost: x\r\n\r\n",
       200,
       400,
       "a method is any token"},
      {"method with a character that is no token's",
       "GE(T / HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       400,
       ""},
      {"method of 33 characters",
       std::string(33, 'A') + " / HTTP/1.1\r\nHost: x\r\n\r\n",
       501,
       200,
       "RFC 9112, 3: longer than any we know"},
      {"CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 501, 400, "no proxy"},
      {"version 2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, 505, ""},
      {"version 1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, 200, "only 1.0 and 1.1"},
      {"version 0.9 named", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505, 400, "only 1.0 and 1.1"},
      {"no version", "GET /\r\n\r\n", 400, 0, "HTTP/0.9"},
      {"version in lower case", "GET / http/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"version without a dot",
       "GET / HTTP/11\r\nHost: x\r\n\r\n",
       400,
       505,
       "malformed, not another version"},
      {"version with three digits",
       "GET / HTTP/1.10\r\nHost: x\r\n\r\n",
       400,
       200,
       "DIGIT \".\" DIGIT"},
      {"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"target without a slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"target with a query", "GET /a?b=c&d HTTP/1.1\r\nHost: x\r\n\r\n", 200, 200, ""},
      {"target in absolute form", "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", 200, 200, ""},
      {"target in absolute form without a path",
       "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
       200,
       200,
       ""},
      {"target in absolute form without a host",
       "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       400,
       ""},
      {"target with user information",
       "GET http://u@x/a HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       400,
       ""},
      {"target of another scheme",
       "GET ftp://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       200,
       "http and https"},
      {"asterisk for OPTIONS",
       "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
       200,
       400,
       "RFC 9112, 3.2.4"},
      {"asterisk for GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"fragment in the target",
       "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       200,
       "no fragment in a target"},
      {"byte over 127 in the target",
       "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
       400,
       200,
       "must be percent-encoded"},
      {"control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"zero byte in the target", "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"s, 400, 400, ""},
      {"request line over 8 KB",
       "GET /" + std::string(8300, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n",
       414,
       414,
       ""},
      {"request line of 8 KB",
       "GET /" + std::string(8100, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n",
       200,
       200,
       ""},
      {"start of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400, 400, ""},
  };
}

std::vector<FramingCase> header_cases() {
  return {
      {"no header name", get(": value\r\n"), 400, 400, ""},
      {"no colon", get("Header\r\n"), 400, 200, "a header has a colon"},
      {"space before the colon", get("Header : value\r\n"), 400, 400, ""},
      {"tab before the colon", get("Header\t: value\r\n"), 400, 400, ""},
      {"space in the name", get("Some Header: value\r\n"), 400, 400, ""},
      {"name with a character that is no token's",
       get("He@der: value\r\n"),
       400,
       200,
       "a name is a token"},
      {"name with an underscore", get("He_der: value\r\n"), 200, 200, ""},
      {"byte over 127 in the name",
       get("H\xc3\xa4"
           "der: value\r\n"),
       400,
       200,
       "a name is a token"},
      {"folded header", get("Header: one\r\n two\r\n"), 400, 400, ""},
      {"folded first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, 400, ""},
      {"bare LF after a header", get("Header: value\n"), 400, 200, "bare LF"},
      {"bare LF as the last line", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400, 200, "bare LF"},
      {"bare CR in a value", get("Header: a\rb\r\n"), 400, 400, ""},
      {"zero byte in a value", get("Header: a\0b\r\n"s), 400, 400, ""},
      {"control byte in a value",
       get("Header: a\x01"
           "b\r\n"),
       400,
       200,
       "RFC 9110, 5.5"},
      {"delete byte in a value",
       get("Header: a\x7f"
           "b\r\n"),
       400,
       200,
       "RFC 9110, 5.5"},
      {"control byte in a name",
       get("He\x01"
           "der: value\r\n"),
       400,
       400,
       ""},
      {"tab in a value", get("Header: a\tb\r\n"), 200, 200, ""},
      {"byte over 127 in a value", get("Header: \xc3\xa4\r\n"), 200, 200, ""},
      {"empty value", get("Header:\r\n"), 200, 200, ""},
      {"100 headers", get(many_headers(99)), 200, 200, ""},
      {"101 headers", get(many_headers(100)), 431, 200, "at most 100 headers"},
      {"headers over 32 KB",
       get(repeated("Header: " + std::string(7000, 'v') + "\r\n", 5)),
       431,
       400,
       "the status for it; the same bound"},
      {"one header of 10 KB",
       get("Header: " + std::string(10'000, 'v') + "\r\n"),
       200,
       400,
       "the head as a whole is bounded"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400, 400, ""},
      {"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200, 200, ""},
      {"two Hosts", get("Host: x\r\n"), 400, 400, ""},
      {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400, 400, ""},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, 400, "RFC 9112, 3.2: may be empty"},
      {"Host with a port", "GET / HTTP/1.1\r\nHost: x:80\r\n\r\n", 200, 200, ""},
      {"Host of IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, 200, ""},
      {"Host with a space", "GET / HTTP/1.1\r\nHost: x y\r\n\r\n", 400, 400, ""},
      {"Host with a slash", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, 400, ""},
      {"Host with a user",
       "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n",
       400,
       200,
       "RFC 9110, 7.2: host and port"},
      {"expectation that is not known",
       post("Content-Length: 1\r\nExpect: 200-ok\r\n", "a"),
       417,
       200,
       "RFC 9110, 10.1.1"},
  };
}

std::vector<FramingCase> length_cases() {
  return {
      {"length", post("Content-Length: 3\r\n", "abc"), 200, 200, ""},
      {"length of zero", post("Content-Length: 0\r\n", ""), 200, 200, ""},
      {"length with leading zeros", post("Content-Length: 003\r\n", "abc"), 200, 200, ""},
      {"POST without a length", post("", ""), 200, 200, ""},
      {"two equal lengths",
       post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
       400,
       400,
       ""},
      {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400, 400, ""},
      {"list of lengths", post("Content-Length: 3, 3\r\n", "abc"), 400, 400, ""},
      {"empty length", post("Content-Length:\r\n", ""), 400, 400, ""},
      {"negative length", post("Content-Length: -3\r\n", "abc"), 400, 400, ""},
      {"length with a plus", post("Content-Length: +3\r\n", "abc"), 400, 400, ""},
      {"length in hexadecimal", post("Content-Length: 0x3\r\n", "abc"), 400, 400, ""},
      {"length with a word", post("Content-Length: 3 bytes\r\n", "abc"), 400, 400, ""},
      {"length over the limit", post("Content-Length: 268435457\r\n", ""), 413, 413, ""},
      {"length over 64 bits",
       post("Content-Length: 99999999999999999999999999\r\n", ""),
       413,
       400,
       "plain digits, and too many bytes"},
      {"chunked and length",
       post("Transfer-Encoding: chunked\r\nContent-Length: 9\r\n", "3\r\nabc\r\n0\r\n\r\n"),
       200,
       400,
       "RFC 9112, 6.3: chunked wins, then close; graphpipe-tf sends it"},
      {"length and chunked",
       post("Content-Length: 9\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
       200,
       400,
       "RFC 9112, 6.3: chunked wins, then close"},
      {"chunked and a bad length",
       post("Transfer-Encoding: chunked\r\nContent-Length: nine\r\n", "0\r\n\r\n"),
       400,
       400,
       ""},
      {"chunked and two lengths",
       post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
            "0\r\n\r\n"),
       400,
       400,
       ""},
  };
}

std::vector<FramingCase> coding_cases() {
  const auto coded = [](const std::string& coding) {
    return post("Transfer-Encoding: " + coding + "\r\n", "3\r\nabc\r\n0\r\n\r\n");
  };
  return {
      {"chunked", coded("chunked"), 200, 200, ""},
      {"chunked in capitals", coded("CHUNKED"), 200, 200, ""},
      {"chunked twice in a line",
       coded("chunked, chunked"),
       400,
       501,
       "malformed, not unsupported"},
      {"chunked twice in two lines",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       400,
       400,
       ""},
      {"gzip, chunked", coded("gzip, chunked"), 501, 501, ""},
      {"gzip in a line before chunked",
       post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       501,
       400,
       "the coding is what is wrong"},
      {"chunked, identity", coded("chunked, identity"), 501, 501, ""},
      {"identity", coded("identity"), 501, 501, ""},
      {"coding that is not known", coded("xchunked"), 501, 501, ""},
      {"chunked with a parameter", coded("chunked;q=1"), 400, 501, "chunked has no parameters"},
      {"empty coding", coded(""), 400, 501, "malformed, not unsupported"},
      {"empty element before chunked", coded(", chunked"), 400, 501, "malformed, not unsupported"},
      {"chunked in HTTP/1.0",
       "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400,
       400,
       ""},
  };
}

std::vector<FramingCase> chunk_cases() {
  return {
      {"no chunk", chunked("0\r\n\r\n"), 200, 200, ""},
      {"chunk size in capitals", chunked("A\r\n0123456789\r\n0\r\n\r\n"), 200, 200, ""},
      {"chunk size with leading zeros", chunked("003\r\nabc\r\n000\r\n\r\n"), 200, 200, ""},
      {"chunk size that is empty", chunked("\r\nabc\r\n0\r\n\r\n"), 400, 400, ""},
      {"chunk size with a prefix", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400, 400, ""},
      {"chunk size with a minus", chunked("-3\r\nabc\r\n0\r\n\r\n"), 400, 400, ""},
      {"chunk size with a space before it", chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400, 400, ""},
      {"chunk size with a space after it",
       chunked("3 \r\nabc\r\n0\r\n\r\n"),
       400,
       200,
       "size, then CR LF or ';'"},
      {"chunk size over 64 bits",
       chunked("fffffffffffffffff\r\nabc\r\n"),
       413,
       400,
       "too many bytes"},
      {"chunk size over the limit", chunked("10000001\r\nabc\r\n"), 413, 413, ""},
      {"chunk size line with a bare LF", chunked("3\nabc\r\n0\r\n\r\n"), 400, 200, "bare LF"},
      {"chunk data with a bare LF", chunked("3\r\nabc\n0\r\n\r\n"), 400, 200, "bare LF"},
      {"chunk data that is longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400, 400, ""},
      {"chunk extension", chunked("3;name=value\r\nabc\r\n0;last\r\n\r\n"), 200, 200, ""},
      {"chunk extension with a quoted string",
       chunked("3;n=\"a b\"\r\nabc\r\n0\r\n\r\n"),
       200,
       200,
       ""},
      {"chunk extension with a bare CR", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400, 400, ""},
      {"chunk extension with a zero byte",
       chunked("3;a\0b\r\nabc\r\n0\r\n\r\n"s),
       400,
       200,
       "RFC 9110, 5.5"},
      {"chunk extension over 1 KB",
       chunked("3;" + std::string(2000, 'a') + "\r\nabc\r\n0\r\n\r\n"),
       400,
       200,
       "extensions are bounded"},
      {"trailer", chunked("3\r\nabc\r\n0\r\nTrailer: value\r\n\r\n"), 200, 200, ""},
      {"trailer without a colon",
       chunked("0\r\nTrailer\r\n\r\n"),
       400,
       200,
       "a trailer is a header"},
      {"trailer with a control byte", chunked("0\r\nT: \x01\r\n\r\n"), 400, 200, "RFC 9110, 5.5"},
      {"trailer line with a bare LF", chunked("0\r\nT: v\n\r\n"), 400, 200, "bare LF"},
      {"last line with a bare LF", chunked("0\r\n\n"), 400, 200, "bare LF"},
      {"trailers over 8 KB",
       chunked("0\r\n" + repeated("T: " + std::string(90, 'v') + "\r\n", 100) + "\r\n"),
       431,
       200,
       "trailers are bounded"},
      {"more than 65,536 chunks",
       chunked(repeated("1\r\na\r\n", 65'537) + "0\r\n\r\n"),
       413,
       200,
       "chunks are bounded"},
      {"65,536 chunks", chunked(repeated("1\r\na\r\n", 65'536) + "0\r\n\r\n"), 200, 200, ""},
  };
}

}  // namespace

const std::vector<FramingCase>& framing_cases() {
  static const std::vector<FramingCase> all = [] {
    std::vector<FramingCase> cases;
    for (const auto& part :
         {request_line_cases(), header_cases(), length_cases(), coding_cases(), chunk_cases()}) {
      cases.insert(cases.end(), part.begin(), part.end());
    }
    return cases;
  }();
  return all;
}

}  // namespace sluice::gateway
