#include "gateway/control/event_feed.h"

#include "common/base/limits.h"

namespace sluice::gateway {

namespace {

// `line`: of JSON, with its end.
std::string event_text(const std::string& name, const std::string& line) {
  return "event: " + name + "\ndata: " + line + "\n";
}

}  // namespace

bool EventFeed::add(Follower follower, std::string model) {
  if (followers_.size() >= limits::kEventStreams) {
    return false;
  }
  followers_[follower] = {.model = std::move(model)};
  return true;
}

EventFeed::Told EventFeed::on(std::span<const Event> events,
                              std::span<const DeploymentStatus> models,
                              Acknowledged shards,
                              TimePoint now) {
  std::map<Follower, std::string> texts;
  const auto tell = [&](const std::string& model, bool to_all, const std::string& text) {
    for (const auto& [follower, follows] : followers_) {
      if ((follows.model.empty() || follows.model == model) && (to_all || follows.is_new)) {
        texts[follower] += text;
      }
    }
  };
  for (const auto& [follower, follows] : followers_) {
    if (follows.is_new) {
      texts[follower] = ": what stands, then what happens\n\n";
    }
  }
  for (const Event& event : events) {
    tell(event.model, true, event_text("change", event_json(event)));
  }
  std::map<std::string, Said> said;
  for (const DeploymentStatus& model : models) {
    const bool under_way = model.rollout && model.rollout->phase != RolloutPhase::done &&
                           model.rollout->phase != RolloutPhase::rolled_back;
    Said is{.rollout = model.rollout, .acknowledged = under_way ? shards.count : 0};
    const auto before = said_.find(model.model);
    const bool changed = before == said_.end() || before->second != is;
    tell(model.model, changed, event_text("rollout", rollout_json(model, shards, now)));
    said.emplace(model.model, std::move(is));
  }
  said_ = std::move(said);
  for (auto& [follower, follows] : followers_) {
    follows.is_new = false;
  }
  return {texts.begin(), texts.end()};
}

EventFeed::Told EventFeed::beat() const {
  Told told;
  for (const auto& [follower, follows] : followers_) {
    told.emplace_back(follower, ": still here\n\n");
  }
  return told;
}

}  // namespace sluice::gateway
