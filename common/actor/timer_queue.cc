#include "common/actor/timer_queue.h"

#include <utility>

namespace sluice::actor {

TimerId TimerQueue::at(TimePoint when, Callback callback) {
  const TimerId id = ++last_;
  timers_.emplace(std::pair{when, id}, std::move(callback));
  when_.emplace(id, when);
  return id;
}

void TimerQueue::cancel(TimerId id) {
  const auto found = when_.find(id);
  if (found != when_.end()) {
    timers_.erase({found->second, id});
    when_.erase(found);
  }
}

std::optional<TimePoint> TimerQueue::next() const {
  if (timers_.empty()) {
    return std::nullopt;
  }
  return timers_.begin()->first.first;
}

int TimerQueue::run_due(TimePoint now) {
  const TimerId newest = last_;
  int count = 0;
  auto it = timers_.begin();
  while (it != timers_.end() && it->first.first <= now) {
    if (it->first.second > newest) {
      ++it;
      continue;
    }
    const Callback callback = std::move(it->second);
    when_.erase(it->first.second);
    timers_.erase(it);
    callback(now);
    ++count;
    it = timers_.begin();  // the callback may have cancelled or set any timer
  }
  return count;
}

}  // namespace sluice::actor
