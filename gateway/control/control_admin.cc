// ControlActor, operators: a command waits here until the nodes have looked at their repositories
// again, then until the fleet says that it has come true or is not possible.

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/link/zmq_message.h"
#include "gateway/control/caller_reason.h"
#include "gateway/control/control_actor.h"

namespace sluice::gateway {

void ControlActor::on_admin(AdminCall call, TimePoint now) {
  Asked asked{.shard = call.shard, .token = call.token, .request = std::move(call.request)};
  std::visit(
      Overloaded{[&](const IndexAsked& index) {
                   answer(asked, index_json(fleet_.status(), index.ready_only));
                 },
                 [&](const ModelsAsked&) {
                   answer(asked, models_json(fleet_.status(), acknowledged(), now));
                 },
                 [&](const RolloutLook& wanted) { answer(asked, rollout_of(wanted.model, now)); },
                 [&](const UnloadAsked& unload) { answer(asked, unloaded(unload, now)); },
                 [&](const RolloutControl& control) { answer(asked, controlled(control, now)); },
                 [&](const EventsAsked& wanted) { follow(asked, wanted); },
                 [&](const LoadAsked&) { look(asked, now); },
                 [&](const RolloutAsked&) { look(asked, now); }},
      asked.request);
}

Result<std::string> ControlActor::unloaded(const UnloadAsked& asked, TimePoint now) {
  SLUICE_TRY(state_file_.check());
  SLUICE_TRY(fleet_.unload(asked, now));
  state_file_.keep(fleet_.memory());
  return std::string();
}

Result<std::string> ControlActor::controlled(const RolloutControl& asked, TimePoint now) {
  SLUICE_TRY(state_file_.check());
  SLUICE_TRY(fleet_.control(asked, now));
  state_file_.keep(fleet_.memory());
  return rollout_of(asked.model, now);
}

// What an operator has just copied must not have to wait until the folder's watcher trusts it.
void ControlActor::look(Asked asked, TimePoint now) {
  if (asked_.size() >= limits::kWaitingCommands) {
    answer(asked,
           Error{ErrorCode::resource_exhausted,
                 std::to_string(asked_.size()) + " commands are waiting already"});
    return;
  }
  asked.look = ++looks_;
  asked.look_until = now + limits::kLookTime;
  for (const auto& [routing_id, peer] : peers_) {
    if (peer.kind == PeerKind::node) {
      static_cast<void>(link::send_to(router_, routing_id, link::encode(link::Look{asked.look})));
    }
  }
  loop_->timers().at(asked.look_until, [this](TimePoint then) { settle(then); });
  asked_.push_back(std::move(asked));
}

void ControlActor::begin_looked(TimePoint now) {
  std::vector<Asked> ready;
  std::erase_if(asked_, [&](Asked& asked) {
    const bool looked = std::ranges::all_of(peers_, [&](const auto& entry) {
      return entry.second.kind != PeerKind::node || entry.second.looked >= asked.look;
    });
    const bool begins = asked.look != 0 && (looked || now >= asked.look_until);
    if (begins) {
      ready.push_back(std::move(asked));
    }
    return begins;
  });
  for (Asked& asked : ready) {
    asked.look = 0;
    begin(std::move(asked), now);
  }
}

void ControlActor::begin(Asked asked, TimePoint now) {
  const auto* load = std::get_if<LoadAsked>(&asked.request);
  const auto* rollout = std::get_if<RolloutAsked>(&asked.request);
  const Result<void> kept = state_file_.check();
  const Result<CommandId> begun = !kept             ? kept.error()
                                  : load != nullptr ? fleet_.load(*load, now)
                                                    : fleet_.rollout(*rollout, now);
  if (begun) {
    state_file_.keep(fleet_.memory());
  }
  if (!begun) {
    answer(asked, begun.error());
  } else if (rollout != nullptr) {
    answer(asked, rollout_of(rollout->model, now));
  } else {
    asked.command = *begun;
    asked_.push_back(std::move(asked));  // a load is answered when its outcome is known
  }
}

// The turn that it is asked in tells how things stand.
void ControlActor::follow(const Asked& asked, const EventsAsked& wanted) {
  if (!wanted.model.empty() && !fleet_.status(wanted.model)) {
    answer(asked, Error{ErrorCode::not_found, "model '" + wanted.model + "' is not known"});
  } else if (state_.draining()) {
    answer(asked, Error{ErrorCode::unavailable, "the server is shutting down"});
  } else if (!feed_.add({asked.shard, asked.token}, wanted.model)) {
    answer(asked,
           Error{ErrorCode::resource_exhausted,
                 std::to_string(limits::kEventStreams) + " clients follow events already"});
  }
}

void ControlActor::tell_followers(const EventFeed::Told& told) {
  for (const auto& [follower, text] : told) {
    tell(follower.shard, StreamPart{follower.token, Buffer::from_string(text)});
  }
}

void ControlActor::on_events(TimePoint now) {
  const std::vector<Event> events = fleet_.take_events();
  if (!feed_.empty()) {
    tell_followers(feed_.on(events, fleet_.status(), acknowledged(), now));
  }
  if (now >= next_event_beat_) {
    next_event_beat_ = now + limits::kEventBeat;
    tell_followers(feed_.beat());
  }
  for (const Event& event : events) {
    log_info("model_event",
             {{"model", event.model},
              {"version", event.version},
              {"what", name_of(event.kind)},
              {"detail", event.detail}});
    const bool done = event.kind == EventKind::command_done;
    if (event.command == 0 || (!done && event.kind != EventKind::command_failed)) {
      continue;
    }
    std::erase_if(asked_, [&](const Asked& asked) {
      if (asked.command != event.command) {
        return false;
      }
      if (done) {
        answer(asked, std::string());
      } else {
        answer(asked, Error{ErrorCode::invalid_argument, reason_for_callers(event.detail)});
      }
      return true;
    });
  }
}

void ControlActor::answer(const Asked& asked, Result<std::string> outcome) {
  AdminReply reply{.token = asked.token};
  if (outcome) {
    reply.json = Buffer::from_string(*std::move(outcome));
  } else {
    reply.error = std::move(outcome).error();
    reply.error->detail = reason_for_callers(reply.error->detail);
  }
  tell(asked.shard, std::move(reply));
}

// The rollout of a model that may be unknown.
Result<std::string> ControlActor::rollout_of(const std::string& model, TimePoint now) const {
  const auto status = fleet_.status(model);
  if (!status) {
    return Error{ErrorCode::not_found, "model '" + model + "' is not known"};
  }
  return rollout_json(*status, acknowledged(), now);
}

}  // namespace sluice::gateway
