#include "common/actor/loop.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>
#include <zmq.hpp>

namespace sluice::actor {
namespace {

using std::chrono::milliseconds;

class ManualClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return time; }
  TimePoint time{};
};

TEST(TimerQueue, RunsWhatIsDueInOrderOfTime) {
  TimerQueue timers;
  std::vector<int> ran;
  const TimePoint start{};
  timers.at(start + milliseconds(20), [&](TimePoint) { ran.push_back(20); });
  timers.at(start + milliseconds(10), [&](TimePoint) { ran.push_back(10); });
  const TimerId cancelled =
      timers.at(start + milliseconds(5), [&](TimePoint) { ran.push_back(5); });
  timers.cancel(cancelled);
  EXPECT_EQ(timers.next(), start + milliseconds(10));
  EXPECT_EQ(timers.run_due(start + milliseconds(9)), 0);
  EXPECT_EQ(timers.run_due(start + milliseconds(30)), 2);
  EXPECT_EQ(ran, (std::vector<int>{10, 20}));
  EXPECT_EQ(timers.next(), std::nullopt);
}

TEST(TimerQueue, ATimerSetForNowByATimerWaitsForTheNextTurn) {
  TimerQueue timers;
  int runs = 0;
  TimerQueue::Callback again = [&](TimePoint now) {
    ++runs;
    timers.at(now, [&](TimePoint) { ++runs; });
  };
  timers.at(TimePoint{}, again);
  EXPECT_EQ(timers.run_due(TimePoint{}), 1);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(timers.run_due(TimePoint{}), 1);
}

TEST(TimerQueue, ATimerMayCancelAnother) {
  TimerQueue timers;
  int runs = 0;
  TimerId second = 0;
  timers.at(TimePoint{}, [&](TimePoint) { timers.cancel(second); });
  second = timers.at(TimePoint{}, [&](TimePoint) { ++runs; });
  timers.run_due(TimePoint{});
  EXPECT_EQ(runs, 0);
}

TEST(Loop, ServesDescriptorsAndForgetsUnwatchedOnes) {
  ManualClock clock;
  Loop loop(clock);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  int calls = 0;
  WatchId id = 0;
  id = loop.watch_descriptor(ends[0], [&](TimePoint) {
    ++calls;
    loop.unwatch(id);  // from within its own handler
    return false;
  });
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  loop.turn(milliseconds(1'000));
  loop.turn(milliseconds(0));
  EXPECT_EQ(calls, 1);
  close(ends[0]);
  close(ends[1]);
}

TEST(Loop, ASourceThatStoppedAtItsLimitIsServedAgainWithoutWaiting) {
  ManualClock clock;
  Loop loop(clock);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  int calls = 0;
  loop.watch_descriptor(ends[0], [&](TimePoint) {
    char byte = 0;
    if (calls == 0) {
      EXPECT_EQ(read(ends[0], &byte, 1), 1);
    }
    return ++calls < 3;
  });
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  for (int i = 0; i < 3; ++i) {
    loop.turn(milliseconds(60'000));
  }
  EXPECT_EQ(calls, 3);
  close(ends[0]);
  close(ends[1]);
}

TEST(Loop, ServesAMessageWhoseSignalWasTakenByAnotherCallOnTheSocket) {
  ManualClock clock;
  Loop loop(clock);
  zmq::context_t context(1);
  zmq::socket_t receiver(context, zmq::socket_type::pair);
  receiver.bind("inproc://loop_test");
  zmq::socket_t sender(context, zmq::socket_type::pair);
  sender.connect("inproc://loop_test");
  int served = 0;
  loop.watch(receiver, [&](TimePoint) {
    zmq::message_t message;
    while (receiver.recv(message, zmq::recv_flags::dontwait)) {
      ++served;
    }
    return false;
  });
  for (int round = 1; round <= 3; ++round) {
    sender.send(zmq::str_buffer("x"), zmq::send_flags::none);
    // As a send on it might: the descriptor is quiet afterwards.
    ASSERT_NE(receiver.get(zmq::sockopt::events) & ZMQ_POLLIN, 0);
    loop.turn(milliseconds(60'000));
    EXPECT_EQ(served, round);
  }
  sender.send(zmq::str_buffer("x"), zmq::send_flags::none);
  loop.turn(milliseconds(60'000));  // and by the descriptor alone
  EXPECT_EQ(served, 4);
}

TEST(Loop, AsksASocketOnlyAfterASendWhereThatIsAllItNeeds) {
  ManualClock clock;
  Loop loop(clock);
  zmq::context_t context(1);
  zmq::socket_t receiver(context, zmq::socket_type::pair);
  receiver.bind("inproc://loop_test");
  zmq::socket_t sender(context, zmq::socket_type::pair);
  sender.connect("inproc://loop_test");
  int served = 0;
  const WatchId id = loop.watch(
      receiver,
      [&](TimePoint) {
        zmq::message_t message;
        while (receiver.recv(message, zmq::recv_flags::dontwait)) {
          ++served;
        }
        return false;
      },
      Loop::Asked::after_a_send);
  const auto send_and_take_the_signal = [&] {
    sender.send(zmq::str_buffer("x"), zmq::send_flags::none);
    ASSERT_NE(receiver.get(zmq::sockopt::events) & ZMQ_POLLIN, 0);
  };
  send_and_take_the_signal();  // before the first turn: may have come before the watch
  loop.turn(milliseconds(60'000));
  EXPECT_EQ(served, 1);
  send_and_take_the_signal();
  loop.turn(milliseconds(0));
  EXPECT_EQ(served, 1);  // nobody said that the signal was taken
  loop.note_send(id);
  loop.turn(milliseconds(60'000));
  EXPECT_EQ(served, 2);
  sender.send(zmq::str_buffer("x"), zmq::send_flags::none);
  loop.turn(milliseconds(60'000));  // and by the descriptor alone
  EXPECT_EQ(served, 3);
}

}  // namespace
}  // namespace sluice::actor
