#include "common/actor/mailbox.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "common/actor/loop.h"
#include "common/actor/thread.h"

namespace sluice::actor {
namespace {

struct Number {
  int value = 0;
};
struct Last {};
using Inbox = std::variant<Number, Last, std::unique_ptr<int>>;

TEST(Mailbox, MessagesArriveInOrder) {
  Wiring wiring;
  Mailbox<Inbox> mailbox(wiring, "test", 8);
  Link<Inbox> link = mailbox.link();
  EXPECT_EQ(link.offer(Number{1}), Offer::accepted);
  EXPECT_EQ(link.offer(Number{2}), Offer::accepted);
  std::vector<int> seen;
  mailbox.drain([&](Inbox&& message) { seen.push_back(std::get<Number>(message).value); });
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(Mailbox, IsFullAtItsLimitExactlyAndOpensAgain) {
  Wiring wiring;
  Mailbox<Inbox> mailbox(wiring, "test", 2);
  Link<Inbox> one = mailbox.link();
  Link<Inbox> other = mailbox.link();
  EXPECT_EQ(one.offer(Number{1}), Offer::accepted);
  EXPECT_EQ(other.offer(Number{2}), Offer::accepted);
  EXPECT_EQ(one.offer(Number{3}), Offer::full);
  EXPECT_EQ(mailbox.drain([](Inbox&&) {}, 1), 1U);
  EXPECT_EQ(other.offer(Number{4}), Offer::accepted);
  EXPECT_EQ(one.offer(Number{5}), Offer::full);
}

TEST(Mailbox, WhatIsLeftInItIsFreed) {
  Wiring wiring;
  Mailbox<Inbox> mailbox(wiring, "test", 8);  // the leak checker is this test's assertion
  Link<Inbox> link = mailbox.link();
  EXPECT_EQ(link.offer(std::make_unique<int>(1)), Offer::accepted);
}

TEST(Link, UnconnectedTakesNothing) {
  Link<Inbox> link;
  EXPECT_EQ(link.offer(Last{}), Offer::full);
}

// Runs on: the test's loop. Sums until Last.
class Summing {
 public:
  explicit Summing(Loop& loop) : loop_(&loop) {}
  void receive(Inbox message, TimePoint /*now*/) {
    if (const auto* number = std::get_if<Number>(&message)) {
      sum += number->value;
    } else {
      loop_->stop();
    }
  }
  int sum = 0;

 private:
  Loop* loop_;
};

TEST(Mailbox, CarriesMessagesBetweenThreads) {
  constexpr int kCount = 4'000;
  Wiring wiring;
  SystemClock clock;
  Loop loop(clock);
  Summing actor(loop);
  Mailbox<Inbox> mailbox(wiring, "test", 64);
  loop.serve(mailbox, actor);
  auto link = std::make_unique<Link<Inbox>>(mailbox.link());
  const Thread sender("sender", [link = std::move(link).release()] {
    const std::unique_ptr<Link<Inbox>> owned(link);
    for (int i = 1; i <= kCount; ++i) {
      while (owned->offer(Number{i}) == Offer::full) {
        std::this_thread::yield();
      }
    }
    while (owned->offer(Last{}) == Offer::full) {
      std::this_thread::yield();
    }
  });
  loop.run();
  EXPECT_EQ(actor.sum, kCount * (kCount + 1) / 2);
}

}  // namespace
}  // namespace sluice::actor
