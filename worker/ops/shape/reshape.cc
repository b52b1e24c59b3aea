// Dropout (inference), Flatten, Identity, Reshape, Squeeze, Unsqueeze: the same elements under
// other dims.
// Spec: https://onnx.ai/onnx/operators/ (read 2026-11).
// The plan gives the result its input's memory; run() copies where it cannot. Types: all.
// Opsets: axes and shapes are attributes in old versions (Reshape 1, Squeeze and Unsqueeze before
// 13), inputs since. Reshape's allowzero since 14. Dropout's flags for training (is_test of 1 and
// 6, ratio, seed) do not matter: a served model infers; training_mode given as true is refused but
// with a ratio of 0, which drops nothing either. Its mask is all true.

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct AxesParams {
  std::optional<std::vector<std::int64_t>> from_attribute{};  // absent: the second input has them
};

Result<void> run_copy(const TensorView& x, TensorView& y) {
  copy_elements(x, y);
  return {};
}

template <class Params>
Result<void> run_alias(const Params&, KernelContext& context) {
  return run_copy(context.input(0), context.output(0));
}

// --- Reshape -------------------------------------------------------------------------------------

struct ReshapeParams {
  std::optional<std::vector<std::int64_t>> shape{};
  bool allow_zero = false;
};

Result<ReshapeParams> parse_reshape(const Node& node) {
  Attributes attributes(node);
  ReshapeParams params;
  if (node.since < 5) {
    SLUICE_TRY_ASSIGN(params.shape, attributes.integers("shape"));
    attributes.ignore("consumed_inputs");
  }
  if (node.since >= 14) {
    SLUICE_TRY_ASSIGN(const std::int64_t allow, attributes.integer("allowzero", 0));
    params.allow_zero = allow != 0;
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_reshape(const ReshapeParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  std::optional<std::vector<std::int64_t>> wanted = params.shape;
  if (!wanted) {
    SLUICE_TRY_ASSIGN(wanted, known_integers(facts, 1));
    if (!wanted) {
      return data_dependent(x.datatype);
    }
  }
  Shape dims = *wanted;
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(x.dims));
  std::optional<std::size_t> open;
  const Error refused =
      bad_input("input " + to_string(x.dims) + " cannot be reshaped to " + to_string(*wanted));
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !params.allow_zero) {
      if (i >= x.dims.size()) {
        return refused;
      }
      dims[i] = x.dims[i];
    } else if (dims[i] == -1 && !open) {
      open = i;
      dims[i] = 1;
    } else if (dims[i] < 0) {
      return refused;
    }
  }
  auto others = element_count(dims);
  if (!others) {
    return refused;
  }
  if (open) {
    if (*others == 0 ? count != 0 : count % *others != 0) {
      return refused;
    }
    dims[*open] = *others == 0 ? 0 : count / *others;
  } else if (*others != count) {
    return refused;
  }
  return one_output(x.datatype, std::move(dims));
}

// --- Flatten -------------------------------------------------------------------------------------

struct FlattenParams {
  std::int64_t axis = 1;
};

Result<FlattenParams> parse_flatten(const Node& node) {
  Attributes attributes(node);
  FlattenParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 1));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_flatten(const FlattenParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const auto rank = static_cast<std::int64_t>(x.dims.size());
  const std::int64_t axis = params.axis < 0 ? params.axis + rank : params.axis;
  if (axis < 0 || axis > rank) {
    return bad_input("axis " + std::to_string(params.axis) + " is outside of " + to_string(x.dims));
  }
  const auto at = static_cast<std::size_t>(axis);
  return one_output(x.datatype, {product(x.dims, 0, at), product(x.dims, at, x.dims.size())});
}

// --- Squeeze, Unsqueeze --------------------------------------------------------------------------

Result<AxesParams> parse_axes(const Node& node) {
  Attributes attributes(node);
  AxesParams params;
  if (node.since < 13) {
    SLUICE_TRY_ASSIGN(params.from_attribute, attributes.integers("axes"));
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

// Axes counted from the front of `rank` dimensions, sorted; each only once.
Result<std::vector<std::size_t>> resolve_axes(const std::vector<std::int64_t>& axes,
                                              std::size_t rank) {
  std::vector<std::size_t> resolved;
  for (const std::int64_t axis : axes) {
    SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, rank));
    resolved.push_back(at);
  }
  std::ranges::sort(resolved);
  if (std::ranges::adjacent_find(resolved) != resolved.end()) {
    return bad_input("an axis is named twice");
  }
  return resolved;
}

Result<KnownIntegers> axes_of(const AxesParams& params, const InputFacts& facts) {
  if (params.from_attribute || !facts.has(1)) {
    return KnownIntegers(params.from_attribute.value_or(std::vector<std::int64_t>{}));
  }
  return known_integers(facts, 1);
}

Result<OutputFacts> infer_squeeze(const AxesParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const auto axes, axes_of(params, facts));
  if (!axes) {
    return data_dependent(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::vector<std::size_t> dropped, resolve_axes(*axes, x.dims.size()));
  Shape dims;
  for (std::size_t i = 0; i < x.dims.size(); ++i) {
    const bool drop = axes->empty() ? x.dims[i] == 1 : std::ranges::binary_search(dropped, i);
    if (drop && x.dims[i] != 1) {
      return bad_input("axis " + std::to_string(i) + " of " + to_string(x.dims) +
                       " cannot be squeezed");
    }
    if (!drop) {
      dims.push_back(x.dims[i]);
    }
  }
  return one_output(x.datatype, std::move(dims));
}

Result<OutputFacts> infer_unsqueeze(const AxesParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const auto axes, axes_of(params, facts));
  if (!axes) {
    return data_dependent(x.datatype);
  }
  const std::size_t rank = x.dims.size() + axes->size();
  SLUICE_TRY_ASSIGN(const std::vector<std::size_t> added, resolve_axes(*axes, rank));
  Shape dims;
  std::size_t from = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    dims.push_back(std::ranges::binary_search(added, i) ? 1 : x.dims[from++]);
  }
  return one_output(x.datatype, std::move(dims));
}

// --- Dropout -------------------------------------------------------------------------------------

struct DropoutParams {
  bool mask_like_input = false;  // before 10
};

Result<DropoutParams> parse_dropout(const Node& node) {
  Attributes attributes(node);
  for (const char* name : {"is_test", "ratio", "seed", "consumed_inputs"}) {
    attributes.ignore(name);
  }
  SLUICE_TRY(attributes.finish());
  return DropoutParams{.mask_like_input = node.since < 10};
}

// Training drops nothing at a ratio of 0. Nothing: only the run will know.
Result<std::optional<bool>> drops(const InputFacts& facts) {
  if (!facts.has(2)) {
    return std::optional(false);
  }
  const TensorView* training = facts.at(2).value;
  if (facts.at(2).datatype != DataType::boolean || (training != nullptr && training->count != 1)) {
    return bad_input("training_mode is no single bool");
  }
  if (training == nullptr || !training->as<bool>()[0]) {
    return training == nullptr ? std::optional<bool>() : std::optional(false);
  }
  if (!facts.has(1)) {
    return std::optional(true);  // the default is a half
  }
  const TensorView* ratio = facts.at(1).value;
  if (ratio == nullptr) {
    return std::optional<bool>();
  }
  if (ratio->count != 1) {
    return bad_input("ratio is no single number");
  }
  const auto* bytes = elements<std::byte>(*ratio);
  const std::size_t size = storage_size(ratio->datatype);
  return std::optional(
      std::any_of(bytes, bytes + size, [](std::byte b) { return b != std::byte{}; }));
}

Result<OutputFacts> infer_dropout(const DropoutParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const std::optional<bool> dropping, drops(facts));
  if (!dropping) {
    OutputFacts later = data_dependent(x.datatype);
    later.resize(facts.output_count, data_dependent(DataType::boolean).front());
    return later;
  }
  if (*dropping) {
    return Error{ErrorCode::unsupported, "training_mode with a ratio"};
  }
  OutputFacts made = one_output(x.datatype, {x.dims.begin(), x.dims.end()});
  if (facts.output_count > 1) {
    if (params.mask_like_input && !is_number(x.datatype) && !is_half(x.datatype)) {
      return unsupported_type(x.datatype);
    }
    made.push_back({.datatype = params.mask_like_input ? x.datatype : DataType::boolean,
                    .dims = {x.dims.begin(), x.dims.end()}});
  }
  return made;
}

Result<void> run_dropout(const DropoutParams&, KernelContext& context) {
  if (context.has_output(0)) {
    copy_elements(context.input(0), context.output(0));
  }
  if (context.has_output(1)) {
    TensorView& mask = context.output(1);
    if (mask.datatype == DataType::boolean) {
      std::ranges::fill(mask.mut<bool>(), true);
    } else if (is_half(mask.datatype)) {
      constexpr std::uint16_t kOne = 0x3C00;
      constexpr std::uint16_t kOneAsBfloat16 = 0x3F80;
      std::fill_n(elements<std::uint16_t>(mask),
                  mask.count,
                  mask.datatype == DataType::float16 ? kOne : kOneAsBfloat16);
    } else {
      dispatch_number(mask.datatype, [&](auto tag) {
        std::ranges::fill(mask.mut<decltype(tag)>(), decltype(tag){1});
      });
    }
  }
  return {};
}

// Of sequences and optionals.
Result<std::vector<Value>> pass_on(const Box&, ValueContext& context) {
  std::vector<Value> made(1);
  SLUICE_TRY_ASSIGN(made[0], value_of(context.inputs()[0]));
  return made;
}

Kernel identity() {
  Kernel made = kernel<parse_nothing, infer_same<NoParams>, run_alias<NoParams>>();
  made.run_values = pass_on;
  return made;
}

}  // namespace

void register_reshape(Registry& registry) {
  registry.add({.name = "Dropout",
                .since = {1, 6, 7, 10, 12, 13, 22},
                .arity = {1, 3, 2},
                .kernel = kernel<parse_dropout, infer_dropout, run_dropout>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .alias = true,
                .tame = true});
  registry.add({.name = "Flatten",
                .since = {1, 9, 11, 13, 21, 23, 24},
                .kernel = kernel<parse_flatten, infer_flatten, run_alias<FlattenParams>>(),
                .halves = HalfRule::native,
                .alias = true,
                .tame = true});
  registry.add({.name = "Identity",
                .since = {1, 13, 14, 16, 19, 21, 23, 24},
                .kernel = identity(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .alias = true,
                .tame = true});
  registry.add({.name = "Reshape",
                .since = {1, 5, 13, 14, 19, 21, 23, 24},
                .arity = {1, 2, 1},
                .kernel = kernel<parse_reshape, infer_reshape, run_alias<ReshapeParams>>(),
                .halves = HalfRule::native,
                .alias = true,
                .tame = true});
  registry.add({.name = "Squeeze",
                .since = {1, 11, 13, 21, 23, 24},
                .arity = {1, 2, 1},
                .kernel = kernel<parse_axes, infer_squeeze, run_alias<AxesParams>>(),
                .halves = HalfRule::native,
                .alias = true,
                .tame = true});
  registry.add({.name = "Unsqueeze",
                .since = {1, 11, 13, 21, 23, 24},
                .arity = {1, 2, 1},
                .kernel = kernel<parse_axes, infer_unsqueeze, run_alias<AxesParams>>(),
                .halves = HalfRule::native,
                .alias = true,
                .tame = true});
}

}  // namespace sluice::engine
