// MaxRoiPool, RoiAlign.
// Spec: https://onnx.ai/onnx/operators/onnx__RoiAlign.html, onnx__MaxRoiPool.html (read 2026-11).
// x [N, C, H, W]; each of R regions, divided into out_h * out_w bins, gives y [R, C, out_h, out_w].
// RoiAlign: rois [R, 4] (x1, y1, x2, y2) times spatial_scale, less half a place where the
// coordinates are half_pixel (the default from opset 16 on; opset 10 has none, and like
// output_half_pixel takes regions for at least one place large). A bin is the mean of grid * grid
// samples, linear between the four places around them and 0 more than one place outside of the
// image; grid is sampling_ratio, or with 0 as many as the bin is large. Mode max is the largest
// single weighted place of all samples, as the text's own implementation and its test have it.
// MaxRoiPool: rois [R, 5], the image's number first; bins of whole places by Girshick, "Fast R-CNN"
// (2015): the region is rounded half away from zero and at least one place large, a bin without
// places is 0. Types: float32, float64. Refused: images that are not there.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct RoiParams {
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t sampling_ratio = 0;
  double scale = 1;
  bool is_max = false;
  bool half_pixel = false;
};

Result<void> check_bins(const RoiParams& params) {
  constexpr std::int64_t kMost = 1 << 16;
  if (params.height < 1 || params.width < 1 || params.height > kMost || params.width > kMost ||
      params.sampling_ratio < 0 || params.sampling_ratio > kMost || !std::isfinite(params.scale)) {
    return Error{ErrorCode::data_corrupt,
                 "output " + std::to_string(params.height) + "x" + std::to_string(params.width) +
                     ", sampling_ratio " + std::to_string(params.sampling_ratio) +
                     ", spatial_scale " + std::to_string(params.scale) +
                     ": one of them is not possible"};
  }
  return {};
}

Result<RoiParams> parse_align(const Node& node) {
  Attributes attributes(node);
  RoiParams params;
  SLUICE_TRY_ASSIGN(params.height, attributes.integer("output_height", 1));
  SLUICE_TRY_ASSIGN(params.width, attributes.integer("output_width", 1));
  SLUICE_TRY_ASSIGN(params.sampling_ratio, attributes.integer("sampling_ratio", 0));
  SLUICE_TRY_ASSIGN(params.scale, attributes.real("spatial_scale", 1));
  SLUICE_TRY_ASSIGN(const std::string mode, attributes.text("mode", "avg"));
  std::string coordinates = "output_half_pixel";
  if (node.since >= 16) {
    SLUICE_TRY_ASSIGN(coordinates, attributes.text("coordinate_transformation_mode", "half_pixel"));
  }
  SLUICE_TRY(attributes.finish());
  if ((mode != "avg" && mode != "max") ||
      (coordinates != "half_pixel" && coordinates != "output_half_pixel")) {
    return Error{
        ErrorCode::data_corrupt,
        "mode '" + mode + "' or coordinate_transformation_mode '" + coordinates + "' is not known"};
  }
  params.is_max = mode == "max";
  params.half_pixel = coordinates == "half_pixel";
  SLUICE_TRY(check_bins(params));
  return params;
}

Result<RoiParams> parse_pool(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::vector<std::int64_t> shape, attributes.integers("pooled_shape"));
  RoiParams params;
  SLUICE_TRY_ASSIGN(params.scale, attributes.real("spatial_scale", 1));
  SLUICE_TRY(attributes.finish());
  if (shape.size() != 2) {
    return Error{ErrorCode::data_corrupt, "pooled_shape " + to_string(shape) + " is no pair"};
  }
  params.height = shape[0];
  params.width = shape[1];
  SLUICE_TRY(check_bins(params));
  return params;
}

// `columns` of a region: 4, or 5 with the image's number.
Result<OutputFacts> infer_regions(const RoiParams& params,
                                  const InputFacts& facts,
                                  std::int64_t columns) {
  const InputFact& x = facts.at(0);
  const InputFact& rois = facts.at(1);
  if (!is_float(x.datatype) || rois.datatype != x.datatype) {
    return unsupported_type(is_float(x.datatype) ? rois.datatype : x.datatype);
  }
  if (x.dims.size() != 4 || rois.dims.size() != 2 || rois.dims[1] != columns) {
    return bad_input("input " + to_string(x.dims) + " and regions " + to_string(rois.dims) +
                     " are not [N, C, H, W] and [R, " + std::to_string(columns) + "]");
  }
  return one_output(x.datatype, {rois.dims[0], x.dims[1], params.height, params.width});
}

Result<OutputFacts> infer_pool(const RoiParams& params, const InputFacts& facts) {
  return infer_regions(params, facts, 5);
}

Result<OutputFacts> infer_align(const RoiParams& params, const InputFacts& facts) {
  const InputFact& images = facts.at(2);
  if (images.datatype != DataType::int64 || images.dims.size() != 1 || facts.at(1).dims.empty() ||
      images.dims[0] != facts.at(1).dims[0]) {
    return bad_input("batch_indices " + to_string(images.dims) + " are not one int64 a region of " +
                     to_string(facts.at(1).dims));
  }
  return infer_regions(params, facts, 4);
}

Result<void> check_image(std::int64_t image, Dims x) {
  if (image < 0 || image >= x[0]) {
    return bad_input("a region of image " + std::to_string(image) + " of " + std::to_string(x[0]));
  }
  return {};
}

// Calls plane(region, image plane, output plane) for every region and channel, after all regions
// were found to name images that are there; image_of(region) says which.
template <class T, class Image, class Plane>
Result<void> for_planes(KernelContext& context, const Image& image_of, const Plane& plane) {
  const Dims dims = context.input(0).dims;
  const std::int64_t area = dims[2] * dims[3];
  const std::int64_t channels = dims[1];
  TensorView& out = context.output(0);
  const std::int64_t regions = out.dims[0];
  const std::int64_t bins = out.dims[2] * out.dims[3];
  for (std::int64_t region = 0; region < regions; ++region) {
    SLUICE_TRY(check_image(image_of(region), dims));
  }
  const T* x = context.input(0).as<T>().data();
  T* y = out.mut<T>().data();
  parallel_for(regions * channels, 1 + 1'024 / bins, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t region = at / channels;
      plane(region, x + (image_of(region) * channels + at % channels) * area, y + at * bins);
    }
  });
  return {};
}

// --- RoiAlign ------------------------------------------------------------------------------------

// One coordinate of a sample: the two places around it and the weight of the second.
struct Between {
  std::int64_t low = 0;
  std::int64_t high = 0;
  double part = 0;
};

// `at` is at most one place outside.
Between between(double at, std::int64_t extent) {
  const double held = std::max(at, 0.0);
  const auto low = static_cast<std::int64_t>(held);
  if (low >= extent - 1) {
    return {.low = extent - 1, .high = extent - 1};
  }
  return {.low = low, .high = low + 1, .part = held - static_cast<double>(low)};
}

// One side of a region: where it begins, how large its bins are, and the samples in each.
struct Side {
  double begin = 0;
  double bin = 0;
  std::int64_t grid = 1;

  [[nodiscard]] double at(std::int64_t number, std::int64_t sample) const {
    return begin + static_cast<double>(number) * bin +
           (static_cast<double>(sample) + 0.5) * bin / static_cast<double>(grid);
  }
};

// The samples [first, last) of a bin that are not further than one place outside of the image. A
// region may be larger than the image by far: what is outside must cost nothing.
struct Inside {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

Inside inside(const Side& side, std::int64_t number, std::int64_t extent) {
  const auto is_inside = [&](std::int64_t sample) {
    const double at = side.at(number, sample);
    return extent > 0 && at >= -1 && at <= static_cast<double>(extent);
  };
  Inside range;
  while (range.first < side.grid && !is_inside(range.first)) {
    ++range.first;
  }
  range.last = range.first;
  while (range.last < side.grid && is_inside(range.last)) {
    ++range.last;
  }
  return range;
}

Side side_of(const RoiParams& params, double first, double last, std::int64_t bins) {
  const double offset = params.half_pixel ? 0.5 : 0;
  Side side{.begin = first * params.scale - offset};
  const double size = last * params.scale - offset - side.begin;
  side.bin = (params.half_pixel ? size : std::max(size, 1.0)) / static_cast<double>(bins);
  constexpr double kMost = 1 << 16;  // a region of any size ends
  const double samples = std::ceil(side.bin);
  side.grid = params.sampling_ratio > 0
                  ? params.sampling_ratio
                  : static_cast<std::int64_t>(samples > 0 ? std::min(samples, kMost) : 0.0);
  return side;
}

template <class T>
class Bin {
 public:
  Bin(const T* x, std::int64_t width) : x_(x), width_(width) {}

  void add(const Between& row, const Between& column) {
    const double weights[] = {(1 - row.part) * (1 - column.part),
                              (1 - row.part) * column.part,
                              row.part * (1 - column.part),
                              row.part * column.part};
    const std::int64_t places[] = {row.low * width_ + column.low,
                                   row.low * width_ + column.high,
                                   row.high * width_ + column.low,
                                   row.high * width_ + column.high};
    for (std::size_t i = 0; i < 4; ++i) {
      const double value = weights[i] * static_cast<double>(x_[places[i]]);
      sum_ += value;
      largest_ = value > largest_ || value != value ? value : largest_;  // a NaN stays
    }
  }
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] double largest() const { return largest_; }

 private:
  const T* x_;
  std::int64_t width_;
  double sum_ = 0;
  double largest_ = -std::numeric_limits<double>::infinity();
};

template <class T>
void align_plane(const RoiParams& params, Dims dims, const T* roi, const T* x, T* y) {
  const Side rows = side_of(params, roi[1], roi[3], params.height);
  const Side columns = side_of(params, roi[0], roi[2], params.width);
  const std::int64_t count = rows.grid * columns.grid;
  for (std::int64_t bin = 0; bin < params.height * params.width; ++bin) {
    const Inside down = inside(rows, bin / params.width, dims[2]);
    const Inside across = inside(columns, bin % params.width, dims[3]);
    Bin<T> taken(x, dims[3]);
    for (std::int64_t i = down.first; i < down.last; ++i) {
      const Between row = between(rows.at(bin / params.width, i), dims[2]);
      for (std::int64_t j = across.first; j < across.last; ++j) {
        taken.add(row, between(columns.at(bin % params.width, j), dims[3]));
      }
    }
    const std::int64_t met = (down.last - down.first) * (across.last - across.first);
    const bool some_outside = met < count || count == 0;  // each of those is a 0
    const double largest = some_outside && taken.largest() < 0 ? 0 : taken.largest();
    y[bin] = static_cast<T>(
        params.is_max ? largest
                      : taken.sum() / static_cast<double>(std::max<std::int64_t>(count, 1)));
  }
}

template <class T>
Result<void> align_as(const RoiParams& params, KernelContext& context) {
  const Dims dims = context.input(0).dims;
  const T* rois = context.input(1).as<T>().data();
  const auto images = context.input(2).as<std::int64_t>();
  return for_planes<T>(
      context,
      [&](std::int64_t region) { return images[static_cast<std::size_t>(region)]; },
      [&](std::int64_t region, const T* x, T* y) {
        align_plane(params, dims, rois + region * 4, x, y);
      });
}

Result<void> run_align(const RoiParams& params, KernelContext& context) {
  return context.input(0).datatype == DataType::float32 ? align_as<float>(params, context)
                                                        : align_as<double>(params, context);
}

// --- MaxRoiPool ----------------------------------------------------------------------------------

// The places of bin `number` along one side: of a region of whole places, cut to the image.
std::array<std::int64_t, 2> bin_places(
    double first, double last, std::int64_t number, std::int64_t bins, std::int64_t extent) {
  const double begin = std::round(first);
  const double size = std::max(std::round(last) - begin + 1, 1.0) / static_cast<double>(bins);
  const auto held = [&](double at) {
    const double most = static_cast<double>(extent);
    return at > 0 ? static_cast<std::int64_t>(std::min(at, most)) : 0;
  };
  return {held(begin + std::floor(static_cast<double>(number) * size)),
          held(begin + std::ceil(static_cast<double>(number + 1) * size))};
}

template <class T>
void pool_plane(const RoiParams& params, Dims dims, const T* roi, const T* x, T* y) {
  const auto scaled = [&](std::size_t i) { return static_cast<double>(roi[i]) * params.scale; };
  for (std::int64_t bin = 0; bin < params.height * params.width; ++bin) {
    const auto rows = bin_places(scaled(2), scaled(4), bin / params.width, params.height, dims[2]);
    const auto columns =
        bin_places(scaled(1), scaled(3), bin % params.width, params.width, dims[3]);
    const bool none = rows[0] >= rows[1] || columns[0] >= columns[1];
    T most = none ? T{} : -std::numeric_limits<T>::infinity();
    for (std::int64_t h = rows[0]; h < rows[1]; ++h) {
      for (std::int64_t w = columns[0]; w < columns[1]; ++w) {
        const T value = x[h * dims[3] + w];
        most = value > most || value != value ? value : most;  // a NaN stays
      }
    }
    y[bin] = most;
  }
}

template <class T>
Result<void> pool_as(const RoiParams& params, KernelContext& context) {
  const Dims dims = context.input(0).dims;
  const T* rois = context.input(1).as<T>().data();
  return for_planes<T>(
      context,
      [&](std::int64_t region) {
        const auto image = static_cast<double>(rois[region * 5]);
        return image >= 0 && image < static_cast<double>(dims[0]) ? static_cast<std::int64_t>(image)
                                                                  : -1;
      },
      [&](std::int64_t region, const T* x, T* y) {
        pool_plane(params, dims, rois + region * 5, x, y);
      });
}

Result<void> run_pool(const RoiParams& params, KernelContext& context) {
  return context.input(0).datatype == DataType::float32 ? pool_as<float>(params, context)
                                                        : pool_as<double>(params, context);
}

}  // namespace

void register_roi(Registry& registry) {
  registry.add({.name = "MaxRoiPool",
                .since = {1, 22},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_pool, infer_pool, run_pool>(),
                .tame = true});
  registry.add({.name = "RoiAlign",
                .since = {10, 16, 22},
                .arity = {3, 3, 1},
                .kernel = kernel<parse_align, infer_align, run_align>(),
                .tame = true});
}

}  // namespace sluice::engine
