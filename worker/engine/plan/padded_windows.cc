// Padding before a window that could pad by itself becomes the window's own: nothing is copied.
//
//   Pad(0), Conv                                pads added up
//   Pad(zero point), {QLinearConv, ConvToBytes, ConvInteger} likewise
//   Pad(0), AveragePool                         likewise, and the padding counts
//
// Taken when it is constant, along spatial dimensions, cuts nothing off and stays less than the
// window: what sees nothing but padding is rare, and not what kernels are made for. A window whose
// padding hangs on the image's extents (SAME_UPPER, SAME_LOWER), or that sees what is behind its
// padding (ceil_mode), stays as it is.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

using Integers = std::vector<std::int64_t>;

const Attribute* attribute_named(const Node& node, std::string_view name) {
  const auto found = std::ranges::find(node.attributes, name, &Attribute::name);
  return found == node.attributes.end() ? nullptr : &*found;
}

Integers integers_named(const Node& node,
                        std::string_view name,
                        std::size_t size,
                        std::int64_t absent) {
  const Attribute* const attribute = attribute_named(node, name);
  return attribute == nullptr || attribute->integers.empty() ? Integers(size, absent)
                                                             : attribute->integers;
}

class PaddedWindows : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "Conv")) {
        SLUICE_TRY(take_padding(i, {.weights = 1}));
      } else if (is(i, "QLinearConv") ||
                 (node(i).domain == kFusedDomain && node(i).op_type == "ConvToBytes")) {
        SLUICE_TRY(take_padding(i, {.weights = 3, .zero_point = 2}));
      } else if (is(i, "ConvInteger")) {
        SLUICE_TRY(take_padding(i, {.weights = 1, .zero_point = 2}));
      } else if (is(i, "AveragePool") && node(i).since >= 7) {
        SLUICE_TRY(take_padding(i, {}));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // The inputs of a window that matter here; kNone: it has none.
  struct Inputs {
    std::size_t weights = kNone;
    std::size_t zero_point = kNone;
  };

  [[nodiscard]] std::optional<Integers> constant_integers(ValueId value) const;
  [[nodiscard]] std::optional<std::byte> zero_of(std::size_t window, std::size_t input) const;
  [[nodiscard]] bool pads_with(std::size_t pad, std::byte wanted) const;
  [[nodiscard]] std::optional<Integers> border_of(std::size_t pad, std::size_t rank) const;
  [[nodiscard]] std::optional<Integers> kernel_of(std::size_t window, std::size_t weights) const;
  [[nodiscard]] std::optional<Integers> own_pads(const Node& window, std::size_t spatial) const;
  Result<void> take_padding(std::size_t window, const Inputs& inputs);
};

std::optional<Integers> PaddedWindows::constant_integers(ValueId value) const {
  if (!plan_.is_constant(value)) {
    return std::nullopt;
  }
  const auto view = plan_.constants[value]->view();
  const auto given = view ? integers_of(*view) : Result<Integers>(view.error());
  return given ? std::optional(*given) : std::nullopt;
}

// What stands for nothing, as every byte of it; nullopt when that is known to no more than a run.
std::optional<std::byte> PaddedWindows::zero_of(std::size_t window, std::size_t input) const {
  if (input == kNone || !node(window).has_input(input)) {
    return std::byte{0};
  }
  const ValueId value = node(window).inputs[input];
  if (!plan_.is_constant(value) || plan_.constants[value]->bytes().size() != 1) {
    return std::nullopt;
  }
  return plan_.constants[value]->bytes()[0];
}

bool PaddedWindows::pads_with(std::size_t pad, std::byte wanted) const {
  const Attribute* const mode = attribute_named(node(pad), "mode");
  if (mode != nullptr && mode->text != "constant") {
    return false;
  }
  const Attribute* const value = attribute_named(node(pad), "value");  // before opset 11
  if (!node(pad).has_input(2)) {
    return wanted == std::byte{0} && (value == nullptr || value->real == 0);
  }
  const ValueId input = node(pad).inputs[2];
  return plan_.is_constant(input) &&
         std::ranges::all_of(plan_.constants[input]->bytes(),
                             [&](std::byte byte) { return byte == wanted; });
}

// Before, then behind each of `rank` dimensions.
std::optional<Integers> PaddedWindows::border_of(std::size_t pad, std::size_t rank) const {
  const Node& step = node(pad);
  std::optional<Integers> pads;
  if (step.since < 11) {
    pads = integers_named(step, step.since == 1 ? "paddings" : "pads", 2 * rank, -1);
  } else {
    pads = constant_integers(step.inputs[1]);
  }
  if (pads && step.has_input(3)) {
    const auto axes = constant_integers(step.inputs[3]);
    if (!axes || pads->size() != 2 * axes->size()) {
      return std::nullopt;
    }
    Integers all(2 * rank, 0);
    for (std::size_t i = 0; i < axes->size(); ++i) {
      const std::int64_t axis = (*axes)[i] + ((*axes)[i] < 0 ? static_cast<std::int64_t>(rank) : 0);
      const auto before = static_cast<std::size_t>(axis);
      if (axis < 0 || before >= rank || all[before] != 0 || all[before + rank] != 0) {
        return std::nullopt;  // named twice, too
      }
      all[before] = (*pads)[i];
      all[before + rank] = (*pads)[i + axes->size()];
    }
    pads = std::move(all);
  }
  return pads && pads->size() == 2 * rank ? pads : std::nullopt;
}

std::optional<Integers> PaddedWindows::kernel_of(std::size_t window, std::size_t weights) const {
  if (weights == kNone) {
    return integers_named(node(window), "kernel_shape", 0, 1);
  }
  const ValueId value = node(window).inputs[weights];
  if (!plan_.is_constant(value) || plan_.constants[value]->dims().size() < 3) {
    return std::nullopt;
  }
  const Shape& dims = plan_.constants[value]->dims();
  return Integers(dims.begin() + 2, dims.end());
}

std::optional<Integers> PaddedWindows::own_pads(const Node& window, std::size_t spatial) const {
  const Attribute* const automatic = attribute_named(window, "auto_pad");
  const bool none = automatic == nullptr || automatic->text.empty() || automatic->text == "NOTSET";
  if (!none && automatic->text != "VALID") {
    return std::nullopt;
  }
  return none ? integers_named(window, "pads", 2 * spatial, 0) : Integers(2 * spatial, 0);
}

Result<void> PaddedWindows::take_padding(std::size_t window, const Inputs& inputs) {
  const std::size_t pad = maker(node(window).inputs[0], "Pad");
  const auto zero = zero_of(window, inputs.zero_point);
  const auto kernel = kernel_of(window, inputs.weights);
  if (pad == kNone || readers_[result(pad)].size() != 1 || !zero || !kernel ||
      !pads_with(pad, *zero)) {
    return {};
  }
  const std::size_t spatial = kernel->size();
  const auto border = border_of(pad, spatial + 2);
  auto pads = own_pads(node(window), spatial);
  const Integers dilations = integers_named(node(window), "dilations", spatial, 1);
  if (!border || !pads || pads->size() != 2 * spatial || dilations.size() != spatial) {
    return {};
  }
  bool counts = true;  // the window's own padding, in an average
  for (std::size_t side = 0; side < 2; ++side) {
    const std::size_t first = side * (spatial + 2);
    if ((*border)[first] != 0 || (*border)[first + 1] != 0) {
      return {};
    }
    for (std::size_t d = 0; d < spatial; ++d) {
      std::int64_t& own = (*pads)[side * spatial + d];
      const std::int64_t added = (*border)[first + 2 + d];
      const std::int64_t reach = ((*kernel)[d] - 1) * dilations[d] + 1;
      if (added < 0 || added >= reach || own < 0 || own >= reach - added) {
        return {};
      }
      counts = counts && own == 0;
      own += added;
    }
  }
  Node made = node(window);
  made.inputs[0] = node(pad).inputs[0];
  std::erase_if(made.attributes, [](const Attribute& attribute) {
    return attribute.name == "pads" || attribute.name == "auto_pad" ||
           attribute.name == "count_include_pad";
  });
  made.attributes.push_back(
      {.name = "pads", .kind = AttributeKind::integers, .integers = *std::move(pads)});
  if (inputs.weights == kNone) {
    if (integer_named(node(window), "ceil_mode") != 0 ||
        (!counts && integer_named(node(window), "count_include_pad") == 0)) {
      return {};
    }
    made.attributes.push_back(
        {.name = "count_include_pad", .kind = AttributeKind::integer, .integer = 1});
  }
  std::vector<DataType> halves = plan_.steps[window].halves;
  SLUICE_TRY(replace({pad}, window, std::move(made)));
  plan_.steps[window].halves = std::move(halves);
  return {};
}

}  // namespace

Result<void> take_padding(Plan& plan, const Registry& registry) {
  return PaddedWindows(plan, registry).run();
}

}  // namespace sluice::engine
