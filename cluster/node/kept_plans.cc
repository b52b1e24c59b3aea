#include "cluster/node/kept_plans.h"

#include <algorithm>
#include <utility>

#include "cluster/node/repository_view.h"

namespace sluice::cluster {

Result<worker::ServingPlan> KeptPlans::plan_for(const repository::SettledView& view,
                                                const WorkerSpec& spec) {
  const std::uint64_t files = files_stamp(view, spec);
  Result<worker::ServingPlan> made = plan_of(view, spec);
  if (made) {
    kept_.insert_or_assign(spec.id, Kept{spec.stamp, spec.config, files, *made});
    return made;
  }
  const auto found = kept_.find(spec.id);
  const bool as_it_was = found != kept_.end() && files != 0 && found->second.files == files &&
                         found->second.stamp == spec.stamp && found->second.config == spec.config;
  return as_it_was ? found->second.plan : std::move(made);
}

void KeptPlans::keep_only(const std::vector<WorkerReport>& workers) {
  std::erase_if(kept_, [&](const auto& entry) {
    return std::ranges::find(workers, entry.first, &WorkerReport::worker_id) == workers.end();
  });
}

}  // namespace sluice::cluster
