#include "worker/model/tensor_file.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker/model/compare.h"
#include "worker/model/wire.h"

namespace sluice::model {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

template <class T>
NamedTensor tensor_of(DataType datatype, Shape shape, const std::vector<T>& values) {
  NamedTensor tensor;
  tensor.name = "t";
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  tensor.data = Buffer::copy_of(std::as_bytes(std::span(values)));
  return tensor;
}

std::string file_of(std::uint64_t type, const std::vector<std::uint64_t>& dims) {
  std::string file;
  for (const std::uint64_t extent : dims) {
    append_varint_field(file, 1, extent);
  }
  append_varint_field(file, 2, type);
  return file;
}

TEST(TensorFile, GivesBackWhatWasWritten) {
  const NamedTensor numbers = tensor_of<float>(DataType::float32, {2, 1}, {1.5F, -2});
  const auto file = write_tensor(numbers);
  ASSERT_TRUE(file);
  const auto read = read_tensor(bytes_of(*file));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->name, "t");
  EXPECT_EQ(read->shape, (Shape{2, 1}));
  EXPECT_EQ(read->datatype, DataType::float32);
  EXPECT_EQ(read->data.text(), numbers.data.text());
}

TEST(TensorFile, ReadsStringsAndTypedFields) {
  std::string strings = file_of(8, {2});
  append_bytes_field(strings, 6, bytes_of("a"));
  append_bytes_field(strings, 6, bytes_of(""));
  const auto texts = read_tensor(bytes_of(strings));
  ASSERT_TRUE(texts) << texts.error().detail;
  EXPECT_EQ(texts->data.text(), std::string_view("\1\0\0\0a\0\0\0\0", 9));

  std::string packed;
  append_varint(packed, 7);
  append_varint(packed, static_cast<std::uint64_t>(std::int64_t{-1}));
  std::string integers = file_of(6, {2});
  append_bytes_field(integers, 5, bytes_of(packed));
  const auto ints = read_tensor(bytes_of(integers));
  ASSERT_TRUE(ints) << ints.error().detail;
  EXPECT_EQ(ints->data.text(), std::string_view("\7\0\0\0\xFF\xFF\xFF\xFF", 8));

  std::string floats = file_of(1, {1});
  append_bytes_field(floats, 4, bytes_of(std::string("\0\0\x80\x3f", 4)));
  const auto one = read_tensor(bytes_of(floats));
  ASSERT_TRUE(one) << one.error().detail;
  EXPECT_EQ(one->data.text(), std::string_view("\0\0\x80\x3f", 4));
}

TEST(TensorFile, RefusesWhatDoesNotFit) {
  std::string raw = file_of(1, {2});
  append_bytes_field(raw, 9, bytes_of("1234"));
  std::string external = file_of(1, {1});
  append_bytes_field(external, 13, bytes_of("x"));
  std::string wrong_field = file_of(1, {1});
  append_varint_field(wrong_field, 7, 1);
  struct Row {
    std::string file;
    ErrorCode code;
  };
  const Row rows[] = {{"", ErrorCode::data_corrupt},
                      {"\xff\xff", ErrorCode::data_corrupt},
                      {raw, ErrorCode::data_corrupt},
                      {raw.substr(0, raw.size() - 1), ErrorCode::data_corrupt},
                      {file_of(1, {1ULL << 62, 1ULL << 62}), ErrorCode::data_corrupt},
                      {file_of(1, {static_cast<std::uint64_t>(-1)}), ErrorCode::data_corrupt},
                      {file_of(14, {1}), ErrorCode::unsupported},
                      {external, ErrorCode::unsupported},
                      {wrong_field, ErrorCode::data_corrupt}};
  for (const Row& row : rows) {
    const auto read = read_tensor(bytes_of(row.file));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, row.code) << read.error().detail;
  }
}

TEST(TensorFile, DoesNotWriteATensorThatIsInconsistent) {
  NamedTensor tensor = tensor_of<float>(DataType::float32, {3}, {1, 2});
  EXPECT_FALSE(write_tensor(tensor));
  tensor.datatype = DataType::string;
  EXPECT_FALSE(write_tensor(tensor));
}

TEST(Compare, KnowsTheToleranceRule) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  struct Row {
    std::vector<float> got;
    std::vector<float> want;
    Tolerance tolerance;
    bool passes;
  };
  const Row rows[] = {{{1}, {1.0009F}, {}, true},
                      {{1}, {1.0012F}, {}, false},
                      {{0.9e-5F}, {0}, {}, true},
                      {{1.1e-5F}, {0}, {}, false},
                      {{0.05F, 1000}, {0, 1000}, {.scale = 1e-4}, true},
                      {{0.2F, 1000}, {0, 1000}, {.scale = 1e-4}, false},
                      {{nan, infinity}, {nan, infinity}, {}, true},
                      {{nan}, {1}, {}, false},
                      {{1}, {nan}, {}, false},
                      {{infinity}, {-infinity}, {}, false},
                      {{1e30F, 1}, {infinity, 1}, {.scale = 1}, false}};
  for (const Row& row : rows) {
    const Shape shape{static_cast<std::int64_t>(row.got.size())};
    const auto wrong = difference(tensor_of(DataType::float32, shape, row.got),
                                  tensor_of(DataType::float32, shape, row.want),
                                  row.tolerance);
    EXPECT_EQ(!wrong.has_value(), row.passes) << wrong.value_or("passed") << " " << row.want[0];
  }
}

TEST(Compare, WantsTheSameDatatypeAndShape) {
  const NamedTensor a = tensor_of<float>(DataType::float32, {2}, {1, 2});
  EXPECT_EQ(difference(a, tensor_of<float>(DataType::float32, {2, 1}, {1, 2}), {}),
            "has shape [2], wanted [2,1]");
  EXPECT_EQ(difference(a, tensor_of<std::int64_t>(DataType::int64, {2}, {1, 2}), {}),
            "is float32, wanted int64");
}

}  // namespace
}  // namespace sluice::model
