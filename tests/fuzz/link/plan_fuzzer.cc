// A serving plan that is accepted survives encode and decode.

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "worker/serve/serving_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(google-build-using-namespace): one function
  using namespace sluice::worker;
  const auto plan = decode_plan(sluice::Buffer::copy_of(std::as_bytes(std::span(data, size))));
  if (plan) {
    const auto bytes = encode_plan(*plan);
    // The defaults that were left out may take it over the limit.
    if (bytes) {
      const auto again = decode_plan(*bytes);
      SLUICE_CHECK(again && *again == *plan);
    }
  }
  return 0;
}
