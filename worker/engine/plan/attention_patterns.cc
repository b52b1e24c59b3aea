// Attention's scores, from their product to probabilities:
//
//   {Div or Mul}, {Where}, {Add}, Softmax over the last axis    MaskedSoftmax
//
// each of the three where it is: a number scales the scores, a condition replaces some by a number,
// a mask is added. Nobody else reads what lies inside, but a Shape that can read the scores
// instead; float32 alone. The answer is the same to the last bit.

#include <algorithm>
#include <utility>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

class AttentionPatterns : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "Softmax")) {
        SLUICE_TRY(take_softmax(i));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // Scores that a number scales.
  struct Scaled {
    std::size_t step = kNone;
    ValueId scores = kNoValue;
    ValueId by = kNoValue;
  };
  // Scores of which a condition replaces some.
  struct Chosen {
    std::size_t step = kNone;
    ValueId scores = kNoValue;
    ValueId fill = kNoValue;
    bool keeps = true;
  };

  // The step named `name` that makes `value` for one reader alone, with the broadcasting of today.
  [[nodiscard]] std::size_t own_maker(ValueId value, std::string_view name) const {
    const std::size_t step = maker(value, name);
    return step != kNone && node(step).since >= 7 && readers_[value].size() == 1 ? step : kNone;
  }
  [[nodiscard]] bool is_over_last(std::size_t softmax) const;
  [[nodiscard]] Scaled scaled(ValueId value) const;
  [[nodiscard]] Chosen chosen(ValueId value) const;
  [[nodiscard]] ValueId scores_of(std::size_t add) const;
  Result<void> take_softmax(std::size_t softmax);
};

bool AttentionPatterns::is_over_last(std::size_t softmax) const {
  const Node& step = node(softmax);
  const auto& dims = plan_.typical[step.inputs[0]];
  std::int64_t axis = step.since < 13 ? 1 : -1;
  for (const Attribute& attribute : step.attributes) {
    axis = attribute.name == "axis" ? attribute.integer : axis;
  }
  return axis == -1 || (dims && is_last(axis, dims->size()));
}

// A number without dims leaves the scores theirs: a Shape that reads them may stay.
AttentionPatterns::Scaled AttentionPatterns::scaled(ValueId value) const {
  Scaled found;
  if (found.step = maker(value, "Mul"); found.step != kNone) {
    const auto factor = number_and_other(found.step);
    found.scores = factor ? factor->second : kNoValue;
    found.by = factor ? other(found.step, found.scores) : kNoValue;
  } else if (found.step = maker(value, "Div"); found.step != kNone) {
    const auto divisor = number(node(found.step).inputs[1]);
    found.scores = node(found.step).inputs[0];
    found.by = divisor && *divisor != 0 ? node(found.step).inputs[1] : kNoValue;
  }
  if (found.by == kNoValue || node(found.step).since < 7) {
    return {};
  }
  const auto others =
      std::ranges::count_if(readers_[value], [&](std::size_t step) { return !is(step, "Shape"); });
  const bool stays = readers_[value].size() == 1 || plan_.constants[found.by]->dims().empty();
  return others == 1 && stays ? found : Scaled{};
}

AttentionPatterns::Chosen AttentionPatterns::chosen(ValueId value) const {
  const std::size_t step = own_maker(value, "Where");
  if (step == kNone) {
    return {};
  }
  const auto& inputs = node(step).inputs;
  if (number(inputs[2])) {
    return {.step = step, .scores = inputs[1], .fill = inputs[2]};
  }
  return number(inputs[1])
             ? Chosen{.step = step, .scores = inputs[2], .fill = inputs[1], .keeps = false}
             : Chosen{};
}

// Of what is added up, the scores: they have the result's dims, and of two of those the scaled ones
// are it. A constant row is left to the product before as its bias.
ValueId AttentionPatterns::scores_of(std::size_t add) const {
  const auto& inputs = node(add).inputs;
  const auto& dims = plan_.typical[result(add)];
  const auto fits = [&](std::size_t side) {
    const ValueId mask = inputs[1 - side];
    const bool is_bias = plan_.is_constant(mask) && plan_.constants[mask]->dims().size() < 2;
    return dims && plan_.typical[inputs[side]] == dims && inputs[side] != mask && !is_bias &&
           !plan_.is_constant(inputs[side]);
  };
  const auto is_made_here = [&](std::size_t side) {
    return scaled(inputs[side]).step != kNone || chosen(inputs[side]).step != kNone;
  };
  if (fits(0) && fits(1)) {
    return inputs[is_made_here(1) && !is_made_here(0) ? 1 : 0];
  }
  return fits(0) ? inputs[0] : fits(1) ? inputs[1] : kNoValue;
}

Result<void> AttentionPatterns::take_softmax(std::size_t softmax) {
  if (!is_over_last(softmax) || plan_.datatypes[result(softmax)] != DataType::float32) {
    return {};
  }
  std::vector<std::size_t> inside;
  Node made;
  made.op_type = "MaskedSoftmax";
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs.assign(5, kNoValue);
  ValueId& scores = made.inputs[0];
  scores = node(softmax).inputs[0];
  const std::size_t add = own_maker(scores, "Add");
  if (const ValueId found = add == kNone ? kNoValue : scores_of(add); found != kNoValue) {
    made.inputs[4] = other(add, found);
    scores = found;
    inside.push_back(add);
  }
  const auto note = [&](const char* name, bool value) {
    made.attributes.push_back({.name = name, .kind = AttributeKind::integer, .integer = value});
  };
  if (const Chosen where = chosen(scores); where.step != kNone) {
    made.inputs[2] = node(where.step).inputs[0];
    made.inputs[3] = where.fill;
    note("keeps", where.keeps);
    scores = where.scores;
    inside.push_back(where.step);
  }
  if (const Scaled scale = scaled(scores); scale.step != kNone) {
    made.inputs[1] = scale.by;
    note("divides", is(scale.step, "Div"));
    for (const std::size_t step : readers_[scores]) {
      if (is(step, "Shape")) {
        plan_.steps[step].node.inputs[0] = scale.scores;
        readers_[scale.scores].push_back(step);
      }
    }
    scores = scale.scores;
    inside.push_back(scale.step);
  }
  return inside.empty() ? Result<void>() : replace(inside, softmax, std::move(made));
}

}  // namespace

Result<void> take_attention_patterns(Plan& plan, const Registry& registry) {
  return AttentionPatterns(plan, registry).run();
}

}  // namespace sluice::engine
