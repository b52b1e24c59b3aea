// A header that is accepted survives encode and decode.

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "common/link/header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(google-build-using-namespace): one function
  using namespace sluice::link;
  const auto header = decode_header(std::as_bytes(std::span(data, size)));
  if (header) {
    const auto again = decode_header(encode_header(*header));
    SLUICE_CHECK(again && *again == *header);
  }
  return 0;
}
