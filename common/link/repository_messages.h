// What a node has on its disk and what it shall run: the control messages of model versions. Plain
// structs; their MessagePack maps are written and read beside those of control_messages.h, under
// the same rules. Who says what when: docs/protocols/link.md.
//
// The node says what there is (Repository), control says what shall live (Assignment), the node
// makes it so and says how it stands (NodeReport). Each is the whole truth, replacing the one
// before: a lost message costs a moment, never a disagreement.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/message.h"

namespace sluice::link {

// Which versions of a model are wanted, of those that are there.
struct VersionPolicy {
  enum class Kind : std::uint8_t { latest = 0, all = 1, specific = 2 };
  Kind kind = Kind::latest;
  std::uint32_t count = 1;               // latest: that many of the highest numbers
  std::vector<std::int64_t> versions{};  // specific

  friend bool operator==(const VersionPolicy&, const VersionPolicy&) = default;
};

// How requests of one priority wait.
struct QueuePolicy {
  std::uint32_t max_queue_size = 0;     // requests; 0: the server's own bound alone
  Duration default_timeout{};           // of waiting; 0: none
  bool delay_on_timeout = false;        // true: behind all others instead of refused
  bool allow_timeout_override = false;  // a request may ask for less

  friend bool operator==(const QueuePolicy&, const QueuePolicy&) = default;
};

enum class Strategy : std::uint8_t { rolling = 0, blue_green = 1, recreate = 2 };

// What the gateway needs of a model's configuration.
struct ModelSettings {
  VersionPolicy policy{};
  std::map<std::string, std::int64_t> labels{};
  std::uint32_t replicas = 1;  // worker processes of each version on each node that has it
  Strategy strategy = Strategy::rolling;
  // Of a rollout that does not say them itself:
  std::vector<std::uint64_t> steps{};  // percent of the requests, rising, the last 100; empty: one
  Duration hold{};                     // at each step but the last
  std::optional<Duration> keep_old{};  // warm after the switch; absent: the strategy's
  std::uint32_t priority_levels = 0;
  std::uint32_t default_priority = 0;
  QueuePolicy queue{};  // of priorities without one of their own
  std::map<std::uint32_t, QueuePolicy> priorities{};
  std::map<std::string, std::string> metric_tags{};  // labels of its metrics, by their keys
  std::string json{};  // the configuration as KServe v2 shows it, not completed from the model
  // Another whenever anything of it that acts in a worker is another; empty: not said.
  std::string worker_part{};

  friend bool operator==(const ModelSettings&, const ModelSettings&) = default;
};

// One version in a node's repository. `stamp` changes whenever anything that a worker of it would
// read has changed: files of the version, or its configuration.
struct VersionFound {
  std::int64_t number = 0;
  std::string stamp{};      // at most 16 characters of [0-9a-f]
  std::uint64_t bytes = 0;  // of its files

  friend bool operator==(const VersionFound&, const VersionFound&) = default;
};

struct ModelFound {
  std::string name{};                // required
  std::string problem{};             // not empty: it cannot be used, and why; no versions then
  std::vector<std::string> notes{};  // of the configuration: what is set but has no effect
  ModelSettings settings{};
  std::vector<VersionFound> versions{};  // ascending

  friend bool operator==(const ModelFound&, const ModelFound&) = default;
};

// Node → control after its welcome and whenever something settled differently: all of it. A model
// that is missing is no longer there.
struct Repository {
  std::uint64_t sequence = 0;  // from 1 for each attach
  std::uint64_t looked = 0;    // the sequence of the latest Look that this answers; 0: none
  std::string problem{};       // why the disk cannot be read: `models` is what was known before
  std::vector<ModelFound> models{};

  friend bool operator==(const Repository&, const Repository&) = default;
};

// Control → node: read the repository again now, whether or not anything seems to have changed.
// Answered by a Repository with this sequence in `looked`.
struct Look {
  std::uint64_t sequence = 0;

  friend bool operator==(const Look&, const Look&) = default;
};

// The build that a worker id names: all but its last part, the replica.
inline std::string build_of(std::string_view worker_id) {
  return std::string(worker_id.substr(0, worker_id.rfind('/')));
}

// A worker that shall live. Its id is the same over restarts and names node, model, version, stamp
// and replica: "host/digits/2.a1b2c3/0".
struct AssignedWorker {
  std::string worker_id{};  // required
  std::string model{};      // required
  std::int64_t version = 0;
  std::string stamp{};   // of the VersionFound that is meant; the node refuses another
  std::string config{};  // JSON that replaces the configuration on disk; empty: none
  // Of the CPUs: it is number `share` of `shares` that divide the node between them. shares 0: not
  // said, it may have them all. A change of these restarts nobody.
  std::uint32_t share = 0;
  std::uint32_t shares = 0;

  friend bool operator==(const AssignedWorker&, const AssignedWorker&) = default;
};

// Control → node after its Repository, at every change, and again when a report shows that it was
// lost: all workers that shall live. One that is missing drains and ends.
struct Assignment {
  std::uint64_t sequence = 0;  // from 1 for each attach
  std::vector<AssignedWorker> workers{};

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// As messages of their kinds. A repository is to be made to fit first.
Message encode(const Repository& message);
Message encode(const Look& message);
Message encode(const Assignment& message);

Result<Repository> decode_repository(const Body& body);
Result<Look> decode_look(const Body& body);
Result<Assignment> decode_assignment(const Body& body);

// Keeps it within what the peer accepts, so that one model never hides the others: what is too much
// of a model (versions, labels, priorities, configuration, a name) becomes its problem, notes are
// cut, and so are models beyond limits::kModelsPerNode or limits::kRepositoryBytes, of which the
// last that is left tells.
void fit(Repository& message);

}  // namespace sluice::link
