#include "worker/ops/nn/resize_spec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kMostExtent = std::int64_t{1} << 26;  // tables are made for each place
template <class T>
struct Word {
  const char* text;
  T value;
};

template <class T, std::size_t kCount>
Result<T> chosen(const char* name, const std::string& text, const Word<T> (&words)[kCount]) {
  for (const Word<T>& word : words) {
    if (text == word.text) {
      return word.value;
    }
  }
  return Error{ErrorCode::data_corrupt, std::string(name) + " is '" + text + "'"};
}

constexpr Word<ResizeMode> kModes[] = {{"nearest", ResizeMode::nearest},
                                       {"linear", ResizeMode::linear},
                                       {"bilinear", ResizeMode::linear},  // Upsample 1
                                       {"cubic", ResizeMode::cubic}};
constexpr Word<Coordinate> kCoordinates[] = {
    {"half_pixel", Coordinate::half_pixel},
    {"pytorch_half_pixel", Coordinate::pytorch_half_pixel},
    {"align_corners", Coordinate::align_corners},
    {"asymmetric", Coordinate::asymmetric},
    {"tf_half_pixel_for_nn", Coordinate::tf_half_pixel_for_nn},
    {"tf_crop_and_resize", Coordinate::tf_crop_and_resize},
    {"half_pixel_symmetric", Coordinate::half_pixel_symmetric}};
constexpr Word<Nearest> kNearest[] = {{"round_prefer_floor", Nearest::round_prefer_floor},
                                      {"round_prefer_ceil", Nearest::round_prefer_ceil},
                                      {"floor", Nearest::floor},
                                      {"ceil", Nearest::ceil}};
constexpr Word<AspectPolicy> kPolicies[] = {{"stretch", AspectPolicy::stretch},
                                            {"not_larger", AspectPolicy::not_larger},
                                            {"not_smaller", AspectPolicy::not_smaller}};

Result<void> parse_mode(Attributes& attributes, bool cubic, ResizeParams& params) {
  SLUICE_TRY_ASSIGN(const std::string mode, attributes.text("mode", "nearest"));
  SLUICE_TRY_ASSIGN(params.rule.mode, chosen("mode", mode, kModes));
  if (params.rule.mode == ResizeMode::cubic && !cubic) {
    return Error{ErrorCode::data_corrupt, "mode cubic is not of this version"};
  }
  return {};
}

}  // namespace

Result<ResizeParams> parse_upsample(const Node& node) {
  Attributes attributes(node);
  ResizeParams params;
  params.rule.coordinate = Coordinate::asymmetric;
  params.rule.nearest = Nearest::by_direction;
  SLUICE_TRY(parse_mode(attributes, false, params));
  if (node.op_type == "Upsample" && node.since == 1) {
    SLUICE_TRY_ASSIGN(const float height, attributes.real("height_scale", 0));
    SLUICE_TRY_ASSIGN(const float width, attributes.real("width_scale", 0));
    params.scales = {1, 1, height, width};
  } else if (node.since == 7) {
    SLUICE_TRY_ASSIGN(params.scales, attributes.reals("scales"));
  } else {
    params.scales_input = 1;
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<ResizeParams> parse_resize(const Node& node) {
  if (node.since < 11) {
    return parse_upsample(node);
  }
  Attributes attributes(node);
  ResizeParams params{.scales_input = 2, .sizes_input = 3};
  ResizeRule& rule = params.rule;
  SLUICE_TRY(parse_mode(attributes, true, params));
  SLUICE_TRY_ASSIGN(const std::string coordinate,
                    attributes.text("coordinate_transformation_mode", "half_pixel"));
  SLUICE_TRY_ASSIGN(rule.coordinate,
                    chosen("coordinate_transformation_mode", coordinate, kCoordinates));
  if ((rule.coordinate == Coordinate::tf_half_pixel_for_nn && node.since >= 13) ||
      (rule.coordinate == Coordinate::half_pixel_symmetric && node.since < 19)) {
    return Error{ErrorCode::data_corrupt,
                 "coordinate_transformation_mode '" + coordinate + "' is not of this version"};
  }
  if (rule.coordinate == Coordinate::tf_crop_and_resize) {
    params.roi_input = 1;
  }
  SLUICE_TRY_ASSIGN(const std::string nearest,
                    attributes.text("nearest_mode", "round_prefer_floor"));
  SLUICE_TRY_ASSIGN(rule.nearest, chosen("nearest_mode", nearest, kNearest));
  SLUICE_TRY_ASSIGN(const float a, attributes.real("cubic_coeff_a", -0.75F));
  rule.cubic_a = static_cast<double>(a);
  SLUICE_TRY_ASSIGN(const std::int64_t exclude, attributes.integer("exclude_outside", 0));
  rule.exclude_outside = exclude != 0;
  SLUICE_TRY_ASSIGN(const float extrapolation, attributes.real("extrapolation_value", 0));
  rule.extrapolation = static_cast<double>(extrapolation);
  if (node.since >= 18) {
    SLUICE_TRY_ASSIGN(const std::int64_t antialias, attributes.integer("antialias", 0));
    rule.antialias = antialias != 0;
    SLUICE_TRY_ASSIGN(params.axes, attributes.integers("axes"));
    SLUICE_TRY_ASSIGN(const std::string policy,
                      attributes.text("keep_aspect_ratio_policy", "stretch"));
    SLUICE_TRY_ASSIGN(params.policy, chosen("keep_aspect_ratio_policy", policy, kPolicies));
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

namespace {

// --- extents -------------------------------------------------------------------------------------

// What the inputs beside the data say; any of them may be empty.
struct Wanted {
  std::vector<float> roi{};
  std::vector<float> scales{};
  std::vector<std::int64_t> sizes{};
};

Result<std::vector<float>> reals_of(const TensorView& view, const char* name) {
  if (view.datatype != DataType::float32 && view.datatype != DataType::float64) {
    return bad_input(std::string(name) + " are " + std::string(name_of(view.datatype)));
  }
  std::vector<float> values;
  for (std::int64_t i = 0; i < view.count; ++i) {
    values.push_back(view.datatype == DataType::float32
                         ? view.as<float>()[static_cast<std::size_t>(i)]
                         : static_cast<float>(view.as<double>()[static_cast<std::size_t>(i)]));
  }
  return values;
}

Result<Wanted> wanted_of(const ResizeParams& params, const ResizeInputs& inputs) {
  Wanted wanted{.scales = params.scales};
  if (inputs.roi != nullptr) {
    SLUICE_TRY_ASSIGN(wanted.roi, reals_of(*inputs.roi, "roi"));
  }
  if (inputs.scales != nullptr) {
    SLUICE_TRY_ASSIGN(wanted.scales, reals_of(*inputs.scales, "scales"));
  }
  if (inputs.sizes != nullptr && inputs.sizes->count > 0) {
    SLUICE_TRY_ASSIGN(wanted.sizes, integers_of(*inputs.sizes));
  }
  return wanted;
}

Result<void> check_extent(const ResizeAxis& axis) {
  if (!(axis.scale > 0) || !std::isfinite(axis.scale) || !std::isfinite(axis.roi_start) ||
      !std::isfinite(axis.roi_end)) {
    return bad_input("scale " + std::to_string(axis.scale) + " of region " +
                     std::to_string(axis.roi_start) + " to " + std::to_string(axis.roi_end) +
                     " is not possible");
  }
  if (axis.out < 0 || axis.out > kMostExtent) {
    return bad_input("an extent of " + std::to_string(axis.out) + " is not possible");
  }
  return {};
}

// Extents and scales from `sizes`, one for each of `axes`.
void take_sizes(const ResizeParams& params,
                const std::vector<std::int64_t>& sizes,
                const std::vector<std::size_t>& axes,
                std::vector<ResizeAxis>& resized) {
  double common =
      params.policy == AspectPolicy::not_larger ? std::numeric_limits<double>::infinity() : 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = resized[axes[i]];
    axis.out = sizes[i];
    axis.scale = static_cast<double>(sizes[i]) / static_cast<double>(axis.in);
    common = params.policy == AspectPolicy::not_larger ? std::min(common, axis.scale)
                                                       : std::max(common, axis.scale);
  }
  for (const std::size_t i : axes) {
    if (params.policy != AspectPolicy::stretch) {
      const double extent = std::floor(common * static_cast<double>(resized[i].in) + 0.5);
      resized[i].scale = common;
      resized[i].out = extent < static_cast<double>(kMostExtent) ? static_cast<std::int64_t>(extent)
                                                                 : kMostExtent + 1;
    }
  }
}

void take_scales(const ResizeParams& params,
                 const std::vector<float>& scales,
                 const std::vector<std::size_t>& axes,
                 std::vector<ResizeAxis>& resized) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = resized[axes[i]];
    axis.scale = static_cast<double>(scales[i]);
    // In float32, as shape inference of ONNX and the exporters do: 10 * 2.3 is 23.
    float extent = static_cast<float>(axis.in) * scales[i];
    if (params.rule.coordinate == Coordinate::tf_crop_and_resize) {
      extent *= static_cast<float>(axis.roi_end - axis.roi_start);
    }
    const bool possible = extent >= 0 && extent < static_cast<float>(kMostExtent);
    axis.out = possible ? static_cast<std::int64_t>(std::floor(extent)) : kMostExtent + 1;
  }
}

}  // namespace

Result<std::vector<ResizeAxis>> resize_axes(const ResizeParams& params,
                                            const ResizeInputs& inputs,
                                            Dims dims) {
  SLUICE_TRY_ASSIGN(const Wanted wanted, wanted_of(params, inputs));
  std::vector<ResizeAxis> resized(dims.size());
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    resized[i].in = resized[i].out = dims[i];
    if (params.axes.empty()) {
      axes.push_back(i);
    }
  }
  for (const std::int64_t axis : params.axes) {
    SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, dims.size()));
    if (std::ranges::count(axes, at) != 0) {
      return bad_input("axis " + std::to_string(axis) + " is named twice");
    }
    axes.push_back(at);
  }
  const bool by_sizes = !wanted.sizes.empty();
  const std::size_t given = by_sizes ? wanted.sizes.size() : wanted.scales.size();
  if (given != axes.size() || (by_sizes && !wanted.scales.empty())) {
    return bad_input(by_sizes && !wanted.scales.empty()
                         ? std::string("has both scales and sizes")
                         : std::to_string(given) + (by_sizes ? " sizes" : " scales") + " for " +
                               std::to_string(axes.size()) + " axes");
  }
  if (params.rule.coordinate == Coordinate::tf_crop_and_resize) {
    if (wanted.roi.size() != 2 * axes.size()) {
      return bad_input(std::to_string(wanted.roi.size()) + " numbers in roi for " +
                       std::to_string(axes.size()) + " axes");
    }
    for (std::size_t i = 0; i < axes.size(); ++i) {
      resized[axes[i]].roi_start = static_cast<double>(wanted.roi[i]);
      resized[axes[i]].roi_end = static_cast<double>(wanted.roi[axes.size() + i]);
    }
  }
  if (by_sizes && std::ranges::any_of(axes, [&](std::size_t i) { return dims[i] == 0; })) {
    return bad_input("input " + to_string(dims) + " is empty and has no size to start from");
  }
  by_sizes ? take_sizes(params, wanted.sizes, axes, resized)
           : take_scales(params, wanted.scales, axes, resized);
  for (const ResizeAxis& axis : resized) {
    SLUICE_TRY(check_extent(axis));
  }
  return resized;
}

}  // namespace sluice::engine
