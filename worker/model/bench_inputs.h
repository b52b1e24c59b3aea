// What `sluice bench engine`, and what it is compared with, feed a model.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::model {

// One tensor for each of the model's inputs, in its order.
using InputSet = std::vector<NamedTensor>;

// An open extent by its name in the model file, and the values it takes, one after the other.
struct Sweep {
  std::string symbol;
  std::int64_t first = 1;
  std::int64_t last = 1;
};

// At most one of `data`, `sweep` and `decode`; `shapes` with neither `data` nor `decode`.
struct BenchFeed {
  std::map<std::string, Shape> shapes{};  // by input; the others take 1 for every open extent
  std::string data;                       // a folder test_data_set_K
  std::optional<Sweep> sweep{};
  std::int64_t decode = 0;  // steps; 0: none
};

// "x=1x3x224x224"; "x=" is a scalar. invalid_argument in the words of --shape.
Result<std::pair<std::string, Shape>> parse_shape_option(std::string_view text);
// "sequence=1..128". invalid_argument in the words of --sweep.
Result<Sweep> parse_sweep_option(std::string_view text);

// Inputs: floats in [0, 1), integers 0..99, in both a fixed sequence; inputs with `mask` in their
// name are 1, with `type` 0. invalid_argument for a shape the model cannot take.
Result<InputSet> bench_inputs(const ModelInfo& info, const std::map<std::string, Shape>& shapes);

// One set, or one for each value of a sweep or step of a decode. `symbols`: by input, the names of
// its extents in the model file. Steps of a decode have one token each, the positions and the mask
// that belong to it, and at first a past of no tokens. Errors: as bench_inputs, and
// invalid_argument where the model has nothing to sweep or no past.
Result<std::vector<InputSet>> bench_sets(const ModelInfo& info,
                                         const std::vector<std::vector<std::string>>& symbols,
                                         const BenchFeed& feed);

// An output of one step that is an input of the next: places in ModelInfo.
struct Feedback {
  std::size_t output = 0;
  std::size_t input = 0;
};
// By the exporters' names: `present.0.key` is `past_key_values.0.key`, `present_0` is `past_0`.
std::vector<Feedback> feedback_of(const ModelInfo& info);

}  // namespace sluice::model
