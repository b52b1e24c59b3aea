#include "worker/ops/simd/winograd.h"

#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/winograd.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/activated-inl.h"
#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

constexpr float kNear = kWinogradNear;
constexpr float kFar = kWinogradFar;
constexpr auto kSide = static_cast<std::int64_t>(kWinogradSide);
constexpr auto kResults = static_cast<std::int64_t>(kWinogradResults);

// B' of a column of places.
HWY_INLINE void turn_in(V (&x)[kWinogradSide]) {
  const D d;
  const V near = hn::Set(d, kNear);
  const V far = hn::Set(d, kFar);
  const V near2 = hn::Set(d, kNear * kNear);
  const V far2 = hn::Set(d, kFar * kFar);
  const V sum2 = hn::Set(d, kNear * kNear + kFar * kFar);
  const V product2 = hn::Set(d, kNear * kNear * kFar * kFar);
  const V near_even = hn::NegMulAdd(far2, x[2], x[4]);
  const V near_odd = hn::NegMulAdd(far2, x[1], x[3]);
  const V far_even = hn::NegMulAdd(near2, x[2], x[4]);
  const V far_odd = hn::NegMulAdd(near2, x[1], x[3]);
  x[0] = hn::MulAdd(product2, x[0], hn::NegMulAdd(sum2, x[2], x[4]));
  x[5] = hn::MulAdd(product2, x[1], hn::NegMulAdd(sum2, x[3], x[5]));
  x[1] = hn::MulAdd(near, near_odd, near_even);
  x[2] = hn::NegMulAdd(near, near_odd, near_even);
  x[3] = hn::MulAdd(far, far_odd, far_even);
  x[4] = hn::NegMulAdd(far, far_odd, far_even);
}

// A' of a column of products: its first m elements are the results.
HWY_INLINE void turn_out(V (&x)[kWinogradSide]) {
  const D d;
  const V near_sum = hn::Add(x[1], x[2]);
  const V near_difference = hn::Sub(x[1], x[2]);
  const V far_sum = hn::Add(x[3], x[4]);
  const V far_difference = hn::Sub(x[3], x[4]);
  const auto both = [d](float by, V a, float of_b, V b) HWY_ATTR {
    return hn::MulAdd(hn::Set(d, by), a, hn::Mul(hn::Set(d, of_b), b));
  };
  x[0] = hn::Add(x[0], hn::Add(near_sum, far_sum));
  x[1] = both(kNear, near_difference, kFar, far_difference);
  x[2] = both(kNear * kNear, near_sum, kFar * kFar, far_sum);
  x[3] = hn::Add(both(kNear * kNear * kNear, near_difference, kFar * kFar * kFar, far_difference),
                 x[5]);
}

template <class Reach>
HWY_INLINE void turn_places(const WinogradInput& tile, std::int64_t c, const Reach& reach) {
  V half[kWinogradSide][kWinogradSide];  // [column][row]
  for (std::int64_t column = 0; column < kSide; ++column) {
    V(&x)[kWinogradSide] = half[column];
    for (std::int64_t row = 0; row < kSide; ++row) {
      x[row] = reach.load(tile.places[row * kSide + column] + c);
    }
    turn_in(x);
  }
  for (std::int64_t row = 0; row < kSide; ++row) {
    V x[kWinogradSide];
    for (std::int64_t column = 0; column < kSide; ++column) {
      x[column] = half[column][row];
    }
    turn_in(x);
    for (std::int64_t column = 0; column < kSide; ++column) {
      reach.store(x[column], tile.to + (row * kSide + column) * tile.to_step + c);
    }
  }
}

template <class Reach>
HWY_INLINE void turn_products(const WinogradOutput& tile, std::int64_t c, const Reach& reach) {
  const D d;
  V half[kWinogradSide][kWinogradResults];  // [column][row]
  for (std::int64_t column = 0; column < kSide; ++column) {
    V x[kWinogradSide];
    for (std::int64_t row = 0; row < kSide; ++row) {
      x[row] = reach.load(tile.from + (row * kSide + column) * tile.from_step + c);
    }
    turn_out(x);
    for (std::int64_t row = 0; row < kResults; ++row) {
      half[column][row] = x[row];
    }
  }
  const V bias = tile.bias == nullptr ? hn::Zero(d) : reach.load(tile.bias + c);
  for (std::int64_t row = 0; row < kResults && row < tile.rows; ++row) {
    V x[kWinogradSide];
    for (std::int64_t column = 0; column < kSide; ++column) {
      x[column] = half[column][row];
    }
    turn_out(x);
    float* const to = tile.y + row * tile.row_step + c;
    for (std::int64_t column = 0; column < kResults; ++column) {
      if (column < tile.columns) {
        V sum = hn::Add(x[column], bias);
        if (tile.adds) {
          sum = hn::Add(sum, reach.load(to + column * tile.place_step));
        }
        reach.store(activated(d, *tile.tail, sum), to + column * tile.place_step);
      }
    }
  }
}

void turn_input(const WinogradInput& tile) {
  std::int64_t c = 0;
  for (; c + kReachLanes <= tile.channels; c += kReachLanes) {
    turn_places(tile, c, Whole());
  }
  if (c < tile.channels) {
    turn_places(tile, c, Part{tile.channels - c});
  }
}

void turn_output(const WinogradOutput& tile) {
  std::int64_t c = 0;
  for (; c + kReachLanes <= tile.channels; c += kReachLanes) {
    turn_products(tile, c, Whole());
  }
  if (c < tile.channels) {
    turn_products(tile, c, Part{tile.channels - c});
  }
}

// G: of the point p a row 1, p, p^2, divided by the product of its distances from the others.
constexpr auto weight_matrix() {
  std::array<std::array<double, 3>, kWinogradSide> g{};
  constexpr double kPoints[] = {0, kNear, -kNear, kFar, -kFar};
  for (std::size_t i = 0; i < 5; ++i) {
    double others = 1;
    for (std::size_t j = 0; j < 5; ++j) {
      others *= j == i ? 1 : kPoints[i] - kPoints[j];
    }
    g[i] = {1 / others, kPoints[i] / others, kPoints[i] * kPoints[i] / others};
  }
  g[5] = {0, 0, 1};
  return g;
}

void turn_weights(const float* w, float* to) {
  const hn::CappedTag<double, kFloatPanel / 2> d;
  const hn::Rebind<float, decltype(d)> df;
  using Wide = hn::Vec<decltype(d)>;
  constexpr auto kG = weight_matrix();
  const auto times = [d](const std::array<double, 3>& row, Wide a, Wide b, Wide c) HWY_ATTR {
    return hn::MulAdd(
        hn::Set(d, row[0]), a, hn::MulAdd(hn::Set(d, row[1]), b, hn::Mul(hn::Set(d, row[2]), c)));
  };
  for (std::size_t lane = 0; lane < kFloatPanel; lane += hn::Lanes(d)) {
    Wide half[kWinogradSide][3];
    for (std::size_t j = 0; j < 3; ++j) {
      Wide column[3];
      for (std::size_t i = 0; i < 3; ++i) {
        column[i] = hn::PromoteTo(d, hn::LoadU(df, w + (i * 3 + j) * kFloatPanel + lane));
      }
      for (std::size_t i = 0; i < kWinogradSide; ++i) {
        half[i][j] = times(kG[i], column[0], column[1], column[2]);
      }
    }
    for (std::size_t i = 0; i < kWinogradSide; ++i) {
      for (std::size_t j = 0; j < kWinogradSide; ++j) {
        const Wide sum = times(kG[j], half[i][0], half[i][1], half[i][2]);
        hn::StoreU(hn::DemoteTo(df, sum), df, to + (i * kWinogradSide + j) * kFloatPanel + lane);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(turn_input);
HWY_EXPORT(turn_output);
HWY_EXPORT(turn_weights);

void winograd_input(const WinogradInput& tile) {
  HWY_DYNAMIC_DISPATCH(turn_input)(tile);
}
void winograd_output(const WinogradOutput& tile) {
  HWY_DYNAMIC_DISPATCH(turn_output)(tile);
}
void winograd_weights(const float* w, float* to) {
  HWY_DYNAMIC_DISPATCH(turn_weights)(w, to);
}

// From the points 0, the near ones and infinity: 1, p and p^2 of the others follow from these.
void winograd_taps(const float* turned, std::int64_t step, float* w) {
  constexpr double kNear = kWinogradNear;
  constexpr double kFar = kWinogradFar;
  const auto tap = [](std::size_t i, const auto& at) {
    return i == 0   ? at(0) * kNear * kNear * kFar * kFar
           : i == 1 ? (at(1) - at(2)) * kNear * (kNear * kNear - kFar * kFar)
                    : at(5);
  };
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const double sum = tap(i, [&](std::int64_t row) {
        return tap(j, [&](std::int64_t column) {
          return static_cast<double>(turned[(row * 6 + column) * step]);
        });
      });
      w[i * 3 + j] = static_cast<float>(sum);
    }
  }
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
