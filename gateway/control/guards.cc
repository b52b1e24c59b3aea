#include "gateway/control/guards.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/tensor/datatype.h"
#include "common/tensor/shape.h"

namespace sluice::gateway {
namespace {

class Difference {
 public:
  void add(std::string_view kind, const std::string& name, const std::string& what) {
    words_ += (words_.empty() ? "" : "; ") + std::string(kind) + " '" + name + "'" + what;
  }
  std::string take() { return std::move(words_); }

 private:
  std::string words_;
};

void compare(std::string_view kind,
             const std::vector<ValueInfo>& before,
             const std::vector<ValueInfo>& after,
             Difference& difference) {
  for (const ValueInfo& old : before) {
    const auto now = std::ranges::find(after, old.name, &ValueInfo::name);
    if (now == after.end()) {
      difference.add(kind, old.name, " is gone");
      continue;
    }
    if (now->datatype != old.datatype) {
      difference.add(kind,
                     old.name,
                     ": datatype " + std::string(name_of(old.datatype)) + " became " +
                         std::string(name_of(now->datatype)));
    }
    if (now->shape != old.shape) {
      difference.add(
          kind, old.name, ": shape " + to_string(old.shape) + " became " + to_string(now->shape));
    }
    if (old.optional && !now->optional) {
      difference.add(kind, old.name, ": was optional and is required");
    }
  }
  for (const ValueInfo& now : after) {
    // What a caller may leave out breaks none that does.
    if (!now.optional && std::ranges::find(before, now.name, &ValueInfo::name) == before.end()) {
      difference.add(kind, now.name, " is new");
    }
  }
}

double share(const AnswerCounts& counts) {
  const std::uint64_t all = counts.ok + counts.server_errors;
  return all == 0 ? 0 : static_cast<double>(counts.server_errors) / static_cast<double>(all);
}

std::string words_of(const AnswerCounts& counts) {
  return std::to_string(counts.server_errors) + " of " +
         std::to_string(counts.ok + counts.server_errors);
}

std::string times(std::uint32_t count) {
  return count == 0   ? "never"
         : count == 1 ? "once"
         : count == 2 ? "twice"
                      : std::to_string(count) + " times";
}

constexpr Guard kFirstGuards[] = {
    {"signature", GuardStage::before_switch, judge_signature},
    {"probe", GuardStage::before_switch, judge_finite},
    {"crashes", GuardStage::while_both_serve, judge_deaths},
    {"server errors", GuardStage::while_both_serve, judge_server_errors},
};

}  // namespace

std::string signature_difference(const ModelInfo& before, const ModelInfo& after) {
  Difference difference;
  compare("input", before.inputs, after.inputs, difference);
  compare("output", before.outputs, after.outputs, difference);
  return difference.take();
}

Verdict judge_signature(const GuardFacts& facts) {
  if (facts.allow_signature_change || facts.old_info == nullptr) {
    return {};
  }
  if (facts.new_info == nullptr) {
    return {Verdict::Kind::undecided, {}};
  }
  std::string difference = signature_difference(*facts.old_info, *facts.new_info);
  if (difference.empty()) {
    return {};
  }
  return {Verdict::Kind::fail, std::move(difference)};
}

// A version that has none before it may be meant to be so.
Verdict judge_finite(const GuardFacts& facts) {
  if (facts.old_info == nullptr || !facts.old_finite) {
    return {};
  }
  if (!facts.new_finite) {
    return {Verdict::Kind::undecided, {}};
  }
  return *facts.new_finite
             ? Verdict{}
             : Verdict{Verdict::Kind::fail,
                       "its answer has NaN or infinity, and that of the version before has none"};
}

Verdict judge_server_errors(const GuardFacts& facts) {
  const double now = share(facts.new_counts);
  const double before = share(facts.old_counts);
  const bool enough_errors = facts.new_counts.server_errors >= limits::kGuardErrors;
  if (enough_errors && now > before + limits::kGuardErrorShare && now > 2 * before) {
    return {Verdict::Kind::fail,
            "the new version answered " + words_of(facts.new_counts) +
                " requests with a server error or not in time, the old one " +
                words_of(facts.old_counts)};
  }
  if (facts.new_counts.ok + facts.new_counts.server_errors < limits::kGuardAnswers) {
    return {Verdict::Kind::undecided, {}};
  }
  return {};
}

Verdict judge_deaths(const GuardFacts& facts) {
  const Deaths& now = facts.new_deaths;
  const Deaths& before = facts.old_deaths;
  const bool crashes = now.crashes >= kCrashesTooMany && now.crashes > before.crashes;
  const bool dies = now.all() >= kDeathsTooMany && now.all() > before.all();
  if (!crashes && !dies) {
    return {};
  }
  return {
      Verdict::Kind::fail,
      "the new version's workers died " + times(now.all()) + " while both served, the old one's " +
          times(before.all()) +
          (facts.new_last_death.empty() ? "" : "; the last of the new: " + facts.new_last_death)};
}

std::span<const Guard> first_guards() {
  return kFirstGuards;
}

Verdict judge(std::span<const Guard> guards, GuardStage stage, const GuardFacts& facts) {
  Verdict all;
  for (const Guard& guard : guards) {
    if (guard.stage != stage) {
      continue;
    }
    Verdict verdict = guard.judge(facts);
    if (verdict.kind == Verdict::Kind::fail) {
      verdict.reason = std::string(guard.name) + ": " + verdict.reason;
      return verdict;
    }
    if (verdict.kind == Verdict::Kind::undecided) {
      all.kind = Verdict::Kind::undecided;
    }
  }
  return all;
}

}  // namespace sluice::gateway
