// A worker process at work: requests, refusals, deadlines, cancels, garbage.

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/link/tensor_codec.h"
#include "common/process/unique_fd.h"
#include "tests/unit/worker/serve/worker_fixture.h"
#include "worker/serve/batcher.h"
#include "worker/serve/suspects.h"

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using link::WorkerState;
using test::ExitStatus;
using test::stub_add_model;
using test::stub_echo_model;
using testing::HasSubstr;

class WorkerProcess : public WorkerFixture {};

TEST_F(WorkerProcess, TellsControlItsStatesAndTheShardsItsModel) {
  start(stub_add_model(), {"executors=2"});
  const auto& control = gateway_->control();
  EXPECT_EQ(control.hello.worker_id, "w1");
  EXPECT_EQ(control.hello.model.name, "m");
  EXPECT_EQ(control.hello.model.version, 3);
  EXPECT_EQ(control.hello.pid, static_cast<std::uint32_t>(worker_->pid()));
  ASSERT_TRUE(gateway_->pump_until([&] {
    return !control.states.empty() && control.states.back().state == WorkerState::ready;
  }));
  EXPECT_EQ(control.states.back().model.outputs.size(), 1U);

  const link::Hello& hello = gateway_->shard().hello;
  EXPECT_EQ(hello.state, WorkerState::ready);
  EXPECT_EQ(hello.executors, 2U);
  EXPECT_GE(hello.credit, 4U);
  EXPECT_EQ(hello.model.inputs,
            (std::vector<ValueInfo>{{"a", DataType::float32, {-1, 4}, false},
                                    {"b", DataType::float32, {-1, 4}, false}}));
  EXPECT_TRUE(link::same_clock(hello.boot_id, link::this_boot_id()));
}

TEST_F(WorkerProcess, AnswersARequestWithTimingAndCredit) {
  start(stub_add_model());
  InferRequest request;
  request.model = "m";
  request.version = 3;
  request.inputs = {floats("a", {1, 2, 3, 4}, {1, 4}), floats("b", {10, 20, 30, 40}, {1, 4})};
  ASSERT_EQ(gateway_->infer(7, request), link::Sent::sent);
  const auto answer = gateway_->answer(7);
  EXPECT_EQ(text_of(answer), "sum=11,22,33,44");
  EXPECT_EQ(answer->header.attempt, 1U);
  EXPECT_GE(answer->header.credit, 2U);
  EXPECT_EQ(answer->response->model, "m");
  EXPECT_EQ(answer->response->version, 3);
  EXPECT_GE(answer->response->timing.queue, 0ns);
  EXPECT_GT(answer->response->timing.compute, 0ns);
}

TEST_F(WorkerProcess, AnswersEachOfManyRequestsOnceAndRight) {
  start(stub_echo_model(), {"executors=3"});
  for (RequestId id = 1; id <= 1'000; ++id) {
    ASSERT_EQ(gateway_->infer(id, echo({static_cast<float>(id)})), link::Sent::sent);
  }
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->answers().size() == 1'000; }));
  for (const auto& [id, answer] : gateway_->answers()) {
    ASSERT_EQ(text_of(answer), "y=" + std::to_string(id));
  }
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.executed == 1'000; }));
  EXPECT_EQ(gateway_->answers_twice(), 0);
  EXPECT_EQ(gateway_->shard().beat.progress, 2'000U);
  // More than two requests an executor, as they are quick; where the machine halts, a while later.
  for (RequestId sent = 1'000; gateway_->shard().beat.credit <= 6 && sent < 5'000; sent += 200) {
    for (RequestId id = sent + 1; id <= sent + 200; ++id) {
      ASSERT_EQ(gateway_->infer(id, echo({1})), link::Sent::sent);
    }
    ASSERT_TRUE(
        gateway_->pump_until([&] { return gateway_->shard().beat.executed == sent + 200; }));
  }
  EXPECT_GT(gateway_->shard().beat.credit, 6U);
}

// How often the worker's thread of this name has gone to sleep.
std::int64_t sleeps_of(pid_t pid, const std::string& thread) {
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream status(task.path() / "status");
    std::string key;
    std::string value;
    std::string name;
    while (status >> key) {
      std::getline(status >> std::ws, value);
      name = key == "Name:" ? value : name;
      if (key == "voluntary_ctxt_switches:" && name == thread) {
        return std::stoll(value);
      }
    }
  }
  return -1;
}

TEST_F(WorkerProcess, AnswersQuickRequestsThatComeAloneWithoutWakingItsExecutor) {
  start(stub_echo_model(), {"executors=1"});
  std::int64_t before = -1;
  constexpr RequestId kRequests = 200;
  for (RequestId id = 1; id <= kQuickRuns + kRequests; ++id) {
    before = id == kQuickRuns + 1 ? sleeps_of(worker_->pid(), "executor0") : before;
    ASSERT_EQ(gateway_->infer(id, echo({static_cast<float>(id)})), link::Sent::sent);
    ASSERT_EQ(answer_text(id), "y=" + std::to_string(id));
  }
  const std::int64_t sleeps = sleeps_of(worker_->pid(), "executor0") - before;
  ASSERT_TRUE(gateway_->pump_until(
      [&] { return gateway_->shard().beat.executed == kQuickRuns + kRequests; }));
  EXPECT_EQ(gateway_->shard().beat.progress, 2 * (kQuickRuns + kRequests));
  if (gateway_->shard().beat.service_time_mean > kWorthHandingOver / 2) {
    GTEST_SKIP() << "this build or machine is too slow for the rest";
  }
  EXPECT_LT(sleeps, static_cast<std::int64_t>(kRequests) / 2);
}

TEST_F(WorkerProcess, ARequestThatKillsIsASuspectWhicheverThreadRunsIt) {
  auto made = new_suspects_fd();
  ASSERT_TRUE(made);
  const UniqueFd suspects(*made);
  start_gateway();
  start_worker(stub_echo_model(R"("abort_on": 13)"),
               {"executors=1", "suspects_fd=8"},
               {{suspects.get(), 8}});
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  for (RequestId id = 1; id <= kQuickRuns + 1; ++id) {
    ASSERT_EQ(gateway_->infer(id, echo({1})), link::Sent::sent);
    ASSERT_EQ(answer_text(id), "y=1");
  }
  ASSERT_EQ(gateway_->infer(777, echo({13})), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); }));
  EXPECT_EQ(worker_->wait(), (ExitStatus{.signal = SIGABRT}));
  EXPECT_THAT(*read_suspects(suspects.get()), testing::ElementsAre(777));
}

TEST_F(WorkerProcess, CarriesLargeTensorsBothWays) {
  start(stub_echo_model());
  std::vector<float> values(1 << 20);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
  }
  ASSERT_EQ(gateway_->infer(1, echo(values)), link::Sent::sent);
  const auto answer = gateway_->answer(1);
  ASSERT_TRUE(answer && answer->response);
  EXPECT_TRUE(values_of(answer->response->outputs[0]) == values);
}

TEST_F(WorkerProcess, RefusesWhatDoesNotFitTheModelAndServesOn) {
  start(stub_echo_model(R"("fail_on": 5, "throw_on": 6)"));
  const struct {
    InferRequest request;
    std::string expected;
  } rows[] = {
      {[] {
         InferRequest request;
         request.model = "m";
         request.inputs = {floats("x", {1, 2}, {1, 2})};
         return request;
       }(),
       "invalid_argument: unexpected shape for input 'x' for model 'm'. Expected [-1], got [1,2]."},
      {[] {
         InferRequest request = echo({1});
         request.outputs = {"z"};
         return request;
       }(),
       "invalid_argument: unexpected inference output 'z' for model 'm', which has 'y'"},
      {[] {
         InferRequest request = echo({1});
         request.model = "other";
         return request;
       }(),
       "unavailable: this worker serves 'm' version 3 alone"},
      {[] {
         InferRequest request = echo({1});
         request.version = 2;
         return request;
       }(),
       "unavailable: this worker serves 'm' version 3 alone"},
      {echo({5}), "internal: the stub fails on this value"},
      {echo({6}), "internal: the engine threw: the stub throws on this value"},
      {echo({7}), "y=7"},
  };
  RequestId id = 0;
  for (const auto& row : rows) {
    ASSERT_EQ(gateway_->infer(++id, row.request), link::Sent::sent);
    EXPECT_EQ(answer_text(id), row.expected);
  }
}

TEST_F(WorkerProcess, AnswersARequestWhoseBodyIsGarbage) {
  start(stub_echo_model());
  ASSERT_EQ(gateway_->send_to_shard_peer({{.kind = link::Kind::infer, .id = 1, .attempt = 1},
                                          {Buffer::copy_of("this is not FlatBuffers")}}),
            link::Sent::sent);
  EXPECT_THAT(answer_text(1), HasSubstr("data_corrupt: link message: the description is not"));
  ASSERT_EQ(gateway_->send_to_shard_peer({{.kind = link::Kind::infer, .id = 2, .attempt = 1}, {}}),
            link::Sent::sent);
  EXPECT_EQ(answer_text(2), "data_corrupt: link message: no description frame");
}

TEST_F(WorkerProcess, CountsGarbageAndServesOn) {
  start(stub_echo_model());
  const auto header = link::encode_header({.kind = link::Kind::infer, .id = 9, .attempt = 1});
  std::string good(header.size(), '\0');
  std::ranges::transform(header, good.begin(), [](std::byte b) { return static_cast<char>(b); });
  std::string wrong_version = good;
  wrong_version[4] = 9;
  std::string unknown_kind = good;
  unknown_kind[5] = 99;
  gateway_->send_raw_to_shard_peer({""});
  gateway_->send_raw_to_shard_peer({"garbage"});
  gateway_->send_raw_to_shard_peer({good.substr(0, 39)});
  gateway_->send_raw_to_shard_peer({wrong_version});
  gateway_->send_raw_to_shard_peer({unknown_kind});
  gateway_->send_raw_to_shard_peer(std::vector<std::string>(100, good));
  // Valid headers that are not for a worker, or with maps that are none.
  for (const auto kind : {link::Kind::hello, link::Kind::result, link::Kind::drain}) {
    ASSERT_EQ(gateway_->send_to_shard_peer({{.kind = kind, .id = 1, .attempt = 1}, {}}),
              link::Sent::sent);
  }
  ASSERT_EQ(gateway_->send_to_shard_peer(
                {{.kind = link::Kind::heartbeat}, {Buffer::copy_of("\xdf\xff\xff\xff\xff")}}),
            link::Sent::sent);
  ASSERT_EQ(gateway_->infer(1, echo({4})), link::Sent::sent);
  EXPECT_EQ(answer_text(1), "y=4");
  EXPECT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.garbage == 10; }))
      << gateway_->shard().beat.garbage;
  EXPECT_EQ(gateway_->shard().hellos, 1);
}

TEST_F(WorkerProcess, AnswersEveryRequestOfABundle) {
  start(stub_echo_model());
  link::Bundle bundle;
  for (RequestId id = 1; id <= 9; ++id) {
    const auto body = link::encode_infer(echo({static_cast<float>(id)}));
    ASSERT_TRUE(bundle.add({.kind = link::Kind::infer, .id = id, .attempt = 1}, *body));
  }
  const std::string whole(Buffer::copy_of(bundle.bytes()).text());
  gateway_->send_raw_to_shard_peer({whole});
  for (RequestId id = 1; id <= 9; ++id) {
    EXPECT_EQ(answer_text(id), "y=" + std::to_string(id));
  }
  // What comes before the damage is served.
  bundle.clear();
  for (RequestId id = 10; id <= 11; ++id) {
    const auto body = link::encode_infer(echo({4}));
    ASSERT_TRUE(bundle.add({.kind = link::Kind::infer, .id = id, .attempt = 1}, *body));
  }
  std::string cut(Buffer::copy_of(bundle.bytes()).text());
  cut.pop_back();
  gateway_->send_raw_to_shard_peer({cut});
  EXPECT_EQ(answer_text(10), "y=4");
  EXPECT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.garbage == 1; }));
}

TEST_F(WorkerProcess, TakesBundlesAsLargeAsItSaysAndAnswersByPlainOnes) {
  start(stub_echo_model());
  EXPECT_EQ(gateway_->control().hello.bundle_bytes, 0U);
  EXPECT_EQ(gateway_->shard().hello.bundle_bytes, 65'536U);
  link::Bundle bundle;
  bundle.allow(gateway_->shard().hello.bundle_bytes);
  const auto body = link::encode_infer(echo(std::vector<float>(1'000, 3)));
  std::string expected = "y=3";
  for (int i = 1; i < 1'000; ++i) {
    expected += ",3";
  }
  for (RequestId id = 1; id <= 12; ++id) {
    ASSERT_TRUE(bundle.add({.kind = link::Kind::infer, .id = id, .attempt = 1}, *body));
  }
  gateway_->send_raw_to_shard_peer({std::string(Buffer::copy_of(bundle.bytes()).text())});
  for (RequestId id = 1; id <= 12; ++id) {
    EXPECT_EQ(answer_text(id), expected) << id;
  }
  EXPECT_GT(gateway_->largest_bundle(), 4'000U);
  EXPECT_LE(gateway_->largest_bundle(), link::kPlainBundleBytes) << "it has asked for no more";
  EXPECT_EQ(gateway_->shard().beat.garbage, 0U);
}

TEST_F(WorkerProcess, NeverExecutesARequestWhoseDeadlineHasPassed) {
  start(stub_echo_model(R"("sleep_ms": "input")"));
  ASSERT_EQ(gateway_->infer(1, echo({0}), -1ms), link::Sent::sent);
  EXPECT_THAT(answer_text(1), HasSubstr("deadline_exceeded"));
  // One executor: the second waits for the first and runs out of time meanwhile.
  ASSERT_EQ(gateway_->infer(2, echo({100})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, echo({0}), 20ms), link::Sent::sent);
  EXPECT_THAT(answer_text(3), HasSubstr("deadline_exceeded"));
  EXPECT_EQ(answer_text(2), "y=100");
  EXPECT_TRUE(gateway_->pump_until(
      [&] { return gateway_->shard().beat.executed == 1 && gateway_->shard().beat.expired == 2; }));
}

TEST_F(WorkerProcess, DropsACancelledRequestThatWaitsAndStopsOneThatRuns) {
  start(stub_echo_model(R"("sleep_ms": "input")"));
  ASSERT_EQ(gateway_->infer(1, echo({60'000}), 90s), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.running == 1; }));
  ASSERT_EQ(gateway_->infer(2, echo({60'000}), 90s), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, echo({0})), link::Sent::sent);
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(2, 2)), link::Sent::sent);  // not it
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(2, 1)), link::Sent::sent);
  EXPECT_EQ(answer_text(2), "cancelled: cancelled");
  EXPECT_FALSE(gateway_->answers().contains(1));
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(1, 1)), link::Sent::sent);
  EXPECT_THAT(answer_text(1), HasSubstr("cancelled"));
  EXPECT_EQ(answer_text(3), "y=0");
  EXPECT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.cancelled == 2; }));
  // An unknown one is nothing.
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(99, 1)), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(4, echo({1})), link::Sent::sent);
  EXPECT_EQ(answer_text(4), "y=1");
}

TEST_F(WorkerProcess, DoesNotKeepOthersBehindARequestThatTakesUnexpectedlyLong) {
  start(stub_echo_model(R"("sleep_ms": "input")"), {"executors=2"});
  // The warm-up was fast: both executors are given several requests at once.
  for (RequestId id = 1; id <= 20; ++id) {
    ASSERT_EQ(gateway_->infer(id, echo({id == 1 ? 60'000.0F : 0.0F}), 90s), link::Sent::sent);
  }
  for (RequestId id = 2; id <= 20; ++id) {
    EXPECT_EQ(answer_text(id), "y=0");
  }
  EXPECT_FALSE(gateway_->answers().contains(1));
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(1, 1)), link::Sent::sent);
  EXPECT_THAT(answer_text(1), HasSubstr("cancelled"));
}

TEST_F(WorkerProcess, AnswersWhatHasEndedWhileTheNextOfItsRunTakesLong) {
  start(stub_echo_model(R"("sleep_ms": "input")"), {"executors=1"});
  ASSERT_EQ(gateway_->infer(1, echo({60'000}), 90s), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.running == 1; }));
  // They wait together, so that they are one run: its first end alone is not worth a message.
  ASSERT_EQ(gateway_->infer(2, echo({0})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, echo({60'000}), 90s), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.queued == 2; }));
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(1, 1)), link::Sent::sent);
  EXPECT_EQ(answer_text(2), "y=0");
  EXPECT_FALSE(gateway_->answers().contains(3));
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(3, 1)), link::Sent::sent);
  EXPECT_THAT(answer_text(3), HasSubstr("cancelled"));
  EXPECT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.executed == 3; }));
}

TEST_F(WorkerProcess, StoppedForAWhileExecutesNothingThatExpiredMeanwhile) {
  start(stub_echo_model());
  ASSERT_EQ(gateway_->infer(1, echo({1})), link::Sent::sent);
  ASSERT_EQ(answer_text(1), "y=1");
  worker_->signal(SIGSTOP);
  const auto stopped = std::chrono::steady_clock::now();
  for (RequestId id = 2; id <= 20; ++id) {
    ASSERT_EQ(gateway_->infer(id, echo({2}), 200ms), link::Sent::sent);
  }
  // In time, but cancelled: read before anything runs.
  ASSERT_EQ(gateway_->infer(21, echo({3})), link::Sent::sent);
  ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(21, 1)), link::Sent::sent);
  ASSERT_TRUE(
      gateway_->pump_until([&] { return std::chrono::steady_clock::now() - stopped > 400ms; }));
  worker_->signal(SIGCONT);
  ASSERT_TRUE(gateway_->pump_until([&] {
    const auto& beat = gateway_->shard().beat;
    return beat.expired + beat.cancelled == 20;
  })) << gateway_->shard().beat.expired
      << " expired";
  EXPECT_EQ(gateway_->shard().beat.executed, 1U);
  EXPECT_EQ(gateway_->shard().hellos, 1);  // its own absence is not held against the gateway
}

TEST_F(WorkerProcess, SplitsItsCreditOverTheShards) {
  start(stub_echo_model(R"("sleep_ms": 20)"), {"executors=4"}, 2);
  // 4 executors, 20 ms each: two requests an executor, half for each shard.
  EXPECT_EQ(gateway_->shard(0).hello.credit, 4U);
  EXPECT_EQ(gateway_->shard(1).hello.credit, 4U);
  ASSERT_EQ(gateway_->infer(1, echo({1}), 10s, 0), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(2, echo({2}), 10s, 1), link::Sent::sent);
  EXPECT_EQ(answer_text(1), "y=1");
  EXPECT_EQ(answer_text(2), "y=2");
}

}  // namespace
}  // namespace sluice::worker
