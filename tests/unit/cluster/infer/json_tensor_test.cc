#include "cluster/infer/json_tensor.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/infer/elements.h"

namespace sluice::cluster {
namespace {

ValueInfo wanted(DataType datatype, Shape shape) {
  return {.name = "x", .datatype = datatype, .shape = std::move(shape), .optional = false};
}

std::vector<std::string> texts_of(const Result<NamedTensor>& tensor) {
  return tensor ? element_texts(*tensor, 100) : std::vector{tensor.error().detail};
}

using Texts = std::vector<std::string>;

TEST(JsonTensor, ReadsEachDatatype) {
  struct Case {
    DataType datatype;
    std::string json;
    Texts texts;
  };
  const Case cases[] = {
      {DataType::boolean, "[true, false]", {"true", "false"}},
      {DataType::uint8, "[0, 255]", {"0", "255"}},
      {DataType::int8, "[-128, 127]", {"-128", "127"}},
      {DataType::uint16, "[65535]", {"65535"}},
      {DataType::int32, "[-2147483648]", {"-2147483648"}},
      {DataType::uint64, "[18446744073709551615]", {"18446744073709551615"}},
      {DataType::int64, "[-9223372036854775808]", {"-9223372036854775808"}},
      {DataType::float32, "[1, 0.5, \"NaN\", \"-Infinity\"]", {"1.0", "0.5", "NaN", "-Infinity"}},
      {DataType::float64, "[1e300]", {"1e+300"}},
      {DataType::string, R"(["a", "", "\n\u00e9"])", {"\"a\"", "\"\"", "\"\\n\xc3\xa9\""}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(texts_of(tensor_from_json(c.json, wanted(c.datatype, {-1}))), c.texts) << c.json;
  }
}

TEST(JsonTensor, RefusesWhatTheDatatypeCannotHold) {
  struct Case {
    DataType datatype;
    std::string json;
    std::string said;
  };
  const Case cases[] = {
      {DataType::uint8, "[256]", "input 'x': 256 is no uint8"},
      {DataType::uint8, "[-1]", "input 'x': -1 is no uint8"},
      {DataType::int8, "[-129]", "input 'x': -129 is no int8"},
      {DataType::int64, "[9223372036854775808]", "input 'x': 9223372036854775808 is no int64"},
      {DataType::int64, "[1.5]", "input 'x': 1.5 is no int64"},
      {DataType::float32, "[1e300]", "input 'x': 1e+300 is no float32"},
      {DataType::float32, "[\"one\"]", "input 'x': \"one\" is no float32"},
      {DataType::boolean, "[1]", "input 'x': 1 is no bool"},
      {DataType::string, "[1]", "input 'x': 1 is no string"},
      {DataType::float32,
       "[[1,2],[3]]",
       "input 'x': [3] should be an array of 2 like its neighbours"},
      {DataType::float32, "[1,[2]]", "input 'x': [2] is no float32"},
      {DataType::float32, "[null]", "input 'x': null is no float32"},
      {DataType::float16,
       "[1]",
       "input 'x' is float16, which JSON cannot carry: use a .npy or .pb file"},
  };
  for (const Case& c : cases) {
    const Result<NamedTensor> tensor = tensor_from_json(c.json, wanted(c.datatype, {-1}));
    ASSERT_FALSE(tensor) << c.json;
    EXPECT_EQ(tensor.error().detail, c.said);
  }
}

TEST(JsonTensor, RefusesBrokenAndDeepJson) {
  for (const std::string& json : {std::string("[1,"),
                                  std::string(),
                                  std::string("[1] 2"),
                                  std::string(33, '[') + "1" + std::string(33, ']'),
                                  std::string(100'000, '[')}) {
    EXPECT_FALSE(tensor_from_json(json, wanted(DataType::float32, {-1})));
  }
  const auto bad = tensor_from_json("[1,\n2,,]", wanted(DataType::float32, {-1}));
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().detail.find("line 2, column 3"), std::string::npos) << bad.error().detail;
}

TEST(JsonTensor, CompletesShapes) {
  struct Case {
    Shape given;
    Shape model;
    Shape sent;
  };
  const Case cases[] = {
      {{4}, {-1, 4}, {1, 4}},     // the batch may be left out
      {{2, 4}, {-1, 4}, {2, 4}},  // or be there
      {{8}, {-1, 4}, {2, 4}},     // a flat list is cut into rows
      {{64}, {-1, 1, 8, 8}, {1, 1, 8, 8}},
      {{8, 8}, {-1, 1, 8, 8}, {1, 1, 8, 8}},
      {{}, {1}, {1}},  // one number
      {{}, {-1, 1}, {1, 1}},
      {{}, {}, {}},
      {{6}, {2, 3}, {2, 3}},
      {{3}, {-1, -1}, {1, 3}},
      {{6}, {-1, 2, -1}, {6}},        // two open extents: the server will say
      {{2}, {-1, 2, -1}, {1, 2, 1}},  // which are both one
      {{5}, {-1, 4}, {5}},            // does not fit: as given
      {{3, 3}, {-1, 1, 8, 8}, {3, 3}},
      {{4}, {0, 4}, {4}},
      {{2, 2}, {4}, {2, 2}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(complete_shape(c.given, c.model), c.sent)
        << to_string(c.given) << " for " << to_string(c.model);
  }
}

TEST(JsonTensor, ReadsAWholeRequest) {
  const auto tensors = tensors_from_request(
      R"({"inputs":[{"name":"a","shape":[2,1],"datatype":"INT64","data":[1,2]},
                    {"name":"b","shape":[1,2],"datatype":"FP32","data":[[0.5,1]]}]})");
  ASSERT_TRUE(tensors) << tensors.error().detail;
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].shape, (Shape{2, 1}));
  EXPECT_EQ(element_texts((*tensors)[1], 9), (Texts{"0.5", "1.0"}));
}

TEST(JsonTensor, RefusesRequestsThatAreNone) {
  for (
      const char* json : {
          "{}",
          R"({"inputs":[]})",
          R"({"inputs":{"name":"a"}})",
          R"({"inputs":[1]})",
          R"({"inputs":[{"name":"a"}]})",
          R"({"inputs":[{"name":1,"shape":[1],"datatype":"FP32","data":[1]}]})",
          R"({"inputs":[{"name":"a","shape":[1],"datatype":"FP33","data":[1]}]})",
          R"({"inputs":[{"name":"a","shape":1,"datatype":"FP32","data":[1]}]})",
          R"({"inputs":[{"name":"a","shape":[-1],"datatype":"FP32","data":[1]}]})",
          R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[1]}]})",
          R"({"inputs":[{"name":"","shape":[4611686018427387904,4],"datatype":"BOOL","data":[]}]})",
      }) {
    EXPECT_FALSE(tensors_from_request(json)) << json;
  }
}

}  // namespace
}  // namespace sluice::cluster
