// A model's configuration in protobuf text over arbitrary bytes.

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/repository/config_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = sluice::repository::parse_model_config(std::string(data, data + size), "m");
  if (parsed) {
    sluice::repository::check_accepted(*parsed);
  } else {
    SLUICE_CHECK(!parsed.error().detail.empty());
  }
  return 0;
}
