#include "gateway/control/deployment_unit.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

using link::WorkerState;

// How far a worker has come on its way to ready.
int rank(WorkerState state) {
  switch (state) {
    case WorkerState::loading:
      return 1;
    case WorkerState::warming:
      return 2;
    case WorkerState::probing:
      return 3;
    case WorkerState::ready:
      return 4;
    default:
      return 0;
  }
}

// FNV-1a, in hexadecimal.
std::string digest(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  std::array<char, 16> digits{};
  digits.fill('0');
  std::array<char, 16> written{};
  const char* end = std::to_chars(written.data(), written.data() + written.size(), hash, 16).ptr;
  const auto count = static_cast<std::size_t>(end - written.data());
  return std::string(digits.data(), digits.size() - count) + std::string(written.data(), count);
}

constexpr std::size_t kTagCharacters = 6;
constexpr std::size_t kReplicaCharacters = 5;  // "/1023"

}  // namespace

UnitState state_of(const Unit& unit, const FactsById& facts, const std::set<std::string>& leaving) {
  UnitState state;
  std::string trouble;
  for (const auto& [id, place] : unit.workers) {
    ++state.wanted;
    const auto found = facts.find(id);
    if (found == facts.end() || leaving.contains(id)) {
      continue;
    }
    const WorkerFact& worker = found->second;
    ++state.present;
    if (worker.state == WorkerState::failed) {
      ++state.failed;
      if (state.reason.empty()) {
        state.reason = worker.reason;
      }
    } else if (!worker.reason.empty()) {
      trouble = worker.reason;
    }
    if (worker.state == WorkerState::ready && worker.met_by_all) {
      ++state.ready;
    }
    if (rank(worker.state) > rank(state.furthest)) {
      state.furthest = worker.state;
    }
  }
  if (state.failed == 0) {
    state.reason = std::move(trouble);
  } else if (state.reason.empty()) {
    state.reason = "its worker failed without saying why";
  }
  return state;
}

std::string build_name(const std::string& node,
                       const std::string& model,
                       std::int64_t version,
                       const std::string& stamp,
                       const std::string& config) {
  const std::string tag = config.empty() ? stamp : digest(stamp + "\n" + config);
  const std::string tail = "/" + std::to_string(version) + "." + tag.substr(0, kTagCharacters);
  const std::string name = node + "/" + model + tail;
  const std::size_t room = limits::kWorkerIdBytes - kReplicaCharacters;
  if (name.size() <= room) {
    return name;
  }
  const std::string mark = "~" + digest(model).substr(0, 8);
  const std::size_t cut = node.size() + 1 + mark.size() + tail.size();
  return node + "/" + model.substr(0, room > cut ? room - cut : 0) + mark + tail;
}

std::string named(std::int64_t version) {
  return "version " + std::to_string(version);
}

std::set<std::string> builds_of(const Workers& workers) {
  std::set<std::string> builds;
  for (const auto& [id, place] : workers) {
    builds.insert(place.build);
  }
  return builds;
}

bool differs(const Workers& is, const Workers& should) {
  std::map<std::string_view, std::string_view> builds;  // a node has one of them
  for (const auto& [id, place] : should) {
    builds.emplace(place.node, place.build);
  }
  return std::ranges::any_of(is, [&](const auto& entry) {
    const Place& place = entry.second;
    const auto other = builds.find(place.node);
    return !place.node.empty() && other != builds.end() && other->second != place.build;
  });
}

}  // namespace sluice::gateway
