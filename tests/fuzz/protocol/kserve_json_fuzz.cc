// Input: the body of an inference request that is all JSON.

#include "tests/fuzz/protocol/adapter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::gateway;  // NOLINT(google-build-using-namespace): a target's entry point
  ClientMessage message;
  message.body = exact_body({data, size});
  fuzz_calls(kserve_v2_adapter(), message);
  return 0;
}
