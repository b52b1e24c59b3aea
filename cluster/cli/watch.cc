#include "cluster/cli/watch.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "cluster/cli/event_stream.h"
#include "cluster/cli/operator_client.h"
#include "cluster/cli/status_table.h"

namespace sluice::cluster {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kRetryEvery = std::chrono::milliseconds(200);
constexpr auto kDrawEvery = std::chrono::seconds(1);
constexpr int kTriesWithoutServer = 25;  // five seconds: a gateway that is replaced
constexpr int kBarWidth = 20;

bool on_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

void put(const std::string& text) {
  static_cast<void>(std::fputs(text.c_str(), stdout));
  static_cast<void>(std::fflush(stdout));
}

void pause(std::chrono::milliseconds time) {
  static_cast<void>(::poll(nullptr, 0, static_cast<int>(time.count())));
}

// Calls `each` with every event until it returns true. The stream may break off: then it is begun
// anew, and tells first how everything stands.
Result<void> follow(const std::string& url,
                    const std::string& path,
                    const std::function<Result<bool>(const StreamEvent&)>& each) {
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(url, kPatience));
  int without_server = 0;
  while (true) {
    EventStream stream;
    Result<bool> enough = false;
    const Result<void> ended = client.follow(path, [&](std::string_view bytes) {
      without_server = 0;
      auto events = stream.on(bytes);
      if (!events) {
        enough = events.error();
        return false;
      }
      for (const StreamEvent& event : *events) {
        enough = each(event);
        if (!enough || *enough) {
          return false;
        }
      }
      return true;
    });
    if (!enough || *enough) {
      return enough ? Result<void>() : enough.error();
    }
    if (!ended &&
        (ended.error().code != ErrorCode::unavailable || ++without_server > kTriesWithoutServer)) {
      return ended;
    }
    pause(kRetryEvery);
  }
}

// A picture of all, once a second.
Result<std::string> draw_cluster(const std::string& url) {
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(url, kPatience));
  for (int without_server = 0;;) {
    const Result<std::string> answer = client.get("/sluice/status");
    if (answer) {
      without_server = 0;
      SLUICE_TRY_ASSIGN(const std::string table, status_table(*answer));
      put("\033[H\033[2J" + table);
      pause(kDrawEvery);
    } else if (answer.error().code != ErrorCode::unavailable ||
               ++without_server > kTriesWithoutServer) {
      return answer;
    } else {
      pause(kRetryEvery);
    }
  }
}

}  // namespace

RolloutDisplay::RolloutDisplay(bool quiet) : quiet_(quiet), bar_(on_terminal()) {}

void RolloutDisplay::show(const RolloutState& state) {
  if (quiet_) {
    return;
  }
  const std::string line = lines_.on(state);
  if (bar_) {
    put("\r" + rollout_bar(state, kBarWidth) + "\033[K" + (state.ended() ? "\n" : ""));
  } else if (!line.empty()) {
    put(line);
  }
}

void RolloutDisplay::leave() {
  if (bar_ && !quiet_) {
    put("\n");
  }
}

Result<std::string> watch_rollout(const std::string& url, const std::string& model, bool json) {
  RolloutDisplay display(json);
  std::string last;
  RolloutState end;
  const auto on_event = [&](const StreamEvent& event) -> Result<bool> {
    if (event.name != "rollout") {
      return false;
    }
    SLUICE_TRY_ASSIGN(end, parse_rollout(event.data));
    last = event.data;
    if (end.phase != "none") {
      display.show(end);
    }
    return end.ended();
  };
  if (Result<void> followed = follow(url, sluice_path(model, "/events"), on_event); !followed) {
    display.leave();
    return followed.error();
  }
  if (end.phase == "none") {
    return json ? last + "\n" : model + ": there was no rollout\n";
  }
  if (end.phase != "done") {
    return Error{ErrorCode::unavailable, model + ": " + rollout_words(end)};
  }
  return json ? last + "\n" : std::string();
}

Result<std::string> watch_cluster(const std::string& url, bool json) {
  if (!json && on_terminal()) {
    return draw_cluster(url);
  }
  std::map<std::string, RolloutLines> lines;  // by model
  const auto on_event = [&](const StreamEvent& event) -> Result<bool> {
    if (json) {
      put(R"({"event":")" + event.name + R"(","data":)" + event.data + "}\n");
    } else if (event.name == "rollout") {
      SLUICE_TRY_ASSIGN(const RolloutState state, parse_rollout(event.data));
      put(state.phase == "none" ? "" : lines[state.model].on(state));
    } else if (event.name == "change") {
      SLUICE_TRY_ASSIGN(const std::string words, change_words(event.data));
      put(words + "\n");
    }
    return false;
  };
  Result<void> followed = follow(url, "/sluice/events", on_event);
  return followed ? Result<std::string>(std::string()) : followed.error();
}

}  // namespace sluice::cluster
