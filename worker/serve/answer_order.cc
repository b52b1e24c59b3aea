#include "worker/serve/answer_order.h"

#include <utility>

namespace sluice::worker {

std::vector<AnswerOrder::Answer> AnswerOrder::on_answer(std::uint64_t order, Answer answer) {
  const auto found = open_.find(order);
  if (found == open_.end()) {
    std::vector<Answer> now;
    now.push_back(std::move(answer));
    return now;
  }
  found->second = std::move(answer);
  return release();
}

std::vector<AnswerOrder::Answer> AnswerOrder::on_dropped(std::uint64_t order) {
  open_.erase(order);
  return release();
}

std::vector<AnswerOrder::Answer> AnswerOrder::release() {
  std::vector<Answer> now;
  while (!open_.empty() && open_.begin()->second) {
    now.push_back(*std::move(open_.begin()->second));
    open_.erase(open_.begin());
  }
  return now;
}

}  // namespace sluice::worker
