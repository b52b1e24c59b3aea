// Input: two bytes, the length of the JSON (little-endian), and the body.

#include <string>

#include "tests/fuzz/protocol/adapter_fuzz.h"

namespace sluice::gateway {
static void fuzz(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return;
  }
  const std::string length = std::to_string(data[0] + 256 * data[1]);
  const HeaderField headers[] = {{"Inference-Header-Content-Length", length}};
  ClientMessage message;
  message.headers = headers;
  message.body = exact_body({data + 2, size - 2});
  fuzz_calls(kserve_v2_adapter(), message);
}

}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::gateway::fuzz(data, size);
  return 0;
}
