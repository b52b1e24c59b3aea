#include "worker/serve/loader.h"

#include <exception>
#include <memory>
#include <new>
#include <utility>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/serve/served_model.h"
#include "worker/serve/try_out.h"

namespace sluice::worker {
namespace {

constexpr int kLowestNice = 19;
// ioprio_set(2): "who" is a thread (0: this one); class 3 is idle.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

// Of this thread alone: Linux keeps both per thread. Failing to be quiet is no failure.
void lower_this_thread() {
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kLowestNice));
  static_cast<void>(::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle));
}

void send(actor::Link<LinkInbox>& link, LinkInbox message) {
  SLUICE_CHECK(link.offer(std::move(message)) == actor::Offer::accepted);
}

Result<ModelLoaded> load(const LoaderOptions& options,
                         actor::Link<LinkInbox>& link,
                         const Clock& clock,
                         StartBoard& board,
                         std::unique_ptr<const Trials>& trials) {
  ModelLoaded loaded;
  SLUICE_TRY_ASSIGN(loaded.engine,
                    engine::open_engine(options.engine_library.empty() ? engine::default_library()
                                                                       : options.engine_library));
  SLUICE_TRY_ASSIGN(loaded.session,
                    loaded.engine->load({.path = options.plan.model_path,
                                         .threads = options.threads,
                                         .test_operators = options.test_operators}));
  for (const std::string& note : options.plan.notes) {
    log_info("configuration_note", {{"model", options.plan.model_name}, {"note", note}});
  }
  SLUICE_TRY_ASSIGN(
      ServedModel served,
      serve_as(options.plan, loaded.session->info(), loaded.session->rows_independent()));
  if (const std::string note = batching_note(served); !note.empty()) {
    log_info("configuration_note", {{"model", options.plan.model_name}, {"note", note}});
  }
  SLUICE_TRY_ASSIGN(Trials made, make_trials(options.plan, std::move(served)));
  trials = std::make_unique<const Trials>(std::move(made));
  send(link, LoaderWarming{trials.get()});
  const auto execution = loaded.session->new_execution();
  SLUICE_TRY(try_out(*trials, Stage::warm_up, 1, *execution, clock, board));
  return loaded;
}

}  // namespace

void load_model(const LoaderOptions& options,
                actor::Link<LinkInbox>& link,
                const Clock& clock,
                StartBoard& board) {
  lower_this_thread();
  std::string reason;
  std::unique_ptr<const Trials> trials;
  try {
    auto loaded = load(options, link, clock, board, trials);
    if (loaded) {
      loaded->trials = std::move(trials);
      send(link, *std::move(loaded));
      return;
    }
    reason = loaded.error().detail;
  } catch (const std::bad_alloc&) {
    reason = "not enough memory to load " + options.plan.model_path;
  } catch (const std::exception& error) {
    reason = "loading " + options.plan.model_path + ": " + error.what();
  }
  send(link, LoadFailed{std::move(reason), std::move(trials)});
}

}  // namespace sluice::worker
