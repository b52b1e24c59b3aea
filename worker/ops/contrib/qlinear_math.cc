// com.microsoft: QLinearAdd, QLinearConcat, QLinearLeakyRelu, QLinearMul, QLinearSigmoid,
// QLinearSoftmax.
// Spec: ContribOperators.md of ONNX Runtime (read 2026-11).
// Bytes are taken to float32, the operator of that name applied, and the result rounded half to
// even to the output's scale and zero point. Inputs and output: int8 or uint8, all the same; one
// scale and zero point a tensor, a zero point left out is 0. Add and Mul broadcast. Functions of
// one byte are tables of 256. Softmax works along `axis`, and before opset 13 (attribute `opset`)
// from it on.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/broadcast.h"
#include "worker/ops/contrib/qlinear.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/bytes.h"

namespace sluice::engine {
namespace {

// --- Add, Mul ------------------------------------------------------------------------------------

struct PairParams {
  bool multiplies = false;
};

template <bool kMultiplies>
Result<PairParams> parse_pair(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return PairParams{kMultiplies};
}

// Inputs: A, scale, zero, B, scale, zero, scale of C, zero.
Result<OutputFacts> infer_pair(const PairParams&, const InputFacts& facts) {
  if (!facts.has(3)) {
    return Error{ErrorCode::data_corrupt, "has no B"};
  }
  const InputFact& a = facts.at(0);
  const InputFact& b = facts.at(3);
  if (!is_byte(a.datatype) || b.datatype != a.datatype) {
    return unsupported_type(is_byte(a.datatype) ? b.datatype : a.datatype);
  }
  for (const std::size_t scale : {1U, 4U, 6U}) {
    SLUICE_TRY(check_quant(facts, scale, a.datatype));
  }
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(a.dims, b.dims));
  return one_output(a.datatype, std::move(dims));
}

template <class T>
void run_pair_as(const PairParams& params, KernelContext& context) {
  const TensorView& a = context.input(0);
  const TensorView& b = context.input(3);
  TensorView& y = context.output(0);
  const Quant left = quant_of(context, 1);
  const Quant right = quant_of(context, 4);
  const Quant result = quant_of(context, 6);
  const auto loop = make_loop<2>(physical_dims_of(y), {operand_dims(a, y), operand_dims(b, y)});
  const T* from_a = a.as<T>().data();
  const T* from_b = b.as<T>().data();
  T* to = y.mut<T>().data();
  parallel_for(loop.rows, 1 + 8'192 / loop.inner, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const auto start = loop.offsets(row);
      simd::combine(simd::BytePair<T>{
          .op = params.multiplies ? simd::PairOp::multiply : simd::PairOp::add,
          .a = {.data = from_a + start[0],
                .step = loop.inner_step[0],
                .scale = left.scale,
                .zero = left.zero},
          .b = {.data = from_b + start[1],
                .step = loop.inner_step[1],
                .scale = right.scale,
                .zero = right.zero},
          .result = {.scale = result.scale, .zero = result.zero, .of_nan = result.zero},
          .count = loop.inner,
          .to = to + row * loop.inner});
    }
  });
}

Result<void> run_pair(const PairParams& params, KernelContext& context) {
  if (context.output(0).count > 0) {
    dispatch_byte(context.output(0).datatype,
                  [&](auto tag) { run_pair_as<decltype(tag)>(params, context); });
  }
  return {};
}

// --- functions of one byte -----------------------------------------------------------------------

struct TableParams {
  bool is_sigmoid = false;
  float alpha = 0;  // LeakyRelu's slope below 0
};

Result<TableParams> parse_sigmoid(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return TableParams{.is_sigmoid = true};
}

Result<TableParams> parse_leaky_relu(const Node& node) {
  Attributes attributes(node);
  TableParams params;
  SLUICE_TRY_ASSIGN(params.alpha, attributes.real("alpha", 0.01F));
  SLUICE_TRY(attributes.finish());
  return params;
}

// Inputs: X, scale, zero, scale of Y, zero.
template <class Params>
Result<OutputFacts> infer_like(const Params& params, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  if (!is_byte(datatype)) {
    return unsupported_type(datatype);
  }
  SLUICE_TRY(check_quant(facts, 1, datatype));
  SLUICE_TRY(check_quant(facts, 3, datatype));
  return infer_same(params, facts);
}

Result<void> run_table(const TableParams& params, KernelContext& context) {
  const Quant from = quant_of(context, 1);
  const Quant to = quant_of(context, 3);
  dispatch_byte(context.output(0).datatype, [&](auto tag) {
    using T = decltype(tag);
    std::array<T, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
      const float x = from.real(static_cast<T>(static_cast<std::uint8_t>(i)));
      const float y = params.is_sigmoid ? 1 / (1 + std::exp(-x)) : x < 0 ? params.alpha * x : x;
      table[i] = to.byte<T>(y);
    }
    std::ranges::transform(context.input(0).as<T>(),
                           context.output(0).mut<T>().begin(),
                           [&](T byte) { return table[static_cast<std::uint8_t>(byte)]; });
  });
  return {};
}

// --- Softmax -------------------------------------------------------------------------------------

struct SoftmaxParams {
  std::int64_t axis = -1;
  bool flattens = false;
};

Result<SoftmaxParams> parse_softmax(const Node& node) {
  Attributes attributes(node);
  SoftmaxParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", -1));
  SLUICE_TRY_ASSIGN(const std::int64_t opset, attributes.integer("opset", 0));
  SLUICE_TRY(attributes.finish());
  if (opset < 1) {
    return Error{ErrorCode::data_corrupt, "opset is " + std::to_string(opset)};
  }
  params.flattens = opset < 13;
  return params;
}

Result<OutputFacts> infer_softmax(const SoftmaxParams& params, const InputFacts& facts) {
  SLUICE_TRY(resolve_axis(params.axis, facts.at(0).dims.size()));
  return infer_like(params, facts);
}

template <class T>
void run_softmax_as(const SoftmaxParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const std::size_t axis = *resolve_axis(params.axis, view.rank());
  const std::size_t behind = params.flattens ? view.rank() : axis + 1;
  const std::int64_t length = product(view.dims, axis, behind);
  const std::int64_t inner = product(view.dims, behind, view.rank());
  const Quant from = quant_of(context, 1);
  const Quant to = quant_of(context, 3);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  for (std::int64_t line = 0; line < view.count / length; ++line) {
    const std::int64_t start = line / inner * length * inner + line % inner;
    std::int32_t most = x[start];
    for (std::int64_t i = 1; i < length; ++i) {
      most = std::max<std::int32_t>(most, x[start + i * inner]);
    }
    const auto power = [&](std::int64_t i) {
      return std::exp(from.scale * static_cast<float>(x[start + i * inner] - most));
    };
    float sum = 0;
    for (std::int64_t i = 0; i < length; ++i) {
      sum += power(i);
    }
    for (std::int64_t i = 0; i < length; ++i) {
      y[start + i * inner] = to.byte<T>(power(i) / sum);
    }
  }
}

Result<void> run_softmax(const SoftmaxParams& params, KernelContext& context) {
  if (context.output(0).count > 0) {
    dispatch_byte(context.output(0).datatype,
                  [&](auto tag) { run_softmax_as<decltype(tag)>(params, context); });
  }
  return {};
}

// --- Concat --------------------------------------------------------------------------------------

struct ConcatParams {
  std::int64_t axis = 0;
};

Result<ConcatParams> parse_concat(const Node& node) {
  Attributes attributes(node);
  ConcatParams params;
  if (!attributes.has("axis")) {
    return Error{ErrorCode::data_corrupt, "has no axis"};
  }
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY(attributes.finish());
  return params;
}

// Inputs: scale of Y, zero, then X, scale, zero for each part.
Result<OutputFacts> infer_concat(const ConcatParams& params, const InputFacts& facts) {
  if (facts.inputs.size() < 5 || facts.inputs.size() % 3 != 2) {
    return Error{
        ErrorCode::data_corrupt,
        "has " + std::to_string(facts.inputs.size()) + " inputs, not 2 and 3 for each part"};
  }
  const InputFact& first = facts.at(2);
  if (!is_byte(first.datatype)) {
    return unsupported_type(first.datatype);
  }
  SLUICE_TRY(check_quant(facts, 0, first.datatype));
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, first.dims.size()));
  Shape dims(first.dims.begin(), first.dims.end());
  dims[axis] = 0;
  for (std::size_t i = 2; i < facts.inputs.size(); i += 3) {
    const InputFact& part = facts.at(i);
    SLUICE_TRY(check_quant(facts, i + 1, first.datatype));
    Shape fits(part.dims.begin(), part.dims.end());
    if (part.datatype == first.datatype && fits.size() == dims.size()) {
      dims[axis] += fits[axis];
      fits[axis] = dims[axis];
    }
    if (part.datatype != first.datatype || fits != dims) {
      return bad_input("part " + std::string(name_of(part.datatype)) + to_string(part.dims) +
                       " does not fit " + std::string(name_of(first.datatype)) +
                       to_string(first.dims));
    }
  }
  return one_output(first.datatype, std::move(dims));
}

Result<void> run_concat(const ConcatParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  const std::size_t axis = *resolve_axis(params.axis, y.rank());
  const std::int64_t outer = extents_before(y.dims, axis, y.layout);
  const std::int64_t inner = extents_behind(y.dims, axis, y.layout);
  const std::int64_t stride = y.dims[axis] * inner;
  const Quant to = quant_of(context, 0);
  dispatch_byte(y.datatype, [&](auto tag) {
    using T = decltype(tag);
    T* at = y.mut<T>().data();
    for (std::size_t part = 2; part < context.input_count(); part += 3) {
      const TensorView& x = context.input(part);
      const Quant from = quant_of(context, part + 1);
      const bool same = from.scale == to.scale && from.zero == to.zero;
      const std::int64_t length = x.dims[axis] * inner;
      for (std::int64_t row = 0; row < outer; ++row) {
        const T* begin = x.as<T>().data() + row * length;
        std::transform(begin, begin + length, at + row * stride, [&](T byte) {
          return same ? byte : to.byte<T>(from.real(byte));
        });
      }
      at += length;
    }
  });
  return {};
}

OperatorEntry entry(const char* name,
                    Arity arity,
                    Kernel kernel,
                    LayoutRule layout = LayoutRule::follow) {
  return {.name = name,
          .domain = kMicrosoftDomain,
          .since = {1},
          .arity = arity,
          .kernel = std::move(kernel),
          .layout = layout};
}

}  // namespace

void register_qlinear_math(Registry& registry) {
  registry.add(entry("QLinearAdd", {2, 8, 1}, kernel<parse_pair<false>, infer_pair, run_pair>()));
  registry.add(
      entry("QLinearConcat", {2, kAnyNumber, 1}, kernel<parse_concat, infer_concat, run_concat>()));
  registry.add(entry("QLinearLeakyRelu",
                     {2, 5, 1},
                     kernel<parse_leaky_relu, infer_like<TableParams>, run_table>()));
  registry.add(entry("QLinearMul", {2, 8, 1}, kernel<parse_pair<true>, infer_pair, run_pair>()));
  registry.add(entry(
      "QLinearSigmoid", {2, 5, 1}, kernel<parse_sigmoid, infer_like<TableParams>, run_table>()));
  registry.add(entry("QLinearSoftmax",
                     {2, 5, 1},
                     kernel<parse_softmax, infer_softmax, run_softmax>(),
                     LayoutRule::plain));
}

}  // namespace sluice::engine
