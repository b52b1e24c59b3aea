#include "worker/engine/machine/memory_bound.h"

#include <algorithm>
#include <string>

#include "common/base/limits.h"
#include "common/process/memory.h"

namespace sluice::engine {
namespace {

// Of the innermost MemoryLimit.
thread_local const std::shared_ptr<MemoryBudget>* tl_budget = nullptr;

MemoryBudget* budget_here() {
  return tl_budget != nullptr ? tl_budget->get() : nullptr;
}

std::string megabytes(std::size_t bytes) {
  return std::to_string(bytes / limits::kMiB) + " MB";
}

Error too_much(std::string_view what, std::size_t bytes, const std::string& end) {
  return {ErrorCode::resource_exhausted,
          std::string(what) + " need " + megabytes(bytes) + " of memory, " + end};
}

Error over_budget(std::string_view what,
                  std::size_t bytes,
                  const MemoryBudget& budget,
                  std::size_t in_use) {
  std::string end = megabytes(budget.limit) + " are allowed";
  if (in_use >= limits::kMiB) {
    end += ", of which " + megabytes(in_use) + " are in use";
  }
  return too_much(what, bytes, end);
}

Result<void> check_machine(std::size_t bytes, std::string_view what) {
  if (bytes < limits::kUncheckedBytes) {
    return {};
  }
  const auto available = memory_available();
  if (!available || bytes <= *available) {
    return {};
  }
  return too_much(what, bytes, megabytes(*available) + " are available");
}

}  // namespace

std::shared_ptr<MemoryBudget> make_budget(std::size_t bytes) {
  if (bytes == 0) {
    return nullptr;
  }
  auto budget = std::make_shared<MemoryBudget>();
  budget->limit = bytes;
  return budget;
}

Result<void> check_memory(std::size_t bytes, std::string_view what) {
  if (const MemoryBudget* budget = budget_here()) {
    const std::size_t in_use = budget->in_use.load(std::memory_order_relaxed);
    if (bytes > budget->limit - std::min(in_use, budget->limit)) {
      return over_budget(what, bytes, *budget, in_use);
    }
  }
  return check_machine(bytes, what);
}

Result<MemoryHold> hold_memory(std::size_t bytes, std::string_view what) {
  SLUICE_TRY(check_memory(bytes, what));  // so that adding cannot wrap
  MemoryBudget* const budget = budget_here();
  if (budget == nullptr || bytes == 0) {
    return MemoryHold();
  }
  MemoryHold hold(*tl_budget, bytes);
  const std::size_t in_use = budget->in_use.fetch_add(bytes, std::memory_order_relaxed);
  if (bytes > budget->limit - std::min(in_use, budget->limit)) {  // another thread was quicker
    return over_budget(what, bytes, *budget, in_use);
  }
  return hold;
}

MemoryLimit::MemoryLimit(std::shared_ptr<MemoryBudget> budget)
    : budget_(std::move(budget)), before_(tl_budget) {
  tl_budget = &budget_;
}

MemoryLimit::~MemoryLimit() {
  tl_budget = before_;
}

}  // namespace sluice::engine
