// Max, Mean, Min, Sum: any number of inputs put together element by element, broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__Max.html and its neighbours (read 2026-11).
// Types: Max and Min all numbers, keeping NaN; Mean and Sum floats.
// Opsets: those before 8 do not broadcast. Version 1's `consumed_inputs` changes nothing.

#include <algorithm>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/broadcast.h"
#include "worker/ops/math/arithmetic.h"
#include "worker/ops/math/extremes.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct VariadicParams {
  Arithmetic op = Arithmetic::add;
  bool mean = false;
  bool stretch = true;  // since 8
};

template <Arithmetic kOp, bool kMean>
Result<VariadicParams> parse_variadic(const Node& node) {
  Attributes attributes(node);
  if (node.since == 1) {
    attributes.ignore("consumed_inputs");
  }
  SLUICE_TRY(attributes.finish());
  if (node.inputs.empty()) {
    return Error{ErrorCode::data_corrupt, "has no inputs"};
  }
  return VariadicParams{.op = kOp, .mean = kMean, .stretch = node.since >= 8};
}

Result<OutputFacts> infer_variadic(const VariadicParams& params, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  if (params.op == Arithmetic::add ? !is_float(datatype) : !is_number(datatype)) {
    return unsupported_type(datatype);
  }
  Shape dims(facts.at(0).dims.begin(), facts.at(0).dims.end());
  for (std::size_t i = 1; i < facts.inputs.size(); ++i) {
    const InputFact& input = facts.at(i);
    if (input.datatype != datatype) {
      return bad_input("its inputs are " + std::string(name_of(datatype)) + " and " +
                       std::string(name_of(input.datatype)));
    }
    if (!params.stretch &&
        !std::equal(dims.begin(), dims.end(), input.dims.begin(), input.dims.end())) {
      return bad_input("shapes " + to_string(dims) + " and " + to_string(input.dims) + " differ");
    }
    SLUICE_TRY_ASSIGN(dims, broadcast_dims(dims, input.dims));
  }
  return one_output(datatype, std::move(dims));
}

struct VariadicBound {
  std::vector<BroadcastLoop<1>> loops;  // by input
};

Result<VariadicBound> bind_variadic(const VariadicParams&, BindContext& context) {
  VariadicBound bound;
  const TensorView& y = context.outputs[0];
  for (const TensorView& input : context.inputs) {
    bound.loops.push_back(make_loop<1>(physical_dims_of(y), {operand_dims(input, y)}));
  }
  return bound;
}

// out[i] = f(out[i], x[i]), or with the one number where x stays: loops that compilers turn into
// vectors.
template <class T, class F>
void put_in(T* out, std::int64_t count, const T* x, bool stays, const F& f) {
  if (stays) {
    const T one = x[0];
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = f(out[i], one);
    }
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = f(out[i], x[i]);
  }
}

// Neighbours, by vector kernels; false where there are none.
template <class T>
bool put_in_vectors(Arithmetic op, T* out, std::int64_t count, const T* x) {
  if constexpr (kHasExtremes<T>) {
    if (op == Arithmetic::max || op == Arithmetic::min) {
      simd::take_extremes(x, count, op == Arithmetic::max, out);
      return true;
    }
  }
  if constexpr (std::is_same_v<T, float>) {
    if (op == Arithmetic::add) {
      simd::binary(simd::BinaryOp::add,
                   {.a = out, .a_step = 1, .b = x, .b_step = 1, .out = out, .count = count});
      return true;
    }
  }
  return false;
}

template <class T>
void run_variadic_as(const VariadicParams& params,
                     const VariadicBound& bound,
                     KernelContext& context) {
  TensorView& y = context.output(0);
  T* out = y.mut<T>().data();
  const auto take_in = [&](std::size_t k, const auto& f) {
    const T* x = context.input(k).as<T>().data();
    const bool stays = bound.loops[k].inner_step[0] == 0;
    for_pieces(bound.loops[k], [&](const auto& at, std::int64_t to, std::int64_t count) {
      if (k == 0 || stays || !put_in_vectors(params.op, out + to, count, x + at[0])) {
        put_in(out + to, count, x + at[0], stays, f);
      }
    });
  };
  take_in(0, [](T, T value) { return value; });
  with_arithmetic<T>(params.op, [&](const auto& f) {
    for (std::size_t k = 1; k < bound.loops.size(); ++k) {
      take_in(k, f);
    }
  });
  if (params.mean) {
    for (std::int64_t i = 0; i < y.count; ++i) {
      out[i] = static_cast<T>(out[i] / static_cast<T>(bound.loops.size()));
    }
  }
}

Result<void> run_variadic(const VariadicParams& params,
                          const VariadicBound& bound,
                          KernelContext& context) {
  if (context.output(0).count > 0) {
    const bool known = dispatch_number(context.output(0).datatype, [&](auto tag) {
      run_variadic_as<decltype(tag)>(params, bound, context);
    });
    SLUICE_CHECK(known);
  }
  return {};
}

template <Arithmetic kOp, bool kMean>
OperatorEntry variadic_entry(const char* name, std::vector<int> since) {
  return {
      .name = name,
      .since = std::move(since),
      .arity = {1, kAnyNumber, 1},
      .kernel =
          bound_kernel<parse_variadic<kOp, kMean>, infer_variadic, bind_variadic, run_variadic>(),
      .layout = LayoutRule::follow};
}

}  // namespace

void register_variadic(Registry& registry) {
  registry.add(variadic_entry<Arithmetic::max, false>("Max", {1, 6, 8, 12, 13}));
  registry.add(variadic_entry<Arithmetic::add, true>("Mean", {1, 6, 8, 13}));
  registry.add(variadic_entry<Arithmetic::min, false>("Min", {1, 6, 8, 12, 13}));
  registry.add(variadic_entry<Arithmetic::add, false>("Sum", {1, 6, 8, 13}));
}

}  // namespace sluice::engine
