// What the head of the process tree does about its two children, the gateway and the node: start
// them, start them again, and end them in order. Pure: no processes, no clock.
//
// A drain ends the gateway first, while workers still answer what it has accepted, and then the
// node. A second signal, or a limit, kills.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/limits.h"
#include "common/base/time.h"
#include "common/process/restart_rule.h"
#include "common/process/spawn.h"

namespace sluice::cluster {

enum class Part : std::uint8_t { gateway, node };
inline constexpr Part kParts[] = {Part::gateway, Part::node};

// "gateway", "node": also the subcommand that is started.
std::string_view name_of(Part part) noexcept;

// To be done by the shell, in this order.
struct StartPart {
  Part part = Part::gateway;
  friend bool operator==(const StartPart&, const StartPart&) = default;
};
struct SignalPart {
  Part part = Part::gateway;
  int signal = 0;
  friend bool operator==(const SignalPart&, const SignalPart&) = default;
};
// Both have ended: return this code.
struct FinishTree {
  int code = 0;
  friend bool operator==(const FinishTree&, const FinishTree&) = default;
};
using TreeAction = std::variant<StartPart, SignalPart, FinishTree>;
using TreeActions = std::vector<TreeAction>;

class ProcessTree {
 public:
  // The gateway is killed at `gateway_limit` after a drain began, the node at `node_limit` after
  // the gateway's end.
  ProcessTree(Duration gateway_limit, Duration node_limit) : limits_{gateway_limit, node_limit} {}

  TreeActions begin();

  void on_started(Part part);
  TreeActions on_start_failed(Part part, TimePoint now);
  // It does its work: the gateway has answered, the node has spoken.
  void on_up(Part part, TimePoint now);
  TreeActions on_exit(Part part, const ProcessExit& exit, TimePoint now);

  // The first drains and leads to code 0, another one kills (code 1). What comes within
  // kSameSignal of the first is the same wish: `timeout`, for one, signals a process and its group.
  TreeActions on_signal(TimePoint now);
  // Something else makes going on pointless: drains, and the code will be 1.
  TreeActions give_up(TimePoint now);

  TreeActions due(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_due() const;

  [[nodiscard]] bool ending() const noexcept { return ending_; }
  [[nodiscard]] bool alive(Part part) const noexcept { return slot(part).alive; }
  // When it will be started again.
  [[nodiscard]] std::optional<TimePoint> restart_at(Part part) const noexcept {
    return slot(part).restart_at;
  }

  static constexpr auto kSameSignal = std::chrono::milliseconds(250);

 private:
  struct Slot {
    RestartRule rule;
    bool alive = false;  // has a process, or a StartPart is on its way
    std::optional<TimePoint> restart_at;
    std::optional<TimePoint> kill_at;
  };

  [[nodiscard]] const Slot& slot(Part part) const { return slots_[static_cast<std::size_t>(part)]; }
  Slot& slot(Part part) { return slots_[static_cast<std::size_t>(part)]; }
  TreeActions after_death(Part part, bool hopeless, TimePoint now);
  TreeActions end(TimePoint now);
  // The next step of a drain.
  TreeActions advance(TimePoint now);
  void ask_to_end(Part part, TimePoint now, TreeActions& actions);

  std::array<Duration, 2> limits_;
  std::array<Slot, 2> slots_;
  bool ending_ = false;
  std::optional<TimePoint> first_signal_;
  bool finished_ = false;
  int code_ = 0;
};

}  // namespace sluice::cluster
