// Acos, Acosh, Asin, Asinh, Atan, Atanh, Cos, Cosh, Sin, Sinh, Tan: y[i] = f(x[i]).
// Spec: https://onnx.ai/onnx/operators/onnx__Acos.html and its neighbours (read 2026-11).
// Types: float32 and float64, by the functions of the C library, which keep NaN and infinities.

#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ElementaryParams {
  float (*of_float)(float) = nullptr;
  double (*of_double)(double) = nullptr;
};

template <float (*kFloat)(float), double (*kDouble)(double)>
Result<ElementaryParams> parse_elementary(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return ElementaryParams{.of_float = kFloat, .of_double = kDouble};
}

Result<OutputFacts> infer_elementary(const ElementaryParams& params, const InputFacts& facts) {
  if (!is_float(facts.at(0).datatype)) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

template <class T>
void apply(T (*function)(T), const TensorView& x, TensorView& y) {
  const T* from = x.as<T>().data();
  T* to = y.mut<T>().data();
  parallel_for(x.count, 1'024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      to[i] = function(from[i]);
    }
  });
}

Result<void> run_elementary(const ElementaryParams& params, KernelContext& context) {
  if (context.input(0).datatype == DataType::float32) {
    apply(params.of_float, context.input(0), context.output(0));
  } else {
    apply(params.of_double, context.input(0), context.output(0));
  }
  return {};
}

template <float (*kFloat)(float), double (*kDouble)(double)>
OperatorEntry elementary_entry(const char* name, std::vector<int> since, bool tame) {
  return {.name = name,
          .since = std::move(since),
          .kernel = kernel<parse_elementary<kFloat, kDouble>, infer_elementary, run_elementary>(),
          .layout = LayoutRule::follow,
          .overwrites = {0},
          .tame = tame};
}

}  // namespace

void register_elementary(Registry& registry) {
  registry.add(elementary_entry<::acosf, ::acos>("Acos", {7, 22}, false));
  registry.add(elementary_entry<::acoshf, ::acosh>("Acosh", {9, 22}, false));
  registry.add(elementary_entry<::asinf, ::asin>("Asin", {7, 22}, false));
  registry.add(elementary_entry<::asinhf, ::asinh>("Asinh", {9, 22}, true));
  registry.add(elementary_entry<::atanf, ::atan>("Atan", {7, 22}, true));
  registry.add(elementary_entry<::atanhf, ::atanh>("Atanh", {9, 22}, false));
  registry.add(elementary_entry<::cosf, ::cos>("Cos", {7, 22}, true));
  registry.add(elementary_entry<::coshf, ::cosh>("Cosh", {9, 22}, false));
  registry.add(elementary_entry<::sinf, ::sin>("Sin", {7, 22}, true));
  registry.add(elementary_entry<::sinhf, ::sinh>("Sinh", {9, 22}, false));
  registry.add(elementary_entry<::tanf, ::tan>("Tan", {7, 22}, true));
}

}  // namespace sluice::engine
