// Convolutions of bytes of many geometries against the sums as the specification writes them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

// A generator of small numbers, the same everywhere.
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : state_(seed) {}
  // In [low, high].
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    state_ = state_ * 1'664'525 + 1'013'904'223;
    return low + static_cast<std::int64_t>(state_ >> 8U) % (high - low + 1);
  }

 private:
  std::uint32_t state_;
};

struct Bytes {
  Shape shape;
  bool is_signed = false;
  std::vector<std::int64_t> values{};

  [[nodiscard]] NamedTensor tensor() const {
    if (is_signed) {
      return numbers<std::int8_t>(shape, {values.begin(), values.end()});
    }
    return uint8s(shape, {values.begin(), values.end()});
  }
};

Bytes draw_bytes(Draw& draw, Shape shape, bool is_signed) {
  Bytes made{.shape = std::move(shape), .is_signed = is_signed};
  std::int64_t count = 1;
  for (const std::int64_t extent : made.shape) {
    count *= extent;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    made.values.push_back(is_signed ? draw(-128, 127) : draw(0, 255));
  }
  return made;
}

// Two spatial dimensions; a single one is [1, n].
struct Geometry {
  using Pair = std::array<std::int64_t, 2>;
  std::int64_t batch = 1;
  std::int64_t group = 1;
  std::int64_t in_channels = 1;  // of a group, and its filters
  std::int64_t filters = 1;
  Pair in{};
  Pair kernel{};
  Pair stride{};
  Pair dilation{};
  Pair begin{};
  Pair end{};

  [[nodiscard]] std::int64_t out(std::size_t d) const {
    return (in[d] + begin[d] + end[d] - (kernel[d] - 1) * dilation[d] - 1) / stride[d] + 1;
  }
  [[nodiscard]] std::string text() const {
    std::string made = "groups " + std::to_string(group) + " of " + std::to_string(in_channels) +
                       " to " + std::to_string(filters);
    for (std::size_t d = 0; d < 2; ++d) {
      made += "; " + std::to_string(in[d]) + " by " + std::to_string(kernel[d]) + ", stride " +
              std::to_string(stride[d]) + ", dilation " + std::to_string(dilation[d]) + ", pads " +
              std::to_string(begin[d]) + " " + std::to_string(end[d]);
    }
    return made;
  }
};

Geometry draw_geometry(Draw& draw, bool depthwise) {
  Geometry made{.batch = draw(1, 2),
                .group = depthwise ? draw(1, 5) : draw(1, 2),
                .in_channels = depthwise ? 1 : draw(1, 5),
                .filters = draw(1, depthwise ? 2 : 13)};
  const bool one_row = draw(0, 4) == 0;
  for (std::size_t d = 0; d < 2; ++d) {
    const bool flat = d == 0 && one_row;
    made.in[d] = flat ? 1 : draw(1, 40);
    made.kernel[d] = flat ? 1 : draw(1, 5);
    made.stride[d] = draw(0, 1) == 0 ? 1 : draw(1, 3);
    made.dilation[d] = draw(0, 2) == 0 ? draw(1, 3) : 1;
    made.begin[d] = draw(0, made.kernel[d] - 1);
    made.end[d] = draw(0, made.kernel[d] - 1);
    const std::int64_t seen = (made.kernel[d] - 1) * made.dilation[d] + 1;
    made.in[d] = std::max(made.in[d], seen - made.begin[d] - made.end[d]);
  }
  return made;
}

std::vector<std::int32_t> sums_of(
    const Geometry& g, const Bytes& x, std::int64_t x_zero, const Bytes& w, const Bytes& w_zeros) {
  std::vector<std::int32_t> sums;
  const std::int64_t filters = g.group * g.filters;
  for (std::int64_t i = 0; i < g.batch * filters * g.out(0) * g.out(1); ++i) {
    const std::int64_t ox = i % g.out(1);
    const std::int64_t oy = i / g.out(1) % g.out(0);
    const std::int64_t filter = i / (g.out(0) * g.out(1)) % filters;
    const std::int64_t n = i / (g.out(0) * g.out(1) * filters);
    std::int64_t sum = 0;
    for (std::int64_t tap = 0; tap < g.in_channels * g.kernel[0] * g.kernel[1]; ++tap) {
      const std::int64_t c = tap / (g.kernel[0] * g.kernel[1]);
      const std::int64_t y =
          oy * g.stride[0] - g.begin[0] + tap / g.kernel[1] % g.kernel[0] * g.dilation[0];
      const std::int64_t at = ox * g.stride[1] - g.begin[1] + tap % g.kernel[1] * g.dilation[1];
      if (y < 0 || y >= g.in[0] || at < 0 || at >= g.in[1]) {
        continue;
      }
      const std::int64_t channel = (n * g.group + filter / g.filters) * g.in_channels + c;
      const std::int64_t from = (channel * g.in[0] + y) * g.in[1] + at;
      const std::int64_t weight = filter * g.in_channels * g.kernel[0] * g.kernel[1] + tap;
      sum += (x.values[static_cast<std::size_t>(from)] - x_zero) *
             (w.values[static_cast<std::size_t>(weight)] -
              w_zeros.values[w_zeros.values.size() == 1 ? 0 : static_cast<std::size_t>(filter)]);
    }
    sums.push_back(static_cast<std::int32_t>(sum));
  }
  return sums;
}

void check(std::uint32_t seed, bool depthwise) {
  Draw draw(seed);
  const Geometry g = draw_geometry(draw, depthwise);
  const std::int64_t filters = g.group * g.filters;
  const Bytes x =
      draw_bytes(draw, {g.batch, g.group * g.in_channels, g.in[0], g.in[1]}, draw(0, 1) == 0);
  const Bytes w =
      draw_bytes(draw, {filters, g.in_channels, g.kernel[0], g.kernel[1]}, draw(0, 1) == 0);
  const Bytes x_zero = draw_bytes(draw, {1}, x.is_signed);
  const Bytes w_zeros = draw_bytes(draw, {draw(0, 1) == 0 ? 1 : filters}, w.is_signed);
  GraphCase graph;
  graph.input("x", x.tensor())
      .constant("x_zero", x_zero.tensor())
      .constant("w_zeros", w_zeros.tensor());
  if (draw(0, 2) == 0) {
    graph.input("w", w.tensor());  // known to no more than a run
  } else {
    graph.constant("w", w.tensor());
  }
  graph
      .node("ConvInteger",
            {"x", "w", "x_zero", "w_zeros"},
            {"y"},
            {integer("group", g.group),
             integers("strides", {g.stride[0], g.stride[1]}),
             integers("dilations", {g.dilation[0], g.dilation[1]}),
             integers("pads", {g.begin[0], g.begin[1], g.end[0], g.end[1]})})
      .output("y");
  const NamedTensor want =
      int32s({g.batch, filters, g.out(0), g.out(1)}, sums_of(g, x, x_zero.values[0], w, w_zeros));
  EXPECT_EQ(mismatch(graph.run(), want, 0, 0), "") << "seed " << seed << ": " << g.text();
}

TEST(IntegerConv, IsTheSumThatTheSpecificationWrites) {
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    check(seed, false);
  }
}

TEST(IntegerConv, OfSingleChannelsToo) {
  for (std::uint32_t seed = 1; seed <= 250; ++seed) {
    check(seed, true);
  }
}

}  // namespace
}  // namespace sluice::engine::testing
