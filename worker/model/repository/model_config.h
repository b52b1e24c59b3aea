// ModelConfig: what a model's config.pbtxt says, as plain values. Only what Sluice acts on or
// shows; what else a file may set is refused or noted when it is read (field_rules.h).

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/tensor/datatype.h"
#include "common/tensor/shape.h"
#include "worker/model/repository/version_policy.h"

namespace sluice::repository {

enum class TensorFormat : std::uint8_t { none, nhwc, nchw };  // for people and tools; not acted on

// A declared input or output.
struct TensorConfig {
  std::string name{};
  DataType datatype = DataType::undefined;
  Shape dims{};  // as clients send it: without the batch when max_batch_size >= 1; -1 is any extent
  std::optional<Shape>
      reshape{};          // the model's own, likewise without the batch; [] one number each
  bool optional = false;  // of an input
  TensorFormat format = TensorFormat::none;  // of an input
  std::string label_filename{};              // of an output, in the model's folder

  friend bool operator==(const TensorConfig&, const TensorConfig&) = default;
};

enum class TimeoutAction : std::uint8_t {
  reject,  // answered with an error at its time-out
  delay,   // goes behind all others at its time-out
};

// Of the requests that wait at one priority.
struct QueuePolicy {
  TimeoutAction timeout_action = TimeoutAction::reject;
  Duration default_timeout{};           // 0: the request's deadline alone
  bool allow_timeout_override = false;  // a request may ask for less than default_timeout
  std::uint32_t max_queue_size = 0;     // 0: the server's own bound

  friend bool operator==(const QueuePolicy&, const QueuePolicy&) = default;
};

struct DynamicBatching {
  std::vector<int> preferred_batch_sizes{};  // ascending; empty: any size
  Duration max_queue_delay{};                // how long the first of a batch waits for company
  bool preserve_ordering = false;
  std::uint32_t priority_levels = 0;  // 0: no priorities
  std::uint32_t default_priority_level = 0;
  QueuePolicy default_queue_policy{};
  std::map<std::uint32_t, QueuePolicy> priority_queue_policy{};  // by level, 1 the highest

  friend bool operator==(const DynamicBatching&, const DynamicBatching&) = default;

  [[nodiscard]] const QueuePolicy& policy_of(std::uint32_t level) const {
    const auto found = priority_queue_policy.find(level);
    return found == priority_queue_policy.end() ? default_queue_policy : found->second;
  }
};

// One input of a request made up before the version turns ready.
struct WarmUpInput {
  enum class Source : std::uint8_t { zero, random, file };

  DataType datatype = DataType::undefined;
  Shape dims{};  // without the batch, every extent known
  Source source = Source::zero;
  std::string file{};  // in the folder `warmup` of the model: the tensor's bytes as they are

  friend bool operator==(const WarmUpInput&, const WarmUpInput&) = default;
};

struct WarmUp {
  std::string name{};
  std::uint32_t batch_size = 1;
  std::uint32_t count = 1;  // how often it is run
  std::map<std::string, WarmUpInput> inputs{};

  friend bool operator==(const WarmUp&, const WarmUp&) = default;
};

enum class RolloutStrategy : std::uint8_t { rolling, blue_green, recreate };

// "rolling", "blue-green", "recreate", as `sluice rollout --strategy` and the config write them.
std::string_view name_of(RolloutStrategy strategy) noexcept;
std::optional<RolloutStrategy> strategy_from(std::string_view name) noexcept;

// How a new version takes over, unless the operator says otherwise.
struct RolloutDefaults {
  RolloutStrategy strategy = RolloutStrategy::rolling;
  std::vector<int> steps{};  // percent of the traffic, ascending, the last 100; empty: at once
  std::optional<Duration> hold{};  // of each step
  std::optional<Duration>
      keep_old{};  // how long the old version stays loaded; absent: as the strategy

  friend bool operator==(const RolloutDefaults&, const RolloutDefaults&) = default;
};

struct ModelConfig {
  std::string name{};      // the model's folder
  std::string platform{};  // "onnxruntime_onnx", "onnx_onnxv1" or not said
  std::string backend{};   // "onnxruntime", "sluice" or not said
  std::string default_model_filename = "model.onnx";
  int max_batch_size = 0;  // 0: tensors are whole; n: dims stand without a leading batch of up to n
  std::vector<TensorConfig> inputs{};             // empty: as the model has them
  std::vector<TensorConfig> outputs{};            // some of the model's; empty: all
  std::optional<VersionPolicy> version_policy{};  // absent: latest 1
  std::optional<int> instances{};  // executors of one worker; absent: as many as its threads
  std::optional<DynamicBatching> dynamic_batching{};
  std::vector<WarmUp> warm_ups{};
  std::map<std::string, std::string> metric_tags{};
  std::map<std::string, std::string> parameters{};  // as they were written, those of sluice.* too
  std::optional<bool> response_cache{};
  bool transaction_policy = false;  // the (empty) message was there: shown again

  // From parameters sluice.*:
  int replicas = 1;  // worker processes of a version
  Labels labels{};
  RolloutDefaults rollout{};

  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;

  [[nodiscard]] VersionPolicy policy() const { return version_policy.value_or(VersionPolicy{}); }
};

// A config and what in it is without effect here, each in one sentence for log and status.
struct ParsedConfig {
  ModelConfig config{};
  std::vector<std::string> notes{};

  friend bool operator==(const ParsedConfig&, const ParsedConfig&) = default;
};

// Of models and labels.
inline constexpr std::string_view kNameRule =
    "a name stands in URLs, so it has 1 to 64 letters, digits, '-', '_', '.' or '~' and does not "
    "start with '.'";

// invalid_argument quoting kNameRule.
Result<void> check_model_name(std::string_view name);

}  // namespace sluice::repository
