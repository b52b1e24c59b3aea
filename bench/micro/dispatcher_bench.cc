// The dispatcher: a request admitted, sent, answered and delivered. The first argument is the
// number of workers, the second how many requests are under way beside it.

#include <deque>
#include <string>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>

#include "gateway/route/dispatcher.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kCredit = 64;

void dispatcher_round_trip(benchmark::State& state) {
  Dispatcher core({.shard = 0, .seed = 1});
  Actions actions;
  TimePoint now(1000s);
  std::vector<std::string> workers;
  for (std::int64_t link = 0; link < state.range(0); ++link) {
    workers.push_back("worker" + std::to_string(link));
  }
  const VersionRoute routes[] = {{.version = 1, .weight = 100, .workers = workers}};
  core.on(RouteSet{.model = "add", .versions = routes}, now, actions);
  for (LinkKey link = 0; link < static_cast<LinkKey>(state.range(0)); ++link) {
    core.on(WorkerAttached{.link = link,
                           .id = "worker" + std::to_string(link),
                           .worker = "worker" + std::to_string(link),
                           .model = "add",
                           .version = 1,
                           .credit = kCredit,
                           .executors = 1},
            now,
            actions);
  }
  actions.clear();
  std::deque<Send> under_way;
  const auto admit = [&] {
    static_cast<void>(
        core.admit({.model = "add", .bytes = 100, .deadline = now + 30s}, now, actions));
    for (const Action& action : actions) {
      if (const Send* send = std::get_if<Send>(&action)) {
        under_way.push_back(*send);
      }
    }
    actions.clear();
  };
  for (std::int64_t i = 0; i < state.range(1); ++i) {
    admit();
  }
  TimePoint beat = now;
  for (auto _ : state) {
    now += 10us;
    admit();
    if (under_way.empty()) {
      state.SkipWithError("nothing was sent");
      break;
    }
    const Send send = under_way.front();
    under_way.pop_front();
    core.on(
        ResultArrived{.link = send.link, .id = send.id, .attempt = send.attempt, .service = 5us},
        now,
        actions);
    benchmark::DoNotOptimize(actions.data());
    actions.clear();
    if (now - beat >= 100ms) {  // so that no worker falls silent
      beat = now;
      for (LinkKey link = 0; link < static_cast<LinkKey>(state.range(0)); ++link) {
        core.on(HeartbeatArrived{.link = link, .credit = kCredit, .progress = 1}, now, actions);
      }
      core.tick(now, actions);
      actions.clear();
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(dispatcher_round_trip)->Args({1, 0})->Args({1, 32})->Args({16, 256});

}  // namespace
}  // namespace sluice::gateway
