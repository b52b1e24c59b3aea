#include "tests/sim/plan.h"

#include <algorithm>
#include <array>

#include "tests/sim/random.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSteady = 200;  // requests spread over the whole time
constexpr std::size_t kAfterFault = 30;

Fault draw_fault(Random& random, FaultKind kind) {
  Fault fault{.kind = kind};
  fault.at = random.between(1s, 21s);
  fault.worker = random.below(kWorkers);
  fault.shard = random.below(kShards);
  fault.to_worker = random.chance(50);
  switch (kind) {
    case FaultKind::stall:
      fault.length = random.between(50ms, 4s);
      break;
    case FaultKind::delay:
    case FaultKind::slow:
      fault.length = random.between(500ms, 3s);
      break;
    case FaultKind::gateway_restart:
      fault.length = random.between(50ms, 500ms);
      break;
    default:
      break;
  }
  return fault;
}

Duration draw_timeout(Random& random) {
  switch (random.below(8)) {
    case 0:
      return random.between(5ms, 60ms);
    case 1:
    case 2:
      return random.between(60ms, 1s);
    case 3:
      return random.between(14s, 16s);
    default:
      return random.between(1s, 6s);
  }
}

// Mean time of one execution: from far below a message's delay to far above it.
Duration draw_service(Random& random) {
  constexpr std::array<Duration, 4> kMeans{50us, 400us, 4ms, 25ms};
  return kMeans[random.below(kMeans.size())];
}

Question draw_question(Random& random, Duration at, Duration service) {
  Question question;
  question.at = at;
  question.shard = random.below(kShards);
  question.timeout = draw_timeout(random);
  question.bytes = 1 + random.below(100);
  question.service = random.between(service / 2, service * 2);
  question.bad = random.chance(2);
  question.fingerprint = random.next() | 1;
  if (random.chance(5)) {
    question.gone_at = at + random.between(100us, 500ms);
  }
  return question;
}

void add_poison(Random& random, std::vector<Question>& questions) {
  const std::size_t count = random.below(3);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Question& question = questions[random.below(questions.size())];
    if (question.at > 22s) {
      continue;
    }
    question.poison = true;
    question.bad = false;
    question.gone_at.reset();
    question.timeout = random.between(4s, 8s);
    // Sometimes a client insists: the very same request again.
    if (last != 0 && random.chance(60)) {
      question.fingerprint = last;
    }
    last = question.fingerprint;
  }
}

// Every other plan has two versions. Drawn by numbers of their own: the rest of a plan is the same
// with one version and with two.
void add_versions(Plan& plan) {
  plan.versions = plan.seed % 2 == 1;
  if (!plan.versions) {
    return;
  }
  Random random(plan.seed ^ 0x7E2510);
  for (std::uint64_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    Fault fault{.kind = FaultKind::routes};
    fault.at = random.between(1s, 20s);
    fault.length = random.between(200ms, 3s);
    fault.snapshot = draw_snapshot(random);
    plan.faults.push_back(fault);
  }
  for (Question& question : plan.questions) {
    if (random.chance(20)) {
      question.version = random.chance(50) ? 1 : 2;
    }
  }
}

// Half of the plans have levels, with two versions and without. Numbers of their own here too.
void add_levels(Plan& plan) {
  if (plan.seed % 4 > 1) {
    return;
  }
  Random random(plan.seed ^ 0x9217);
  for (std::uint64_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    Level level;
    level.most = random.chance(50) ? 1 + random.below(20) : 0;
    level.wait = random.chance(60) ? random.between(2ms, 400ms) : 0ms;
    level.delays = random.chance(50);
    level.takes_wish = random.chance(50);
    plan.levels.push_back(level);
  }
  plan.default_level = 1 + random.below(plan.levels.size());
  for (Question& question : plan.questions) {
    question.priority = static_cast<std::uint32_t>(random.below(plan.levels.size() + 2));
    if (random.chance(20)) {
      question.wish = random.between(1ms, 300ms);
    }
  }
}

}  // namespace

std::size_t level_of(const Plan& plan, const Question& question) {
  const std::size_t wish = question.priority;
  return wish == 0 || wish > plan.levels.size() ? plan.default_level : wish;
}

std::string name_of(FaultKind kind) {
  constexpr std::array<const char*, kFaultKinds> kNames{
      "drop", "delay", "death", "stall", "half_open", "gateway_restart", "drain", "slow", "routes"};
  return kNames[static_cast<std::size_t>(kind)];
}

Plan plan_of(std::uint64_t seed) {
  Random random(seed);
  Plan plan{.seed = seed};
  plan.executors = 1 + random.below(3);
  plan.queue_requests = 4 + random.below(40);
  plan.queue_bytes = 500 + random.below(4'000);
  // Three of the six that the promise is about, and perhaps one of the others.
  for (int i = 0; i < 3; ++i) {
    plan.faults.push_back(draw_fault(random, static_cast<FaultKind>(random.below(6))));
  }
  if (random.chance(50)) {
    plan.faults.push_back(
        draw_fault(random, random.chance(50) ? FaultKind::drain : FaultKind::slow));
  }
  const Duration service = draw_service(random);
  for (std::size_t i = 0; i < kSteady; ++i) {
    plan.questions.push_back(
        draw_question(random, random.between(100ms, kLength - 100ms), service));
  }
  // Each fault meets a burst, some of it shortly before and some while it lasts.
  for (const Fault& fault : plan.faults) {
    for (std::size_t burst = 0; burst < 2; ++burst) {
      const Duration at = fault.at + random.between(-20ms, burst == 0 ? 20ms : 700ms);
      for (std::size_t i = 0; i < kAfterFault; ++i) {
        plan.questions.push_back(draw_question(random, at + random.between(0ms, 4ms), service));
      }
    }
  }
  add_poison(random, plan.questions);
  add_versions(plan);
  add_levels(plan);
  std::ranges::stable_sort(plan.questions, {}, &Question::at);
  std::ranges::stable_sort(plan.faults, {}, &Fault::at);
  return plan;
}

}  // namespace sluice::sim
