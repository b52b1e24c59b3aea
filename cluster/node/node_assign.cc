// What the node has on its disk, told to control, and what control has it run: the third part of
// NodeActor.

#include <chrono>
#include <utility>
#include <vector>

#include "cluster/node/node_actor.h"
#include "cluster/node/repository_view.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/link/repository_messages.h"
#include "common/link/zmq_message.h"
#include "common/process/lines.h"

namespace sluice::cluster {

namespace {

// A worker ends its own drain at limits::kDrainTime; the kill is for one that cannot.
constexpr auto kRetireTime = limits::kDrainTime + limits::kByeTime + std::chrono::seconds(1);

std::vector<WorkerSpec> specs_of(link::Assignment assignment) {
  std::vector<WorkerSpec> specs;
  for (link::AssignedWorker& worker : assignment.workers) {
    specs.push_back({.id = std::move(worker.worker_id),
                     .model = std::move(worker.model),
                     .version = worker.version,
                     .stamp = std::move(worker.stamp),
                     .config = std::move(worker.config),
                     .share = worker.share,
                     .shares = worker.shares});
  }
  return specs;
}

}  // namespace

void NodeActor::watch_repository(TimePoint now) {
  if (repository_.descriptor() >= 0) {
    loop_->watch_descriptor(repository_.descriptor(), [this](TimePoint then) {
      repository_.on_readable();
      publish(then);  // the next look may be due earlier
      return false;
    });
  }
  on_looked(repository_.tick(now), now);
}

void NodeActor::on_looked(bool changed, TimePoint now) {
  if (const auto& why = repository_.watch().polling_reason(); !why.empty() && !polling_told_) {
    polling_told_ = true;
    log_info("repository_polled", {{"reason", why}});
  }
  tell_problems();
  if (changed) {
    log_info("repository_changed", {{"models", repository_.view().models.size()}});
    perform(supervisor_.retry_refused(), now);
  }
}

// Each once, to the log and to the parent.
void NodeActor::tell_problems() {
  const repository::SettledView& view = repository_.view();
  const std::string disk = view.error ? view.error->detail : "";
  if (disk != disk_problem_told_ && !disk.empty()) {
    log_error("repository_unreadable", {{"reason", disk}});
  }
  disk_problem_told_ = disk;
  std::map<std::string, std::string> problems;
  for (const repository::SettledModel& model : view.models) {
    const auto& problem = model.model.error ? model.model.error : model.refused;
    if (!problem) {
      continue;
    }
    const std::string& name = model.model.name;
    problems.emplace(name, problem->detail);
    const auto told = problems_told_.find(name);
    if (told != problems_told_.end() && told->second == problem->detail) {
      continue;
    }
    log_error("model_refused", {{"model", name}, {"reason", problem->detail}});
    if (options_->status) {
      write_line(*options_->status, "problem", name + " " + problem->detail);
    }
  }
  problems_told_ = std::move(problems);
}

void NodeActor::tell_repository(TimePoint now) {
  if (!attach_.attached()) {
    return;
  }
  if (const auto report = repository_.take_report(now)) {
    static_cast<void>(link::send(socket_, link::encode(*report)));
  }
}

void NodeActor::on_look(const link::Message& message, TimePoint now) {
  const Result<link::Look> look = link::decode_look(message.body);
  if (!look) {
    log_warn("bad_link_message", {{"at", "node"}, {"reason", look.error().detail}});
    return;
  }
  on_looked(repository_.look(look->sequence, now), now);
  publish(now);
}

void NodeActor::on_assignment(const link::Message& message, TimePoint now) {
  Result<link::Assignment> assignment = link::decode_assignment(message.body);
  if (!assignment) {
    log_warn("bad_link_message", {{"at", "node"}, {"reason", assignment.error().detail}});
    return;
  }
  if (assigned_ && assignment->sequence <= *assigned_) {
    return;  // older than what is being done
  }
  assigned_ = assignment->sequence;
  log_info("assigned",
           {{"sequence", assignment->sequence}, {"workers", assignment->workers.size()}});
  perform(supervisor_.assign(specs_of(*std::move(assignment)), now + kRetireTime), now);
  reported_.reset();  // at once: control waits to hear that this one has come
  publish(now);
}

}  // namespace sluice::cluster
