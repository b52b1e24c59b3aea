// Recorded inputs that are maps: input_I.json or a serialized MapProto input_I.pb, where I counts
// the inputs as the model's file has them. The engine has two tensors for such an input, NAME.keys
// and NAME.values (docs/protocols/kserve_v2.md), and so has what is read here.

#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::model {

struct PlacedTensor {
  std::size_t place = 0;  // in ModelInfo's inputs or outputs
  NamedTensor tensor{};
};

// A map's keys and values; `keys` and `values` say which names and datatypes they have.
// data_corrupt for what is no such map. As JSON: an object from key to value, alone, in a list or
// in the list "value" of an object, as answers that are maps are recorded. null is NaN.
Result<std::vector<NamedTensor>> read_json_map(const std::string& json,
                                               const ValueInfo& keys,
                                               const ValueInfo& values);
Result<std::vector<NamedTensor>> read_map_proto(std::span<const std::byte> file,
                                                const ValueInfo& keys,
                                                const ValueInfo& values);

struct RecordedMaps {
  std::vector<std::size_t> places{};  // by number of the file: where a map's keys are is its place
  std::set<std::size_t> numbers{};    // of the .pb files that have been read
  std::vector<PlacedTensor> tensors{};  // keys and values
};

// The maps among the inputs of FOLDER/test_data_set_K. A file of a tensor that is named as one of
// `inputs` is no map.
Result<RecordedMaps> read_recorded_maps(const std::string& folder,
                                        const std::vector<ValueInfo>& inputs);

}  // namespace sluice::model
