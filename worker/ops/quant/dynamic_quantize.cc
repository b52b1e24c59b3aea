// DynamicQuantizeLinear.
// Spec: https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html (read 2026-11).
// scale = (max(x, 0) - min(x, 0)) / 255, zero = round(-min / scale) held to 0..255, y = round(x /
// scale) + zero held to 0..255; rounding half to even. Numbers that are all 0 get the scale 1.
// x: float32. The whole tensor has one scale, so that rows of a batch depend on each other.

#include "worker/engine/machine/parallel.h"
#include "worker/ops/quant/dynamic_range.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/products.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_dynamic(const NoParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::float32) {
    return unsupported_type(x.datatype);
  }
  OutputFacts made = one_output(DataType::uint8, {x.dims.begin(), x.dims.end()});
  made.push_back({.datatype = DataType::float32, .dims = {}});
  made.push_back({.datatype = DataType::uint8, .dims = {}});
  return made;
}

Result<void> run_dynamic(const NoParams&, KernelContext& context) {
  const auto x = context.input(0).as<float>();
  const DynamicRange range = dynamic_range(x);
  std::uint8_t* const y = context.output(0).mut<std::uint8_t>().data();
  const auto count = static_cast<std::int64_t>(x.size());
  parallel_for(count, 65'536, [&](std::int64_t begin, std::int64_t end) {
    simd::quantize(x.data() + begin, {range.scale, range.zero, range.zero}, end - begin, y + begin);
  });
  if (context.has_output(1)) {
    context.output(1).mut<float>()[0] = range.scale;
  }
  if (context.has_output(2)) {
    context.output(2).mut<std::uint8_t>()[0] = static_cast<std::uint8_t>(range.zero);
  }
  return {};
}

}  // namespace

void register_dynamic_quantize(Registry& registry) {
  registry.add({.name = "DynamicQuantizeLinear",
                .since = {11},
                .arity = {1, 1, 3},
                .kernel = kernel<parse_nothing, infer_dynamic, run_dynamic>()});
}

}  // namespace sluice::engine
