// Reads and writes a model's configuration: protobuf text format (config.pbtxt), the JSON form that
// load's parameter `config` carries, and the JSON that `/v2/models/M/config` answers with.
//
// Every field of the schema has a rule (field_rules.h): acted on, noted, or refused. Nothing that
// is set is passed over in silence.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/model/repository/model_config.h"

namespace sluice::repository {

// `text` is the content of a config.pbtxt, `model` the name of the folder it is in. The config's
// name is then `model`, whether the file says it or not.
// invalid_argument: "config.pbtxt 3:12: ..." (line:column) for bad syntax, an unknown field or a
// value that breaks a rule; unsupported: a field this server refuses, by name.
Result<ParsedConfig> parse_model_config(std::string_view text, std::string_view model);

// The same from JSON (proto3's mapping: snake_case or camelCase names, enums by name).
Result<ParsedConfig> parse_model_config_json(std::string_view json, std::string_view model);

// In proto3's JSON mapping with the schema's own field names, defaults printed, absent messages
// left out, and 64-bit integers as numbers. parse_model_config_json() reads it back.
std::string to_json(const ModelConfig& config);

// The rules between fields, which both parsers apply: dims, reshapes, batch sizes, priorities,
// instances, warm-ups, tags of metrics, file names. invalid_argument names the field.
Result<void> check_config(const ModelConfig& config);

}  // namespace sluice::repository
