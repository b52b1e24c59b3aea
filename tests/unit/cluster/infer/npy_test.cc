#include "cluster/infer/npy.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

// A version 1 file with this header text and data.
Buffer file_of(std::string header, const std::string& data) {
  header += '\n';
  std::string bytes = "\x93NUMPY\x01";
  bytes += '\0';
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  return Buffer::copy_of(bytes + header + data);
}

TEST(Npy, ReadsWhatNumpyWrites) {
  // numpy.save of numpy.array([[1, 2, 3]], numpy.int16), numpy 1.24.
  const Buffer file = file_of("{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3), }",
                              std::string("\x01\0\x02\0\x03\0", 6));
  const Result<NamedTensor> tensor = read_npy(file);
  ASSERT_TRUE(tensor) << tensor.error().detail;
  EXPECT_EQ(tensor->datatype, DataType::int16);
  EXPECT_EQ(tensor->shape, (Shape{1, 3}));
  EXPECT_EQ(tensor->data.text(), std::string_view("\x01\0\x02\0\x03\0", 6));
}

TEST(Npy, ReadsEveryFormOfShapeAndDatatype) {
  struct Case {
    std::string header;
    std::size_t bytes;
    DataType datatype;
    Shape shape;
  };
  const Case cases[] = {
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, DataType::float32, {}},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", 24, DataType::float64, {3}},
      {"{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2)}", 8, DataType::float16, {2, 2}},
      {"{'shape': (2L, 3L), 'fortran_order': False, 'descr': '|u1'}", 6, DataType::uint8, {2, 3}},
      {"{\"descr\":\"<u1\",\"fortran_order\":False,\"shape\":(1,)}", 1, DataType::uint8, {1}},
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (0, 5), }", 0, DataType::boolean, {0, 5}},
      {"{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }   ", 8, DataType::uint64, {1}},
  };
  for (const Case& c : cases) {
    const Result<NamedTensor> tensor = read_npy(file_of(c.header, std::string(c.bytes, 'x')));
    ASSERT_TRUE(tensor) << c.header << ": " << tensor.error().detail;
    EXPECT_EQ(tensor->datatype, c.datatype);
    EXPECT_EQ(tensor->shape, c.shape);
    EXPECT_EQ(tensor->data.size(), c.bytes);
  }
}

TEST(Npy, WritesWhatItReads) {
  for (const Shape& shape : {Shape{}, Shape{2}, Shape{1, 2, 1}}) {
    const std::size_t size = *byte_count(DataType::float32, shape);
    const NamedTensor tensor{
        "t", DataType::float32, shape, Buffer::copy_of(std::string(size, '7'))};
    const Result<std::string> file = npy_bytes(tensor);
    ASSERT_TRUE(file);
    EXPECT_EQ((file->size() - size) % 64, 0U);
    const Result<NamedTensor> again = read_npy(Buffer::copy_of(*file));
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(again->shape, shape);
    EXPECT_EQ(again->data.text(), tensor.data.text());
  }
  EXPECT_FALSE(npy_bytes({"s", DataType::string, {0}, {}}));
  EXPECT_FALSE(npy_bytes({"b", DataType::bfloat16, {0}, {}}));
}

TEST(Npy, RefusesWhatItCannotSendWithAHint) {
  struct Case {
    std::string header;
    std::string hint;
  };
  const Case cases[] = {
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "big-endian"},
      {"{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", "strings as JSON"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "only booleans and numbers"},
      {"{'descr': '', 'fortran_order': False, 'shape': (1,), }", "only booleans and numbers"},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "ascontiguousarray"},
  };
  for (const Case& c : cases) {
    const Result<NamedTensor> tensor = read_npy(file_of(c.header, "0123456789abcdef"));
    ASSERT_FALSE(tensor) << c.header;
    EXPECT_EQ(tensor.error().code, ErrorCode::unsupported);
    EXPECT_NE(tensor.error().detail.find(c.hint), std::string::npos) << tensor.error().detail;
  }
}

TEST(Npy, RefusesBrokenFiles) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const std::string headers[] = {
      "",
      "[]",
      "{",
      "{'descr': '<f4'}",
      "{'descr': '<f4', 'fortran_order': False}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x",
      "{'descr': '<f4', 'fortran_order': None, 'shape': (2,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,",
      "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }",
      "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
  };
  for (const std::string& header : headers) {
    const Result<NamedTensor> tensor = read_npy(file_of(header, "12345678"));
    ASSERT_FALSE(tensor) << header;
    EXPECT_EQ(tensor.error().code, ErrorCode::data_corrupt) << header;
  }
  // Extents whose product does not fit.
  EXPECT_FALSE(
      read_npy(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': "
                       "(4611686018427387904, 4611686018427387904), }",
                       "12345678")));
  const std::string whole(file_of(good, "12345678").text());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_npy(Buffer::copy_of(whole.substr(0, size)))) << size;
  }
  EXPECT_TRUE(read_npy(Buffer::copy_of(whole)));
}

}  // namespace
}  // namespace sluice::cluster
