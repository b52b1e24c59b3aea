// What Sluice does with each field of schema/model_config.proto and
// schema/model_server_config.proto. The table of docs/protocols/model_config.md is the same for
// people; a test compares them.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::repository {

enum class FieldAction : std::uint8_t {
  take,    // acted on or shown
  enter,   // a message whose fields have rules of their own
  note,    // without effect here; said once in the config's notes
  refuse,  // would change answers or their meaning: the config is refused
};

struct FieldRule {
  std::string_view path;  // "input.dims"; the fields of a noted, refused or taken one have none
  FieldAction action = FieldAction::refuse;
  std::string_view why = {};  // of note and refuse
};

std::span<const FieldRule> model_config_rules();
std::span<const FieldRule> model_list_rules();

// nullptr for a path that has no rule, which is then refused.
const FieldRule* find_rule(std::span<const FieldRule> rules, std::string_view path);

}  // namespace sluice::repository
