// ShardAcks: what the shards have acknowledged of the snapshots they were sent. Pure.

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::gateway {

class ShardAcks {
 public:
  explicit ShardAcks(std::size_t shards) : applied_(shards, 0) {}

  // Returns the latest snapshot that every shard has applied, when that has changed.
  std::optional<std::uint64_t> on_applied(int shard, std::uint64_t number) {
    const std::uint64_t before = applied_by_all();
    std::uint64_t& applied = applied_[static_cast<std::size_t>(shard)];
    applied = std::max(applied, number);
    const std::uint64_t after = applied_by_all();
    return after == before ? std::nullopt : std::optional(after);
  }

  // Returns the earliest of the snapshots in which each shard has found the version quiet, once
  // all have.
  std::optional<std::uint64_t> on_quiet(const std::string& model,
                                        std::int64_t version,
                                        int shard,
                                        std::uint64_t number) {
    auto& quiet = quiet_[{model, version}];
    quiet.resize(applied_.size(), 0);
    quiet[static_cast<std::size_t>(shard)] = number;
    const std::uint64_t earliest = *std::ranges::min_element(quiet);
    return earliest == 0 ? std::nullopt : std::optional(earliest);
  }

  // Nothing drains the version any more.
  void forget(const std::string& model, std::int64_t version) { quiet_.erase({model, version}); }

  [[nodiscard]] std::uint64_t applied_by_all() const { return *std::ranges::min_element(applied_); }
  [[nodiscard]] int count_of(std::uint64_t number) const {
    return static_cast<int>(std::ranges::count_if(
        applied_, [number](std::uint64_t applied) { return applied >= number; }));
  }

 private:
  std::vector<std::uint64_t> applied_;  // by shard
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::uint64_t>> quiet_;
};

}  // namespace sluice::gateway
