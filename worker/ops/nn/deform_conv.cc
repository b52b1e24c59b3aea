// DeformConv.
// Spec: https://onnx.ai/onnx/operators/onnx__DeformConv.html (read 2026-11); J. Dai et al.,
// "Deformable Convolutional Networks" (2017), with the mask of X. Zhu et al., "Deformable ConvNets
// v2" (2018). x [N, C, H, W], w [M, C/group, kh, kw], offset [N, G * taps * 2, out_h, out_w], bias
// [M], mask [N, G * taps, out_h, out_w], taps = kh * kw, G = offset_group. A convolution whose tap
// t at output place p reads, for the channels of offset group g,
//   mask[g, t, p] * x at (p * stride - pad + t * dilation + offset[g, t, (y, x), p]),
// linear between the four places around and 0 outside of the image.
// By OpenBLAS: y = w [M/group, C/group * taps] * columns [C/group * taps, places]. Types: float32,
// float64. Refused: other than two spatial dimensions.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/detail/gemm_call.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kColumnsMost = std::int64_t{1} << 20;  // elements of columns at a time

struct DeformParams {
  WindowParams window{};
  std::int64_t group = 1;
  std::int64_t offset_group = 1;
};

Result<DeformParams> parse_deform(const Node& node) {
  Attributes attributes(node);
  DeformParams params;
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY_ASSIGN(params.group, attributes.integer("group", 1));
  SLUICE_TRY_ASSIGN(params.offset_group, attributes.integer("offset_group", 1));
  SLUICE_TRY(attributes.finish());
  if (params.group < 1 || params.offset_group < 1 || params.window.auto_pad != AutoPad::none) {
    return Error{ErrorCode::data_corrupt,
                 "group " + std::to_string(params.group) + ", offset_group " +
                     std::to_string(params.offset_group) + " or an auto_pad is not possible"};
  }
  return params;
}

bool has_dims(const InputFacts& facts, std::size_t i, const Shape& dims) {
  return !facts.has(i) || std::ranges::equal(facts.at(i).dims, dims);
}

Result<OutputFacts> infer_deform(const DeformParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& w = facts.at(1);
  for (std::size_t i = 0; i < facts.inputs.size(); ++i) {
    if (facts.has(i) && (!is_float(x.datatype) || facts.at(i).datatype != x.datatype)) {
      return unsupported_type(facts.at(i).datatype);
    }
  }
  if (x.dims.size() != 4 || w.dims.size() != 4) {
    return Error{
        x.dims.size() == w.dims.size() ? ErrorCode::unsupported : ErrorCode::invalid_argument,
        "input " + to_string(x.dims) + " and weights " + to_string(w.dims) +
            ": images with two dimensions alone are possible"};
  }
  if (!fits_groups(x.dims, w.dims, params.group) || x.dims[1] % params.offset_group != 0) {
    return bad_input("input " + to_string(x.dims) + " does not fit weights " + to_string(w.dims) +
                     " in " + std::to_string(params.group) + " groups and " +
                     std::to_string(params.offset_group) + " groups of offsets");
  }
  SLUICE_TRY_ASSIGN(const Window window,
                    resolve_window(params.window, x.dims.subspan(2), w.dims.subspan(2)));
  if (!std::ranges::equal(window.kernel, w.dims.subspan(2))) {
    return bad_input("kernel_shape " + to_string(window.kernel) + " is not that of weights " +
                     to_string(w.dims));
  }
  const Shape all_taps{params.offset_group, window.kernel[0], window.kernel[1], 2};
  SLUICE_TRY_ASSIGN(const std::int64_t offsets, element_count(all_taps));
  const std::int64_t taps = offsets / 2;
  if (!has_dims(facts, 2, {x.dims[0], offsets, window.out[0], window.out[1]}) ||
      !has_dims(facts, 3, {w.dims[0]}) ||
      !has_dims(facts, 4, {x.dims[0], taps, window.out[0], window.out[1]})) {
    return bad_input("offset, bias or mask does not fit input " + to_string(x.dims) +
                     " and weights " + to_string(w.dims));
  }
  return one_output(x.datatype, {x.dims[0], w.dims[0], window.out[0], window.out[1]});
}

struct DeformBound {
  Window window{};
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;  // C / group
  std::int64_t filters = 0;   // M / group
  std::int64_t taps = 1;
  std::int64_t places = 0;            // of the output
  std::int64_t block = 1;             // of those at a time
  std::int64_t lanes = 1;             // threads that have columns of their own
  std::int64_t per_offset_group = 1;  // channels
};

Result<DeformBound> bind_deform(const DeformParams& params, BindContext& context) {
  const Dims x = context.inputs[0].dims;
  const Dims w = context.inputs[1].dims;
  DeformBound bound{.height = x[2], .width = x[3], .channels = w[1]};
  SLUICE_TRY_ASSIGN(bound.window, resolve_window(params.window, x.subspan(2), w.subspan(2)));
  bound.filters = w[0] / params.group;
  bound.taps = w[2] * w[3];
  bound.places = bound.window.out[0] * bound.window.out[1];
  bound.per_offset_group = std::max<std::int64_t>(x[1] / params.offset_group, 1);
  const std::int64_t rows = std::max<std::int64_t>(bound.channels * bound.taps, 1);
  if (std::max({rows, bound.filters, bound.places}) > std::numeric_limits<std::int32_t>::max()) {
    return Error{ErrorCode::unsupported, "has more elements than a matrix product takes"};
  }
  bound.block =
      std::clamp<std::int64_t>(kColumnsMost / rows, 1, std::max<std::int64_t>(bound.places, 1));
  bound.lanes = team_size();
  const std::int64_t elements = bound.lanes * bound.block * (rows + bound.filters);
  context.scratch_size =
      static_cast<std::size_t>(elements) * storage_size(context.inputs[0].datatype);
  return bound;
}

// Linear between the four places around; outside of the image everything is 0.
template <class T>
T sample(const T* plane, std::int64_t height, std::int64_t width, double y, double x) {
  if (!(y > -1 && y < static_cast<double>(height) && x > -1 && x < static_cast<double>(width))) {
    return T{};
  }
  const double top = std::floor(y);
  const double left = std::floor(x);
  const auto row = static_cast<std::int64_t>(top);
  const auto column = static_cast<std::int64_t>(left);
  const double down = y - top;
  const double right = x - left;
  double value = 0;
  const auto add = [&](std::int64_t h, std::int64_t w, double weight) {
    if (h >= 0 && h < height && w >= 0 && w < width) {
      value += weight * static_cast<double>(plane[h * width + w]);
    }
  };
  add(row, column, (1 - down) * (1 - right));
  add(row, column + 1, (1 - down) * right);
  add(row + 1, column, down * (1 - right));
  add(row + 1, column + 1, down * right);
  return static_cast<T>(value);
}

template <class T>
struct Inputs {
  const T* x;
  const T* w;
  const T* offset;
  const T* bias;  // or null
  const T* mask;  // or null
};

// columns[c * taps + t][place - first] of one image and group, for `count` places.
template <class T>
void fill_columns(const DeformParams& params,
                  const DeformBound& bound,
                  const Inputs<T>& in,
                  std::int64_t image,
                  std::int64_t group,
                  std::int64_t first,
                  std::int64_t count,
                  T* columns) {
  const Window& window = bound.window;
  const std::int64_t all = bound.channels * params.group;
  for (std::int64_t c = 0; c < bound.channels; ++c) {
    const std::int64_t channel = group * bound.channels + c;
    const T* plane = in.x + (image * all + channel) * bound.height * bound.width;
    const std::int64_t offsets =
        (image * params.offset_group + channel / bound.per_offset_group) * bound.taps;
    for (std::int64_t t = 0; t < bound.taps; ++t) {
      const T* moved = in.offset + (offsets + t) * 2 * bound.places;
      const T* mask = in.mask == nullptr ? nullptr : in.mask + (offsets + t) * bound.places;
      const std::int64_t down = t / window.kernel[1] * window.dilations[0] - window.pads_begin[0];
      const std::int64_t right = t % window.kernel[1] * window.dilations[1] - window.pads_begin[1];
      T* to = columns + (c * bound.taps + t) * count;
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t place = first + i;
        const std::int64_t row = place / window.out[1] * window.strides[0] + down;
        const std::int64_t column = place % window.out[1] * window.strides[1] + right;
        const T value =
            sample(plane,
                   bound.height,
                   bound.width,
                   static_cast<double>(row) + static_cast<double>(moved[place]),
                   static_cast<double>(column) + static_cast<double>(moved[bound.places + place]));
        to[i] = mask == nullptr ? value : value * mask[place];
      }
    }
  }
}

template <class T>
Result<void> run_as(const DeformParams& params, const DeformBound& bound, KernelContext& context) {
  const auto data = [&](std::size_t i) {
    return context.has_input(i) ? context.input(i).as<T>().data() : nullptr;
  };
  const Inputs<T> in{data(0), data(1), data(2), data(3), data(4)};
  T* const y = context.output(0).mut<T>().data();
  // NOLINTNEXTLINE: scratch is aligned to 64.
  T* const scratch = reinterpret_cast<T*>(context.scratch().data());
  const std::int64_t rows = bound.channels * bound.taps;
  const std::int64_t lane_size = bound.block * (std::max<std::int64_t>(rows, 1) + bound.filters);
  const std::int64_t blocks = (bound.places + bound.block - 1) / bound.block;
  const std::int64_t items = context.input(0).dims[0] * params.group * blocks;
  const auto run_item = [&](std::int64_t item, T* columns) {
    const std::int64_t first = item % blocks * bound.block;
    const std::int64_t count = std::min(bound.block, bound.places - first);
    const std::int64_t pair = item / blocks;  // image and group
    const std::int64_t group = pair % params.group;
    T* const made = columns + bound.block * std::max<std::int64_t>(rows, 1);
    fill_columns(params, bound, in, pair / params.group, group, first, count, columns);
    const T* weights = in.w + group * bound.filters * rows;
    const bool done =
        rows > 0 && bound.filters > 0 &&
        detail::gemm({.m = bound.filters, .n = count, .k = rows}, weights, columns, made);
    for (std::int64_t m = 0; m < bound.filters; ++m) {
      const T bias = in.bias == nullptr ? T{} : in.bias[group * bound.filters + m];
      T* to = y + (pair * bound.filters + m) * bound.places + first;
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = done ? made[m * count + i] + bias : bias;
      }
    }
  };
  parallel_for(bound.lanes, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane) {
      for (std::int64_t item = lane; item < items; item += bound.lanes) {
        run_item(item, scratch + lane * lane_size);
      }
    }
  });
  return {};
}

Result<void> run_deform(const DeformParams& params,
                        const DeformBound& bound,
                        KernelContext& context) {
  if (context.output(0).count == 0) {
    return {};
  }
  return context.input(0).datatype == DataType::float32 ? run_as<float>(params, bound, context)
                                                        : run_as<double>(params, bound, context);
}

}  // namespace

void register_deform_conv(Registry& registry) {
  registry.add({.name = "DeformConv",
                .since = {19, 22},
                .arity = {3, 5, 1},
                .kernel = bound_kernel<parse_deform, infer_deform, bind_deform, run_deform>(),
                .tame = true});
}

}  // namespace sluice::engine
