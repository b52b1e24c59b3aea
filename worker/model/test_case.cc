#include "worker/model/test_case.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "worker/model/engine_run.h"
#include "worker/model/recorded_set.h"
#include "worker/model/recorded_value.h"

namespace sluice::model {
namespace {

namespace fs = std::filesystem;

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

std::optional<std::string> value_difference(const RecordedValue& got,
                                            const RecordedValue& want,
                                            const Tolerance& tolerance) {
  constexpr const char* kKinds[] = {"a tensor", "a sequence", "nothing"};
  if (got.kind != want.kind) {
    return std::string("is ") + kKinds[static_cast<std::size_t>(got.kind)] + ", wanted " +
           kKinds[static_cast<std::size_t>(want.kind)];
  }
  if (got.items.size() != want.items.size()) {
    return "has " + std::to_string(got.items.size()) + " elements, wanted " +
           std::to_string(want.items.size());
  }
  for (std::size_t i = 0; i < got.items.size(); ++i) {
    if (auto wrong = difference(got.items[i], want.items[i], tolerance)) {
      return got.items.size() > 1 ? "element " + std::to_string(i) + " " + *wrong : *wrong;
    }
  }
  return std::nullopt;
}

// A set's input that the model as declared would refuse for its shape.
bool contradicts(const RecordedValues& set, const ModelInfo& info) {
  for (std::size_t i = 0; i < set.inputs.size(); ++i) {
    if (!set.given[i] || set.inputs[i].kind != RecordedValue::Kind::tensor) {
      continue;
    }
    const Shape& declared = info.inputs[i].shape;
    const Shape& shape = set.inputs[i].items[0].shape;
    if (!std::ranges::equal(shape, declared, [](std::int64_t extent, std::int64_t wanted) {
          return wanted < 0 || extent == wanted;
        })) {
      return true;
    }
  }
  return false;
}

// Runs one set; the answer is empty when it passes, else what differs.
Result<std::string> run_set(engine::Engine& engine,
                            const engine::LoadOptions& load,
                            const engine::Session& session,
                            const std::string& folder,
                            const Tolerance& tolerance) {
  const ModelInfo& info = session.info();
  SLUICE_TRY_ASSIGN(const RecordedValues set, read_recorded_values(folder, session));
  for (std::size_t i = 0; i < set.given.size(); ++i) {
    if (!set.given[i]) {
      return Error{ErrorCode::invalid_argument, "input '" + info.inputs[i].name + "' is missing"};
    }
  }
  auto execution = session.new_execution();
  if (contradicts(set, info)) {
    engine::LoadOptions loose = load;
    loose.any_shapes = true;
    SLUICE_TRY_ASSIGN(const auto any, engine.load(loose));
    execution = any->new_execution();
  }
  SLUICE_TRY_ASSIGN(const std::vector<RecordedValue> got,
                    run_values(*execution, set.inputs, set.output_places));
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (const auto wrong = value_difference(got[i], set.outputs[i], tolerance)) {
      return "output '" + info.outputs[set.output_places[i]].name + "': " + *wrong;
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
  const std::vector<std::string> sets = recorded_sets(folder);
  std::vector<SetResult> results;
  for (const std::string& set : sets) {
    results.push_back({.test_case = name, .set = fs::path(set).filename().string()});
  }
  if (sets.empty()) {
    results.push_back({.test_case = name, .set = ""});
  }
  engine::LoadOptions load = options;
  load.path = (fs::path(folder) / "model.onnx").string();
  load.any_forms = true;
  auto session = engine.load(load);
  if (!session || sets.empty()) {
    for (SetResult& result : results) {
      result.status = session ? CheckStatus::error : status_of(session.error());
      result.detail = session ? "it has no test_data_set_0" : session.error().detail;
    }
    return results;
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    SetResult& result = results[i];
    auto wrong = run_set(engine, load, **session, sets[i], tolerance);
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

std::vector<NamedCase> named_cases(const std::vector<std::string>& folders) {
  std::vector<NamedCase> cases;
  std::map<std::string, std::size_t> seen;
  for (const std::string& folder : folders) {
    for (std::string& test_case : case_folders(folder)) {
      std::string name = name_of_folder(test_case);
      ++seen[name];
      cases.push_back({.folder = std::move(test_case), .name = std::move(name)});
    }
  }
  for (NamedCase& each : cases) {
    if (seen.at(each.name) > 1) {
      each.name = each.folder;
    }
  }
  return cases;
}

}  // namespace sluice::model
