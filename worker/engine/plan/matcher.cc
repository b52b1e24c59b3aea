#include "worker/engine/plan/matcher.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::engine {

Matcher::Matcher(Plan& plan, const Registry& registry)
    : plan_(plan),
      registry_(registry),
      makers_(plan.value_names.size(), kNone),
      readers_(plan.value_names.size()),
      gone_(plan.steps.size(), false) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    for (const ValueId value : plan.steps[i].node.inputs) {
      if (value != kNoValue) {
        readers_[value].push_back(i);
      }
    }
    for (const ValueId value : plan.steps[i].node.outputs) {
      if (value != kNoValue) {
        makers_[value] = i;
      }
    }
  }
  for (const Declared& output : plan.outputs) {
    readers_[output.value].push_back(kNone);
  }
}

bool Matcher::is(std::size_t step, std::string_view name) const {
  return step != kNone && !gone_[step] && plan_.steps[step].node.op_type == name &&
         plan_.steps[step].node.domain.empty() && plan_.steps[step].node.outputs.size() == 1;
}

std::size_t Matcher::maker(ValueId value, std::string_view name) const {
  const std::size_t step = value == kNoValue ? kNone : makers_[value];
  return is(step, name) ? step : kNone;
}

std::size_t Matcher::only_reader(std::size_t step, std::string_view name) const {
  const auto& readers = readers_[result(step)];
  return readers.size() == 1 && is(readers[0], name) ? readers[0] : kNone;
}

ValueId Matcher::other(std::size_t step, ValueId value) const {
  const auto& inputs = node(step).inputs;
  if (inputs.size() != 2 || (inputs[0] == value) == (inputs[1] == value)) {
    return kNoValue;
  }
  return inputs[0] == value ? inputs[1] : inputs[0];
}

std::optional<float> Matcher::number(ValueId value) const {
  if (!plan_.is_constant(value) || plan_.constants[value]->datatype() != DataType::float32) {
    return std::nullopt;
  }
  const auto view = plan_.constants[value]->view();
  return view && view->count == 1 ? std::optional(view->as<float>()[0]) : std::nullopt;
}

bool Matcher::is_number(ValueId value, double wanted) const {
  const auto found = number(value);
  return found && is_near(*found, wanted);
}

bool Matcher::is_near(float found, double wanted) {
  return std::abs(static_cast<double>(found) - wanted) <= 1e-6 * wanted;
}

std::optional<std::pair<float, ValueId>> Matcher::number_and_other(std::size_t step) const {
  const auto& inputs = node(step).inputs;
  for (std::size_t i = 0; inputs.size() == 2 && i < 2; ++i) {
    if (const auto found = number(inputs[i])) {
      return std::pair(*found, inputs[1 - i]);
    }
  }
  return std::nullopt;
}

std::int64_t Matcher::integer_named(const Node& node,
                                    std::string_view name,
                                    std::int64_t otherwise) {
  const auto found = std::ranges::find(node.attributes, name, &Attribute::name);
  return found == node.attributes.end() ? otherwise : found->integer;
}

float Matcher::real_named(const Node& node, std::string_view name, float otherwise) {
  const auto found = std::ranges::find(node.attributes, name, &Attribute::name);
  return found == node.attributes.end() ? otherwise : found->real;
}

bool Matcher::closed(const std::vector<std::size_t>& steps, std::size_t last) const {
  const auto inside = [&](std::size_t step) {
    return step == last || std::ranges::find(steps, step) != steps.end();
  };
  return std::ranges::all_of(
      steps, [&](std::size_t step) { return std::ranges::all_of(readers_[result(step)], inside); });
}

Result<void> Matcher::replace(const std::vector<std::size_t>& steps, std::size_t last, Node made) {
  // Operators of com.microsoft are older than any opset that has what they compute.
  const bool too_new = made.domain == kFusedDomain ||
                       (made.domain.empty() && made.opset > plan_.file_opset.value_or(made.opset));
  if (plan_.file_opset && too_new) {
    return {};
  }
  made.opset = made.domain.empty() ? plan_.file_opset.value_or(made.opset) : made.opset;
  made.name = node(last).name;
  made.outputs = node(last).outputs;
  SLUICE_TRY_ASSIGN(plan_.steps[last], make_step(std::move(made), registry_));
  for (const std::size_t step : steps) {
    gone_[step] = true;
  }
  return {};
}

Result<void> Matcher::add_behind(std::size_t step, Node made) {
  SLUICE_TRY_ASSIGN(Step added, make_step(std::move(made), registry_));
  behind_.emplace(step, std::move(added));
  return {};
}

ValueId Matcher::add_value(std::string name) {
  plan_.value_names.push_back(std::move(name));
  plan_.constants.emplace_back();
  makers_.push_back(kNone);
  readers_.emplace_back();
  return static_cast<ValueId>(plan_.value_names.size() - 1);
}

ValueId Matcher::add_constant(std::string name, Tensor tensor) {
  const ValueId value = add_value(std::move(name));
  plan_.constants[value] = std::make_shared<Constant>(std::move(tensor));
  return value;
}

void Matcher::drop_gone() {
  std::vector<Step> kept;
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (!gone_[i]) {
      kept.push_back(std::move(plan_.steps[i]));
    }
    const auto [first, last] = behind_.equal_range(i);
    std::for_each(first, last, [&](auto& entry) { kept.push_back(std::move(entry.second)); });
  }
  plan_.steps = std::move(kept);
}

}  // namespace sluice::engine
