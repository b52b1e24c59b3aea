// A list of models as TensorFlow Serving's --model_config_file holds it (protobuf text), and the
// same list in JSON (proto3's mapping).

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/model/repository/model_config.h"

namespace sluice::repository {

struct ListedModel {
  std::string name{};
  std::string base_path{};  // absolute; its folders are the versions
  std::string platform{};   // as written
  std::optional<VersionPolicy> version_policy{};
  Labels labels{};

  friend bool operator==(const ListedModel&, const ListedModel&) = default;
};

// Sorted by name.
using ModelList = std::vector<ListedModel>;

// Checked as a whole: one wrong entry refuses the list. invalid_argument with
// "FILE 3:12: ..." or the entry and field; unsupported for what this server refuses by name.
Result<ModelList> parse_model_list(std::string_view text, std::string_view file);
Result<ModelList> parse_model_list_json(std::string_view json, std::string_view file);

// Of either form: JSON when the first character that is no blank is '{'.
Result<ModelList> parse_any_model_list(std::string_view content, std::string_view file);

// Reads a file of either form.
// not_found when it cannot be read.
Result<ModelList> read_model_list(const std::string& path);

}  // namespace sluice::repository
