#include "worker/serve/loader.h"

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/serve/served_model.h"
#include "worker/serve/step_aside.h"
#include "worker/serve/warm_up.h"

namespace sluice::worker {
namespace {

void send(actor::Link<LinkInbox>& link, LinkInbox message) {
  SLUICE_CHECK(link.offer(std::move(message)) == actor::Offer::accepted);
}

Result<ModelLoaded> load(const LoaderOptions& options,
                         actor::Link<LinkInbox>& link,
                         std::span<StartBoard> boards,
                         std::unique_ptr<const Trials>& trials) {
  ModelLoaded loaded;
  SLUICE_TRY_ASSIGN(loaded.engine,
                    engine::open_engine(options.engine_library.empty() ? engine::default_library()
                                                                       : options.engine_library));
  SLUICE_TRY_ASSIGN(loaded.session,
                    loaded.engine->load({.path = options.plan.model_path,
                                         .threads = options.threads,
                                         .test_operators = options.test_operators,
                                         .memory_bytes = options.memory_bytes}));
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
  for (std::size_t i = 0; i < boards.size(); ++i) {
    loaded.executions.push_back(loaded.session->new_execution());
  }
  SLUICE_TRY_ASSIGN(loaded.service, warm_up(*trials, loaded.executions, boards));
  return loaded;
}

}  // namespace

void load_model(const LoaderOptions& options,
                actor::Link<LinkInbox>& link,
                std::span<StartBoard> boards) {
  std::string reason;
  std::unique_ptr<const Trials> trials;
  try {
    if (!options.urgent) {
      step_aside();
    }
    auto loaded = load(options, link, boards, trials);
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
