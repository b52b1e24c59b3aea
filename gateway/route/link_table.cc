#include "gateway/route/link_table.h"

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::gateway {

WorkerSlot* LinkTable::attach(LinkKey key) {
  if (key >= limits::kLinksPerShard) {
    return nullptr;
  }
  if (key >= slots_.size()) {
    slots_.resize(key + 1);
  }
  WorkerSlot& link = slots_[key];
  if (link.attached) {
    return nullptr;
  }
  link = WorkerSlot{};
  link.attached = true;
  link.key = key;
  link.life = next_life_++;
  ++count_;
  return &link;
}

WorkerSlot* LinkTable::find(LinkKey key) {
  return key < slots_.size() && slots_[key].attached ? &slots_[key] : nullptr;
}

const WorkerSlot* LinkTable::find(LinkKey key) const {
  return key < slots_.size() && slots_[key].attached ? &slots_[key] : nullptr;
}

void LinkTable::close(WorkerSlot& link) {
  SLUICE_CHECK(link.attached && link.sent.empty());
  link.attached = false;
  --count_;
}

WorkerSlot* LinkTable::newest_of(std::string_view worker, LinkKey except) {
  for (WorkerSlot& link : slots_) {
    if (link.attached && !link.replaced && link.key != except && link.worker == worker) {
      return &link;
    }
  }
  return nullptr;
}

}  // namespace sluice::gateway
