// Recorded inputs and the answers to them: a folder `test_data_set_K` of ONNX's test cases, with
// input_I.pb and output_I.pb (each a serialized TensorProto). Inputs that are maps: recorded_map.h.

#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::model {

// Files of a folder named PREFIX number SUFFIX, by number.
std::map<std::size_t, std::filesystem::path> numbered_files(const std::filesystem::path& folder,
                                                            std::string_view prefix,
                                                            std::string_view suffix);
// All of the file. unavailable, or resource_exhausted where it is larger than a request may be.
Result<std::string> file_bytes(const std::filesystem::path& path);

struct RecordedSet {
  std::vector<NamedTensor> inputs;         // by the model's place; datatype undefined: not recorded
  std::vector<NamedTensor> outputs;        // those that were recorded, in the order of their files
  std::vector<std::size_t> output_places;  // of each in ModelInfo::outputs
};

// The paths of FOLDER/test_data_set_K, by K; none when there is no such folder.
std::vector<std::string> recorded_sets(const std::string& folder);

// A file belongs to the model's tensor of the name in it, else of its number. The tensors have the
// model's names. Maps (output_I.json) are left out. not_found: no output is recorded.
Result<RecordedSet> read_recorded_set(const std::string& folder, const ModelInfo& info);

// The inputs alone; RecordedSet::inputs.
Result<std::vector<NamedTensor>> read_recorded_inputs(const std::string& folder,
                                                      const ModelInfo& info);

}  // namespace sluice::model
