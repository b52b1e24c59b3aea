// Whatever the description of a data message says, nothing outside its frames is touched, and what
// is accepted can be encoded again.

#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "common/link/tensor_codec.h"
#include "tests/fuzz/link/message_bytes.h"

namespace {

// Reads every byte of every tensor.
std::size_t checksum(const std::vector<sluice::NamedTensor>& tensors) {
  std::size_t sum = 0;
  for (const auto& tensor : tensors) {
    for (const std::byte byte : tensor.data.bytes()) {
      sum = sum * 31 + std::to_integer<std::size_t>(byte);
    }
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(google-build-using-namespace): one function
  using namespace sluice::link;
  const Body body = sluice::fuzz::body_from(data, size);
  if (const auto request = decode_infer(body)) {
    const auto again = encode_infer(*request);
    if (again) {
      const auto twice = decode_infer(*again);
      SLUICE_CHECK(twice && checksum(twice->inputs) == checksum(request->inputs));
    }
  }
  if (const auto response = decode_result(body)) {
    const auto again = encode_result(*response);
    if (again) {
      const auto twice = decode_result(*again);
      SLUICE_CHECK(twice && checksum(twice->outputs) == checksum(response->outputs));
    }
  }
  if (const auto failure = decode_failure(body)) {
    SLUICE_CHECK(*decode_failure(encode_failure(failure->error)) == *failure);
  }
  return 0;
}
