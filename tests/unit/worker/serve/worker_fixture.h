// A worker process with the stub engine, and a gateway in the test's hands.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_gateway.h"
#include "tests/support/process.h"
#include "tests/support/stub_model.h"
#include "tests/support/temp_dir.h"

namespace sluice::worker {

class WorkerFixture : public testing::Test {
 protected:
  // Three of them without a word end a link: longer than a busy machine keeps a test waiting.
  static constexpr std::chrono::milliseconds kBeat = std::chrono::milliseconds(150);

  ~WorkerFixture() override;

  void start_gateway(int shards = 1, const std::string& id = "gateway-1");
  // `more`: further arguments of sluice_test_worker, `descriptors` as in ProcessSpec.
  void start_worker(const std::string& model,
                    std::vector<std::string> more = {},
                    std::vector<std::pair<int, int>> descriptors = {});
  // Both, until the worker is attached to every shard.
  void start(const std::string& model, std::vector<std::string> more = {}, int shards = 1);

  static NamedTensor floats(std::string name, const std::vector<float>& values, Shape shape);
  // x: [n] for the echo model of stub_model.h.
  static InferRequest echo(const std::vector<float>& values);
  static std::vector<float> values_of(const NamedTensor& tensor);
  // "y=1,2" of an echo's answer, or "internal: the sentence".
  static std::string text_of(const std::optional<test::FakeAnswer>& answer);
  std::string answer_text(RequestId id) { return text_of(gateway_->answer(id)); }

  test::TempDir dir_;
  std::unique_ptr<test::FakeGateway> gateway_;
  std::unique_ptr<test::Process> worker_;
};

}  // namespace sluice::worker
