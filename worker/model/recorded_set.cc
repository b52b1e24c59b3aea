#include "worker/model/recorded_set.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/limits.h"
#include "worker/model/recorded_map.h"
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

}  // namespace

std::map<std::size_t, fs::path> numbered_files(const fs::path& folder,
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

Result<std::string> file_bytes(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (!error && size > static_cast<std::uintmax_t>(limits::kLinkMessageBytes)) {
    return Error{ErrorCode::resource_exhausted,
                 path.filename().string() + " has " + std::to_string(size) + " bytes, at most " +
                     std::to_string(limits::kLinkMessageBytes) + " are read"};
  }
  std::string bytes(error ? 0 : size, '\0');
  std::ifstream in(path, std::ios::binary);
  if (error || !in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return Error{ErrorCode::unavailable, "cannot read " + path.filename().string()};
  }
  return bytes;
}

namespace {

Result<NamedTensor> read_file(const fs::path& path) {
  SLUICE_TRY_ASSIGN(const std::string bytes, file_bytes(path));
  auto tensor = read_tensor(std::as_bytes(std::span(bytes)));
  if (!tensor) {
    return with_context(std::move(tensor).error(), path.filename().string());
  }
  return tensor;
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

// The tensors of the files PREFIX number ".pb", each with its place; `maps` are among them.
Result<std::vector<PlacedTensor>> read_tensors(const fs::path& set,
                                               std::string_view prefix,
                                               const std::vector<ValueInfo>& values,
                                               const std::string& what,
                                               RecordedMaps maps = {}) {
  std::vector<PlacedTensor> tensors = std::move(maps.tensors);
  for (const auto& [number, path] : numbered_files(set, prefix, ".pb")) {
    if (maps.numbers.contains(number)) {
      continue;
    }
    SLUICE_TRY_ASSIGN(NamedTensor tensor, read_file(path));
    const auto place =
        place_of(values, tensor, number < maps.places.size() ? maps.places[number] : number);
    if (!place) {
      return Error{ErrorCode::invalid_argument,
                   path.filename().string() + ": the model has only " +
                       std::to_string(values.size()) + " " + what};
    }
    tensor.name = values[*place].name;
    tensors.push_back({*place, std::move(tensor)});
  }
  return tensors;
}

}  // namespace

std::vector<std::string> recorded_sets(const std::string& folder) {
  std::vector<std::string> sets;
  for (const auto& [number, path] : numbered_files(folder, kSetPrefix, "")) {
    sets.push_back(path.string());
  }
  return sets;
}

Result<std::vector<NamedTensor>> read_recorded_inputs(const std::string& folder,
                                                      const ModelInfo& info) {
  std::vector<NamedTensor> inputs(info.inputs.size());
  SLUICE_TRY_ASSIGN(RecordedMaps maps, read_recorded_maps(folder, info.inputs));
  SLUICE_TRY_ASSIGN(std::vector<PlacedTensor> placed,
                    read_tensors(folder, "input_", info.inputs, "inputs", std::move(maps)));
  for (PlacedTensor& input : placed) {
    inputs[input.place] = std::move(input.tensor);
  }
  return inputs;
}

Result<RecordedSet> read_recorded_set(const std::string& folder, const ModelInfo& info) {
  RecordedSet set;
  SLUICE_TRY_ASSIGN(set.inputs, read_recorded_inputs(folder, info));
  SLUICE_TRY_ASSIGN(std::vector<PlacedTensor> outputs,
                    read_tensors(folder, "output_", info.outputs, "outputs"));
  for (PlacedTensor& output : outputs) {
    set.output_places.push_back(output.place);
    set.outputs.push_back(std::move(output.tensor));
  }
  if (set.outputs.empty()) {
    return Error{ErrorCode::not_found, "it has no output_0.pb"};
  }
  return set;
}

}  // namespace sluice::model
