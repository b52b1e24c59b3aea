// Expand, Tile: a tensor repeated along its axes.
// Spec: https://onnx.ai/onnx/operators/onnx__Tile.html and its neighbour (read 2026-11).
// Types: all. Expand broadcasts with a shape, so that its result may be larger than that shape.
// Opsets: Tile 1 repeats one axis, both given as inputs; since 6 a count for each axis.

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// --- Expand --------------------------------------------------------------------------------------

Result<OutputFacts> infer_expand(const NoParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const KnownIntegers shape, known_integers(facts, 1));
  if (!shape) {
    return data_dependent(x.datatype);
  }
  if (std::ranges::any_of(*shape, [](std::int64_t extent) { return extent < 0; })) {
    return bad_input("shape " + to_string(*shape) + " has negative extents");
  }
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(x.dims, *shape));
  return one_output(x.datatype, std::move(dims));
}

Result<StridedCopy> bind_expand(const NoParams&, BindContext& context) {
  const Dims in = context.inputs[0].dims;
  const Dims out = context.outputs[0].dims;
  const Shape strides = strides_of(in);
  StridedCopy box{.extents = {out.begin(), out.end()}, .to = strides_of(out)};
  box.from.assign(out.size() - in.size(), 0);
  for (std::size_t d = 0; d < in.size(); ++d) {
    box.from.push_back(in[d] == 1 ? 0 : strides[d]);
  }
  return merged(box);
}

Result<void> run_expand(const NoParams&, const StridedCopy& box, KernelContext& context) {
  return run_box(box, context);
}

// --- Tile ----------------------------------------------------------------------------------------

struct TileParams {
  bool one_axis = false;  // version 1
};

Result<TileParams> parse_tile(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return TileParams{.one_axis = node.since == 1};
}

// How often each axis is repeated; nullopt when only the run will know.
Result<KnownIntegers> repeats_of(const TileParams& params, const InputFacts& facts) {
  const std::size_t rank = facts.at(0).dims.size();
  KnownIntegers repeats;
  if (params.one_axis) {
    if (!facts.has(1) || !facts.has(2)) {
      return bad_input("its inputs 'tiles' or 'axis' are missing");
    }
    if (facts.at(1).value == nullptr || facts.at(2).value == nullptr) {
      return KnownIntegers{};
    }
    SLUICE_TRY_ASSIGN(const std::int64_t tiles, integer_in(*facts.at(1).value));
    SLUICE_TRY_ASSIGN(const std::int64_t axis, integer_in(*facts.at(2).value));
    SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, rank));
    repeats.emplace(rank, 1);
    (*repeats)[at] = tiles;
  } else {
    SLUICE_TRY_ASSIGN(repeats, known_integers(facts, 1));
  }
  if (repeats && (repeats->size() != rank ||
                  std::ranges::any_of(*repeats, [](std::int64_t count) { return count < 0; }))) {
    return bad_input("repeats " + to_string(*repeats) + " do not fit " +
                     to_string(facts.at(0).dims));
  }
  return repeats;
}

Result<OutputFacts> infer_tile(const TileParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const KnownIntegers repeats, repeats_of(params, facts));
  if (!repeats) {
    return data_dependent(x.datatype);
  }
  Shape dims;
  for (std::size_t d = 0; d < x.dims.size(); ++d) {
    std::int64_t extent = 0;
    if (__builtin_mul_overflow(x.dims[d], (*repeats)[d], &extent)) {
      return bad_input("repeats " + to_string(*repeats) + " of " + to_string(x.dims) +
                       " are too many");
    }
    dims.push_back(extent);
  }
  return one_output(x.datatype, std::move(dims));
}

Result<StridedCopy> bind_tile(const TileParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const KnownIntegers repeats, repeats_of(params, {.inputs = facts}));
  SLUICE_CHECK(repeats.has_value());
  const Dims dims = context.inputs[0].dims;
  const Shape from = strides_of(dims);
  const Shape to = strides_of(context.outputs[0].dims);
  StridedCopy box;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    box.extents.insert(box.extents.end(), {(*repeats)[d], dims[d]});
    box.from.insert(box.from.end(), {0, from[d]});
    box.to.insert(box.to.end(), {to[d] * dims[d], to[d]});
  }
  return merged(box);
}

Result<void> run_tile(const TileParams&, const StridedCopy& box, KernelContext& context) {
  return run_box(box, context);
}

}  // namespace

void register_tile(Registry& registry) {
  registry.add({.name = "Expand",
                .since = {8, 13},
                .arity = {2, 2, 1},
                .kernel = bound_kernel<parse_nothing, infer_expand, bind_expand, run_expand>(),
                .halves = HalfRule::native,
                .tame = true,
                .passes_on = always_passes_on});
  registry.add({.name = "Tile",
                .since = {1, 6, 13},
                .arity = {2, 3, 1},
                .kernel = bound_kernel<parse_tile, infer_tile, bind_tile, run_tile>(),
                .halves = HalfRule::native,
                .tame = true,
                .passes_on = always_passes_on});
}

}  // namespace sluice::engine
