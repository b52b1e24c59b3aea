// A list of models in both forms over arbitrary bytes; the first byte chooses.

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/check.h"
#include "worker/model/repository/server_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string content(data + 1, data + size);
  const auto list = data[0] == '{' ? sluice::repository::parse_model_list_json(content, "f")
                                   : sluice::repository::parse_model_list(content, "f");
  if (!list) {
    SLUICE_CHECK(!list.error().detail.empty());
    return 0;
  }
  for (const sluice::repository::ListedModel& model : *list) {
    SLUICE_CHECK(sluice::repository::check_model_name(model.name).has_value());
    SLUICE_CHECK(model.base_path.starts_with('/'));
  }
  return 0;
}
