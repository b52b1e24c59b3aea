#include "worker/serve/join.h"

#include <atomic>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/link/tensor_codec.h"

namespace sluice::worker {
namespace {

using testing::ElementsAre;

// y = 2 a + sum of b over its columns, row by row; remembers the rows of each run.
class Rows final : public engine::Execution {
 public:
  Result<void> run(const engine::RunArguments& arguments) override {
    const engine::InputView& a = arguments.inputs[0];
    runs.push_back(a.shape[0]);
    SLUICE_TRY(before(arguments));
    Shape shape(a.shape.begin(), a.shape.end());
    shape[0] += extra_rows;
    SLUICE_TRY_ASSIGN(
        const auto bytes,
        arguments.allocator->allocate(
            0, DataType::float32, shape, static_cast<std::size_t>(shape[0]) * sizeof(float)));
    for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
      float value = 2 * at(a, i);
      if (arguments.inputs[1].datatype != DataType::undefined) {
        value += at(arguments.inputs[1], 2 * i) + at(arguments.inputs[1], 2 * i + 1);
      }
      std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
    }
    return {};
  }
  static float at(const engine::InputView& input, std::size_t i) {
    float value = 0;
    if ((i + 1) * sizeof value <= input.data.size()) {
      std::memcpy(&value, input.data.data() + i * sizeof value, sizeof value);
    }
    return value;
  }

  std::vector<std::int64_t> runs;
  std::int64_t extra_rows = 0;
  std::function<Result<void>(const engine::RunArguments&)> before =
      [](const engine::RunArguments&) { return Result<void>(); };
};

ServedModel served() {
  ServingPlan plan;
  plan.model_name = "m";
  ServedModel served = as_declared(
      plan,
      {.name = {},
       .version = 1,
       .platform = {},
       .description = {},
       .inputs = {{"a", DataType::float32, {-1}, false}, {"b", DataType::float32, {-1, 2}, true}},
       .outputs = {{"y", DataType::float32, {-1}, false}}});
  served.max_rows = 8;
  served.joins = true;
  return served;
}

NamedTensor floats(const std::string& name, Shape shape, const std::vector<float>& values) {
  return {.name = name,
          .datatype = DataType::float32,
          .shape = std::move(shape),
          .data = Buffer::copy_of(std::as_bytes(std::span(values)))};
}

Job job_with(RequestId id, const std::vector<float>& a, const std::vector<float>& b = {}) {
  InferRequest request;
  request.model = "m";
  const auto rows = static_cast<std::int64_t>(a.size());
  if (!b.empty()) {  // the order of the inputs is the client's
    request.inputs.push_back(floats("b", {static_cast<std::int64_t>(b.size() / 2), 2}, b));
  }
  request.inputs.push_back(floats("a", {rows}, a));
  Job job;
  job.id = id;
  job.attempt = 1;
  job.body = *link::encode_infer(request);
  return job;
}

class Join : public testing::Test {
 protected:
  // "5: 2,4" or "5: the reason" for each, in the order of the jobs.
  std::vector<std::string> together(const std::vector<Job>& jobs) {
    std::vector<const Job*> pointers;
    std::vector<const std::atomic<bool>*> stops;
    for (const Job& each : jobs) {
      pointers.push_back(&each);
      stops.push_back(&never_);
    }
    ExecutedTogether all =
        execute_together(pointers, stops, stop_, served_, execution_, SystemClock(), encoder_);
    runs_ = all.runs;
    std::vector<std::string> texts;
    for (const Executed& executed : all.each) {
      texts.push_back(text_of(executed.answer));
      outcomes_.push_back(executed.outcome);
    }
    return texts;
  }

  static std::string text_of(const link::Message& answer) {
    std::string text = std::to_string(answer.header.id) + ": ";
    if (answer.header.kind == link::Kind::failure) {
      return text + link::decode_failure(answer.body)->error.detail;
    }
    const auto response = link::decode_result(answer.body);
    const NamedTensor& y = response->outputs.at(0);
    for (std::size_t i = 0; i < y.data.size() / sizeof(float); ++i) {
      float value = 0;
      std::memcpy(&value, y.data.data() + i * sizeof value, sizeof value);
      text += (i == 0 ? "" : ",") + std::to_string(static_cast<int>(value));
    }
    return text + (y.shape == Shape{static_cast<std::int64_t>(y.data.size() / sizeof(float))}
                       ? ""
                       : " in the shape " + to_string(y.shape));
  }

  ServedModel served_ = served();
  Rows execution_;
  link::Encoder encoder_;
  std::atomic<bool> stop_{false};
  const std::atomic<bool> never_{false};
  std::size_t runs_ = 0;
  std::vector<Outcome> outcomes_;
};

TEST_F(Join, EachGetsItsOwnRowsOfOneRun) {
  EXPECT_THAT(together({job_with(1, {1, 2}), job_with(2, {3}), job_with(3, {4, 5, 6})}),
              ElementsAre("1: 2,4", "2: 6", "3: 8,10,12"));
  EXPECT_THAT(execution_.runs, ElementsAre(6));
  EXPECT_EQ(runs_, 1U);
}

TEST_F(Join, AllInputsAreStackedWhateverTheirOrder) {
  EXPECT_THAT(together({job_with(1, {1}, {10, 20}), job_with(2, {2, 3}, {1, 1, 2, 2})}),
              ElementsAre("1: 32", "2: 6,10"));
  EXPECT_THAT(execution_.runs, ElementsAre(3));
}

TEST_F(Join, OneThatIsRefusedDoesNotKeepTheOthers) {
  Job garbage = job_with(2, {3});
  garbage.body.front() = Buffer::copy_of("garbage");
  const auto texts = together({job_with(1, {1}),
                               garbage,
                               job_with(3, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
                               job_with(4, {4}, {1, 1, 1, 1}),
                               job_with(5, {5})});
  ASSERT_EQ(texts.size(), 5U);
  EXPECT_EQ(texts[0], "1: 2");
  EXPECT_EQ(texts[2], "3: inference request batch-size must be <= 8 for 'm'");
  EXPECT_EQ(texts[3], "4: input 'a' batch size does not match other inputs for 'm'");
  EXPECT_EQ(texts[4], "5: 10");
  EXPECT_THAT(outcomes_,
              ElementsAre(Outcome::executed,
                          Outcome::refused,
                          Outcome::refused,
                          Outcome::refused,
                          Outcome::executed));
  EXPECT_THAT(execution_.runs, ElementsAre(2));
}

TEST_F(Join, WhenTheRunFailsOnlyTheGuiltyDo) {
  execution_.before = [](const engine::RunArguments& arguments) -> Result<void> {
    for (std::size_t i = 0; i < static_cast<std::size_t>(arguments.inputs[0].shape[0]); ++i) {
      if (Rows::at(arguments.inputs[0], i) == 13) {
        return Error{ErrorCode::internal, "thirteen"};
      }
    }
    return {};
  };
  EXPECT_THAT(together({job_with(1, {1}), job_with(2, {13}), job_with(3, {3})}),
              ElementsAre("1: 2", "2: thirteen", "3: 6"));
  EXPECT_THAT(execution_.runs, ElementsAre(3, 1, 1, 1));
  EXPECT_EQ(runs_, 4U);
}

TEST_F(Join, WithoutMemoryForAllEachIsRunAlone) {
  execution_.before = [](const engine::RunArguments& arguments) -> Result<void> {
    if (arguments.inputs[0].shape[0] > 1) {
      throw std::bad_alloc();
    }
    return {};
  };
  EXPECT_THAT(together({job_with(1, {1}), job_with(2, {2})}), ElementsAre("1: 2", "2: 4"));
}

TEST_F(Join, OutputsOfOtherRowsAreNotTakenApart) {
  execution_.extra_rows = 1;
  EXPECT_THAT(together({job_with(1, {1}), job_with(2, {2})}), ElementsAre("1: 2,0", "2: 4,0"));
  EXPECT_THAT(execution_.runs, ElementsAre(2, 1, 1));
}

TEST_F(Join, ADifferentShapeUnderTheSameDigestIsRunAlone) {
  EXPECT_THAT(together({job_with(1, {1}), job_with(2, {2}, {1, 1}), job_with(3, {3})}),
              ElementsAre("1: 2", "2: 6", "3: 6"));
  EXPECT_THAT(execution_.runs, ElementsAre(2, 1));
}

TEST_F(Join, AStoppedRunIsCancelledForAll) {
  execution_.before = [&](const engine::RunArguments& arguments) -> Result<void> {
    stop_.store(true);
    return arguments.stop->load() ? Result<void>(Error{ErrorCode::cancelled, "stopped"})
                                  : Result<void>();
  };
  EXPECT_THAT(together({job_with(1, {1}), job_with(2, {2})}),
              ElementsAre("1: stopped", "2: stopped"));
  EXPECT_THAT(outcomes_, ElementsAre(Outcome::cancelled, Outcome::cancelled));
  EXPECT_THAT(execution_.runs, ElementsAre(2));
}

TEST_F(Join, ShapesAreEqualExactlyWhereRequestsMayShareARun) {
  const auto noted = [&](Job each) {
    note_shape(each, served_);
    return each;
  };
  const Job one = noted(job_with(1, {1}));
  const Job two = noted(job_with(2, {1, 2}));
  EXPECT_NE(one.shape, 0U);
  EXPECT_EQ(one.shape, two.shape);
  EXPECT_EQ(one.rows, 1);
  EXPECT_EQ(two.rows, 2);
  const Job with_b = noted(job_with(3, {1}, {1, 1}));
  EXPECT_NE(with_b.shape, one.shape) << "another set of inputs";
  EXPECT_NE(with_b.shape, 0U);
  EXPECT_EQ(noted(job_with(4, {1, 2, 3, 4, 5, 6, 7, 8, 9})).shape, 0U) << "it will be refused";
  EXPECT_EQ(noted(job_with(5, {})).shape, 0U) << "no rows";
  Job suspect = job_with(6, {1});
  suspect.alone = true;
  EXPECT_EQ(noted(suspect).shape, 0U);
  served_.joins = false;
  EXPECT_EQ(noted(job_with(7, {1})).shape, 0U);
}

}  // namespace
}  // namespace sluice::worker
