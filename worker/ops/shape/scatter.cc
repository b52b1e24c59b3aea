// Scatter, ScatterElements, ScatterND: a copy of the data with elements or slices replaced, or put
// together with what is there.
// Spec: https://onnx.ai/onnx/operators/onnx__ScatterND.html and its neighbours (read 2026-11).
// Types: all without a reduction, numbers with one; indices as for the Gather twins.
//
//   ScatterElements  out[i, indices[i,j,k], k] = updates[i,j,k] for axis 1
//   ScatterND        out[indices[i..., :], rest...] = updates[i..., rest...]
//
// Updates are taken in their order: of those for one place the last remains.
// Opsets: `reduction` none, add, mul since 16, min and max since 18. Scatter is what
// ScatterElements was called before 11.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/math/arithmetic.h"
#include "worker/ops/places.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ScatterParams {
  std::int64_t axis = 0;
  bool reduces = false;
  Arithmetic reduction = Arithmetic::add;
};

Result<ScatterParams> parse_scatter(const Node& node, bool has_axis) {
  Attributes attributes(node);
  ScatterParams params;
  if (has_axis) {
    SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  }
  std::string reduction = "none";
  if (node.since >= 16) {
    SLUICE_TRY_ASSIGN(reduction, attributes.text("reduction", "none"));
  }
  SLUICE_TRY(attributes.finish());
  constexpr std::array<std::pair<const char*, Arithmetic>, 4> kReductions{
      {{"add", Arithmetic::add},
       {"mul", Arithmetic::mul},
       {"max", Arithmetic::max},
       {"min", Arithmetic::min}}};
  for (std::size_t i = 0; i < (node.since >= 18 ? 4U : 2U); ++i) {
    if (reduction == kReductions[i].first) {
      params.reduces = true;
      params.reduction = kReductions[i].second;
    }
  }
  if (!params.reduces && reduction != "none") {
    return Error{ErrorCode::unsupported, "reduction '" + reduction + "'"};
  }
  return params;
}

Result<ScatterParams> parse_elements(const Node& node) {
  return parse_scatter(node, true);
}
Result<ScatterParams> parse_nd(const Node& node) {
  return parse_scatter(node, false);
}

Result<OutputFacts> like_data(const ScatterParams& params, const InputFacts& facts, Dims wanted) {
  const InputFact& data = facts.at(0);
  const InputFact& updates = facts.at(2);
  if (updates.datatype != data.datatype) {
    return bad_input("its data are " + std::string(name_of(data.datatype)) + " and its updates " +
                     std::string(name_of(updates.datatype)));
  }
  if (params.reduces && !is_number(data.datatype)) {
    return unsupported_type(data.datatype);
  }
  if (!std::equal(updates.dims.begin(), updates.dims.end(), wanted.begin(), wanted.end())) {
    return bad_input("its updates are " + to_string(updates.dims) + ", not " + to_string(wanted));
  }
  return one_output(data.datatype, {data.dims.begin(), data.dims.end()});
}

// Calls f with a type and a function put(T& to, const T& update).
template <class F>
void with_put(const ScatterParams& params, DataType datatype, const F& f) {
  if (!params.reduces) {
    dispatch_element(datatype, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      f(tag, [](T& to, const T& update) { to = update; });
    });
    return;
  }
  const bool known = dispatch_number(datatype, [&](auto tag) {
    using T = decltype(tag);
    with_arithmetic<T>(params.reduction, [&](const auto& reduce) {
      f(static_cast<T*>(nullptr), [&](T& to, T update) { to = reduce(to, update); });
    });
  });
  SLUICE_CHECK(known);
}

// --- by elements ---------------------------------------------------------------------------------

Result<OutputFacts> infer_elements(const ScatterParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, facts.at(0).dims.size()));
  SLUICE_TRY(ElementPlaces::create(facts.at(0).dims, facts.at(1), axis));
  return like_data(params, facts, facts.at(1).dims);
}

Result<ElementPlaces> bind_elements(const ScatterParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, facts[0].dims.size()));
  return ElementPlaces::create(facts[0].dims, facts[1], axis);
}

Result<void> run_elements(const ScatterParams& params,
                          const ElementPlaces& places,
                          KernelContext& context) {
  const TensorView& data = context.input(0);
  TensorView& y = context.output(0);
  return with_indices(context.input(1), [&](const auto indices) -> Result<void> {
    SLUICE_TRY(check_indices(indices, data.dims, places.axis()));
    copy_elements(data, y);
    with_put(params, data.datatype, [&](auto* tag, const auto& put) {
      using T = std::remove_pointer_t<decltype(tag)>;
      const T* updates = elements<T>(context.input(2));
      T* to = elements<T>(y);
      places.for_rows(indices, 0, places.rows(), [&](std::int64_t i, std::int64_t at) {
        put(to[at], updates[i]);
      });
    });
    return {};
  });
}

// --- by slices -----------------------------------------------------------------------------------

Result<OutputFacts> infer_nd(const ScatterParams& params, const InputFacts& facts) {
  const InputFact& data = facts.at(0);
  const InputFact& indices = facts.at(1);
  SLUICE_TRY_ASSIGN(const SlicePlaces places, slice_places(data.dims, indices, 0));
  Shape wanted(indices.dims.begin(), indices.dims.end() - 1);
  wanted.insert(wanted.end(),
                data.dims.begin() + static_cast<std::ptrdiff_t>(places.first_rest),
                data.dims.end());
  return like_data(params, facts, wanted);
}

Result<SlicePlaces> bind_nd(const ScatterParams&, BindContext& context) {
  const auto facts = facts_at_bind(context);
  return slice_places(facts[0].dims, facts[1], 0);
}

Result<void> run_nd(const ScatterParams& params,
                    const SlicePlaces& places,
                    KernelContext& context) {
  const TensorView& data = context.input(0);
  TensorView& y = context.output(0);
  const std::int64_t* indices = context.input(1).as<std::int64_t>().data();
  SLUICE_TRY(places.check(indices));
  copy_elements(data, y);
  with_put(params, data.datatype, [&](auto* tag, const auto& put) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* update = elements<T>(context.input(2));
    for (std::int64_t i = 0; i < places.count; ++i) {
      T* to = elements<T>(y) + places.at(indices, i);
      for (std::int64_t k = 0; k < places.slice; ++k) {
        put(to[k], *update++);
      }
    }
  });
  return {};
}

OperatorEntry scatter_entry(const char* name, std::vector<int> since, Kernel kernel) {
  return {.name = name,
          .since = std::move(since),
          .arity = {3, 3, 1},
          .kernel = kernel,
          .tame = true};  // no overwrites: the data may be the updates too
}

}  // namespace

void register_scatter(Registry& registry) {
  const Kernel by_elements =
      bound_kernel<parse_elements, infer_elements, bind_elements, run_elements>();
  registry.add(scatter_entry("Scatter", {9, 11}, by_elements));
  registry.add(scatter_entry("ScatterElements", {11, 13, 16, 18}, by_elements));
  registry.add(scatter_entry(
      "ScatterND", {11, 13, 16, 18}, bound_kernel<parse_nd, infer_nd, bind_nd, run_nd>()));
}

}  // namespace sluice::engine
