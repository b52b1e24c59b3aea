// Who decides that a model is loaded: what lies on disk, or who asks.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class ModelControl : std::uint8_t {
  watch,      // what is on disk, followed as it changes
  on_demand,  // "explicit": nothing but what is named at the start or asked for later
  none,       // what is on disk at the start
};

struct ModelControlName {
  ModelControl control;
  std::string_view name;
};
inline constexpr std::array kModelControls = {
    ModelControlName{ModelControl::watch, "watch"},
    ModelControlName{ModelControl::on_demand, "explicit"},
    ModelControlName{ModelControl::none, "none"},
};

constexpr std::string_view name_of(ModelControl control) noexcept {
  for (const ModelControlName& each : kModelControls) {
    if (each.control == control) {
      return each.name;
    }
  }
  return "unknown";
}

constexpr std::optional<ModelControl> model_control_from(std::string_view name) noexcept {
  for (const ModelControlName& each : kModelControls) {
    if (each.name == name) {
      return each.control;
    }
  }
  return std::nullopt;
}

}  // namespace sluice
