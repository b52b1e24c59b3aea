#include "worker/ops/nn/resize_axis.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "worker/engine/machine/memory_bound.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

template <class T>
T source_of(const ResizeRule& rule, const ResizeAxis& axis, std::int64_t place) {
  const auto x = static_cast<T>(place);
  const auto in = static_cast<T>(axis.in);
  const auto scale = static_cast<T>(axis.scale);
  const auto half = static_cast<T>(0.5);
  const T stretched = scale * in;  // the output's extent before it was made whole
  switch (rule.coordinate) {
    case Coordinate::half_pixel:
      return (x + half) / scale - half;
    case Coordinate::half_pixel_symmetric: {
      const T adjustment = static_cast<T>(axis.out) / stretched;
      return in / 2 * (1 - adjustment) + (x + half) / scale - half;
    }
    case Coordinate::pytorch_half_pixel:
      return axis.out > 1 ? (x + half) / scale - half : 0;
    case Coordinate::align_corners:
      return stretched == 1 || axis.out == 1 ? 0 : x * (in - 1) / (stretched - 1);
    case Coordinate::asymmetric:
      return x / scale;
    case Coordinate::tf_half_pixel_for_nn:
      return (x + half) / scale;
    case Coordinate::tf_crop_and_resize: {
      const T part = axis.out > 1 ? x / static_cast<T>(axis.out - 1) : half;
      const auto start = static_cast<T>(axis.roi_start);
      return (start + part * (static_cast<T>(axis.roi_end) - start)) * (in - 1);
    }
  }
  return 0;
}

double nearest_of(Nearest nearest, double scale, double x) {
  switch (nearest) {
    case Nearest::round_prefer_floor:
      return std::ceil(x - 0.5);
    case Nearest::round_prefer_ceil:
      return std::floor(x + 0.5);
    case Nearest::floor:
      return std::floor(x);
    case Nearest::ceil:
      return std::ceil(x);
    case Nearest::by_direction:
      return scale < 1 ? std::ceil(x) : std::floor(x);
  }
  return x;
}

// Keys' kernel with the free coefficient a.
double cubic(double a, double x) {
  const double d = std::abs(x);
  if (d <= 1) {
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  }
  return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
}

double kernel_at(const ResizeRule& rule, double x) {
  return rule.mode == ResizeMode::cubic ? cubic(rule.cubic_a, x) : std::max(0.0, 1 - std::abs(x));
}

std::int64_t clamped(double x, std::int64_t in) {
  return static_cast<std::int64_t>(std::clamp(x, 0.0, static_cast<double>(in - 1)));
}

// The weights of one place; `shrink` stretches the kernel over 1 / shrink input places.
void add_place(
    const ResizeRule& rule, double x, double shrink, std::int64_t first, AxisTable& table) {
  const double base = std::floor(x);
  const std::size_t begin = table.weight.size();
  double sum = 0;
  for (std::int64_t t = 0; t < table.taps; ++t) {
    const double at = base + static_cast<double>(first + t);
    const bool inside = at >= 0 && at < static_cast<double>(table.in);
    const double weight = rule.exclude_outside && !inside ? 0 : kernel_at(rule, (at - x) * shrink);
    table.index.push_back(clamped(at, table.in));
    table.weight.push_back(weight);
    sum += weight;
  }
  if ((rule.exclude_outside || shrink < 1) && sum != 0) {
    for (std::size_t i = begin; i < table.weight.size(); ++i) {
      table.weight[i] /= sum;
    }
  }
}

bool is_identity(const AxisTable& table) {
  if (table.in != table.out || !table.outside.empty()) {
    return false;
  }
  for (std::int64_t place = 0; place < table.out; ++place) {
    for (std::int64_t t = 0; t < table.taps; ++t) {
      const auto at = static_cast<std::size_t>(place * table.taps + t);
      const double weight = table.weight.empty() ? 1 : table.weight[at];
      if (weight != 0 && (weight != 1 || table.index[at] != place)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

Result<AxisTable> make_axis_table(const ResizeRule& rule, const ResizeAxis& axis) {
  constexpr double kMostTaps = 1LL << 31;
  AxisTable table{.in = axis.in, .out = axis.out};
  const double reach = rule.mode == ResizeMode::cubic ? 2 : 1;
  const double shrink = rule.antialias ? std::min(axis.scale, 1.0) : 1.0;
  if (reach / shrink > kMostTaps) {  // a crop that is far larger than the input
    return bad_input("a filter over " + std::to_string(reach / shrink) + " places of the input");
  }
  const auto first = static_cast<std::int64_t>(std::floor(-reach / shrink)) + 1;
  const bool is_nearest = rule.mode == ResizeMode::nearest;
  if (!is_nearest) {
    table.taps = 2 - 2 * first;
  }
  const auto size = is_nearest ? sizeof table.index[0]
                               : static_cast<std::size_t>(table.taps) *
                                     (sizeof table.index[0] + sizeof table.weight[0]);
  const auto places = static_cast<std::size_t>(axis.out);
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  SLUICE_TRY(check_memory(places > kMost / size ? kMost : places * size,  // it may not fit 64 bits
                          "the places of its filters"));
  const auto taps = static_cast<std::size_t>(table.taps);
  table.index.reserve(is_nearest ? places : places * taps);
  table.weight.reserve(is_nearest ? 0 : places * taps);
  for (std::int64_t place = 0; place < axis.out; ++place) {
    // Frameworks choose the nearest place in float32: in double, 17 / (34 / 31) lies above the tie
    // that it is.
    const double x = is_nearest ? static_cast<double>(source_of<float>(rule, axis, place))
                                : source_of<double>(rule, axis, place);
    if (rule.coordinate == Coordinate::tf_crop_and_resize &&
        (x < 0 || x > static_cast<double>(axis.in - 1))) {
      table.outside.resize(places, 0);
      table.outside[static_cast<std::size_t>(place)] = 1;
    }
    if (is_nearest) {
      table.index.push_back(clamped(nearest_of(rule.nearest, axis.scale, x), axis.in));
    } else {
      add_place(rule, x, shrink, first, table);
    }
  }
  table.identity = is_identity(table);
  return table;
}

}  // namespace sluice::engine
