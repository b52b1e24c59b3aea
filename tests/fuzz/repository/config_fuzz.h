// What must hold of every configuration that is accepted, from whatever form it came.

#pragma once

#include "common/base/check.h"
#include "common/base/limits.h"
#include "worker/model/repository/completion.h"
#include "worker/model/repository/config_parser.h"

namespace sluice::repository {

inline void check_accepted(const ParsedConfig& parsed) {
  const ModelConfig& config = parsed.config;
  SLUICE_CHECK(check_config(config).has_value());
  SLUICE_CHECK(parsed.notes.size() <= limits::kConfigNotes);
  // Its JSON is a configuration too, and the same one, with the policy that an absent one means.
  const auto again = parse_model_config_json(to_json(config), config.name);
  SLUICE_CHECK(again.has_value());
  ModelConfig same = config;
  same.version_policy = config.policy();
  SLUICE_CHECK(again->config == same);
  // Held against a model, it is completed or refused, and what is completed fits.
  const ModelInfo facts{.name = config.name,
                        .platform = "onnx_onnxv1",
                        .description = {},
                        .inputs = {{"x", DataType::float32, {-1, 4}}},
                        .outputs = {{"y", DataType::float32, {-1, 2}}}};
  const auto whole = complete(config, facts, {.max_batch_size = 4, .instances = 2});
  if (whole) {
    SLUICE_CHECK(check_against(*whole, facts).has_value());
    static_cast<void>(served_info(*whole, facts));
  }
}

}  // namespace sluice::repository
