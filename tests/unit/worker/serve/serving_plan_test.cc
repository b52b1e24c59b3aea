#include "worker/serve/serving_plan.h"

#include <chrono>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

ServingPlan full_plan() {
  return {.model_path = "/models/digits/2/model.onnx",
          .model_name = "digits",
          .version = 2,
          .stamp = "0123456789abcdef",
          .model_dir = "/models/digits",
          .max_batch_size = 8,
          .preferred_batch_sizes = {4, 8},
          .max_queue_delay = 500us,
          .preserve_ordering = true,
          .instance_count = 3,
          .warm_ups = {{.name = "recorded",
                        .batch_size = 8,
                        .count = 5,
                        .inputs = {{.name = "x",
                                    .datatype = DataType::float32,
                                    .dims = {1, 8},
                                    .kind = WarmUpInput::Kind::file,
                                    .path = "/models/digits/warmup/x"},
                                   {.name = "y",
                                    .datatype = DataType::int64,
                                    .kind = WarmUpInput::Kind::random}}},
                       {}},
          .probe_dir = "/models/digits/2",
          .inputs = {{.name = "x", .datatype = DataType::float32, .dims = {-1}, .optional = true}},
          .outputs = {{.name = "z", .datatype = DataType::string}},
          .notes = {"'optimization' has no effect"},
          .config_json = "{\"name\":\"digits\"}",
          .labels = {{"z", "zero\none"}}};
}

const std::string kSmall =
    "\x82"
    "\xa4path\xa2/m"
    "\xa4name\xa1m"s;

Result<ServingPlan> decoded(const std::string& bytes) {
  return decode_plan(Buffer::copy_of(bytes));
}

TEST(ServingPlan, SurvivesTheWay) {
  const auto bytes = encode_plan(full_plan());
  ASSERT_TRUE(bytes);
  const auto plan = decode_plan(*bytes);
  ASSERT_TRUE(plan) << plan.error().detail;
  EXPECT_EQ(*plan, full_plan());
}

TEST(ServingPlan, IsTheDocumentedBytesAndMissingKeysHaveDefaults) {
  const auto small = decoded(kSmall);
  ASSERT_TRUE(small) << small.error().detail;
  EXPECT_EQ(*small, (ServingPlan{.model_path = "/m", .model_name = "m"}));
  const auto more = decoded(
      "\x85"
      "\xa4path\xa2/m"
      "\xa4name\xa1m"
      "\xb2max_queue_delay_ns\xcd\x03\xe8"
      "\xa8warm_ups\x91\x82\xa5"
      "count\x02\xa6inputs\x91\x82\xa4name\xa1x\xa4kind\x01"
      "\xa6inputs\x91\x83\xa4name\xa1x\xa4type\x0c\xa4"
      "dims\x92\xff\x03"s);
  ASSERT_TRUE(more) << more.error().detail;
  EXPECT_EQ(
      *more,
      (ServingPlan{
          .model_path = "/m",
          .model_name = "m",
          .max_queue_delay = 1us,
          .warm_ups = {{.count = 2, .inputs = {{.name = "x", .kind = WarmUpInput::Kind::random}}}},
          .inputs = {{.name = "x", .datatype = DataType::float32, .dims = {-1, 3}}}}));
}

TEST(ServingPlan, RefusesWhatIsWrong) {
  const std::string more = "\x83" + kSmall.substr(1);
  const struct {
    std::string bytes;
    std::string expected;
  } rows[] = {
      {"", "control message: not MessagePack, cut short, or beyond the limits of depth and count"},
      {"\x80", "control message: 'path' is missing"},
      {"\x81\xa4path\xa2/m", "control message: 'name' is missing"},
      {"\x82\xa4path\xa1m\xa4name\xa1m", "serving plan: a path in it is not absolute"},
      {more + "\xa3"
              "dir\xa1m",
       "serving plan: a path in it is not absolute"},
      {more + "\xa9probe_dir\xa1m", "serving plan: a path in it is not absolute"},
      {more + "\xa5stamp\xb1" + std::string(17, 'a'),
       "control message: 'stamp' is not text of at most 16 bytes"},
      {more + "\xae"
              "instance_count\xff",
       "control message: 'instance_count' is not a number from 0 on"},
      {more + "\xa8warm_ups\x91\x81\xa6inputs\x91\x82\xa4name\xa1x\xa4kind\x03",
       "serving plan: warm-up input 'x' is of kind 3"},
      {more + "\xa8warm_ups\x91\x81\xa6inputs\x91\x83\xa4name\xa1x\xa4kind\x02\xa4path\xa3../",
       "serving plan: a path in it is not absolute"},
      {more + "\xa8warm_ups\x91\x81\xa6inputs\x91\x83\xa4name\xa1x\xa4kind\x01\xa4path\xa2/p",
       "serving plan: a path in it is not absolute"},
      {more + "\xa6labels\x91\x81\xa5lines\x07",
       "control message: 'lines' is not text of at most 524288 bytes"},
  };
  for (const auto& row : rows) {
    const auto plan = decoded(row.bytes);
    ASSERT_FALSE(plan) << row.expected;
    EXPECT_EQ(plan.error().code, ErrorCode::data_corrupt);
    EXPECT_EQ(plan.error().detail, row.expected);
  }
}

TEST(ServingPlan, EveryTruncationIsAnError) {
  const std::string bytes(encode_plan(full_plan())->text());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decoded(bytes.substr(0, size))) << size;
  }
}

TEST(ServingPlan, OneThatIsTooLargeIsRefusedByItsWriter) {
  ServingPlan plan = full_plan();
  plan.warm_ups.assign(64,
                       {.inputs = std::vector<WarmUpInput>(64, {.name = std::string(300, 'n')})});
  const auto bytes = encode_plan(plan);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(bytes.error().detail.starts_with("model 'digits': its configuration takes 1"))
      << bytes.error().detail;
}

TEST(ServingPlan, TravelsInASealedDescriptorThatCanBeReadAgain) {
  const auto fd = write_plan(full_plan());
  ASSERT_TRUE(fd) << fd.error().detail;
  EXPECT_LT(::write(fd->get(), "x", 1), 0);
  for (int i = 0; i < 2; ++i) {
    const auto plan = read_plan(fd->get());
    ASSERT_TRUE(plan) << plan.error().detail;
    EXPECT_EQ(*plan, full_plan());
  }
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ServingPlan, ADescriptorWithoutOneIsRefused) {
  EXPECT_EQ(read_plan(-1).error().code, ErrorCode::unavailable);
  const UniqueFd empty(::memfd_create("empty", MFD_CLOEXEC));
  EXPECT_EQ(read_plan(empty.get()).error().code, ErrorCode::data_corrupt);
  const UniqueFd large(::memfd_create("large", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(large.get(), 1L << 40), 0);
  EXPECT_EQ(read_plan(large.get()).error().code, ErrorCode::data_corrupt);
}

}  // namespace
}  // namespace sluice::worker
