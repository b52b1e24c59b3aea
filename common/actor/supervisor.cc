#include "common/actor/supervisor.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/base/check.h"
#include "common/base/overloaded.h"

namespace sluice::actor {
namespace {

constexpr std::size_t kMailboxLimit = 256;

}  // namespace

bool RestartHistory::may_restart(TimePoint now) {
  while (!restarts_.empty() && now - restarts_.front() >= policy_.window) {
    restarts_.pop_front();
  }
  if (static_cast<int>(restarts_.size()) >= policy_.max_count) {
    return false;
  }
  restarts_.push_back(now);
  return true;
}

Supervisor::Supervisor(Wiring& wiring,
                       Loop& loop,
                       std::function<void(const std::string& reason)> on_end)
    : wiring_(&wiring),
      loop_(&loop),
      on_end_(std::move(on_end)),
      mailbox_(wiring, "supervisor", kMailboxLimit) {
  loop.serve(mailbox_, *this);
}

void Supervisor::add(ChildSpec spec) {
  const RestartPolicy policy = spec.policy;
  auto child = std::make_unique<Child>(Child{std::move(spec), RestartHistory(policy), nullptr});
  children_.push_back(std::move(child));
}

void Supervisor::start() {
  start_next();
}

void Supervisor::start_next() {
  for (auto& child : children_) {
    if (!child->was_ready) {
      if (!child->running) {
        start_child(*child);
      }
      return;  // the next one starts when this one is ready
    }
  }
  if (on_ready_) {
    std::exchange(on_ready_, nullptr)();
  }
}

void Supervisor::start_child(Child& child) {
  child.thread.reset();  // joins the one that ended
  child.running = true;
  // Made here, used by the new thread alone: its creation orders the two.
  auto link = std::make_shared<Link<SupervisorInbox>>(mailbox_.link());
  const ChildSpec* spec = &child.spec;
  child.thread = std::make_unique<Thread>(spec->name, [spec, link] {
    ChildDown down{spec->name, {}};
    try {
      spec->body([spec, link] { static_cast<void>(link->offer(ChildReady{spec->name})); });
    } catch (const std::exception& error) {
      down.reason = error.what();
      if (down.reason.empty()) {
        down.reason = "an exception without words";
      }
    } catch (...) {
      down.reason = "an exception that is no std::exception";
    }
    static_cast<void>(link->offer(std::move(down)));
  });
}

void Supervisor::receive(SupervisorInbox message, TimePoint now) {
  std::visit(Overloaded{[&](const ChildReady& ready) { on_ready(ready); },
                        [&](const ChildDown& down) { on_down(down, now); }},
             message);
}

void Supervisor::on_ready(const ChildReady& message) {
  find(message.name).was_ready = true;
  start_next();
}

void Supervisor::on_down(const ChildDown& message, TimePoint now) {
  Child& child = find(message.name);
  child.running = false;
  if (!ending_) {
    const std::string reason = message.reason.empty() ? "ended by itself" : message.reason;
    if (child.history.may_restart(now)) {
      start_child(child);
    } else {
      on_end_(message.name + ": " + reason);
    }
    return;
  }
  const bool any = std::ranges::any_of(children_, [](const auto& c) { return c->running; });
  if (!any) {
    on_end_("");
  }
}

Supervisor::Child& Supervisor::find(const std::string& name) {
  const auto found =
      std::ranges::find_if(children_, [&](const auto& child) { return child->spec.name == name; });
  SLUICE_CHECK(found != children_.end());
  return **found;
}

}  // namespace sluice::actor
