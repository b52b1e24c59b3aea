// Files that are no models, or hostile ones: a clear error each, and never a crash.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/conformance/wire_model.h"
#include "worker/engine/read/reader.h"
#include "worker/engine/session.h"
#include "worker/model/wire.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;
using model::append_bytes_field;
using model::append_varint_field;
using testing::bytes_of;
using testing::model_of;
using testing::node;

class BadFiles : public ::testing::Test {
 protected:
  BadFiles() {
    std::string pattern = (fs::temp_directory_path() / "sluice_bad_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    registry_ = std::make_shared<Registry>();
    register_all(*registry_);
  }
  ~BadFiles() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::string write(const std::string& name, const std::string& bytes) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

  Error load(const std::string& path) {
    const auto session = load_session(LoadOptions{.path = path}, registry_, {});
    return session ? Error{ErrorCode::internal, "loaded"} : session.error();
  }

  fs::path folder_;
  std::shared_ptr<Registry> registry_;
};

// A float tensor "w" of shape [count] whose data lies in `location`.
std::string external_tensor(const std::string& location,
                            const std::string& offset,
                            std::uint64_t count = 2) {
  std::string tensor;
  append_varint_field(tensor, 1, count);
  append_varint_field(tensor, 2, 1);
  append_bytes_field(tensor, 8, bytes_of("w"));
  for (const auto& [key, text] : {std::pair<std::string, std::string>{"location", location},
                                  {"offset", offset},
                                  {"length", std::to_string(4 * count)}}) {
    std::string entry;
    append_bytes_field(entry, 1, bytes_of(key));
    append_bytes_field(entry, 2, bytes_of(text));
    append_bytes_field(tensor, 13, bytes_of(entry));
  }
  append_varint_field(tensor, 14, 1);
  return tensor;
}

const std::string kAdd = node("Add", {"x", "w"}, "y");

TEST_F(BadFiles, WhatIsNoModelSaysSo) {
  EXPECT_EQ(load((folder_ / "missing.onnx").string()).code, ErrorCode::not_found);
  EXPECT_EQ(load(folder_.string()).code, ErrorCode::invalid_argument);
  EXPECT_EQ(load(write("empty.onnx", "")).code, ErrorCode::data_corrupt);
  EXPECT_EQ(load(write("text.onnx", "this is not a model\n")).code, ErrorCode::data_corrupt);
  EXPECT_EQ(load(write("zeros.onnx", std::string(4096, '\0'))).code, ErrorCode::data_corrupt);
  EXPECT_EQ(load(write("empty_message.onnx", std::string("\x08\x08", 2))).code,
            ErrorCode::data_corrupt);
  const Error missing = load((folder_ / "missing.onnx").string());
  EXPECT_NE(missing.detail.find("missing.onnx'"), std::string::npos) << missing.detail;
}

TEST_F(BadFiles, GraphsThatDoNotHangTogetherAreRefused) {
  EXPECT_NE(load(write("a.onnx", model_of("", {kAdd}))).detail.find("'w', which nothing makes"),
            std::string::npos);
  const Error cycle =
      load(write("b.onnx", model_of("", {node("Add", {"x", "y"}, "z"), node("Relu", {"z"}, "y")})));
  EXPECT_NE(cycle.detail.find("cycle"), std::string::npos) << cycle.detail;
  EXPECT_NE(load(write("c.onnx", model_of("", {node("Relu", {"x"}, "y"), node("Neg", {"x"}, "y")})))
                .detail.find("made twice"),
            std::string::npos);
  EXPECT_NE(load(write("d.onnx", model_of("", {node("Relu", {"x"}, "z")})))
                .detail.find("output 'y' is made by nothing"),
            std::string::npos);
}

TEST_F(BadFiles, NodesMayComeInAnyOrderAndTheDomainBeSpelledOut) {
  const std::vector<std::string> unsorted{node("Relu", {"a"}, "y"), node("Neg", {"x"}, "a")};
  EXPECT_EQ(load(write("a.onnx", model_of("", unsorted))).detail, "loaded");
  EXPECT_EQ(load(write("b.onnx", model_of("", unsorted, {{"ai.onnx", 13}}))).detail, "loaded");
  EXPECT_EQ(load(write("c.onnx", model_of("", unsorted, {{"", 13}, {"ai.onnx", 13}}))).detail,
            "loaded");
  EXPECT_EQ(load(write("d.onnx", model_of("", unsorted, {{"", 13}, {"ai.onnx", 14}}))).code,
            ErrorCode::data_corrupt);
  const Error newer = load(write("e.onnx", model_of("", unsorted, {{"", 999}})));
  EXPECT_EQ(newer.code, ErrorCode::unsupported);
  EXPECT_NE(newer.detail.find("Neg of opset 999"), std::string::npos) << newer.detail;
  EXPECT_NE(newer.detail.find("Relu of opset 999"), std::string::npos) << newer.detail;
}

TEST_F(BadFiles, ExternalDataStaysBelowTheModelsFolder) {
  write("m/w.bin", std::string(16, '\0'));
  write("secret.bin", std::string(16, '\0'));
  fs::create_symlink("../secret.bin", folder_ / "m/link.bin");
  fs::create_symlink("w.bin", folder_ / "m/inner.bin");
  const auto with = [&](const std::string& location, const std::string& offset = "0") {
    return load(write("m/model.onnx", model_of(external_tensor(location, offset), {kAdd})));
  };
  EXPECT_EQ(with("w.bin").detail, "loaded");
  EXPECT_EQ(with("./w.bin", "8").detail, "loaded");
  EXPECT_EQ(with("inner.bin").detail, "loaded");
  EXPECT_NE(with("../secret.bin").detail.find("outside of the model's folder"), std::string::npos);
  EXPECT_NE(with("link.bin").detail.find("outside of the model's folder"), std::string::npos);
  EXPECT_EQ(with((folder_ / "secret.bin").string()).code, ErrorCode::data_corrupt);
  EXPECT_EQ(with("gone.bin").code, ErrorCode::not_found);
  EXPECT_EQ(with("w.bin", "9").code, ErrorCode::data_corrupt);
  EXPECT_EQ(with("w.bin", "18446744073709551615").code, ErrorCode::data_corrupt);
  EXPECT_EQ(with("w.bin", "-1").code, ErrorCode::data_corrupt);
  EXPECT_NE(with(".").detail, "loaded");
}

TEST_F(BadFiles, TensorsMustFillTheirShapes) {
  std::string tensor;
  append_varint_field(tensor, 1, 1'000'000'000'000);
  append_varint_field(tensor, 2, 1);
  append_bytes_field(tensor, 8, bytes_of("w"));
  append_bytes_field(tensor, 9, bytes_of(std::string(8, '\0')));
  EXPECT_EQ(load(write("a.onnx", model_of(tensor, {kAdd}))).code, ErrorCode::data_corrupt);
  std::string segment = external_tensor("w.bin", "0");
  append_bytes_field(segment, 3, bytes_of(std::string("\x08\x00\x10\x08", 4)));
  EXPECT_EQ(load(write("b.onnx", model_of(segment, {kAdd}))).code, ErrorCode::unsupported);
}

// The file is a hole of 2 TB with one real page: everything about it is consistent.
TEST_F(BadFiles, WeightsLargerThanTheMemoryAreRefusedWithNumbers) {
  constexpr std::uint64_t kCount = std::uint64_t{1} << 39;
  const std::string weights = write("w.bin", "");
  ASSERT_EQ(::truncate(weights.c_str(), static_cast<off_t>(4 * kCount)), 0);
  const Error error =
      load(write("model.onnx", model_of(external_tensor("w.bin", "0", kCount), {kAdd})));
  EXPECT_EQ(error.code, ErrorCode::resource_exhausted) << error.detail;
  EXPECT_NE(error.detail.find("the weights need 2097152 MB of memory, "), std::string::npos)
      << error.detail;
}

class NoOutput final : public OutputAllocator {
 public:
  Result<std::span<std::byte>> allocate(std::size_t /*index*/,
                                        DataType /*datatype*/,
                                        const Shape& /*shape*/,
                                        std::size_t /*size*/) override {
    return Error{ErrorCode::internal, "nothing should come out"};
  }
};

// 2^40 zeros, claimed by sixteen bytes of the file.
TEST_F(BadFiles, ResultsLargerThanTheMemoryAreRefusedWithNumbers) {
  std::string shape;
  append_varint_field(shape, 1, 2);
  append_varint_field(shape, 2, 7);  // int64
  append_bytes_field(shape, 8, bytes_of("w"));
  append_bytes_field(shape, 9, bytes_of(std::string("\0\0\0\0\x80\0\0\0\2\0\0\0\0\0\0\0", 16)));
  const std::string path = write("model.onnx",
                                 model_of(shape,
                                          {node("ConstantOfShape", {"w"}, "big"),
                                           node("ReduceMax", {"big"}, "one"),
                                           node("Add", {"one", "x"}, "y")}));
  const auto session = load_session(LoadOptions{.path = path}, registry_, {});
  ASSERT_TRUE(session) << session.error().detail;
  const std::string x(8, '\0');
  const std::int64_t two = 2;
  const InputView input{DataType::float32, {&two, 1}, bytes_of(x)};
  const std::size_t first = 0;
  NoOutput nothing;
  const auto run = (*session)->new_execution()->run(
      {.inputs = {&input, 1}, .outputs = {&first, 1}, .allocator = &nothing});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::resource_exhausted) << run.error().detail;
}

TEST_F(BadFiles, EveryTruncationAndManyBitFlipsAreSurvived) {
  std::string tensor;
  append_varint_field(tensor, 1, 2);
  append_varint_field(tensor, 2, 1);
  append_bytes_field(tensor, 8, bytes_of("w"));
  append_bytes_field(tensor, 9, bytes_of(std::string(8, '\x3f')));
  const std::string good = model_of(tensor, {kAdd});
  ASSERT_EQ(load(write("good.onnx", good)).detail, "loaded");
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {
    const std::string cut = good.substr(0, size);
    static_cast<void>(parse_model(bytes_of(cut), folder_.string()));
  }
  std::mt19937 random(1);
  for (int i = 0; i < 5'000; ++i) {
    std::string flipped = good;
    for (int k = 0; k < 1 + i % 3; ++k) {
      flipped[random() % flipped.size()] ^= static_cast<char>(1U << random() % 8);
    }
    auto model = parse_model(bytes_of(flipped), folder_.string());
    if (model) {
      static_cast<void>(make_session(*std::move(model), 1, registry_, {}));
    }
  }
}

}  // namespace
}  // namespace sluice::engine
