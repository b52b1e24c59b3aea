#include "worker/serve/formation.h"

#include <algorithm>

namespace sluice::worker {
namespace {

struct Group {
  std::uint64_t shape = 0;  // 0: joins nobody
  std::vector<std::size_t> members{};
  std::int64_t rows = 0;
  bool closed = false;
  std::size_t preferred = 0;  // as many of its members have a preferred number of rows; 0: none do
  TimePoint due = TimePoint::max();
};

class Former {
 public:
  Former(const JoinRules& rules, const Room& room, Duration service)
      : rules_(rules), room_(room), service_(service) {}

  void add(std::size_t index, const Job& job) {
    const auto open = std::ranges::find_if(groups_, [&](const Group& group) {
      return job.shape != 0 && group.shape == job.shape && !group.closed;
    });
    if (open == groups_.end()) {
      const bool follows = job.shape != 0 && std::ranges::any_of(groups_, [&](const Group& group) {
                             return group.shape == job.shape;
                           });
      if (!follows) {  // else a batch of its shape has to go first
        groups_.push_back({.shape = job.shape, .due = job.received + rules_.delay});
        join(groups_.back(), index, job);
      }
      return;
    }
    if (open->rows + job.rows > rules_.rows_most || open->members.size() >= room_.requests) {
      open->closed = true;
      return;
    }
    join(*open, index, job);
  }

  Formed first_ready(TimePoint now) {
    Formed formed;
    for (Group& group : groups_) {
      const bool full =
          group.closed || group.rows >= rules_.rows_most || group.members.size() >= room_.requests;
      if (group.preferred > 0) {
        group.members.resize(group.preferred);
      } else if (group.shape != 0 && !full && (now < group.due || !room_.idle)) {
        if (room_.idle) {
          formed.again = std::min(formed.again, group.due);
        }
        continue;
      }
      formed.members = std::move(group.members);
      return formed;
    }
    return formed;
  }

 private:
  void join(Group& group, std::size_t index, const Job& job) {
    group.members.push_back(index);
    group.rows += job.rows;
    // Its own deadline leaves time for a run, and for one that is just going on.
    group.due = std::min(group.due, job.deadline - 2 * service_);
    if (std::ranges::find(rules_.preferred, group.rows) != rules_.preferred.end()) {
      group.preferred = group.members.size();
    }
  }

  const JoinRules& rules_;
  const Room& room_;
  Duration service_;
  std::vector<Group> groups_;
};

}  // namespace

Formed form(const std::deque<Job>& queue,
            const JoinRules& rules,
            const Room& room,
            Duration service,
            TimePoint now) {
  Former former(rules, room, service);
  for (std::size_t i = 0; i < queue.size() && !queue[i].alone; ++i) {
    former.add(i, queue[i]);
  }
  return former.first_ready(now);
}

}  // namespace sluice::worker
