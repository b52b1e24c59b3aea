// DFT: the discrete Fourier transform along one axis.
// Spec: https://onnx.ai/onnx/operators/onnx__DFT.html (read 2026-11).
// Types: float32, float64; computed in double.
//
//   X [..., n, ..., 1 or 2 (real, imaginary)] -> Y [..., length, ..., 2]
//
// The signal is cut or continued by zeros to dft_length; inverse divides by the length. With
// onesided a real signal gives the first floor(length / 2) + 1 results alone, and inverse takes
// such a half back to a real signal: Y [..., length, ..., 1], of 2 (n - 1) elements without
// dft_length. Opsets: the axis is an attribute (1) in 17, an input (-2) since 20. Refused: onesided
// of what is no half: complex signals forwards, real ones back.

#include <complex>
#include <optional>
#include <utility>

#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/signal/fourier.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct DftParams {
  std::optional<std::int64_t> axis{};  // absent: the third input
  bool inverse = false;
  bool onesided = false;
};

Result<DftParams> parse_dft(const Node& node) {
  Attributes attributes(node);
  DftParams params;
  if (node.since < 20) {
    SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 1));
  }
  SLUICE_TRY_ASSIGN(const std::int64_t inverse, attributes.integer("inverse", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t onesided, attributes.integer("onesided", 0));
  SLUICE_TRY(attributes.finish());
  params.inverse = inverse != 0;
  params.onesided = onesided != 0;
  return params;
}

// Whether a half goes back to a real signal.
bool to_real(const DftParams& params) {
  return params.inverse && params.onesided;
}

// What is transformed; nullopt when only the run will know.
struct Extent {
  std::size_t axis = 0;
  std::int64_t length = 0;
};

Result<std::optional<Extent>> extent_of(const DftParams& params, const InputFacts& facts) {
  const Dims dims = facts.at(0).dims;
  std::int64_t axis = params.axis.value_or(-2);
  for (std::size_t i = 1; i <= 2; ++i) {
    if (facts.has(i) && facts.at(i).value == nullptr) {
      return std::optional<Extent>();
    }
  }
  if (!params.axis && facts.has(2)) {
    SLUICE_TRY_ASSIGN(axis, integer_in(*facts.at(2).value));
  }
  SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, dims.size()));
  if (at + 1 == dims.size()) {
    return bad_input("axis " + std::to_string(axis) + " of " + to_string(dims) +
                     " holds the parts of complex numbers");
  }
  Extent extent{.axis = at, .length = to_real(params) ? 2 * (dims[at] - 1) : dims[at]};
  if (facts.has(1)) {
    SLUICE_TRY_ASSIGN(extent.length, integer_in(*facts.at(1).value));
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 28;  // elements, and a few GB of scratch
  if (extent.length < 1 || extent.length > kMost) {
    return bad_input("a transform of " + std::to_string(extent.length) + " elements");
  }
  return std::optional(extent);
}

Result<OutputFacts> infer_dft(const DftParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 2 || (x.dims.back() != 1 && x.dims.back() != 2)) {
    return bad_input("its input is " + to_string(x.dims) + ", not [..., 1] or [..., 2]");
  }
  if (params.onesided && (x.dims.back() == 2) != params.inverse) {
    return Error{
        ErrorCode::unsupported,
        params.inverse ? "the onesided inverse of a real signal" : "onesided of a complex signal"};
  }
  SLUICE_TRY_ASSIGN(const std::optional<Extent> extent, extent_of(params, facts));
  if (!extent) {
    return data_dependent(x.datatype);
  }
  Shape dims(x.dims.begin(), x.dims.end());
  const bool half = params.onesided && !params.inverse;
  dims[extent->axis] = half ? extent->length / 2 + 1 : extent->length;
  dims.back() = to_real(params) ? 1 : 2;
  return one_output(x.datatype, std::move(dims));
}

struct DftBound {
  std::size_t axis = 0;
  Fourier fourier{1};
};

Result<DftBound> bind_dft(const DftParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const std::optional<Extent> extent, extent_of(params, {.inputs = facts}));
  SLUICE_CHECK(extent.has_value());
  DftBound bound{.axis = extent->axis, .fourier = Fourier(extent->length)};
  context.scratch_size =
      (static_cast<std::size_t>(extent->length) + bound.fourier.scratch_count()) *
      sizeof(Fourier::Complex);
  return bound;
}

// The second half of a spectrum whose signal is real: the conjugates of the first. What has to be
// real itself is taken for it.
void complete(std::span<Fourier::Complex> spectrum) {
  const std::size_t n = spectrum.size();
  spectrum[0] = spectrum[0].real();
  if (n % 2 == 0) {
    spectrum[n / 2] = spectrum[n / 2].real();
  }
  for (std::size_t k = n / 2 + 1; k < n; ++k) {
    spectrum[k] = std::conj(spectrum[n - k]);
  }
}

template <class T>
void transform(const DftParams& params, const DftBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const std::int64_t parts = x.dims.back();
  const std::int64_t in = x.dims[bound.axis];
  const std::int64_t out = y.dims[bound.axis];
  const std::int64_t length = bound.fourier.length();
  const std::int64_t taken = to_real(params) ? length / 2 + 1 : length;
  const std::int64_t out_parts = y.dims.back();
  const std::int64_t inner = product(x.dims, bound.axis + 1, x.rank() - 1);
  const std::int64_t rows = product(x.dims, 0, bound.axis) * inner;
  const T* from = x.as<T>().data();
  T* to = y.mut<T>().data();
  auto* memory = static_cast<Fourier::Complex*>(static_cast<void*>(context.scratch().data()));
  const std::span<Fourier::Complex> signal(memory, static_cast<std::size_t>(length));
  const std::span<Fourier::Complex> scratch(memory + length, bound.fourier.scratch_count());
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* source = from + (row / inner * in * inner + row % inner) * parts;
    for (std::int64_t i = 0; i < taken; ++i) {
      const T* element = source + i * inner * parts;
      signal[static_cast<std::size_t>(i)] =
          i < in ? Fourier::Complex(static_cast<double>(element[0]),
                                    parts == 2 ? static_cast<double>(element[1]) : 0.0)
                 : Fourier::Complex{};
    }
    if (to_real(params)) {
      complete(signal);
    }
    bound.fourier.run(signal, scratch, params.inverse);
    T* target = to + (row / inner * out * inner + row % inner) * out_parts;
    for (std::int64_t i = 0; i < out; ++i) {
      T* element = target + i * inner * out_parts;
      element[0] = static_cast<T>(signal[static_cast<std::size_t>(i)].real());
      if (out_parts == 2) {
        element[1] = static_cast<T>(signal[static_cast<std::size_t>(i)].imag());
      }
    }
  }
}

Result<void> run_dft(const DftParams& params, const DftBound& bound, KernelContext& context) {
  if (context.input(0).datatype == DataType::float32) {
    transform<float>(params, bound, context);
  } else {
    transform<double>(params, bound, context);
  }
  return {};
}

}  // namespace

void register_dft(Registry& registry) {
  registry.add({.name = "DFT",
                .since = {17, 20},
                .arity = {1, 3, 1},
                .kernel = bound_kernel<parse_dft, infer_dft, bind_dft, run_dft>(),
                .tame = true});
}

}  // namespace sluice::engine
