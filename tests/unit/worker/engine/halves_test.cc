#include "worker/engine/values/halves.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

// All 65,536 codes, and one more, so that the last row is not a whole vector.
std::vector<Float16> all_codes() {
  std::vector<Float16> codes;
  for (std::uint32_t bits = 0; bits <= 0x10000; ++bits) {
    codes.push_back({static_cast<std::uint16_t>(bits)});
  }
  return codes;
}

// Every float16, its neighbours in float32, what lies in the middle to the next, and beyond the
// end.
std::vector<float> where_rounding_turns() {
  std::vector<float> values;
  for (const Float16 code : all_codes()) {
    const float value = to_float(code);
    const float next = to_float(Float16{static_cast<std::uint16_t>(code.bits + 1)});
    const float middle = value + (next - value) / 2;
    for (const float x : {value, middle}) {
      values.insert(values.end(), {x, std::nextafter(x, -1e30F), std::nextafter(x, 1e30F)});
    }
  }
  values.insert(values.end(), {65519.996F, 65520, 1e38F, -1e38F, 1e-45F, -1e-45F, 2.9802322e-8F});
  return values;
}

TEST(Halves, WidensEveryCode) {
  const std::vector<Float16> codes = all_codes();
  std::vector<float> got(codes.size());
  widen_row(codes.data(), got.data(), static_cast<std::int64_t>(codes.size()));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const float want = to_float(codes[i]);
    ASSERT_TRUE(std::isnan(want)
                    ? std::isnan(got[i])
                    : std::bit_cast<std::uint32_t>(got[i]) == std::bit_cast<std::uint32_t>(want))
        << codes[i].bits;
  }
}

TEST(Halves, NarrowsAndRoundsToTheNearestEvenOne) {
  const std::vector<float> values = where_rounding_turns();
  const auto count = static_cast<std::int64_t>(values.size());
  std::vector<Float16> narrowed(values.size());
  std::vector<float> rounded = values;
  narrow_row(values.data(), narrowed.data(), count);
  round_row(rounded.data(), rounded.data(), count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Float16 want = narrow<Float16>(values[i]);
    if (std::isnan(values[i])) {
      ASSERT_TRUE(std::isnan(to_float(narrowed[i])) && std::isnan(rounded[i])) << i;
    } else {
      ASSERT_EQ(narrowed[i].bits, want.bits) << values[i];
      ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded[i]),
                std::bit_cast<std::uint32_t>(to_float(want)))
          << values[i];
    }
  }
}

TEST(Halves, TakesRowsThatAreUnalignedOrEmpty) {
  for (std::int64_t count = 0; count < 40; ++count) {
    std::vector<float> values(static_cast<std::size_t>(count) + 3, 7);
    for (std::int64_t i = 0; i < count; ++i) {
      values[static_cast<std::size_t>(i) + 1] = 2049 + static_cast<float>(i);
    }
    round_row(values.data() + 1, values.data() + 1, count);
    EXPECT_EQ(values.front(), 7);
    EXPECT_EQ(values[static_cast<std::size_t>(count) + 1], 7);
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(values[static_cast<std::size_t>(i) + 1],
                to_float(narrow<Float16>(2049 + static_cast<float>(i))));
    }
  }
}

}  // namespace
}  // namespace sluice::engine
