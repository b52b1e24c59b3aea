#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/net/http_chunks.h"

namespace sluice::gateway {
namespace {

using Outcome = ChunkDecoder::Outcome;

struct Decoded {
  Outcome outcome = Outcome::more;
  std::string body;
  std::size_t taken = 0;
};

Decoded decode(ChunkDecoder& decoder, std::string_view bytes) {
  Decoded decoded;
  ChunkDecoder::Step step;
  do {
    step = decoder.next(bytes.substr(decoded.taken));
    decoded.taken += step.taken;
    decoded.body += step.data;
  } while (step.outcome == Outcome::data);
  decoded.outcome = step.outcome;
  return decoded;
}

TEST(HttpChunks, JoinsTheDataAndStopsAtTheEnd) {
  const HttpOptions options;
  ChunkDecoder decoder(options);
  const std::string_view chunks = "3\r\nabc\r\nA;x=y\r\n0123456789\r\n00\r\nT: v\r\n\r\n";
  const Decoded decoded = decode(decoder, std::string(chunks) + "GET /next");
  EXPECT_EQ(decoded.outcome, Outcome::done);
  EXPECT_EQ(decoded.body, "abc0123456789");
  EXPECT_EQ(decoded.taken, chunks.size());
}

TEST(HttpChunks, DataMayBeReadElsewhere) {
  const HttpOptions options;
  ChunkDecoder decoder(options);
  EXPECT_EQ(decode(decoder, "8\r\nab").body, "ab");
  EXPECT_EQ(decoder.data_left(), 6U);
  decoder.skip(4);
  EXPECT_EQ(decode(decoder, "gh\r\n0\r\n\r\n").body, "gh");
  EXPECT_EQ(decoder.next("").outcome, Outcome::done);
}

TEST(HttpChunks, RefusesAtTheFirstWrongByte) {
  struct Case {
    std::string bytes;
    int status;
    std::size_t taken;
  };
  const std::vector<Case> cases = {
      {"g\r\n", 400, 1},
      {"\r\n", 400, 1},
      {";x\r\n", 400, 1},
      {"+1\r\n", 400, 1},
      {"1 \r\n", 400, 2},
      {"1\n", 400, 2},
      {"1\rx", 400, 3},
      {"1;a\nb", 400, 4},
      {"1\r\nab", 400, 5},
      {"1\r\na\rb", 400, 6},
      {"0\r\n x", 400, 4},
      {"0\r\n:x", 400, 4},
      {"0\r\nT v", 400, 5},
      {"0\r\nT:\x7f", 400, 6},
      {"0\r\n\rx", 400, 5},
      {"65\r\n", 413, 2},                                         // 101 bytes at once
      {"40\r\n" + std::string(64, 'x') + "\r\n25\r\n", 413, 74},  // 64 + 37
      {"1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\n", 413, 21},
  };
  const HttpOptions options{.body_bytes = 100, .chunk_count = 3};
  for (const Case& each : cases) {
    ChunkDecoder decoder(options);
    const Decoded decoded = decode(decoder, each.bytes);
    ASSERT_EQ(decoded.outcome, Outcome::refused) << each.bytes;
    EXPECT_EQ(decoder.refusal().status, each.status) << each.bytes;
    EXPECT_EQ(decoded.taken, each.taken) << each.bytes;
  }
}

TEST(HttpChunks, SizesOfAnyLengthDoNotOverflow) {
  const HttpOptions options;
  for (const char* size : {"ffffffffffffffff", "10000000000000000", "ffffffffffffffffffffffff"}) {
    ChunkDecoder decoder(options);
    EXPECT_EQ(decode(decoder, size).outcome, Outcome::refused) << size;
    EXPECT_EQ(decoder.refusal().status, 413) << size;
  }
}

TEST(HttpChunks, ExtensionsAreBoundedInAll) {
  const HttpOptions options;
  ChunkDecoder decoder(options);
  const std::string chunk = "1;" + std::string(900, 'e') + "\r\na\r\n";
  int chunks = 0;
  while (decode(decoder, chunk).outcome == Outcome::more) {
    ++chunks;
  }
  EXPECT_EQ(chunks, 18);  // 18 x 900 <= 16 KiB
}

}  // namespace
}  // namespace sluice::gateway
