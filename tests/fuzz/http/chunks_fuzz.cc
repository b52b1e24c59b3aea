// The chunk decoder: the same body, end and refusal however the bytes are cut, and never more than
// the limit.

#include <string>

#include "gateway/net/http_chunks.h"
#include "tests/fuzz/http/cutter.h"

namespace sluice::gateway {
namespace {

using Outcome = ChunkDecoder::Outcome;

struct Decoded {
  Outcome outcome = Outcome::more;
  std::string body;
  std::size_t taken = 0;
};

// Decodes a piece; the decoder may be asked again with what comes after it.
void decode(ChunkDecoder& decoder, std::string_view piece, Decoded& decoded) {
  ChunkDecoder::Step step;
  do {
    step = decoder.next(piece);
    require(step.taken <= piece.size());
    piece.remove_prefix(step.taken);
    decoded.taken += step.taken;
    decoded.body += step.data;
    decoded.outcome = step.outcome;
  } while (step.outcome == Outcome::data);
}

void run(std::uint8_t seed, std::string_view bytes) {
  HttpOptions options;
  options.body_bytes = 1000;
  options.chunk_count = 20;
  ChunkDecoder whole_decoder(options);
  Decoded whole;
  decode(whole_decoder, bytes, whole);

  ChunkDecoder cut_decoder(options);
  Decoded cut;
  Cutter cutter(seed);
  while (!bytes.empty() && cut.outcome == Outcome::more) {
    decode(cut_decoder, cutter.cut(bytes), cut);
  }
  require(whole.outcome == cut.outcome && whole.body == cut.body && whole.taken == cut.taken);
  require(whole.body.size() <= options.body_bytes);
  if (whole.outcome == Outcome::refused) {
    require(whole_decoder.refusal().error == cut_decoder.refusal().error);
  }
}

}  // namespace
}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) {
    sluice::gateway::run(data[0], sluice::gateway::text_of(data, size));
  }
  return 0;
}
