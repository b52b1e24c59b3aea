// Input: the body of a GraphPipe request.

#include "tests/fuzz/protocol/adapter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::gateway;  // NOLINT(google-build-using-namespace): a target's entry point
  ClientMessage message;
  message.body = exact_body({data, size});
  fuzz_calls(graphpipe_adapter(), message);
  return 0;
}
