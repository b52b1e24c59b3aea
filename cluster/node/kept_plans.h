// What workers were started with. A worker that dies is started again as it was for as long as the
// files of its version are what they were: a configuration that was changed on disk, and that no
// worker could follow, must not keep down what serves, nor may it get the labels of another
// version.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cluster/node/worker_supervisor.h"
#include "common/base/result.h"
#include "worker/model/repository/settler.h"
#include "worker/serve/serving_plan.h"

namespace sluice::cluster {

class KeptPlans {
 public:
  // plan_of(), or where that cannot be made any more, what the worker had. Errors: plan_of's.
  Result<worker::ServingPlan> plan_for(const repository::SettledView& view, const WorkerSpec& spec);
  // Forgets the workers that are not among these.
  void keep_only(const std::vector<WorkerReport>& workers);

 private:
  struct Kept {
    std::string stamp{};
    std::string config{};
    std::uint64_t files = 0;
    worker::ServingPlan plan{};
  };
  std::map<std::string, Kept, std::less<>> kept_;  // by the worker's id
};

}  // namespace sluice::cluster
