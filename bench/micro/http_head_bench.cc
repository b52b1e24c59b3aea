// The head of a request: finding its end and parsing it.

#include <string>

#include <benchmark/benchmark.h>

#include "gateway/net/http_head.h"

namespace sluice::gateway {
namespace {

// As wrk sends it.
std::string short_head() {
  return "POST /v2/models/add/infer HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
         "Content-Type: application/json\r\nContent-Length: 151\r\n\r\n";
}

// As a browser or a mesh of proxies makes it.
std::string long_head() {
  std::string head = "POST /v2/models/add/infer HTTP/1.1\r\nHost: models.example.org\r\n";
  for (int i = 0; i < 20; ++i) {
    head += "X-Forwarded-Header-" + std::to_string(i) + ": " + std::string(60, 'v') + "\r\n";
  }
  return head + "Content-Length: 151\r\n\r\n";
}

void scan_and_parse(benchmark::State& state, const std::string& bytes) {
  const HttpOptions options;
  HeadScanner scanner(options);
  RequestHead head;
  for (auto _ : state) {
    scanner.reset();
    head.clear();
    if (scanner.scan(bytes) != HeadScanner::State::complete ||
        parse_head(bytes, options, head).has_value()) {
      state.SkipWithError("the head is refused");
      break;
    }
    benchmark::DoNotOptimize(head);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void http_head_short(benchmark::State& state) {
  scan_and_parse(state, short_head());
}
BENCHMARK(http_head_short);

void http_head_long(benchmark::State& state) {
  scan_and_parse(state, long_head());
}
BENCHMARK(http_head_long);

}  // namespace
}  // namespace sluice::gateway
