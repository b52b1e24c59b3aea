#include "worker/engine/graph/registry.h"

#include <algorithm>

namespace sluice::engine {
namespace {

int newest_known(std::string_view domain) {
  return domain.empty() ? kNewestOnnxOpset : domain == kMlDomain ? kNewestMlOpset : 1;
}

}  // namespace

void Registry::add(OperatorEntry entry) {
  SLUICE_CHECK(!entry.since.empty() && std::ranges::is_sorted(entry.since));
  auto key = std::make_pair(entry.domain, entry.name);
  const bool is_new = entries_.emplace(std::move(key), std::move(entry)).second;
  SLUICE_CHECK(is_new);
}

Result<Registry::Found> Registry::find(std::string_view domain,
                                       std::string_view name,
                                       int opset) const {
  const std::string shown =
      domain.empty() ? std::string(name) : std::string(domain) + "." + std::string(name);
  const auto found = entries_.find(std::make_pair(std::string(domain), std::string(name)));
  if (found == entries_.end()) {
    return Error{ErrorCode::unsupported, shown};
  }
  const OperatorEntry& entry = found->second;
  if (!entry.refusal.empty()) {
    return Error{ErrorCode::unsupported, shown + ", " + entry.refusal};
  }
  if (opset > newest_known(domain)) {
    return Error{ErrorCode::unsupported,
                 shown + " of opset " + std::to_string(opset) +
                     " (newest known: " + std::to_string(newest_known(domain)) + ")"};
  }
  const auto above = std::ranges::upper_bound(entry.since, opset);
  if (above == entry.since.begin()) {
    return Error{ErrorCode::unsupported,
                 shown + " of opset " + std::to_string(opset) + " (exists since opset " +
                     std::to_string(entry.since.front()) + ")"};
  }
  const int since = *(above - 1);
  if (std::ranges::find(entry.lacks, since) != entry.lacks.end()) {
    return Error{ErrorCode::unsupported, shown + " as of opset " + std::to_string(since)};
  }
  return Found{.entry = &entry, .since = since};
}

bool Registry::refuses(std::string_view domain, std::string_view name) const {
  const auto found = entries_.find(std::make_pair(std::string(domain), std::string(name)));
  return found != entries_.end() && !found->second.refusal.empty();
}

}  // namespace sluice::engine
