// What a node makes of the models on its disk: what it tells control of them, and what a worker of
// one of their versions is told. Decides nothing about which shall live.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node/worker_supervisor.h"
#include "common/base/result.h"
#include "common/link/repository_messages.h"
#include "worker/model/repository/settler.h"
#include "worker/serve/serving_plan.h"

namespace sluice::cluster {

// All of it, within what a message may hold; without sequence and looked.
link::Repository describe(const repository::SettledView& view);

// What the worker is to be started with. not_found: the model or version is not there, or is
// another than the spec's stamp says; invalid_argument: the spec's configuration is no good; or the
// reason why the model cannot be served. Looks on disk for a probe beside the model, and reads its
// files of labels.
Result<worker::ServingPlan> plan_of(const repository::SettledView& view, const WorkerSpec& spec);

// Of the version's files and the model's warm-up files; 0 when they are not there. A change of the
// configuration or of labels, which a plan has in it, does not change it.
std::uint64_t files_stamp(const repository::SettledView& view, const WorkerSpec& spec);

// Of the files of the version that is meant, bytes; 0 when it is not there.
std::uint64_t bytes_of(const repository::SettledView& view, const WorkerSpec& spec);

}  // namespace sluice::cluster
