#include "worker/serve/answer_order.h"

#include <vector>

#include <gmock/gmock.h>

namespace sluice::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

AnswerOrder::Answer answer(RequestId id) {
  AnswerOrder::Answer answer;
  answer.message.header.id = id;
  return answer;
}

std::vector<RequestId> ids(const std::vector<AnswerOrder::Answer>& answers) {
  std::vector<RequestId> ids;
  ids.reserve(answers.size());
  for (const AnswerOrder::Answer& each : answers) {
    ids.push_back(each.message.header.id);
  }
  return ids;
}

TEST(AnswerOrder, HoldsWhatComesOutEarly) {
  AnswerOrder order;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    order.on_accepted(i);
  }
  EXPECT_THAT(ids(order.on_answer(2, answer(20))), IsEmpty());
  EXPECT_THAT(ids(order.on_answer(3, answer(30))), IsEmpty());
  EXPECT_THAT(ids(order.on_answer(1, answer(10))), ElementsAre(10, 20, 30));
  EXPECT_THAT(ids(order.on_answer(4, answer(40))), ElementsAre(40));
}

TEST(AnswerOrder, NobodyWaitsForOneThatWasDropped) {
  AnswerOrder order;
  order.on_accepted(1);
  order.on_accepted(2);
  order.on_accepted(3);
  EXPECT_THAT(ids(order.on_answer(3, answer(30))), IsEmpty());
  EXPECT_THAT(ids(order.on_dropped(2)), IsEmpty());
  EXPECT_THAT(ids(order.on_dropped(1)), ElementsAre(30));
  EXPECT_THAT(ids(order.on_dropped(1)), IsEmpty());
}

TEST(AnswerOrder, WhatWasNeverAcceptedIsSentAtOnce) {
  AnswerOrder order;
  order.on_accepted(1);
  EXPECT_THAT(ids(order.on_answer(7, answer(70))), ElementsAre(70));
}

}  // namespace
}  // namespace sluice::worker
