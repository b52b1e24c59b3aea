#include "cluster/prove/rollout_watch.h"

#include <algorithm>

namespace sluice::cluster {

RolloutWatch::RolloutWatch(Ledger& ledger, const RolloutLook& first)
    : ledger_(ledger), last_(first) {}

RolloutWatch::News RolloutWatch::on_look(const RolloutLook& look,
                                         TimePoint sent,
                                         TimePoint received) {
  News news;
  if (look.stage == RolloutLook::Stage::none) {
    news.forgotten = last_.stage != RolloutLook::Stage::none;
    unsure_ = unsure_ || news.forgotten;
    if (!unsure_) {
      ledger_.on_same(sent);
    }
    last_ = look;
    return news;
  }
  const bool same = look.id == last_.id && look.from == last_.from && look.to == last_.to;
  news.began = !same || (!last_.under_way() && look.under_way());
  news.ended = !look.under_way() && (news.began || last_.under_way());
  last_ = look;
  if (news.began && !look.from.empty()) {
    // What served before it, should a rollout have escaped the looks.
    on_served(*std::ranges::max_element(look.from), TimePoint::min(), received);
  }
  if ((!look.under_way() && !news.ended) || look.to.empty()) {
    ledger_.on_same(sent);
    return news;
  }
  const std::int64_t to = *std::ranges::max_element(look.to);
  switch (look.stage) {
    case RolloutLook::Stage::none:
    case RolloutLook::Stage::before:
      ledger_.on_same(sent);
      break;
    case RolloutLook::Stage::between:
      ledger_.on_joined(to, sent);
      break;
    case RolloutLook::Stage::done:
      ledger_.on_switched(to, sent, received);
      break;
    case RolloutLook::Stage::back:
      ledger_.on_back(to, sent, received);
      break;
  }
  return news;
}

void RolloutWatch::on_served(std::int64_t version, TimePoint sent, TimePoint received) {
  unsure_ = false;
  ledger_.on_switched(version, sent, received);
}

}  // namespace sluice::cluster
