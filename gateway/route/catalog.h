// Catalog: the models and versions a shard knows, as small indices, with what is known of each
// beside its links. Names come from workers and from control, never from clients; bounded by
// limits::kModelsPerShard and limits::kVersionsPerModel.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/route/messages.h"
#include "gateway/route/queue_rules.h"
#include "gateway/route/request_queue.h"

namespace sluice::gateway {

struct Version {
  std::int64_t number = 0;
  // What control says of it; nothing: it is not to be served (not named yet, or retired).
  std::optional<VersionState> declared = std::nullopt;
  std::string reason = {};
  int weight = 0;
  std::vector<std::string> workers = {};  // admitted ids
  std::int64_t turn = 0;                  // of the sharing by weight
  bool served = false;                    // an admitted worker of it has been here
  std::size_t links = 0;                  // attached
  std::size_t hopeful =
      0;                  // of those, neither held, draining nor replaced; suspected ones included
  std::size_t named = 0;  // requests alive that name it
  std::size_t in_flight = 0;  // requests outstanding on its links

  // Whether unversioned requests may go to it.
  [[nodiscard]] bool takes_any() const {
    return weight > 0 && declared && *declared != VersionState::draining;
  }
};

struct Model {
  Model(std::string name_in, std::size_t queue_count, std::size_t queue_bytes)
      : name(std::move(name_in)), queue(queue_count, queue_bytes) {}

  std::string name;
  std::vector<Version> versions;
  bool expected = false;       // unversioned requests wait even while no version is named
  QueueRules rules = {};       // of requests that come from now on
  bool shares = false;         // more than one version takes unversioned requests
  std::vector<LinkKey> links;  // attached, of all versions
  RequestQueue queue;
  LinkKey reserved = kNone;  // the link kept free of other work for a suspect

  [[nodiscard]] const Version* find(std::int64_t number) const;
};

class Catalog {
 public:
  Catalog(std::size_t queue_count, std::size_t queue_bytes)
      : queue_count_(queue_count), queue_bytes_(queue_bytes) {}

  // kNone when unknown.
  [[nodiscard]] std::uint32_t find(std::string_view model) const;
  // The known or a new one; kNone when there is no room.
  std::uint32_t intern(std::string_view model);
  // Index into Model::versions, the known or a new one; kNone when there is no room.
  static std::uint32_t intern_version(Model& model, std::int64_t number);

  [[nodiscard]] Model& at(std::uint32_t index) { return models_[index]; }
  [[nodiscard]] const Model& at(std::uint32_t index) const { return models_[index]; }
  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(models_.size());
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::size_t queue_count_;
  std::size_t queue_bytes_;
  std::vector<Model> models_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> indices_;
};

// Where a new request may go, before any worker is looked at: its version's index (kNone: any), or
// why it cannot be served: not_found, unavailable.
Result<std::uint32_t> resolve(const Model& model, std::optional<std::int64_t> version);

// Why an accepted request of that version (kNone: any) cannot be served any more; nothing: a worker
// is attached, or one is expected.
std::optional<Error> hopeless(const Model& model, std::uint32_t version);

}  // namespace sluice::gateway
