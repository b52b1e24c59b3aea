// Input: the body of an inference request that is all JSON.

#include "tests/fuzz/protocol/adapter_fuzz.h"

namespace sluice::gateway {
static void fuzz(const std::uint8_t* data, std::size_t size) {
  ClientMessage message;
  message.body = exact_body({data, size});
  fuzz_calls(kserve_v2_adapter(), message);
}

}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::gateway::fuzz(data, size);
  return 0;
}
