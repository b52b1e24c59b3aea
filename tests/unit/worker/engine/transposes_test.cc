// Against the definition, one element at a time: every remainder of vectors and tiles, rows that
// are neighbours (colours) and rows with something between them, which must stay as it was.

#include "worker/engine/values/transposes.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

TEST(Transposes, PutEachElementInItsPlaceAndNothingElsewhere) {
  constexpr std::uint32_t kUntouched = 7;
  for (const std::int64_t rows : {1, 2, 3, 4, 7, 8, 17, 37, 50}) {
    for (const std::int64_t columns : {1, 2, 3, 5, 8, 16, 33, 51}) {
      for (const std::int64_t apart : {0, 5}) {
        const TurnedMatrix matrix{.rows = rows,
                                  .columns = columns,
                                  .from_step = columns + apart,
                                  .to_step = rows + apart};
        std::vector<std::uint32_t> from(static_cast<std::size_t>(rows * matrix.from_step));
        for (std::size_t i = 0; i < from.size(); ++i) {
          from[i] = 100 + static_cast<std::uint32_t>(i);
        }
        std::vector<std::uint32_t> to(static_cast<std::size_t>(columns * matrix.to_step + 9),
                                      kUntouched);
        transpose_words(matrix, from.data(), to.data());
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(to.size()); ++i) {
          const std::int64_t c = i / matrix.to_step;
          const std::int64_t r = i % matrix.to_step;
          const std::int64_t want =
              c < columns && r < rows ? 100 + r * matrix.from_step + c : kUntouched;
          ASSERT_EQ(to[static_cast<std::size_t>(i)], want)
              << rows << " x " << columns << ", " << apart << " apart, at " << i;
        }
      }
    }
  }
}

TEST(Transposes, TakeEverySecondAndReadNothingBehindTheLast) {
  for (std::size_t count = 0; count < 70; ++count) {
    std::vector<std::uint32_t> from(count == 0 ? 0 : 2 * count - 1);
    for (std::size_t i = 0; i < from.size(); ++i) {
      from[i] = static_cast<std::uint32_t>(i);
    }
    std::vector<std::uint32_t> to(count + 1, 9999);
    take_every_second(from.data(), to.data(), static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(to[i], 2 * i) << count;
    }
    EXPECT_EQ(to[count], 9999U);
  }
}

TEST(Transposes, OfBytesOfAllShapes) {
  for (const std::int64_t rows : {1, 2, 3, 5, 16, 17, 33, 70}) {
    for (const std::int64_t columns : {1, 2, 3, 15, 16, 31, 48, 65}) {
      for (const std::int64_t apart : {0, 3}) {
        const TurnedMatrix matrix{.rows = rows,
                                  .columns = columns,
                                  .from_step = columns + apart,
                                  .to_step = rows + apart};
        std::vector<std::uint8_t> from;
        for (std::int64_t i = 0; i < rows * matrix.from_step; ++i) {
          from.push_back(static_cast<std::uint8_t>(i * 37 + i / 251));
        }
        std::vector<std::uint8_t> want(static_cast<std::size_t>(columns * matrix.to_step), 9);
        std::vector<std::uint8_t> to = want;
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < columns; ++c) {
            want[static_cast<std::size_t>(c * matrix.to_step + r)] =
                from[static_cast<std::size_t>(r * matrix.from_step + c)];
          }
        }
        transpose_bytes(matrix, from.data(), to.data());
        EXPECT_EQ(to, want) << rows << " x " << columns << ", " << apart << " more";
      }
    }
  }
}

}  // namespace
}  // namespace sluice::engine
