// Slices, Pads and Concats in a row, each of which copies what the one before has copied:
//
//   Concat a (.., Concat a (..), ..)      one Concat
//   Concat(.., {Slice, Pad}.. (x), ..)    ConcatParts (worker/ops/shape/concat_parts.cc)
//   Slice.. (Concat(..))                  likewise, with a result that is cut
//   {Slice, Pad} ({Slice, Pad}.. (x))     likewise, of one part
//
// taken where everything that says how is constant and Pads put zeros around. What is between is
// read by nobody else, or by others that move alone. Any datatype: only where elements lie changes.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

using Integers = std::vector<std::int64_t>;

// As ConcatParts has it, but for the part.
using Move = std::array<std::int64_t, 5>;
using Moves = std::vector<Move>;

Move cut(std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step) {
  return {0, axis, start, end, step};
}
Move pad(std::int64_t axis, std::int64_t before, std::int64_t behind) {
  return {1, axis, before, behind, 0};
}

struct Part {
  ValueId value = kNoValue;
  Moves moves{};
};

class PartChains : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    // Backwards, so that a chain is met at its end.
    for (std::size_t i = plan_.steps.size(); i > 0; --i) {
      if (is(i - 1, "Concat")) {
        SLUICE_TRY(take_concat(i - 1));
      } else if (is(i - 1, "Slice") || is(i - 1, "Pad")) {
        SLUICE_TRY(take_row(i - 1));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // What a chain comes to.
  struct Chain {
    std::vector<Part> parts{};
    Moves whole{};
    std::int64_t axis = 0;
    std::size_t steps = 0;   // that are moved along
    std::int64_t rank = -1;  // that a Pad needs
  };

  [[nodiscard]] std::optional<Integers> list_of(std::size_t step,
                                                std::string_view name,
                                                std::size_t input,
                                                bool by_attribute) const;
  [[nodiscard]] std::optional<Moves> cuts_of(std::size_t step) const;
  [[nodiscard]] std::optional<Moves> pads_of(std::size_t step, std::int64_t& rank) const;
  [[nodiscard]] std::optional<Moves> moves_of(std::size_t step, std::int64_t& rank) const;
  [[nodiscard]] bool read_by_movers(ValueId value) const;
  [[nodiscard]] Part part_of(ValueId value, Chain& chain) const;
  void add_parts(std::size_t concat, Chain& chain) const;
  void forget(std::size_t reader, const std::vector<ValueId>& inputs);
  Result<void> take_concat(std::size_t concat);
  Result<void> take_row(std::size_t last);
  Result<void> replace_by(std::size_t last, const Chain& chain);
};

// A list that is an attribute or an input; empty where it is left out.
std::optional<Integers> PartChains::list_of(std::size_t step,
                                            std::string_view name,
                                            std::size_t input,
                                            bool by_attribute) const {
  if (by_attribute) {
    const auto& attributes = node(step).attributes;
    const auto found = std::ranges::find(attributes, name, &Attribute::name);
    return found == attributes.end() ? Integers() : found->integers;
  }
  if (!node(step).has_input(input)) {
    return Integers();
  }
  const ValueId value = node(step).inputs[input];
  if (!plan_.is_constant(value)) {
    return std::nullopt;
  }
  const auto view = plan_.constants[value]->view();
  const auto given = view ? integers_of(*view) : Result<Integers>(view.error());
  return given ? std::optional(*given) : std::nullopt;
}

// None of the axes is named twice, by its number from the front and from behind.
bool are_different(const Integers& axes) {
  if (axes.size() > limits::kTensorRank) {
    return false;
  }
  Integers sorted = axes;
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) == sorted.end() &&
         (sorted.empty() || (sorted.front() < 0) == (sorted.back() < 0));
}

std::optional<Moves> PartChains::cuts_of(std::size_t step) const {
  const bool by_attribute = node(step).since < 10;
  const auto starts = list_of(step, "starts", 1, by_attribute);
  const auto ends = list_of(step, "ends", 2, by_attribute);
  auto axes = list_of(step, "axes", 3, by_attribute);
  auto steps = list_of(step, "steps", 4, by_attribute);
  if (!starts || !ends || !axes || !steps) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < starts->size() && axes->size() == i; ++i) {
    axes->push_back(static_cast<std::int64_t>(i));
  }
  if (steps->empty()) {
    steps->assign(starts->size(), 1);
  }
  const std::size_t count = starts->size();
  if (ends->size() != count || axes->size() != count || steps->size() != count ||
      !are_different(*axes) || std::ranges::find(*steps, 0) != steps->end()) {
    return std::nullopt;
  }
  Moves moves;
  for (std::size_t i = 0; i < count; ++i) {
    moves.push_back(cut((*axes)[i], (*starts)[i], (*ends)[i], (*steps)[i]));
  }
  return moves;
}

// `rank`: what x must have where the step says nothing of axes.
std::optional<Moves> PartChains::pads_of(std::size_t step, std::int64_t& rank) const {
  const Node& made = node(step);
  const auto mode = std::ranges::find(made.attributes, "mode", &Attribute::name);
  const auto zeros = [&](ValueId value) {
    return plan_.is_constant(value) && plan_.constants[value]->datatype() != DataType::string &&
           std::ranges::all_of(plan_.constants[value]->bytes(),
                               [](std::byte byte) { return byte == std::byte{0}; });
  };
  if ((mode != made.attributes.end() && mode->text != "constant") ||
      real_named(made, "value", 0) != 0 || (made.has_input(2) && !zeros(made.inputs[2]))) {
    return std::nullopt;
  }
  const auto pads = list_of(step, made.since == 1 ? "paddings" : "pads", 1, made.since < 11);
  const auto axes = list_of(step, "axes", 3, made.since < 11);
  if (!pads || !axes || !are_different(*axes) ||
      (made.has_input(3) && pads->size() != 2 * axes->size()) || pads->size() % 2 != 0 ||
      std::ranges::any_of(*pads, [](std::int64_t count) { return count < 0; })) {
    return std::nullopt;
  }
  const std::size_t count = pads->size() / 2;
  if (count > limits::kTensorRank) {
    return std::nullopt;
  }
  if (axes->empty()) {
    rank = static_cast<std::int64_t>(count);
  }
  Moves moves;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t axis = axes->empty() ? static_cast<std::int64_t>(i) : (*axes)[i];
    moves.push_back(pad(axis, (*pads)[i], (*pads)[i + count]));
  }
  return moves;
}

std::optional<Moves> PartChains::moves_of(std::size_t step, std::int64_t& rank) const {
  if (is(step, "Slice")) {
    return cuts_of(step);
  }
  return is(step, "Pad") ? pads_of(step, rank) : std::nullopt;
}

// Copying from behind a step that stays saves nothing.
bool PartChains::read_by_movers(ValueId value) const {
  return std::ranges::all_of(readers_[value], [&](std::size_t step) {
    return step != kNone && (gone_[step] || is(step, "Slice") || is(step, "Pad") ||
                             is(step, "Concat") || node(step).op_type == "ConcatParts");
  });
}

// `value`, or what it is cut out of.
Part PartChains::part_of(ValueId value, Chain& chain) const {
  constexpr std::size_t kLongest = 8;  // steps: where many read a chain, each goes through it
  std::vector<Moves> found;            // the last first
  while (found.size() < kLongest && !plan_.file_opset && makers_[value] != kNone &&
         read_by_movers(value)) {
    std::int64_t rank = -1;
    const std::size_t step = makers_[value];
    const auto moves = moves_of(step, rank);
    if (!moves || (rank >= 0 && chain.rank >= 0 && rank != chain.rank)) {
      break;
    }
    chain.rank = std::max(chain.rank, rank);
    found.push_back(*moves);
    ++chain.steps;
    value = node(step).inputs[0];
  }
  Part part{.value = value};
  for (auto moves = found.rbegin(); moves != found.rend(); ++moves) {
    part.moves.insert(part.moves.end(), moves->begin(), moves->end());
  }
  return part;
}

// Those of a Concat, and of Concats in it along the same axis.
void PartChains::add_parts(std::size_t concat, Chain& chain) const {
  std::vector<ValueId> left;  // the next at the end: Concats may be as deep as a file is long
  const auto add_inputs = [&](std::size_t step) {
    left.insert(left.end(), node(step).inputs.rbegin(), node(step).inputs.rend());
  };
  for (add_inputs(concat); !left.empty();) {
    const ValueId value = left.back();
    left.pop_back();
    const std::size_t inner = maker(value, "Concat");
    if (inner != kNone && readers_[value].size() == 1 &&
        integer_named(node(inner), "axis", 1) == chain.axis) {
      ++chain.steps;
      add_inputs(inner);
    } else {
      chain.parts.push_back(part_of(value, chain));
    }
  }
}

// `reader` reads none of these any more; steps that nobody reads then go.
void PartChains::forget(std::size_t reader, const std::vector<ValueId>& inputs) {
  std::vector<std::pair<std::size_t, ValueId>> left;
  const auto add_inputs = [&](std::size_t step, const std::vector<ValueId>& values) {
    for (const ValueId value : values) {
      if (value != kNoValue) {
        left.emplace_back(step, value);
      }
    }
  };
  for (add_inputs(reader, inputs); !left.empty();) {
    const auto [step, value] = left.back();
    left.pop_back();
    auto& readers = readers_[value];
    readers.erase(std::ranges::find(readers, step));
    const std::size_t maker = makers_[value];
    if (readers.empty() && (is(maker, "Slice") || is(maker, "Pad") || is(maker, "Concat"))) {
      gone_[maker] = true;
      add_inputs(maker, node(maker).inputs);
    }
  }
}

// `last` becomes the chain that ends with it.
Result<void> PartChains::replace_by(std::size_t last, const Chain& chain) {
  Integers moves;
  const auto add = [&](std::int64_t part, const Moves& added) {
    for (const Move& move : added) {
      moves.push_back(part);
      moves.insert(moves.end(), move.begin(), move.end());
    }
  };
  Node made;
  for (const Part& part : chain.parts) {
    add(static_cast<std::int64_t>(made.inputs.size()), part.moves);
    made.inputs.push_back(part.value);
  }
  add(-1, chain.whole);
  made.op_type = moves.empty() ? "Concat" : "ConcatParts";
  made.domain = moves.empty() ? "" : kFusedDomain;
  made.opset = moves.empty() ? node(last).opset : 1;
  made.attributes.push_back(
      {.name = "axis", .kind = AttributeKind::integer, .integer = chain.axis});
  if (!moves.empty()) {
    made.attributes.push_back(
        {.name = "moves", .kind = AttributeKind::integers, .integers = std::move(moves)});
    made.attributes.push_back(
        {.name = "rank", .kind = AttributeKind::integer, .integer = chain.rank});
  }
  const std::vector<ValueId> before = node(last).inputs;
  for (const ValueId value : made.inputs) {
    readers_[value].push_back(last);
  }
  SLUICE_TRY(replace({}, last, std::move(made)));
  forget(last, before);
  return {};
}

Result<void> PartChains::take_concat(std::size_t concat) {
  Chain chain{.axis = integer_named(node(concat), "axis", 1)};
  add_parts(concat, chain);
  return chain.steps > 0 ? replace_by(concat, chain) : Result<void>();
}

// Slices and Pads in a row, or Slices behind a Concat.
Result<void> PartChains::take_row(std::size_t last) {
  Chain chain;
  const auto moves = moves_of(last, chain.rank);
  if (!moves || plan_.file_opset) {
    return {};
  }
  const ValueId value = node(last).inputs[0];
  const std::size_t concat = maker(value, "Concat");
  if (is(last, "Slice") && concat != kNone && readers_[value].size() == 1) {
    chain.axis = integer_named(node(concat), "axis", 1);
    chain.whole = *moves;
    add_parts(concat, chain);
    return replace_by(last, chain);
  }
  Part part = part_of(value, chain);
  if (chain.steps == 0) {
    return {};
  }
  part.moves.insert(part.moves.end(), moves->begin(), moves->end());
  chain.parts.push_back(std::move(part));
  return replace_by(last, chain);
}

}  // namespace

Result<void> take_part_chains(Plan& plan, const Registry& registry) {
  return PartChains(plan, registry).run();
}

}  // namespace sluice::engine
