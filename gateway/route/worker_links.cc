#include "gateway/route/worker_links.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::gateway {

std::optional<LinkKey> WorkerLinks::add(WorkerLink link) {
  LinkKey key = 0;
  if (!free_.empty()) {
    key = free_.back();
    free_.pop_back();
  } else if (links_.size() < limits::kLinksPerShard) {
    key = static_cast<LinkKey>(links_.size());
    links_.emplace_back();
  } else {
    return std::nullopt;
  }
  by_identity_[link.identity] = key;
  links_[key] = std::move(link);
  return key;
}

void WorkerLinks::remove(LinkKey key) {
  SLUICE_CHECK(key < links_.size() && links_[key].has_value());
  by_identity_.erase(links_[key]->identity);
  links_[key].reset();
  free_.push_back(key);
}

std::optional<LinkKey> WorkerLinks::find(const std::string& identity) const {
  const auto found = by_identity_.find(identity);
  return found == by_identity_.end() ? std::nullopt : std::optional(found->second);
}

WorkerLink* WorkerLinks::get(LinkKey key) {
  return key < links_.size() && links_[key] ? &*links_[key] : nullptr;
}

}  // namespace sluice::gateway
