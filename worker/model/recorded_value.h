// Recorded inputs and answers that may be more than tensors: SequenceProto and OptionalProto files
// of ONNX's test cases, and the maps of ZipMap models. For `sluice check`; requests have tensors.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"

namespace sluice::model {

// A tensor (its one item), a sequence, or an optional that holds nothing.
struct RecordedValue {
  enum class Kind : std::uint8_t { tensor, sequence, nothing };
  Kind kind = Kind::nothing;
  std::vector<NamedTensor> items{};
};

struct RecordedValues {
  std::vector<RecordedValue> inputs;       // by the model's place
  std::vector<bool> given;                 // whether an input was recorded
  std::vector<RecordedValue> outputs;      // those that were recorded
  std::vector<std::size_t> output_places;  // of each
};

// A file of the given form. Errors as read_tensor's.
Result<RecordedValue> read_value(std::span<const std::byte> file, engine::Form form);

// The scores of `[{label: score}, ...]` (JSON) as a float32 tensor [rows, labels]. data_corrupt for
// what is no such list, or whose labels are others.
Result<NamedTensor> read_maps(const std::string& json, const std::vector<std::string>& labels);

// FOLDER/test_data_set_K: input_I.pb, output_I.pb, input_I.json and output_I.json (maps). A file
// belongs to the value of its number, a tensor's file to the value of the name in it where there is
// one.
Result<RecordedValues> read_recorded_values(const std::string& folder,
                                            const engine::Session& session);

}  // namespace sluice::model
