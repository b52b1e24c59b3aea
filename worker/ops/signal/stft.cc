// STFT: the Fourier transforms of a signal's frames.
// Spec: https://onnx.ai/onnx/operators/onnx__STFT.html (read 2026-11).
// Types: float32, float64; computed in double. Steps and lengths int32 or int64.
//
//   signal [batch, n, 1 or 2], window [length] -> Y [batch, frames, bins, 2]
//   frames = (n - length) / step + 1; bins = length, or with onesided (the default) length / 2 + 1
//
// The length is frame_length or that of the window; where both are given they must agree.
// Refused: onesided of complex signals, which the specification rules out.

#include <optional>
#include <utility>

#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/signal/fourier.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct StftParams {
  bool onesided = true;
};

Result<StftParams> parse_stft(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t onesided, attributes.integer("onesided", 1));
  SLUICE_TRY(attributes.finish());
  return StftParams{.onesided = onesided != 0};
}

struct Frames {
  std::int64_t count = 0;
  std::int64_t step = 1;
  std::int64_t length = 0;
};

// nullopt when only the run will know.
Result<std::optional<Frames>> frames_of(const InputFacts& facts) {
  const Dims dims = facts.at(0).dims;
  Frames frames;
  if (facts.at(1).value == nullptr || (facts.has(3) && facts.at(3).value == nullptr)) {
    return std::optional<Frames>();
  }
  SLUICE_TRY_ASSIGN(frames.step, integer_in(*facts.at(1).value));
  if (facts.has(2)) {
    if (facts.at(2).dims.size() != 1 || facts.at(2).datatype != facts.at(0).datatype) {
      return bad_input("its window is " + std::string(name_of(facts.at(2).datatype)) + " " +
                       to_string(facts.at(2).dims));
    }
    frames.length = facts.at(2).dims[0];
  }
  if (facts.has(3)) {
    SLUICE_TRY_ASSIGN(frames.length, integer_in(*facts.at(3).value));
  }
  const bool agree = !facts.has(2) || facts.at(2).dims[0] == frames.length;
  if (!agree || frames.step < 1 || frames.length < 1 || frames.length > dims[1]) {
    return bad_input("frames of " + std::to_string(frames.length) + " each " +
                     std::to_string(frames.step) + " do not fit a signal of " +
                     std::to_string(dims[1]) + " or its window");
  }
  frames.count = (dims[1] - frames.length) / frames.step + 1;
  return std::optional(frames);
}

Result<OutputFacts> infer_stft(const StftParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() != 3 || (x.dims[2] != 1 && x.dims[2] != 2)) {
    return bad_input("its signal is " + to_string(x.dims) + ", not [batch, n, 1 or 2]");
  }
  if (params.onesided && x.dims[2] == 2) {
    return Error{ErrorCode::unsupported, "onesided of a complex signal"};
  }
  if (!facts.has(2) && !facts.has(3)) {
    return bad_input("has neither a window nor a frame length");
  }
  SLUICE_TRY_ASSIGN(const std::optional<Frames> frames, frames_of(facts));
  if (!frames) {
    return data_dependent(x.datatype);
  }
  const std::int64_t bins = params.onesided ? frames->length / 2 + 1 : frames->length;
  return one_output(x.datatype, {x.dims[0], frames->count, bins, 2});
}

struct StftBound {
  Frames frames{};
  Fourier fourier{1};
};

Result<StftBound> bind_stft(const StftParams&, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const std::optional<Frames> frames, frames_of({.inputs = facts}));
  SLUICE_CHECK(frames.has_value());
  StftBound bound{.frames = *frames, .fourier = Fourier(frames->length)};
  context.scratch_size =
      (static_cast<std::size_t>(frames->length) + bound.fourier.scratch_count()) *
      sizeof(Fourier::Complex);
  return bound;
}

template <class T>
void transform(const StftBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const Frames& frames = bound.frames;
  const std::int64_t parts = x.dims[2];
  const std::int64_t bins = y.dims[2];
  const T* window = context.has_input(2) ? context.input(2).as<T>().data() : nullptr;
  T* to = y.mut<T>().data();
  auto* memory = static_cast<Fourier::Complex*>(static_cast<void*>(context.scratch().data()));
  const std::span<Fourier::Complex> frame(memory, static_cast<std::size_t>(frames.length));
  const std::span<Fourier::Complex> scratch(memory + frames.length, bound.fourier.scratch_count());
  for (std::int64_t row = 0; row < x.dims[0] * frames.count; ++row) {
    const std::int64_t start = row / frames.count * x.dims[1] + row % frames.count * frames.step;
    const T* from = x.as<T>().data() + start * parts;
    for (std::int64_t i = 0; i < frames.length; ++i) {
      const double weight = window != nullptr ? static_cast<double>(window[i]) : 1.0;
      frame[static_cast<std::size_t>(i)] = {
          weight * static_cast<double>(from[i * parts]),
          parts == 2 ? weight * static_cast<double>(from[i * parts + 1]) : 0.0};
    }
    bound.fourier.run(frame, scratch, false);
    for (std::int64_t i = 0; i < bins; ++i) {
      to[(row * bins + i) * 2] = static_cast<T>(frame[static_cast<std::size_t>(i)].real());
      to[(row * bins + i) * 2 + 1] = static_cast<T>(frame[static_cast<std::size_t>(i)].imag());
    }
  }
}

Result<void> run_stft(const StftParams&, const StftBound& bound, KernelContext& context) {
  if (context.input(0).datatype == DataType::float32) {
    transform<float>(bound, context);
  } else {
    transform<double>(bound, context);
  }
  return {};
}

}  // namespace

void register_stft(Registry& registry) {
  registry.add({.name = "STFT",
                .since = {17},
                .arity = {2, 4, 1},
                .kernel = bound_kernel<parse_stft, infer_stft, bind_stft, run_stft>(),
                .tame = true});
}

}  // namespace sluice::engine
