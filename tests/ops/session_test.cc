// A session seen from outside: inputs of any alignment, refusals, the stop flag, many shapes.

#include "worker/engine/session.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/ops/graph_case.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// Gives outputs at an odd address.
class OddAllocator final : public OutputAllocator {
 public:
  Result<std::span<std::byte>> allocate(std::size_t,
                                        DataType,
                                        const Shape& shape,
                                        std::size_t size) override {
    shape_ = shape;
    bytes_.assign(size + 1, std::byte{0});
    return std::span(bytes_).subspan(1);
  }
  template <class T>
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> values((bytes_.size() - 1) / sizeof(T));
    std::memcpy(values.data(), bytes_.data() + 1, bytes_.size() - 1);
    return values;
  }
  [[nodiscard]] std::vector<float> floats() const { return values<float>(); }
  Shape shape_;

 private:
  std::vector<std::byte> bytes_;
};

// tests/data/test_operators: input float32 [batch, n], output the same.
class SleepingModel : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = std::make_shared<Registry>();
    register_test_operators(*registry);
    auto session = load_session(LoadOptions{.path = std::string(SLUICE_SOURCE_DIR) +
                                                    "/tests/data/test_operators/sleep/model.onnx"},
                                std::move(registry),
                                {});
    ASSERT_TRUE(session) << session.error().detail;
    session_ = *std::move(session);
    execution_ = session_->new_execution();
  }

  Result<void> run(const Shape& shape, std::span<const std::byte> data, DataType type) {
    const InputView input{.datatype = type, .shape = shape, .data = data};
    const std::size_t output = 0;
    return execution_->run({.inputs = std::span(&input, 1),
                            .outputs = std::span(&output, 1),
                            .allocator = &allocator_,
                            .stop = &stop_});
  }

  std::unique_ptr<Session> session_;
  std::unique_ptr<Execution> execution_;
  OddAllocator allocator_;
  std::atomic<bool> stop_{false};
};

TEST_F(SleepingModel, TakesAndGivesTensorsOfAnyAlignment) {
  const std::vector<float> values{0, 1.5F, -2};
  std::vector<std::byte> odd(sizeof(float) * 3 + 1);
  std::memcpy(odd.data() + 1, values.data(), sizeof(float) * 3);
  for (int round = 0; round < 2; ++round) {
    const auto done = run({1, 3}, std::span(odd).subspan(1), DataType::float32);
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_EQ(allocator_.floats(), values);
    EXPECT_EQ(allocator_.shape_, (Shape{1, 3}));
  }
}

// A tensor that is too large for the message's description lies in a frame as the client wrote it:
// graphpipe-py puts 8-byte types at multiples of 4.
template <class T>
class LargeInput : public ::testing::Test {};
using EightByteTypes = ::testing::Types<double, std::int64_t>;
TYPED_TEST_SUITE(LargeInput, EightByteTypes);

TYPED_TEST(LargeInput, IsComputedOnFromAFourByteBoundary) {
  constexpr std::size_t kCount = 3 * limits::kSmallTensorBytes / sizeof(TypeParam) + 1;
  std::vector<TypeParam> values(kCount);
  std::vector<TypeParam> doubled(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    values[i] = static_cast<TypeParam>(1'000 - static_cast<std::int64_t>(i));
    doubled[i] = static_cast<TypeParam>(2'000 - 2 * static_cast<std::int64_t>(i));
  }
  const Shape shape{static_cast<std::int64_t>(kCount)};
  testing::GraphCase graph;
  graph.input("x", testing::numbers(shape, values)).node("Add", {"x", "x"}, {"y"}).output("y");
  const auto session = graph.load();
  ASSERT_TRUE(session) << session.error().detail;

  alignas(8) std::array<std::byte, 4 + kCount * sizeof(TypeParam)> frame;
  std::memcpy(frame.data() + 4, values.data(), kCount * sizeof(TypeParam));
  const InputView input{.datatype = DataTypeOf<TypeParam>::value,
                        .shape = shape,
                        .data = std::span<const std::byte>(frame).subspan(4)};
  const std::size_t output = 0;
  OddAllocator allocator;
  const auto done = (*session)->new_execution()->run(
      {.inputs = std::span(&input, 1), .outputs = std::span(&output, 1), .allocator = &allocator});
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_EQ(allocator.values<TypeParam>(), doubled);
}

TEST_F(SleepingModel, RefusesWrongInputsAndGoesOn) {
  const std::vector<float> values{0, 1};
  const auto bytes = std::as_bytes(std::span(values));
  EXPECT_EQ(run({2}, bytes, DataType::float32).error().detail,
            "input 'input': shape [2], the model wants [-1,-1]");
  EXPECT_EQ(run({1, 2}, bytes, DataType::int32).error().detail,
            "input 'input' is int32, the model wants float32");
  EXPECT_EQ(run({1, 3}, bytes, DataType::float32).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run({1LL << 40, 1LL << 40}, bytes, DataType::float32).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(run({}, {}, DataType::undefined).error().detail, "input 'input' is missing");
  EXPECT_TRUE(run({1, 2}, bytes, DataType::float32));
}

TEST_F(SleepingModel, EndsSoonWhenToldToStop) {
  const std::vector<float> hour{3'600'000};
  stop_ = true;
  EXPECT_EQ(run({1, 1}, std::as_bytes(std::span(hour)), DataType::float32).error().code,
            ErrorCode::cancelled);
  stop_ = false;
  const std::vector<float> nothing{0};
  EXPECT_TRUE(run({1, 1}, std::as_bytes(std::span(nothing)), DataType::float32));
}

TEST_F(SleepingModel, KeepsABoundedNumberOfShapes) {
  std::vector<float> values(3 * limits::kBoundShapes, 0);
  for (std::size_t n = 1; n <= values.size(); ++n) {
    const auto some = std::as_bytes(std::span(values).first(n));
    ASSERT_TRUE(run({1, static_cast<std::int64_t>(n)}, some, DataType::float32));
    EXPECT_EQ(allocator_.floats().size(), n);
  }
}

TEST_F(SleepingModel, DescribesItself) {
  const ModelInfo& info = session_->info();
  ASSERT_EQ(info.inputs.size(), 1U);
  EXPECT_EQ(info.inputs[0].name, "input");
  EXPECT_EQ(info.inputs[0].shape, (Shape{-1, -1}));
  EXPECT_EQ(info.platform, "onnx_onnxv1");
}

}  // namespace
}  // namespace sluice::engine
