// Split: a tensor cut along one axis.
// Spec: https://onnx.ai/onnx/operators/onnx__Split.html (read 2026-11).
// Types: all. Lengths come from the attribute `split` (before 13; in version 1 also from an input),
// from an input since 13. Without them: equal parts, one for each output; since 18 num_outputs
// parts of the length rounded up, so that the last are shorter or empty.

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct SplitParams {
  std::int64_t axis = 0;
  std::vector<std::int64_t> lengths{};  // empty: of the input or equal
  bool may_be_uneven = false;           // since 18
};

Result<SplitParams> parse_split(const Node& node) {
  Attributes attributes(node);
  SplitParams params{.may_be_uneven = node.since >= 18};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  if (node.since < 13) {
    SLUICE_TRY_ASSIGN(params.lengths, attributes.integers("split"));
  }
  if (node.since >= 18) {
    const auto outputs = static_cast<std::int64_t>(node.outputs.size());
    SLUICE_TRY_ASSIGN(const std::int64_t count, attributes.integer("num_outputs", outputs));
    if (count != outputs) {
      return Error{ErrorCode::data_corrupt,
                   "num_outputs is " + std::to_string(count) + ", it has " +
                       std::to_string(outputs) + " outputs"};
    }
    if (attributes.has("num_outputs") && node.has_input(1)) {
      return Error{ErrorCode::data_corrupt, "has both an input 'split' and num_outputs"};
    }
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<std::vector<std::int64_t>> equal_parts(const SplitParams& params,
                                              std::int64_t extent,
                                              std::int64_t count) {
  if (extent % count != 0 && !params.may_be_uneven) {
    return bad_input("an extent of " + std::to_string(extent) + " has no " + std::to_string(count) +
                     " equal parts");
  }
  const std::int64_t length = (extent + count - 1) / count;
  std::vector<std::int64_t> lengths;
  for (std::int64_t rest = extent; count > static_cast<std::int64_t>(lengths.size());
       rest -= lengths.back()) {
    lengths.push_back(std::min(length, rest));
  }
  return lengths;
}

Result<OutputFacts> infer_split(const SplitParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const std::size_t count = facts.output_count;
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.dims.size()));
  std::vector<std::int64_t> lengths = params.lengths;
  if (lengths.empty() && facts.has(1)) {
    SLUICE_TRY_ASSIGN(KnownIntegers known, known_integers(facts, 1));
    if (!known) {
      OutputFacts open;
      for (std::size_t i = 0; i < count; ++i) {
        open.push_back({.datatype = x.datatype, .dims = {}, .data_dependent = true});
      }
      return open;
    }
    lengths = *std::move(known);
  } else if (lengths.empty()) {
    SLUICE_TRY_ASSIGN(lengths, equal_parts(params, x.dims[axis], static_cast<std::int64_t>(count)));
  }
  std::int64_t rest = x.dims[axis];
  bool fits = lengths.size() == count;
  for (const std::int64_t length : lengths) {
    fits = fits && length >= 0 && length <= rest;
    rest -= fits ? length : 0;
  }
  if (!fits || rest != 0) {
    return bad_input("lengths " + to_string(lengths) + " do not split axis " +
                     std::to_string(params.axis) + " of " + to_string(x.dims) + " into " +
                     std::to_string(count));
  }
  OutputFacts made;
  for (const std::int64_t length : lengths) {
    Shape dims(x.dims.begin(), x.dims.end());
    dims[axis] = length;
    made.push_back({.datatype = x.datatype, .dims = std::move(dims)});
  }
  return made;
}

// By output, where its part begins along the axis.
struct SplitBound {
  std::size_t axis = 0;
  std::vector<std::int64_t> starts{};
};

Result<SplitBound> bind_split(const SplitParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  const InputFacts all{.inputs = facts, .output_count = context.outputs.size()};
  SLUICE_TRY_ASSIGN(const OutputFacts made, infer_split(params, all));
  SLUICE_TRY_ASSIGN(const std::size_t axis,
                    resolve_axis(params.axis, context.inputs[0].dims.size()));
  SplitBound bound{.axis = axis};
  std::int64_t start = 0;
  for (const OutputFact& output : made) {
    bound.starts.push_back(start);
    start += output.dims[axis];
  }
  return bound;
}

Result<void> run_split(const SplitParams&, const SplitBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  const std::int64_t outer = extents_before(x.dims, bound.axis, x.layout);
  const std::int64_t inner = extents_behind(x.dims, bound.axis, x.layout);
  const std::int64_t row = x.dims[bound.axis] * inner;
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    for (std::size_t i = 0; i < bound.starts.size(); ++i) {
      if (!context.has_output(i) || context.output(i).count == 0) {
        continue;
      }
      TensorView& y = context.output(i);
      const std::int64_t part = y.dims[bound.axis] * inner;
      const T* from = elements<T>(x) + bound.starts[i] * inner;
      T* to = elements<T>(y);
      parallel_for(outer, 1 + 16'384 / (part + 1), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t o = begin; o < end; ++o) {
          std::copy_n(from + o * row, part, to + o * part);
        }
      });
    }
  });
  return {};
}

}  // namespace

void register_split(Registry& registry) {
  registry.add({.name = "Split",
                .since = {1, 2, 11, 13, 18},
                .arity = {1, 2, kAnyNumber},
                .kernel = bound_kernel<parse_split, infer_split, bind_split, run_split>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .tame = true});
}

}  // namespace sluice::engine
