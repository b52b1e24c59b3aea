// ModelTable: what one shard knows of models: their inputs and outputs from the workers that
// attached to it, their states from control. Pure.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/link/infer.h"
#include "gateway/control/messages.h"
#include "gateway/protocol/adapters.h"

namespace sluice::gateway {

class ModelTable {
 public:
  // A worker of this version attached. Its description is kept when the worker is gone, so that a
  // request can be checked at the door while the next life is loading. What a held worker says
  // counts until an admitted one has spoken, and makes no version known by itself. `config`: the
  // configuration it serves by, as JSON; empty: it has not said.
  void learn(const ModelInfo& info, bool admitted = true, std::string_view config = {});
  // Whether the latest view gives work to this worker of that model and version.
  [[nodiscard]] bool admits(const ModelInfo& info, const std::string& worker_id) const;

  // Control's latest truth; versions that it no longer names are forgotten.
  void update(const ClusterView& view);

  enum class Standing : std::uint8_t {
    ready,
    expected,  // configured or loading
    failed,
    unknown,  // not there, or not for new requests: draining
  };

  // Of the named version, or of the best version of the model; a version without a weight is not
  // ready for requests that name none.
  [[nodiscard]] Standing standing(const ModelRef& target) const;
  [[nodiscard]] std::string failure(const ModelRef& target) const;
  // A sentence for callers about a target whose standing is not ready, or about the server: the
  // state and, of what has failed, the reason.
  [[nodiscard]] std::string why_not_ready(const ModelRef& target) const;
  [[nodiscard]] std::string why_not_ready() const;

  // The description of the named version, or of the ready one with the highest weight, or of the
  // newest known one; null when there is none. Valid until the next learn or update.
  [[nodiscard]] const ModelInfo* find(const ModelRef& target) const;

  // Ascending.
  [[nodiscard]] std::vector<std::int64_t> ready_versions(std::string_view model) const;

  // The version that a target's label leads to; not_found with the labels that there are.
  [[nodiscard]] Result<std::int64_t> labelled(const ModelRef& target) const;
  // The model's configuration as JSON, completed by what a worker of the version that find() means
  // has said; empty: none is known.
  [[nodiscard]] std::string config(const ModelRef& target) const;

  [[nodiscard]] bool server_ready() const { return view_.ready; }
  [[nodiscard]] const ClusterView& view() const { return view_; }

 private:
  struct Version {
    ModelInfo info;      // no inputs and outputs until a worker attached
    std::string config;  // as a worker has told it
    bool described = false;
    bool by_admitted = false;               // described by an admitted worker
    Standing standing = Standing::unknown;  // until a view names it
    std::string reason;
    int weight = 0;
  };
  using Versions = std::map<std::int64_t, Version>;

  [[nodiscard]] const Version* described(const ModelRef& target) const;
  [[nodiscard]] const Versions* versions_of(std::string_view model) const;
  [[nodiscard]] const ModelSetup* setup_of(std::string_view model) const;

  std::map<std::string, Versions, std::less<>> models_;
  ClusterView view_;
};

}  // namespace sluice::gateway
