// AffineGrid, GridSample.
// Spec: https://onnx.ai/onnx/operators/onnx__GridSample.html, onnx__AffineGrid.html (read 2026-11).
// GridSample: x [N, C, in...], grid [N, out..., r] in -1 to 1, the last dimension first; y [N, C,
// out...] is x at those places, by the nearest place (half to even), linear or cubic (a = -0.75) in
// each of r dimensions. Places outside are 0, the nearest edge, or mirrored; a place that is no
// number is outside, or the first. AffineGrid: theta [N, r, r + 1] times the places of an image of
// `size`. Types: float32, float64; positions and sums in double. r is 2 or 3. Opsets: 16 calls its
// modes bilinear and bicubic and has two dimensions only.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Sampling : std::uint8_t { nearest, linear, cubic };
enum class Outside : std::uint8_t { zeros, border, reflection };

struct SampleParams {
  Sampling sampling = Sampling::linear;
  Outside outside = Outside::zeros;
  bool align_corners = false;
  std::size_t most = 3;  // dimensions
};

Result<SampleParams> parse_sample(const Node& node) {
  Attributes attributes(node);
  SampleParams params{.most = node.since < 20 ? 2U : 3U};
  const bool old = node.since < 20;
  SLUICE_TRY_ASSIGN(const std::string mode, attributes.text("mode", old ? "bilinear" : "linear"));
  SLUICE_TRY_ASSIGN(const std::string padding, attributes.text("padding_mode", "zeros"));
  SLUICE_TRY_ASSIGN(const std::int64_t align, attributes.integer("align_corners", 0));
  SLUICE_TRY(attributes.finish());
  params.align_corners = align != 0;
  if (mode == (old ? "bilinear" : "linear")) {
    params.sampling = Sampling::linear;
  } else if (mode == (old ? "bicubic" : "cubic")) {
    params.sampling = Sampling::cubic;
  } else if (mode == "nearest") {
    params.sampling = Sampling::nearest;
  } else {
    return Error{ErrorCode::data_corrupt, "mode is '" + mode + "'"};
  }
  if (padding == "border" || padding == "reflection") {
    params.outside = padding == "border" ? Outside::border : Outside::reflection;
  } else if (padding != "zeros") {
    return Error{ErrorCode::data_corrupt, "padding_mode is '" + padding + "'"};
  }
  return params;
}

Result<OutputFacts> infer_sample(const SampleParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& grid = facts.at(1);
  if (!is_float(x.datatype) || grid.datatype != x.datatype) {
    return unsupported_type(is_float(x.datatype) ? grid.datatype : x.datatype);
  }
  const std::size_t rank = x.dims.size();
  const bool fits = rank >= 4 && rank - 2 <= params.most && grid.dims.size() == rank &&
                    grid.dims[0] == x.dims[0] &&
                    grid.dims.back() == static_cast<std::int64_t>(rank - 2);
  if (!fits) {
    return Error{
        rank > params.most + 2 ? ErrorCode::unsupported : ErrorCode::invalid_argument,
        "input " + to_string(x.dims) + " and grid " + to_string(grid.dims) + " do not fit"};
  }
  Shape dims{x.dims[0], x.dims[1]};
  dims.insert(dims.end(), grid.dims.begin() + 1, grid.dims.end() - 1);
  if (product(x.dims, 2, rank) == 0 && product(dims, 0, rank) != 0) {
    return bad_input("input " + to_string(x.dims) + " has no places to sample");
  }
  return one_output(x.datatype, std::move(dims));
}

// Mirrored into [low, high] at both ends, as often as needed.
double reflected(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) {
    return low;
  }
  const double around = std::fmod(std::abs(x - low), 2 * range);
  return around <= range ? low + around : high - (around - range);
}

// What one dimension of one place is made of: input places, -1 for none, and weights.
struct Taps {
  std::array<std::int64_t, 4> place{};
  std::array<double, 4> weight{};
  std::size_t count = 1;
};

double cubic(double distance) {
  constexpr double kA = -0.75;
  const double d = std::abs(distance);
  return d <= 1  ? ((kA + 2) * d - (kA + 3)) * d * d + 1
         : d < 2 ? kA * (((d - 5) * d + 8) * d - 4)
                 : 0;
}

Taps taps_at(const SampleParams& params, double normal, std::int64_t extent) {
  const auto size = static_cast<double>(extent);
  const double low = params.align_corners ? 0 : -0.5;
  const double high = params.align_corners ? size - 1 : size - 0.5;
  double x = params.align_corners ? (normal + 1) / 2 * (size - 1) : ((normal + 1) * size - 1) / 2;
  x = params.sampling == Sampling::nearest ? std::nearbyint(x) : x;
  if (!std::isfinite(x)) {
    x = params.outside == Outside::zeros ? -4 : 0;
  } else if (params.outside == Outside::border) {
    x = x < low || x > high ? std::clamp(x, 0.0, size - 1) : x;
  } else if (params.outside == Outside::reflection) {
    x = reflected(x, low, high);
  } else {
    x = std::clamp(x, -4.0, size + 4);  // just as far outside
  }
  const double base = std::floor(x);
  Taps taps;
  taps.count = params.sampling == Sampling::nearest  ? 1
               : params.sampling == Sampling::linear ? 2
                                                     : 4;
  const double first = params.sampling == Sampling::cubic ? base - 1 : base;
  for (std::size_t t = 0; t < taps.count; ++t) {
    const double at =
        params.sampling == Sampling::nearest ? std::nearbyint(x) : first + static_cast<double>(t);
    taps.weight[t] = params.sampling == Sampling::nearest  ? 1
                     : params.sampling == Sampling::linear ? 1 - std::abs(x - at)
                                                           : cubic(x - at);
    const bool inside = at >= 0 && at <= size - 1;
    const double kept = inside                              ? at
                        : params.outside == Outside::border ? std::clamp(at, 0.0, size - 1)
                        : params.outside == Outside::reflection
                            ? std::clamp(reflected(at, low, high), 0.0, size - 1)
                            : -1;
    taps.place[t] = static_cast<std::int64_t>(kept);
  }
  return taps;
}

// All combinations of the dimensions' taps: at most 4 * 4 * 4.
struct Mixture {
  std::array<std::int64_t, 64> place{};
  std::array<double, 64> weight{};
  std::size_t count = 0;
};

template <class T>
Mixture mixture_at(const SampleParams& params, Dims in, const T* normal) {
  Mixture all;
  all.weight[0] = 1;
  all.count = 1;
  for (std::size_t d = 0; d < in.size(); ++d) {
    const Taps taps = taps_at(params, static_cast<double>(normal[in.size() - 1 - d]), in[d]);
    Mixture next;
    for (std::size_t i = 0; i < all.count; ++i) {
      for (std::size_t t = 0; t < taps.count; ++t) {
        if (taps.place[t] >= 0 && taps.weight[t] != 0) {
          next.place[next.count] = all.place[i] * in[d] + taps.place[t];
          next.weight[next.count++] = all.weight[i] * taps.weight[t];
        }
      }
    }
    all = next;
  }
  return all;
}

template <class T>
void sample(const SampleParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  TensorView& result = context.output(0);
  const T* x = view.as<T>().data();
  const T* grid = context.input(1).as<T>().data();
  T* y = result.mut<T>().data();
  const Dims in = view.dims.subspan(2);
  const std::int64_t channels = view.dims[1];
  const std::int64_t area = product(in, 0, in.size());
  const std::int64_t places = product(result.dims, 2, result.rank());
  const auto rank = static_cast<std::int64_t>(in.size());
  const std::int64_t grain = 1 + 1'024 / (channels + 1);
  parallel_for(view.dims[0] * places, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const Mixture mixture = mixture_at(params, in, grid + at * rank);
      const std::int64_t image = at / places;
      for (std::int64_t c = 0; c < channels; ++c) {
        const T* plane = x + (image * channels + c) * area;
        double sum = 0;
        for (std::size_t i = 0; i < mixture.count; ++i) {
          sum += mixture.weight[i] * static_cast<double>(plane[mixture.place[i]]);
        }
        y[(image * channels + c) * places + at % places] = static_cast<T>(sum);
      }
    }
  });
}

Result<void> run_sample(const SampleParams& params, KernelContext& context) {
  if (context.output(0).count == 0) {
    return {};
  }
  if (context.input(0).datatype == DataType::float32) {
    sample<float>(params, context);
  } else {
    sample<double>(params, context);
  }
  return {};
}

// --- AffineGrid ----------------------------------------------------------------------------------

struct AffineParams {
  bool align_corners = false;
};

Result<AffineParams> parse_affine(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t align, attributes.integer("align_corners", 0));
  SLUICE_TRY(attributes.finish());
  return AffineParams{align != 0};
}

Result<OutputFacts> infer_affine(const AffineParams&, const InputFacts& facts) {
  const InputFact& theta = facts.at(0);
  if (!is_float(theta.datatype)) {
    return unsupported_type(theta.datatype);
  }
  if (facts.at(1).value == nullptr) {
    return data_dependent(theta.datatype);
  }
  SLUICE_TRY_ASSIGN(const auto size, integers_of(*facts.at(1).value));
  const auto r = static_cast<std::int64_t>(size.size()) - 2;
  const bool fits = (r == 2 || r == 3) && theta.dims.size() == 3 && theta.dims[0] == size[0] &&
                    theta.dims[1] == r && theta.dims[2] == r + 1 &&
                    std::ranges::all_of(size, [](std::int64_t extent) { return extent >= 0; });
  if (!fits) {
    return bad_input("theta " + to_string(theta.dims) + " does not fit size " + to_string(size));
  }
  Shape dims{size[0]};
  dims.insert(dims.end(), size.begin() + 2, size.end());
  dims.push_back(r);
  return one_output(theta.datatype, std::move(dims));
}

template <class T>
void affine(const AffineParams& params, KernelContext& context) {
  TensorView& view = context.output(0);
  const T* theta = context.input(0).as<T>().data();
  T* y = view.mut<T>().data();
  const Dims out = view.dims.subspan(1, view.rank() - 2);
  const std::size_t r = out.size();
  const std::int64_t places = product(out, 0, r);
  for (std::int64_t at = 0; at < view.dims[0] * places; ++at) {
    std::array<double, 4> place{};  // x, y(, z), 1
    place[r] = 1;
    std::int64_t rest = at % places;
    for (std::size_t d = 0; d < r; ++d) {
      const std::int64_t extent = out[r - 1 - d];
      const auto i = static_cast<double>(rest % extent);
      rest /= extent;
      const auto size = static_cast<double>(extent);
      place[d] = !params.align_corners ? (2 * i + 1) / size - 1
                 : extent > 1          ? 2 * i / (size - 1) - 1
                                       : -1;
    }
    const T* rows = theta + at / places * static_cast<std::int64_t>(r * (r + 1));
    for (std::size_t row = 0; row < r; ++row) {
      double sum = 0;
      for (std::size_t k = 0; k <= r; ++k) {
        sum += static_cast<double>(rows[row * (r + 1) + k]) * place[k];
      }
      *y++ = static_cast<T>(sum);
    }
  }
}

Result<void> run_affine(const AffineParams& params, KernelContext& context) {
  if (context.input(0).datatype == DataType::float32) {
    affine<float>(params, context);
  } else {
    affine<double>(params, context);
  }
  return {};
}

}  // namespace

void register_grid_sample(Registry& registry) {
  registry.add({.name = "AffineGrid",
                .since = {20},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_affine, infer_affine, run_affine>(),
                .tame = true});
  registry.add({.name = "GridSample",
                .since = {16, 20, 22},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_sample, infer_sample, run_sample>(),
                .tame = true});
}

}  // namespace sluice::engine
