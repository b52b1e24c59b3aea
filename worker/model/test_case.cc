#include "worker/model/test_case.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "worker/model/engine_run.h"
#include "worker/model/tensor_file.h"

namespace sluice::model {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSetPrefix = "test_data_set_";

std::optional<std::size_t> number_after(std::string_view name,
                                        std::string_view prefix,
                                        std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
      name.size() <= prefix.size() + suffix.size()) {
    return std::nullopt;
  }
  const std::string_view digits =
      name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(number)
                                                                      : std::nullopt;
}

// Entries of a folder named PREFIX number SUFFIX, by number.
std::map<std::size_t, fs::path> numbered(const fs::path& folder,
                                         std::string_view prefix,
                                         std::string_view suffix) {
  std::map<std::size_t, fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (const auto number = number_after(at->path().filename().string(), prefix, suffix)) {
      found.emplace(*number, at->path());
    }
  }
  return found;
}

Result<NamedTensor> read_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  std::string bytes(error ? 0 : size, '\0');
  std::ifstream in(path, std::ios::binary);
  if (error || !in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return Error{ErrorCode::unavailable, "cannot read " + path.filename().string()};
  }
  auto tensor = read_tensor(std::as_bytes(std::span(bytes)));
  if (!tensor) {
    return with_context(std::move(tensor).error(), path.filename().string());
  }
  return tensor;
}

std::string name_of_folder(const std::string& folder) {
  fs::path path = fs::path(folder).lexically_normal();
  if (!path.has_filename()) {
    path = path.parent_path();
  }
  if (path.filename() == "." || path.filename() == "..") {
    std::error_code ignored;
    path = fs::weakly_canonical(path, ignored);
  }
  return path.filename().string();
}

// The model's place for a tensor file: by its name, else by its number.
std::optional<std::size_t> place_of(const std::vector<ValueInfo>& values,
                                    const NamedTensor& tensor,
                                    std::size_t number) {
  const auto named = std::ranges::find(values, tensor.name, &ValueInfo::name);
  if (named != values.end()) {
    return static_cast<std::size_t>(named - values.begin());
  }
  return number < values.size() ? std::optional(number) : std::nullopt;
}

Result<std::vector<NamedTensor>> read_inputs(const fs::path& set, const ModelInfo& info) {
  std::vector<NamedTensor> inputs(info.inputs.size());
  for (const auto& [number, path] : numbered(set, "input_", ".pb")) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, read_file(path));
    const auto place = place_of(info.inputs, tensor, number);
    if (!place) {
      return Error{ErrorCode::invalid_argument,
                   path.filename().string() + ": the model has only " +
                       std::to_string(info.inputs.size()) + " inputs"};
    }
    inputs[*place] = std::move(tensor);
  }
  return inputs;
}

// Runs one set; the answer is empty when it passes, else what differs.
Result<std::string> run_set(engine::Session& session,
                            const fs::path& set,
                            const Tolerance& tolerance) {
  const ModelInfo& info = session.info();
  SLUICE_TRY_ASSIGN(const std::vector<NamedTensor> inputs, read_inputs(set, info));
  std::vector<NamedTensor> wanted;
  std::vector<std::size_t> outputs;
  for (const auto& [number, path] : numbered(set, "output_", ".pb")) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, read_file(path));
    const auto place = place_of(info.outputs, tensor, number);
    if (!place) {
      return Error{ErrorCode::invalid_argument,
                   path.filename().string() + ": the model has only " +
                       std::to_string(info.outputs.size()) + " outputs"};
    }
    wanted.push_back(std::move(tensor));
    outputs.push_back(*place);
  }
  if (!numbered(set, "output_", ".json").empty()) {
    return Error{ErrorCode::unsupported, "an output that is a sequence of maps"};
  }
  if (wanted.empty()) {
    return Error{ErrorCode::not_found, "it has no output_0.pb"};
  }
  const auto execution = session.new_execution();
  SLUICE_TRY_ASSIGN(const std::vector<NamedTensor> got,
                    run_tensors(*execution, info, inputs, outputs));
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (const auto wrong = difference(got[i], wanted[i], tolerance)) {
      return "output '" + got[i].name + "': " + *wrong;
    }
  }
  return std::string();
}

CheckStatus status_of(const Error& error) {
  return error.code == ErrorCode::unsupported ? CheckStatus::unsupported : CheckStatus::error;
}

}  // namespace

std::string_view name_of(CheckStatus status) {
  constexpr std::string_view kNames[] = {"pass", "fail", "unsupported", "error"};
  return kNames[static_cast<std::size_t>(status)];
}

std::vector<SetResult> run_test_case(engine::Engine& engine,
                                     const std::string& folder,
                                     const engine::LoadOptions& options,
                                     const Tolerance& tolerance) {
  const std::string name = name_of_folder(folder);
  const auto sets = numbered(folder, kSetPrefix, "");
  std::vector<SetResult> results;
  for (const auto& [number, path] : sets) {
    results.push_back({.test_case = name, .set = path.filename().string()});
  }
  if (sets.empty()) {
    results.push_back({.test_case = name, .set = ""});
  }
  engine::LoadOptions load = options;
  load.path = (fs::path(folder) / "model.onnx").string();
  auto session = engine.load(load);
  if (!session || sets.empty()) {
    for (SetResult& result : results) {
      result.status = session ? CheckStatus::error : status_of(session.error());
      result.detail = session ? "it has no test_data_set_0" : session.error().detail;
    }
    return results;
  }
  std::size_t at = 0;
  for (const auto& [number, path] : sets) {
    SetResult& result = results[at++];
    auto wrong = run_set(**session, path, tolerance);
    if (!wrong) {
      result.status = status_of(wrong.error());
      result.detail = wrong.error().detail;
    } else {
      result.status = wrong->empty() ? CheckStatus::pass : CheckStatus::fail;
      result.detail = *std::move(wrong);
    }
  }
  return results;
}

std::vector<std::string> case_folders(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> found;
  if (!fs::exists(fs::path(folder) / "model.onnx", error)) {
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (fs::exists(at->path() / "model.onnx", error)) {
        found.push_back(at->path().string());
      }
    }
    std::ranges::sort(found);
  }
  if (found.empty()) {
    found.push_back(folder);
  }
  return found;
}

}  // namespace sluice::model
