// What a new version must pass before it may serve and while it serves beside the old one. A guard
// is a function of facts; a rollout asks each of its list and goes on once all pass. Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/base/time.h"
#include "common/link/infer.h"

namespace sluice::gateway {

// Requests that a version ended, since some moment that is the same for both sides of a comparison.
struct AnswerCounts {
  std::uint64_t ok = 0;             // results, and errors that are the caller's (4xx)
  std::uint64_t server_errors = 0;  // 5xx, also of a deadline that passed at one of its workers

  friend bool operator==(const AnswerCounts&, const AnswerCounts&) = default;
};

// Ends of workers' processes that nobody of the cluster had asked for. By SIGKILL it may have been
// an operator, or the kernel for want of memory: less of a proof than any other end.
struct Deaths {
  std::uint32_t crashes = 0;
  std::uint32_t kills = 0;  // by SIGKILL

  [[nodiscard]] std::uint32_t all() const { return crashes + kills; }
  friend bool operator==(const Deaths&, const Deaths&) = default;
};

struct GuardFacts {
  const ModelInfo* old_info = nullptr;  // of the version that is replaced; null: there is none
  const ModelInfo* new_info = nullptr;  // null: not known yet
  bool allow_signature_change = false;
  bool old_finite = true;                // no NaN and no infinity in its answer to the probe
  std::optional<bool> new_finite{true};  // absent: it has not said so yet
  AnswerCounts old_counts{};             // since both serve
  AnswerCounts new_counts{};
  Deaths old_deaths{};  // since both serve
  Deaths new_deaths{};
  std::string new_last_death{};  // "killed by signal 6 (SIGABRT)"; empty: not said
  Duration both_serve{};         // how long; zero before the first share is moved
};

struct Verdict {
  enum class Kind : std::uint8_t { pass, fail, undecided };
  Kind kind = Kind::pass;
  std::string reason{};  // of fail: a sentence

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// When a guard is asked. One that is undecided before the switch holds it back; one that is
// undecided while both serve is not waited for longer than the step's hold.
enum class GuardStage : std::uint8_t { before_switch, while_both_serve };

struct Guard {
  const char* name = "";
  GuardStage stage = GuardStage::before_switch;
  Verdict (*judge)(const GuardFacts&) = nullptr;
};

// Names, datatypes and shapes of inputs and outputs must be those of the version replaced.
Verdict judge_signature(const GuardFacts& facts);
// NaN or infinity in the answer to the probe, where the version replaced has none.
Verdict judge_finite(const GuardFacts& facts);
// The share of server errors must not be clearly higher than the old version's.
Verdict judge_server_errors(const GuardFacts& facts);

// Its workers die of themselves kCrashesTooMany times, or kDeathsTooMany times with those by
// SIGKILL, and more often than the old version's, which may have met the same poison requests
// (docs/adr/0002-retry-and-quarantine.md).
Verdict judge_deaths(const GuardFacts& facts);
inline constexpr std::uint32_t kCrashesTooMany = 2;
inline constexpr std::uint32_t kDeathsTooMany = 3;

// Those above: always asked.
std::span<const Guard> first_guards();

// Asks all guards of the stage: the first failure, else undecided if any is, else pass. The reason
// begins with the guard's name.
Verdict judge(std::span<const Guard> guards, GuardStage stage, const GuardFacts& facts);

// What changed from one signature to the other, in words: "input 'x': shape [-1,64] became
// [-1,32]; output 'z' is new". Empty: nothing. Order does not matter, -1 equals only -1.
std::string signature_difference(const ModelInfo& before, const ModelInfo& after);

}  // namespace sluice::gateway
