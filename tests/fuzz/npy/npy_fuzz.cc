// Any bytes as a .npy file: refused, or read, written and read again as the same tensor.

#include <cstddef>
#include <cstdint>
#include <span>

#include "cluster/infer/npy.h"
#include "common/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sluice::Buffer;
  const Buffer file = Buffer::copy_of(std::as_bytes(std::span(data, size)));
  const auto tensor = sluice::cluster::read_npy(file);
  if (!tensor) {
    SLUICE_CHECK(!tensor.error().detail.empty());
    return 0;
  }
  const auto written = sluice::cluster::npy_bytes(*tensor);
  SLUICE_CHECK(written.has_value());
  const auto again = sluice::cluster::read_npy(Buffer::copy_of(*written));
  SLUICE_CHECK(again.has_value() && again->shape == tensor->shape &&
               again->datatype == tensor->datatype && again->data.text() == tensor->data.text());
  return 0;
}
