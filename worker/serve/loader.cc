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
#include "worker/serve/warm_up.h"

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
                         const Clock& clock) {
  ModelLoaded loaded;
  SLUICE_TRY_ASSIGN(loaded.engine,
                    engine::open_engine(options.engine_library.empty() ? engine::default_library()
                                                                       : options.engine_library));
  SLUICE_TRY_ASSIGN(loaded.session,
                    loaded.engine->load({.path = options.model_path,
                                         .threads = options.threads,
                                         .test_operators = options.test_operators}));
  send(link, LoaderWarming{});
  const auto execution = loaded.session->new_execution();
  if (auto warmed = warm_up(*execution, loaded.session->info(), clock); !warmed) {
    if (warmed.error().code != ErrorCode::invalid_argument) {
      return with_context(std::move(warmed).error(), "warm-up");
    }
    log_info("warm_up_skipped", {{"reason", warmed.error().detail}});
  }
  return loaded;
}

}  // namespace

void load_model(const LoaderOptions& options, actor::Link<LinkInbox>& link, const Clock& clock) {
  lower_this_thread();
  std::string reason;
  try {
    auto loaded = load(options, link, clock);
    if (loaded) {
      send(link, *std::move(loaded));
      return;
    }
    reason = loaded.error().detail;
  } catch (const std::bad_alloc&) {
    reason = "not enough memory to load " + options.model_path;
  } catch (const std::exception& error) {
    reason = "loading " + options.model_path + ": " + error.what();
  }
  send(link, LoadFailed{std::move(reason)});
}

}  // namespace sluice::worker
