// AnswerOrder: answers in the order in which their requests came, where the configuration asks for
// it (preserve_ordering). Pure. Holds what came out early; as many at most as the worker has
// accepted and not answered.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/link/message.h"
#include "worker/serve/job.h"

namespace sluice::worker {

class AnswerOrder {
 public:
  struct Answer {
    LinkRef to;
    link::Message message;
  };

  // Job::order of an accepted request, ascending.
  void on_accepted(std::uint64_t order) { open_.emplace(order, std::nullopt); }
  // What may be sent now. An order that was not accepted is sent at once.
  std::vector<Answer> on_answer(std::uint64_t order, Answer answer);
  // Nobody waits for its answer any more.
  std::vector<Answer> on_dropped(std::uint64_t order);

 private:
  std::vector<Answer> release();

  std::map<std::uint64_t, std::optional<Answer>> open_;  // without an answer: not come yet
};

}  // namespace sluice::worker
