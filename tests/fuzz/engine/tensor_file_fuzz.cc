// The reader of tensor files over arbitrary bytes; what it reads must survive a round trip.

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "worker/model/tensor_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tensor = sluice::model::read_tensor(std::as_bytes(std::span(data, size)));
  if (tensor) {
    const auto written = sluice::model::write_tensor(*tensor);
    SLUICE_CHECK(written.has_value());
    const auto again = sluice::model::read_tensor(std::as_bytes(std::span(*written)));
    SLUICE_CHECK(again.has_value() && again->shape == tensor->shape &&
                 again->data.text() == tensor->data.text());
  }
  return 0;
}
