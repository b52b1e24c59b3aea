// GatherElements, GatherND: elements and slices picked by tensors of indices.
// Spec: https://onnx.ai/onnx/operators/onnx__GatherND.html and its neighbour (read 2026-11).
// Types: all; indices int64, for GatherElements also int32. Negative ones count from the end,
// outside is an error.
//
//   GatherElements  out[i,j,k] = data[i, indices[i,j,k], k] for axis 1; out has indices' dims
//   GatherND        indices [b..., i..., n] and data [b..., n dims, rest...] -> [b..., i...,
//   rest...]
//
// Opsets: GatherND has batch_dims since 12.

#include <algorithm>
#include <array>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/places.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct GatherElementsParams {
  std::int64_t axis = 0;
};

Result<GatherElementsParams> parse_gather_elements(const Node& node) {
  Attributes attributes(node);
  GatherElementsParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_gather_elements(const GatherElementsParams& params,
                                          const InputFacts& facts) {
  const InputFact& data = facts.at(0);
  const InputFact& indices = facts.at(1);
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, data.dims.size()));
  SLUICE_TRY(ElementPlaces::create(data.dims, indices, axis));
  return one_output(data.datatype, {indices.dims.begin(), indices.dims.end()});
}

Result<ElementPlaces> bind_gather_elements(const GatherElementsParams& params,
                                           BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, facts[0].dims.size()));
  return ElementPlaces::create(facts[0].dims, facts[1], axis);
}

Result<void> run_gather_elements(const GatherElementsParams&,
                                 const ElementPlaces& places,
                                 KernelContext& context) {
  const TensorView& data = context.input(0);
  TensorView& y = context.output(0);
  return with_indices(context.input(1), [&](const auto indices) -> Result<void> {
    SLUICE_TRY(check_indices(indices, data.dims, places.axis()));
    dispatch_element(data.datatype, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      const T* from = elements<T>(data);
      T* to = elements<T>(y);
      parallel_for(places.rows(),
                   1 + 16'384 / (places.inner() + 1),
                   [&](std::int64_t begin, std::int64_t end) {
                     places.for_rows(indices, begin, end, [&](std::int64_t i, std::int64_t at) {
                       to[i] = from[at];
                     });
                   });
    });
    return {};
  });
}

// --- GatherND ------------------------------------------------------------------------------------

struct GatherNdParams {
  std::int64_t batch_dims = 0;
};

Result<GatherNdParams> parse_gather_nd(const Node& node) {
  Attributes attributes(node);
  GatherNdParams params;
  if (node.since >= 12) {
    SLUICE_TRY_ASSIGN(params.batch_dims, attributes.integer("batch_dims", 0));
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_gather_nd(const GatherNdParams& params, const InputFacts& facts) {
  const InputFact& data = facts.at(0);
  const InputFact& indices = facts.at(1);
  SLUICE_TRY_ASSIGN(const SlicePlaces places, slice_places(data.dims, indices, params.batch_dims));
  Shape dims(indices.dims.begin(), indices.dims.end() - 1);
  dims.insert(dims.end(),
              data.dims.begin() + static_cast<std::ptrdiff_t>(places.first_rest),
              data.dims.end());
  return one_output(data.datatype, std::move(dims));
}

Result<SlicePlaces> bind_gather_nd(const GatherNdParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  return slice_places(facts[0].dims, facts[1], params.batch_dims);
}

Result<void> run_gather_nd(const GatherNdParams&,
                           const SlicePlaces& places,
                           KernelContext& context) {
  const TensorView& data = context.input(0);
  TensorView& y = context.output(0);
  const std::int64_t* indices = context.input(1).as<std::int64_t>().data();
  SLUICE_TRY(places.check(indices));
  dispatch_element(data.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* from = elements<T>(data);
    T* to = elements<T>(y);
    for (std::int64_t i = 0; i < places.count; ++i) {
      std::copy_n(from + places.at(indices, i), places.slice, to + i * places.slice);
    }
  });
  return {};
}

}  // namespace

void register_gather_elements(Registry& registry) {
  registry.add({.name = "GatherElements",
                .since = {11, 13},
                .arity = {2, 2, 1},
                .kernel = bound_kernel<parse_gather_elements,
                                       infer_gather_elements,
                                       bind_gather_elements,
                                       run_gather_elements>(),
                .halves = HalfRule::native,
                .tame = true});
  registry.add(
      {.name = "GatherND",
       .since = {11, 12, 13},
       .arity = {2, 2, 1},
       .kernel = bound_kernel<parse_gather_nd, infer_gather_nd, bind_gather_nd, run_gather_nd>(),
       .halves = HalfRule::native,
       .tame = true});
}

}  // namespace sluice::engine
