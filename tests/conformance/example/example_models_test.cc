// The example models in the engine: what the scripts that made them computed with numpy.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/infer/elements.h"
#include "cluster/infer/input_spec.h"
#include "worker/engine/engine.h"

namespace sluice {
namespace {

const std::string kExample = std::string(SLUICE_SOURCE_DIR) + "/cluster/example/";

// Keeps the outputs of one run.
class Keep final : public engine::OutputAllocator {
 public:
  explicit Keep(const ModelInfo& model) : outputs_(model.outputs.size()) {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      outputs_[i].name = model.outputs[i].name;
    }
  }
  Result<std::span<std::byte>> allocate(std::size_t index,
                                        DataType datatype,
                                        const Shape& shape,
                                        std::size_t size) override {
    outputs_.at(index).datatype = datatype;
    outputs_[index].shape = shape;
    buffers_.emplace_back(size);
    places_.emplace_back(index, buffers_.size() - 1);
    return buffers_.back().bytes();
  }
  std::vector<NamedTensor> take() {
    for (const auto& [index, buffer] : places_) {
      outputs_[index].data = std::move(buffers_[buffer]).freeze();
    }
    return std::move(outputs_);
  }

 private:
  std::vector<NamedTensor> outputs_;
  std::vector<MutableBuffer> buffers_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;
};

class ExampleModels : public testing::Test {
 protected:
  // `version`: "digits/1".
  void load(const std::string& version) {
    auto engine = engine::open_engine(std::string(SLUICE_BINARY_DIR) + "/libsluice_engine.so");
    ASSERT_TRUE(engine) << engine.error().detail;
    engine_ = *std::move(engine);
    auto session = engine_->load({.path = kExample + version + "/model.onnx"});
    ASSERT_TRUE(session) << session.error().detail;
    session_ = *std::move(session);
  }

  std::vector<NamedTensor> run(const std::vector<std::string>& arguments) {
    const ModelInfo& model = session_->info();
    const auto inputs = cluster::read_inputs(arguments, model);
    EXPECT_TRUE(inputs) << inputs.error().detail;
    if (!inputs) {
      return {};
    }
    std::vector<engine::InputView> views;
    for (const NamedTensor& input : *inputs) {
      views.push_back({input.datatype, input.shape, input.data.bytes()});
    }
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < model.outputs.size(); ++i) {
      wanted.push_back(i);
    }
    Keep keep(model);
    const auto execution = session_->new_execution();
    const auto ran = execution->run({.inputs = views, .outputs = wanted, .allocator = &keep});
    EXPECT_TRUE(ran) << ran.error().detail;
    return keep.take();
  }

  // The committed output number `index`, read as if it were an input of that name.
  static NamedTensor expected(const std::string& version, std::size_t index) {
    const std::string file =
        kExample + version + "/test_data_set_0/output_" + std::to_string(index) + ".pb";
    const ModelInfo any{.name = {},
                        .version = 1,
                        .platform = {},
                        .description = {},
                        .inputs = {{"x", DataType::undefined, {}, false}},
                        .outputs = {}};
    const std::vector<std::string> arguments{"@" + file};
    const auto read = cluster::read_inputs(arguments, any);
    EXPECT_TRUE(read) << read.error().detail;
    return read ? read->front() : NamedTensor{};
  }

  static void expect_near(const NamedTensor& got, const NamedTensor& want) {
    ASSERT_EQ(got.datatype, want.datatype) << got.name;
    ASSERT_EQ(got.shape, want.shape) << got.name;
    const auto count = static_cast<std::size_t>(*element_count(want.shape));
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_NEAR(cluster::number_at(got, i), cluster::number_at(want, i), 1e-5)
          << got.name << "[" << i << "]";
    }
  }

 private:
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Session> session_;
};

TEST_F(ExampleModels, DigitsGivesWhatNumpyGave) {
  for (const std::string version : {"digits/1", "digits/2"}) {
    ASSERT_NO_FATAL_FAILURE(load(version));
    const auto outputs = run({"@" + kExample + version + "/test_data_set_0/input_0.pb"});
    ASSERT_EQ(outputs.size(), 2U) << version;
    expect_near(outputs[0], expected(version, 0));
    expect_near(outputs[1], expected(version, 1));
  }
}

TEST_F(ExampleModels, DigitsReadsTheFive) {
  for (const std::string version : {"digits/1", "digits/2"}) {
    ASSERT_NO_FATAL_FAILURE(load(version));
    for (const char* file : {"five.png", "five.json"}) {
      const auto outputs = run({"@" + kExample + file});
      ASSERT_EQ(outputs.size(), 2U);
      EXPECT_EQ(cluster::number_at(outputs[0], 0), 5.0) << version << " " << file;
    }
  }
}

TEST_F(ExampleModels, AddAdds) {
  ASSERT_NO_FATAL_FAILURE(load("add/1"));
  const std::string folder = kExample + "add/1/test_data_set_0/";
  const auto outputs = run({"a=@" + folder + "input_0.pb", "b=@" + folder + "input_1.pb"});
  ASSERT_EQ(outputs.size(), 1U);
  expect_near(outputs[0], expected("add/1", 0));
}

}  // namespace
}  // namespace sluice
