#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/limits.h"
#include "schema/model_server_config.pb.h"
#include "worker/model/repository/folder_stamp.h"
#include "worker/model/repository/proto_io.h"
#include "worker/model/repository/proto_policy.h"
#include "worker/model/repository/server_config.h"

namespace sluice::repository {

namespace {

using Entry = tensorflow::serving::ModelConfig;

Error wrong_list(std::string detail) {
  return {ErrorCode::invalid_argument, std::move(detail)};
}

Result<void> check_place(const Entry& entry) {
  const std::string& path = entry.base_path();
  if (path.find("://") != std::string::npos) {
    return Error{ErrorCode::unsupported,
                 "base_path '" + path + "': only folders of this machine are served"};
  }
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos) {
    return wrong_list("base_path '" + path + "' is not an absolute path");
  }
  constexpr std::string_view kPlatforms[] = {"", "onnx", "onnxruntime_onnx", "onnx_onnxv1"};
  if (std::ranges::find(kPlatforms, entry.model_platform()) == std::end(kPlatforms)) {
    return Error{
        ErrorCode::unsupported,
        "model_platform '" + entry.model_platform() + "' is not served here; ONNX models are onnx"};
  }
  return {};
}

Result<ListedModel> read_entry(const Entry& entry) {
  SLUICE_TRY(check_model_name(entry.name()));
  SLUICE_TRY(check_place(entry));
  ListedModel model{.name = entry.name(),
                    .base_path = entry.base_path(),
                    .platform = entry.model_platform(),
                    .labels = {entry.version_labels().begin(), entry.version_labels().end()}};
  auto policy = read_policy(entry.model_version_policy());
  if (!policy) {
    return with_context(std::move(policy).error(), "model_version_policy");
  }
  model.version_policy = *std::move(policy);
  if (model.labels.size() > limits::kLabelsPerModel) {
    return wrong_list("at most " + std::to_string(limits::kLabelsPerModel) + " version_labels");
  }
  for (const auto& [label, version] : model.labels) {
    SLUICE_TRY(check_label_name(label));
    if (version < 1) {
      return wrong_list("label '" + label + "': versions are numbers from 1, not " +
                        std::to_string(version));
    }
  }
  return model;
}

Result<ModelList> read_list(const tensorflow::serving::ModelServerConfig& message) {
  if (!message.has_model_config_list()) {
    return wrong_list("there is no model_config_list");
  }
  const auto& entries = message.model_config_list().config();
  if (std::cmp_greater(entries.size(), limits::kModelsPerRepository)) {
    return wrong_list(std::to_string(entries.size()) + " models, at most " +
                      std::to_string(limits::kModelsPerRepository) + " are allowed");
  }
  ModelList models;
  for (int i = 0; i < entries.size(); ++i) {
    auto model = read_entry(entries[i]);
    if (!model) {
      const std::string& name = entries[i].name();
      return with_context(std::move(model).error(),
                          "config[" + std::to_string(i) + "]" + (name.empty() ? "" : " " + name));
    }
    models.push_back(*std::move(model));
  }
  std::ranges::sort(models, {}, &ListedModel::name);
  const auto twice = std::ranges::adjacent_find(models, {}, &ListedModel::name);
  if (twice != models.end()) {
    return wrong_list("model '" + twice->name + "' is listed twice");
  }
  return models;
}

Result<ModelList> parse(ConfigForm form, std::string_view content, std::string_view file) {
  tensorflow::serving::ModelServerConfig message;
  std::vector<std::string> notes;  // no rule of a list makes one
  SLUICE_TRY(read_message(form, content, file, model_list_rules(), message, notes));
  auto list = read_list(message);
  if (!list) {
    return with_context(std::move(list).error(), file);
  }
  return list;
}

}  // namespace

Result<ModelList> parse_model_list(std::string_view text, std::string_view file) {
  return parse(ConfigForm::text, text, file);
}

Result<ModelList> parse_model_list_json(std::string_view json, std::string_view file) {
  return parse(ConfigForm::json, json, file);
}

Result<ModelList> parse_any_model_list(std::string_view content, std::string_view file) {
  const std::size_t first = content.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && content[first] == '{';
  return json ? parse_model_list_json(content, file) : parse_model_list(content, file);
}

Result<ModelList> read_model_list(const std::string& path) {
  SLUICE_TRY_ASSIGN(const FileFacts file, read_stamped(path, limits::kModelConfigBytes));
  return parse_any_model_list(file.content, path);
}

}  // namespace sluice::repository
