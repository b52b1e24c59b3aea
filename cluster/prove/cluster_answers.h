// What a cluster's admin paths answer, as far as prove-swap needs it. Pure. Safe on whatever a
// server answers. The paths: docs/protocols/admin.md.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"

namespace sluice::cluster {

struct RolloutLook {
  enum class Stage : std::uint8_t {
    none,     // there was no rollout yet
    before,   // nothing is switched yet
    between,  // some requests may be answered by either
    done,     // the new one alone
    back,     // ended, with the old one
  };
  Stage stage = Stage::none;
  std::string phase{};  // in the server's words
  std::string reason{};
  std::string by{};  // "operator", "policy"
  std::uint64_t id = 0;
  std::vector<std::int64_t> from{};
  std::vector<std::int64_t> to{};

  [[nodiscard]] bool under_way() const noexcept {
    return stage == Stage::before || stage == Stage::between;
  }
};

struct ModelState {
  std::vector<std::int64_t> versions{};            // in the repository, ascending
  std::optional<std::int64_t> served{};            // takes the requests that name no version
  std::optional<std::vector<std::int64_t>> pin{};  // absent: the policy decides
  bool rolling = false;                            // a rollout is under way
  RolloutLook rollout{};                           // the last one
  std::vector<std::int64_t> serving{};             // also those that are only asked by name
  std::vector<std::int64_t> draining{};            // versions on their way out
  std::string trouble{};                           // why nothing is served, where that is known
};

// Of GET /sluice/models; not_found when `model` is not there.
Result<ModelState> read_model(std::string_view json, const std::string& model);

// The version to swap with: of the others the highest. invalid_argument when there is none,
// unavailable when nothing is served or a rollout is under way.
Result<std::int64_t> other_version(const ModelState& state, const std::string& model);

// Of a rollout's JSON, as POST and GET answer it.
Result<RolloutLook> read_rollout(std::string_view json);

// Process ids of workers in GET /sluice/status.
Result<std::vector<pid_t>> read_worker_pids(std::string_view json);

}  // namespace sluice::cluster
