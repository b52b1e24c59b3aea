// Convolutions of channels-last bytes, by whatever this machine has for them.

#include "worker/ops/simd/byte_places.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine::simd {
namespace {

class Drawn {
 public:
  explicit Drawn(std::uint32_t seed) : random_(seed) {}

  template <class T>
  std::vector<T> numbers(std::int64_t count, std::int32_t low, std::int32_t high) {
    std::vector<T> all;
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(static_cast<T>(number(low, high)));
    }
    return all;
  }
  std::vector<float> floats(std::int64_t count, float step) {
    std::vector<float> all;
    for (const auto whole : numbers<std::int32_t>(count, -1'000, 1'000)) {
      all.push_back(static_cast<float>(whole) * step);
    }
    return all;
  }

 private:
  std::int32_t number(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(high - low + 1));
  }
  std::mt19937 random_;
};

template <class T>
T finished(std::int32_t sum, float scale, const float* offset, std::int32_t zero, bool floor) {
  const float scaled = static_cast<float>(sum) * scale;
  const float y = offset == nullptr ? scaled : scaled + *offset;
  if (std::isnan(y)) {
    return static_cast<T>(zero);
  }
  const auto least = static_cast<float>(floor ? zero : std::numeric_limits<T>::min());
  const float most = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(std::nearbyint(y) + static_cast<float>(zero), least, most));
}

// What comes behind the sums: ordinary numbers, or such as leave the integers.
enum class Ends : std::uint8_t { plain, without_offsets, huge, not_finite, floor, floor_of_huge };

struct Lists {
  std::vector<std::int32_t> starts;
  std::vector<float> scales;
  std::vector<float> offsets;
};

Lists drawn_ends(Drawn& drawn, std::int64_t filters, Ends ends) {
  const std::int64_t all = filters + kPanel;  // whole vectors are read
  Lists lists{
      .starts = drawn.numbers<std::int32_t>(all, -100'000, 100'000),
      .scales = drawn.floats(all, ends == Ends::huge || ends == Ends::floor_of_huge ? 1e6F : 1e-6F),
      .offsets = drawn.floats(all, 0.07F)};
  if (ends == Ends::not_finite) {
    lists.scales[0] = std::numeric_limits<float>::quiet_NaN();
    lists.offsets[static_cast<std::size_t>(filters - 1)] = std::numeric_limits<float>::infinity();
    lists.scales[static_cast<std::size_t>(filters / 2)] = -std::numeric_limits<float>::infinity();
  }
  return lists;
}

template <class T>
constexpr std::int32_t kZero = std::is_signed_v<T> ? -7 : 9;

template <class T>
PlaceEnds ends_of(const Lists& lists, Ends ends) {
  return {.starts = lists.starts.data(),
          .scales = lists.scales.data(),
          .offsets = ends == Ends::without_offsets ? nullptr : lists.offsets.data(),
          .zero = kZero<T>,
          .has_floor = ends == Ends::floor || ends == Ends::floor_of_huge};
}

constexpr std::int64_t kWindow = 40;  // bytes from one place to the next
constexpr std::int64_t kRuns = 3;

struct Case {
  std::int64_t places;
  std::int64_t quads;
  std::int64_t filters;
  Ends ends;
};

template <class T>
void compare(const Case& shape, std::uint32_t seed) {
  const auto [places, quads, filters, ends] = shape;
  Drawn drawn(seed);
  const std::int64_t panels = (filters + kPanel - 1) / kPanel;
  const auto image = drawn.numbers<std::uint8_t>(places * kWindow + 200 + 4 * quads, 0, 255);
  const auto weights = drawn.numbers<std::int8_t>(kRuns * quads * panels * kPanel * 4, -128, 127);
  const std::vector<std::int32_t> runs{0, 67, 11};
  std::vector<std::int32_t> begins;
  for (std::int64_t place = 0; place < places; ++place) {  // in no order
    begins.push_back(static_cast<std::int32_t>((place * 7 + 3) % places * kWindow));
  }
  const Lists lists = drawn_ends(drawn, filters, ends);
  const std::int64_t step = filters + 5;
  constexpr T kUntouched = 77;
  std::vector<T> results(static_cast<std::size_t>(places * step), kUntouched);
  multiply_places({.windows = {.image = image.data(),
                               .begins = begins.data(),
                               .places = places,
                               .runs = runs.data(),
                               .run_count = kRuns},
                   .quads = quads,
                   .weights = weights.data(),
                   .filters = filters,
                   .ends = ends_of<T>(lists, ends),
                   .step = step},
                  results.data());
  const bool has_floor = ends_of<T>(lists, ends).has_floor;
  for (std::int64_t place = 0; place < places; ++place) {
    for (std::int64_t filter = 0; filter < step; ++filter) {
      const T got = results[static_cast<std::size_t>(place * step + filter)];
      if (filter >= filters) {
        ASSERT_EQ(got, kUntouched) << place << ' ' << filter;
        continue;
      }
      const auto at = static_cast<std::size_t>(filter);
      std::int32_t sum = lists.starts[at];
      for (std::int64_t run = 0; run < kRuns; ++run) {
        for (std::int64_t i = 0; i < 4 * quads; ++i) {
          const std::int64_t x =
              begins[static_cast<std::size_t>(place)] + runs[static_cast<std::size_t>(run)] + i;
          const std::int64_t panel = (run * quads + i / 4) * panels + filter / kPanel;
          const std::int64_t w = (panel * kPanel + filter % kPanel) * 4 + i % 4;
          sum += image[static_cast<std::size_t>(x)] * weights[static_cast<std::size_t>(w)];
        }
      }
      const float* const offset =
          ends == Ends::without_offsets ? nullptr : lists.offsets.data() + at;
      ASSERT_EQ(got, finished<T>(sum, lists.scales[at], offset, kZero<T>, has_floor))
          << place << ' ' << filter;
    }
  }
}

TEST(BytePlaces, AreMultipliedByFiltersAsTheDefinitionSays) {
  const Case cases[] = {
      {1, 1, 1, Ends::plain},
      {2, 3, 15, Ends::plain},
      {7, 2, 16, Ends::plain},
      {9, 5, 17, Ends::without_offsets},
      {8, 1, 32, Ends::plain},
      {13, 4, 33, Ends::plain},
      {17, 2, 48, Ends::huge},
      {6, 9, 64, Ends::plain},
      {5, 1, 63, Ends::not_finite},
      {11, 2, 50, Ends::without_offsets},
      {25, 3, 20, Ends::not_finite},
      {4, 7, 5, Ends::huge},
      {9, 2, 60, Ends::floor},
      {9, 2, 30, Ends::floor_of_huge},
      {3, 2, 40, Ends::not_finite},
      {0, 2, 40, Ends::plain},
  };
  std::uint32_t seed = 1;
  for (const Case& shape : cases) {
    compare<std::int8_t>(shape, ++seed);
    compare<std::uint8_t>(shape, ++seed);
  }
}

template <class T>
void compare_channels(const Case& shape, std::int64_t taps, std::uint32_t seed) {
  const auto [places, none, channels, ends] = shape;
  Drawn drawn(seed);
  const std::int64_t fours = (taps + 3) / 4;
  const std::int64_t blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  const auto image = drawn.numbers<std::uint8_t>((places + taps) * channels, 0, 255);
  const auto weights = drawn.numbers<std::int8_t>(taps * channels, -128, 127);
  std::vector<std::int8_t> packed;
  for (std::int64_t at = 0; at < blocks * fours * kChannelBlock * 4; ++at) {
    const std::int64_t four = at / 4 / kChannelBlock;
    const std::int64_t channel =
        four / fours * kChannelBlock + channel_of_weight(at / 4 % kChannelBlock);
    const std::int64_t tap = four % fours * 4 + at % 4;
    packed.push_back(channel < channels && tap < taps
                         ? weights[static_cast<std::size_t>(tap * channels + channel)]
                         : std::int8_t{0});
  }
  std::vector<std::int32_t> begins;
  std::vector<std::int32_t> runs;
  for (std::int64_t place = 0; place < places; ++place) {
    begins.push_back(static_cast<std::int32_t>((places - 1 - place) * channels));
  }
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    runs.push_back(static_cast<std::int32_t>(tap * channels));
  }
  const Lists lists = drawn_ends(drawn, channels, ends);
  std::vector<T> results(static_cast<std::size_t>(places * channels));
  multiply_channels({.windows = {.image = image.data(),
                                 .begins = begins.data(),
                                 .places = places,
                                 .runs = runs.data(),
                                 .run_count = taps},
                     .channels = channels,
                     .weights = packed.data(),
                     .ends = ends_of<T>(lists, ends)},
                    results.data());
  const bool has_floor = ends_of<T>(lists, ends).has_floor;
  for (std::int64_t place = 0; place < places; ++place) {
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      const auto at = static_cast<std::size_t>(channel);
      std::int32_t sum = lists.starts[at];
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t x = begins[static_cast<std::size_t>(place)] + tap * channels + channel;
        sum += image[static_cast<std::size_t>(x)] *
               weights[static_cast<std::size_t>(tap * channels + channel)];
      }
      const float* const offset =
          ends == Ends::without_offsets ? nullptr : lists.offsets.data() + at;
      ASSERT_EQ(results[static_cast<std::size_t>(place * channels + channel)],
                finished<T>(sum, lists.scales[at], offset, kZero<T>, has_floor))
          << place << ' ' << channel;
    }
  }
}

TEST(BytePlaces, OfEachChannelAreMultipliedByItsOwnFilter) {
  const Case cases[] = {
      {1, 0, 1, Ends::plain},
      {3, 0, 8, Ends::plain},
      {5, 0, 16, Ends::plain},
      {4, 0, 24, Ends::without_offsets},
      {9, 0, 32, Ends::plain},
      {6, 0, 33, Ends::not_finite},
      {8, 0, 72, Ends::huge},
      {7, 0, 64, Ends::plain},
      {2, 0, 49, Ends::not_finite},
      {5, 0, 40, Ends::floor},
      {5, 0, 20, Ends::floor_of_huge},
  };
  std::uint32_t seed = 100;
  for (const Case& shape : cases) {
    for (const std::int64_t taps : {1, 2, 3, 4, 5, 9}) {
      compare_channels<std::int8_t>(shape, taps, ++seed);
      compare_channels<std::uint8_t>(shape, taps, ++seed);
    }
  }
}

}  // namespace
}  // namespace sluice::engine::simd
