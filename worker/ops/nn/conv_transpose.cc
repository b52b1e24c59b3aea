// ConvTranspose.
// Spec: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html (read 2026-11).
// x [N, C, in...], w [C, M/group, kernel...], y [N, M, out...]: y is what a convolution with w
// would take to x. Along each dimension
//   y[p * stride + k * dilation - pad_begin] += x[p] * w[k],
//   out = stride * (in - 1) + output_padding + (kernel - 1) * dilation + 1 - pad_begin - pad_end.
// output_shape, or in * stride where auto_pad is SAME, decides the padding instead; an odd one is
// larger at the end for SAME_UPPER and larger at the beginning for all else (the texts before opset
// 22 contradict themselves there; this is what exporters mean).
// float32 with constant weights and one group: conv_spread.h, channels-last. All else by OpenBLAS:
// columns [M/group * taps, places] = w' [M/group * taps, C/group] * x, added up into y. Types:
// float32, float64. Any number of spatial dimensions.

#include <algorithm>
#include <limits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/detail/gemm_call.h"
#include "worker/ops/nn/conv_spread.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kColumnsMost = std::int64_t{1} << 20;  // elements of columns at a time

struct TransposeParams {
  WindowParams window{};
  std::vector<std::int64_t> output_padding{};
  std::vector<std::int64_t> output_shape{};
  std::int64_t group = 1;
};

Result<TransposeParams> parse_transpose(const Node& node) {
  Attributes attributes(node);
  TransposeParams params;
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY_ASSIGN(params.group, attributes.integer("group", 1));
  SLUICE_TRY_ASSIGN(params.output_padding, attributes.integers("output_padding"));
  SLUICE_TRY_ASSIGN(params.output_shape, attributes.integers("output_shape"));
  SLUICE_TRY(attributes.finish());
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  const auto impossible = [](std::int64_t value) { return value < 0 || value > kMost; };
  if (params.group < 1 || std::ranges::any_of(params.output_padding, impossible) ||
      std::ranges::any_of(params.output_shape, impossible)) {
    return Error{ErrorCode::data_corrupt,
                 "group " + std::to_string(params.group) + ", output_padding " +
                     to_string(params.output_padding) + ", output_shape " +
                     to_string(params.output_shape) + ": one of them is not possible"};
  }
  return params;
}

// One dimension of the window: padding and extent of the output.
Result<void> resolve_dimension(const TransposeParams& params,
                               std::int64_t extent,
                               std::size_t d,
                               Window& window) {
  const AutoPad pad = params.window.auto_pad;
  const std::int64_t extra = params.output_padding.empty() ? 0 : params.output_padding[d];
  const std::int64_t reach = (window.kernel[d] - 1) * window.dilations[d] + 1;
  const std::int64_t full = window.strides[d] * (extent - 1) + extra + reach;
  const bool same = pad == AutoPad::same_upper || pad == AutoPad::same_lower;
  if (!params.output_shape.empty() || same) {
    const std::size_t rank = window.kernel.size();
    window.out[d] = params.output_shape.empty()
                        ? extent * window.strides[d]
                        : params.output_shape[params.output_shape.size() - rank + d];
    const std::int64_t total = std::max<std::int64_t>(full - window.out[d], 0);
    window.pads_begin[d] = pad == AutoPad::same_upper ? total / 2 : total - total / 2;
    window.pads_end[d] = total - window.pads_begin[d];
    return {};
  }
  window.out[d] = full - window.pads_begin[d] - window.pads_end[d];
  if (window.out[d] < 0 || extent == 0) {
    return bad_input("an extent of " + std::to_string(extent) + " becomes " +
                     std::to_string(window.out[d]) + " without its padding");
  }
  return {};
}

Result<Window> window_of(const TransposeParams& params, Dims spatial, Dims kernel) {
  const std::size_t rank = spatial.size();
  const auto or_ones = [&](const std::vector<std::int64_t>& list) {
    return list.empty() ? Shape(rank, 1) : list;
  };
  Window window{.kernel = {kernel.begin(), kernel.end()},
                .strides = or_ones(params.window.strides),
                .dilations = or_ones(params.window.dilations),
                .pads_begin = Shape(rank, 0),
                .pads_end = Shape(rank, 0),
                .out = Shape(rank, 0)};
  const std::vector<std::int64_t>& pads = params.window.pads;
  const bool padded = params.window.auto_pad == AutoPad::none && !pads.empty();
  const auto fits = [&](const std::vector<std::int64_t>& list) {
    return list.empty() || list.size() == rank;
  };
  if (window.strides.size() != rank || window.dilations.size() != rank ||
      (padded && pads.size() != 2 * rank) || !fits(params.output_padding) ||
      (!fits(params.output_shape) && params.output_shape.size() != rank + 2)) {
    return bad_input("strides, dilations, pads, output_padding or output_shape do not fit the " +
                     std::to_string(rank) + " spatial dimensions of the input");
  }
  if (padded) {
    std::copy_n(pads.begin(), rank, window.pads_begin.begin());
    std::copy_n(pads.end() - static_cast<std::ptrdiff_t>(rank), rank, window.pads_end.begin());
  }
  for (std::size_t d = 0; d < rank; ++d) {
    SLUICE_TRY(resolve_dimension(params, spatial[d], d, window));
  }
  return window;
}

Result<OutputFacts> infer_transpose(const TransposeParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& w = facts.at(1);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (w.datatype != x.datatype || (facts.has(2) && facts.at(2).datatype != x.datatype)) {
    return bad_input("its inputs have different datatypes");
  }
  if (x.dims.size() < 3 || w.dims.size() != x.dims.size() || x.dims[1] != w.dims[0] ||
      x.dims[1] % params.group != 0) {
    return bad_input("input " + to_string(x.dims) + " does not fit weights " + to_string(w.dims) +
                     " in " + std::to_string(params.group) + " groups");
  }
  std::int64_t filters = 0;
  if (__builtin_mul_overflow(w.dims[1], params.group, &filters)) {
    return bad_input(std::to_string(params.group) + " groups of weights " + to_string(w.dims) +
                     " are more filters than int64 counts");
  }
  if (facts.has(2) && (facts.at(2).dims.size() != 1 || facts.at(2).dims[0] != filters)) {
    return bad_input("bias " + to_string(facts.at(2).dims) + " does not fit " +
                     std::to_string(filters) + " filters");
  }
  const Dims kernel = w.dims.subspan(2);
  if (!params.window.kernel.empty() && !std::ranges::equal(kernel, params.window.kernel)) {
    return bad_input("kernel_shape " + to_string(params.window.kernel) +
                     " is not that of weights " + to_string(w.dims));
  }
  SLUICE_TRY_ASSIGN(const Window window, window_of(params, x.dims.subspan(2), kernel));
  Shape dims{x.dims[0], filters};
  dims.insert(dims.end(), window.out.begin(), window.out.end());
  return one_output(x.datatype, std::move(dims));
}

struct TransposeState {
  std::shared_ptr<const ConvSpread> spread{};
};

Result<TransposeState> prepare_transpose(const TransposeParams& params, PrepareContext& context) {
  TransposeState state;
  SLUICE_TRY_ASSIGN(const TensorView* const w, context.constant(1));
  if (context.reference() || params.group != 1 || w == nullptr ||
      w->datatype != DataType::float32 || w->rank() < 3 || w->rank() > 5 || w->count == 0) {
    return state;
  }
  state.spread = ConvSpread::make(*w);
  if (state.spread != nullptr) {
    context.consume(1);
  }
  return state;
}

struct TransposeBound {
  std::shared_ptr<const ConvSpread::Bound> spread{};  // all else is for the others
  Window window{};
  Shape in{};
  std::int64_t places = 1;  // of the input
  std::int64_t area = 1;    // of the output
  std::int64_t taps = 1;
  std::int64_t channels = 0;  // C / group
  std::int64_t filters = 0;   // M / group
  std::int64_t block = 1;     // filters at a time
  std::int64_t lanes = 1;     // threads that have columns of their own
};

Result<TransposeBound> bind_transpose(const TransposeParams& params,
                                      const TransposeState& state,
                                      BindContext& context) {
  const Dims x = context.inputs[0].dims;
  const Dims w = context.inputs[1].dims;
  TransposeBound bound;
  SLUICE_TRY_ASSIGN(bound.window, window_of(params, x.subspan(2), w.subspan(2)));
  if (state.spread != nullptr) {
    if (context.outputs[0].count == 0) {
      return bound;
    }
    bound.spread = state.spread->bind(bound.window, x.subspan(2));
    if (bound.spread == nullptr) {
      return Error{ErrorCode::internal, "no kernel for its packed weights"};
    }
    context.scratch_size = bound.spread->scratch_size();
    context.implementation = bound.spread->implementation();
    return bound;
  }
  bound.in.assign(x.begin() + 2, x.end());
  bound.places = product(x, 2, x.size());
  bound.area = product(bound.window.out, 0, bound.window.out.size());
  bound.taps = product(w, 2, w.size());
  bound.channels = w[0] / params.group;
  bound.filters = w[1];
  const std::int64_t columns = std::max<std::int64_t>(bound.taps * bound.places, 1);
  bound.block =
      std::clamp<std::int64_t>(kColumnsMost / columns, 1, std::max<std::int64_t>(bound.filters, 1));
  if (std::max({bound.places, bound.channels, bound.block * bound.taps}) >
      std::numeric_limits<std::int32_t>::max()) {
    return Error{ErrorCode::unsupported, "has more elements than a matrix product takes"};
  }
  bound.lanes = team_size();
  const std::int64_t elements = context.inputs[1].count + bound.lanes * bound.block * columns;
  context.scratch_size =
      static_cast<std::size_t>(elements) * storage_size(context.inputs[0].datatype);
  return bound;
}

// to[g][m, tap][c] = w[g, c][m, tap].
template <class T>
void turn_weights(const TransposeBound& bound, std::int64_t group, const T* w, T* to) {
  const std::int64_t rows = bound.filters * bound.taps;
  for (std::int64_t g = 0; g < group; ++g) {
    for (std::int64_t c = 0; c < bound.channels; ++c) {
      for (std::int64_t r = 0; r < rows; ++r) {
        to[(g * rows + r) * bound.channels + c] = w[(g * bound.channels + c) * rows + r];
      }
    }
  }
}

// The positions of the input that one tap takes into the output, and where the first goes to.
struct Span {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t start = 0;  // output position of `first`
};

Span span_of(const Window& window, std::int64_t extent, std::size_t d, std::int64_t tap) {
  const std::int64_t offset = tap * window.dilations[d] - window.pads_begin[d];
  const std::int64_t stride = window.strides[d];
  Span span;
  span.first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t room = window.out[d] - offset;
  span.last = room <= 0 ? 0 : std::min(extent, (room + stride - 1) / stride);
  span.start = span.first * stride + offset;
  return span;
}

// Adds one tap's values to an output plane, dimension by dimension.
template <class T>
void add_tap(
    const TransposeBound& bound, std::span<const Span> spans, std::size_t d, const T* from, T* to) {
  const Span& span = spans[d];
  const std::int64_t stride = bound.window.strides[d];
  if (d + 1 == spans.size()) {
    for (std::int64_t i = span.first, at = span.start; i < span.last; ++i, at += stride) {
      to[at] += from[i];
    }
    return;
  }
  const std::int64_t in = product(bound.in, d + 1, bound.in.size());
  const std::int64_t out = product(bound.window.out, d + 1, bound.in.size());
  for (std::int64_t i = span.first, at = span.start; i < span.last; ++i, at += stride) {
    add_tap(bound, spans, d + 1, from + i * in, to + at * out);
  }
}

template <class T>
void add_columns(const TransposeBound& bound, const T* columns, T* plane) {
  const std::size_t rank = bound.in.size();
  std::vector<Span> spans(rank);
  for (std::int64_t tap = 0; tap < bound.taps; ++tap) {
    std::int64_t rest = tap;
    for (std::size_t d = rank; d > 0; --d) {
      const std::int64_t kernel = bound.window.kernel[d - 1];
      spans[d - 1] = span_of(bound.window, bound.in[d - 1], d - 1, rest % kernel);
      rest /= kernel;
    }
    add_tap<T>(bound, spans, 0, columns + tap * bound.places, plane);
  }
}

template <class T>
void run_as(const TransposeParams& params,
            const TransposeBound& bound,
            KernelContext& context,
            const TensorView& image,
            TensorView& result) {
  const T* x = image.as<T>().data();
  const T* bias = context.has_input(2) ? context.input(2).as<T>().data() : nullptr;
  T* y = result.mut<T>().data();
  // NOLINTNEXTLINE: scratch is aligned to 64.
  T* const weights = reinterpret_cast<T*>(context.scratch().data());
  turn_weights(bound, params.group, context.input(1).as<T>().data(), weights);
  T* const all_columns = weights + context.input(1).count;
  const std::int64_t blocks = (bound.filters + bound.block - 1) / bound.block;
  const std::int64_t items = context.input(0).dims[0] * params.group * blocks;
  const std::int64_t block_size = bound.block * bound.taps * bound.places;
  const auto run_item = [&](std::int64_t item, T* columns) {
    const std::int64_t first = item % blocks * bound.block;
    const std::int64_t count = std::min(bound.block, bound.filters - first);
    const std::int64_t pair = item / blocks;  // image and group
    const std::int64_t group = pair % params.group;
    const detail::GemmShape shape{.m = count * bound.taps, .n = bound.places, .k = bound.channels};
    const T* rows = weights + (group * bound.filters + first) * bound.taps * bound.channels;
    const bool done = bound.channels > 0 &&
                      detail::gemm(shape, rows, x + pair * bound.channels * bound.places, columns);
    for (std::int64_t m = 0; m < count; ++m) {
      T* plane = y + (pair * bound.filters + first + m) * bound.area;
      std::fill_n(
          plane, bound.area, bias != nullptr ? bias[group * bound.filters + first + m] : T{});
      if (done) {
        add_columns(bound, columns + m * bound.taps * bound.places, plane);
      }
    }
  };
  parallel_for(bound.lanes, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane) {
      for (std::int64_t item = lane; item < items; item += bound.lanes) {
        run_item(item, all_columns + lane * block_size);
      }
    }
  });
}

Result<Tensor> plain_like(const TensorView& view) {
  return Tensor::create(view.datatype, {view.dims.begin(), view.dims.end()});
}

Result<void> run_transpose(const TransposeParams& params,
                           const TransposeState& /*state*/,
                           const TransposeBound& bound,
                           KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (bound.spread != nullptr) {
    const float* bias = context.has_input(2) ? context.input(2).as<float>().data() : nullptr;
    bound.spread->run(x, bias, context.scratch().data(), y);
  } else if (x.datatype == DataType::float64) {
    run_as<double>(params, bound, context, x, y);
  } else if (x.layout == Layout::plain) {
    run_as<float>(params, bound, context, x, y);
  } else {
    SLUICE_TRY_ASSIGN(Tensor image, plain_like(x));
    SLUICE_TRY_ASSIGN(Tensor result, plain_like(y));
    TensorView image_view = image.view();
    TensorView result_view = result.view();
    reorder(x, image_view);
    run_as<float>(params, bound, context, image_view, result_view);
    reorder(result_view, y);
  }
  return {};
}

}  // namespace

void register_conv_transpose(Registry& registry) {
  registry.add({.name = "ConvTranspose",
                .since = {1, 11, 22},
                .arity = {2, 3, 1},
                .kernel = prepared_kernel<parse_transpose,
                                          infer_transpose,
                                          prepare_transpose,
                                          bind_transpose,
                                          run_transpose>(),
                .layout = LayoutRule::channels_last,
                .tame = true});
}

}  // namespace sluice::engine
