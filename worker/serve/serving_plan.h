// What a worker must know of its version beyond its command line: how it batches, what warms it up,
// what proves it. The node derives it from the repository; the worker only does as it says. Plain
// struct with its MessagePack map, handed over in a memfd (`sluice worker --plan-fd N`).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "common/process/unique_fd.h"
#include "common/tensor/buffer.h"
#include "common/tensor/datatype.h"
#include "common/tensor/shape.h"

namespace sluice::worker {

// One input of a warm-up sample. `dims` is without the batch dimension.
struct WarmUpInput {
  enum class Kind : std::uint8_t { zero = 0, random = 1, file = 2 };

  std::string name{};  // required
  DataType datatype = DataType::undefined;
  Shape dims{};
  Kind kind = Kind::zero;
  std::string path{};  // file: absolute; raw bytes of one sample as a link's tensor has them

  friend bool operator==(const WarmUpInput&, const WarmUpInput&) = default;
};

struct WarmUpSample {
  std::string name{};            // for messages
  std::uint32_t batch_size = 0;  // 0: the model does not batch, `dims` are whole shapes
  std::uint32_t count = 1;       // runs of it
  std::vector<WarmUpInput> inputs{};

  friend bool operator==(const WarmUpSample&, const WarmUpSample&) = default;
};

// An input or output as the configuration declares it, for comparison with the model's own.
// `dims` is without the batch dimension when max_batch_size is above 0.
struct ConfiguredTensor {
  std::string name{};
  DataType datatype = DataType::undefined;
  Shape dims{};
  bool optional = false;

  friend bool operator==(const ConfiguredTensor&, const ConfiguredTensor&) = default;
};

struct ServingPlan {
  std::string model_path{};  // required: the model file
  std::string model_name{};  // required
  std::int64_t version = 1;
  std::string stamp{};      // of link::VersionFound; empty: of a worker started by hand
  std::string model_dir{};  // <repository>/<model>; empty: there is none

  std::int64_t max_batch_size = 0;                    // 0: requests are not joined
  std::vector<std::int64_t> preferred_batch_sizes{};  // ascending
  Duration max_queue_delay{};
  bool preserve_ordering = false;
  // Executors that share the weights, as configured; 0: as many as the worker's threads. The
  // worker's own number and the threads of each stand on its command line, cut by the budget.
  std::uint32_t instance_count = 0;

  std::vector<WarmUpSample> warm_ups{};
  std::string probe_dir{};  // folder that holds test_data_set_*; empty: none

  std::vector<ConfiguredTensor> inputs{};   // empty: the configuration is silent
  std::vector<ConfiguredTensor> outputs{};  // the same
  std::vector<std::string> notes{};         // what of the configuration has no effect, for the log
  std::string config_json{};                // the completed configuration; empty: none
  std::vector<OutputLabels> labels{};       // of classes, as they were when the plan was made

  friend bool operator==(const ServingPlan&, const ServingPlan&) = default;
};

// At most limits::kServingPlanBytes; resource_exhausted, naming the model, beyond.
Result<Buffer> encode_plan(const ServingPlan& plan);

// data_corrupt: not such a map, a required field missing, a count or size over its limit (those of
// limits.h: warm-ups, tensors, ranks, names, notes), a path that is not absolute.
Result<ServingPlan> decode_plan(const Buffer& bytes);

// A sealed, close-on-exec memfd with the encoded plan, to be inherited by one worker.
Result<UniqueFd> write_plan(const ServingPlan& plan);
// Reads it from the start, whatever the descriptor's position; the descriptor stays the caller's.
Result<ServingPlan> read_plan(int fd);

}  // namespace sluice::worker
