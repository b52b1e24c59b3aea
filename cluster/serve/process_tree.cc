#include "cluster/serve/process_tree.h"

#include <algorithm>
#include <csignal>

#include "common/base/check.h"

namespace sluice::cluster {

namespace {

constexpr TimePoint kKilledAlready = TimePoint::max();

}  // namespace

std::string_view name_of(Part part) noexcept {
  return part == Part::gateway ? "gateway" : "node";
}

TreeActions ProcessTree::begin() {
  TreeActions actions;
  for (const Part part : kParts) {
    slot(part).alive = true;
    actions.emplace_back(StartPart{part});
  }
  return actions;
}

void ProcessTree::on_started(Part part) {
  SLUICE_CHECK(slot(part).alive);
}

TreeActions ProcessTree::on_start_failed(Part part, TimePoint now) {
  return after_death(part, /*hopeless=*/false, now);
}

void ProcessTree::on_up(Part part, TimePoint now) {
  if (slot(part).alive) {
    slot(part).rule.on_ready(now);
  }
}

TreeActions ProcessTree::on_exit(Part part, const ProcessExit& exit, TimePoint now) {
  // It came to an end by itself before it ever worked: it has said why, and would say it again.
  return after_death(part, exit.signal == 0, now);
}

TreeActions ProcessTree::after_death(Part part, bool hopeless, TimePoint now) {
  Slot& dead = slot(part);
  SLUICE_CHECK(dead.alive);
  dead.alive = false;
  dead.kill_at.reset();
  if (ending_) {
    return advance(now);
  }
  dead.restart_at = dead.rule.on_death(now, hopeless);
  return dead.restart_at ? due(now) : give_up(now);
}

TreeActions ProcessTree::on_signal(TimePoint now) {
  if (first_signal_ && now < *first_signal_ + kSameSignal) {
    return {};
  }
  const bool first = !first_signal_;
  first_signal_ = first_signal_.value_or(now);
  if (first) {
    return ending_ ? TreeActions{} : end(now);
  }
  code_ = 1;
  TreeActions actions;
  for (const Part part : kParts) {
    if (slot(part).alive) {
      slot(part).kill_at = kKilledAlready;
      actions.emplace_back(SignalPart{part, SIGKILL});
    }
  }
  return actions;
}

TreeActions ProcessTree::give_up(TimePoint now) {
  if (ending_) {
    return {};
  }
  code_ = 1;
  return end(now);
}

TreeActions ProcessTree::end(TimePoint now) {
  ending_ = true;
  for (const Part part : kParts) {
    slot(part).restart_at.reset();
  }
  return advance(now);
}

TreeActions ProcessTree::advance(TimePoint now) {
  TreeActions actions;
  if (slot(Part::gateway).alive) {
    ask_to_end(Part::gateway, now, actions);
  } else if (slot(Part::node).alive) {
    ask_to_end(Part::node, now, actions);
  } else if (!finished_) {
    finished_ = true;
    actions.emplace_back(FinishTree{code_});
  }
  return actions;
}

void ProcessTree::ask_to_end(Part part, TimePoint now, TreeActions& actions) {
  if (slot(part).kill_at) {
    return;
  }
  slot(part).kill_at = now + limits_[static_cast<std::size_t>(part)];
  // A gateway takes SIGTERM for the wish to be replaced by another one.
  actions.emplace_back(SignalPart{part, part == Part::gateway ? SIGINT : SIGTERM});
}

TreeActions ProcessTree::due(TimePoint now) {
  TreeActions actions;
  for (const Part part : kParts) {
    Slot& each = slot(part);
    if (each.restart_at && now >= *each.restart_at) {
      each.restart_at.reset();
      each.alive = true;
      actions.emplace_back(StartPart{part});
    }
    if (each.kill_at && now >= *each.kill_at) {
      each.kill_at = kKilledAlready;
      actions.emplace_back(SignalPart{part, SIGKILL});
    }
  }
  return actions;
}

std::optional<TimePoint> ProcessTree::next_due() const {
  std::optional<TimePoint> next;
  for (const Slot& each : slots_) {
    for (const auto& when : {each.restart_at, each.kill_at}) {
      if (when && *when != kKilledAlready) {
        next = next ? std::min(*next, *when) : *when;
      }
    }
  }
  return next;
}

}  // namespace sluice::cluster
