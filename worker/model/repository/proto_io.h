// Protobuf messages from text and JSON, and to JSON: for the files proto_*.cc of this folder alone.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "common/base/result.h"
#include "worker/model/repository/field_rules.h"

namespace sluice::repository {

enum class ConfigForm : std::uint8_t { text, json };

// Reads `content` into `message` and applies the rules to every field that is set: `notes` gains a
// sentence for each that is without effect. `file` begins every error.
// invalid_argument: syntax, an unknown field, text that is not UTF-8, a key given twice, size and
// depth beyond limits; unsupported: a refused field.
Result<void> read_message(ConfigForm form,
                          std::string_view content,
                          std::string_view file,
                          std::span<const FieldRule> rules,
                          google::protobuf::Message& message,
                          std::vector<std::string>& notes);

// proto3's JSON mapping with the schema's field names, defaults printed, absent messages left out,
// and 64-bit integers as numbers instead of strings.
std::string message_to_json(const google::protobuf::Message& message);

}  // namespace sluice::repository
