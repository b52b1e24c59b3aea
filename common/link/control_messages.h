// The control plane of the worker link: plain structs and their MessagePack maps (frame 1). Pure.
//
// Decoding runs under unpack limits (depth, counts, bytes) and never throws: a map that cannot be
// read is data_corrupt, naming the key. Unknown keys are ignored and missing ones keep the default
// below unless marked required, so that fields may be added without a new protocol version.
// Who says what when: docs/protocols/link.md.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "common/link/message.h"

namespace sluice::link {

// Of a worker process. On the wire: append only, never renumber; unknown numbers read as `unknown`.
enum class WorkerState : std::uint8_t {
  unknown = 0,
  starting = 1,     // the process was spawned and has not spoken yet
  loading = 2,      // reading and packing the model
  warming = 3,      // running it with configured samples or made-up inputs
  ready = 4,        // takes requests
  draining = 5,     // finishes what it has, takes nothing new
  backing_off = 6,  // dead; the node waits before it starts it again
  failed = 7,       // dead and not started again by itself; the reason says why
  ended = 8,        // left because it was told to
  probing = 9,      // after warming: being asked what its answer to is known, or must be finite
};
inline constexpr WorkerState kLastWorkerState = WorkerState::probing;

// "loading", "ready", ...: for status, metrics and logs.
std::string_view name_of(WorkerState state) noexcept;

// What the worker asked its model last, before it said ready.
enum class ProbeKind : std::uint8_t {
  none = 0,          // nothing yet, or nothing could be made up that the model takes
  generated = 1,     // made-up inputs: it answered
  known_answer = 2,  // recorded inputs: it answered as recorded
};

// What a worker found out about its version on the way to ready.
struct Findings {
  ProbeKind probe_kind = ProbeKind::none;
  bool probe_finite = true;             // no NaN and no infinity in the probe's answers
  std::uint64_t memory_bytes = 0;       // of the process when it became ready: its share (PSS)
  std::uint64_t memory_peak_bytes = 0;  // the most it was until then (peak RSS)

  friend bool operator==(const Findings&, const Findings&) = default;
};

// Worker → control when it starts; worker → shard when it is ready. The first message of a new
// socket, whose routing id is new as well.
struct Hello {
  std::string worker_id{};   // required; unique in the cluster and the same over restarts
  std::string node_id{};     // of the node that started it; empty: started by hand
  std::uint32_t pid = 0;     // a new one is a new life of the worker
  std::string boot_id{};     // this_boot_id(): equal ends share CLOCK_MONOTONIC
  std::uint64_t attach = 0;  // counts this worker's sockets: of two links of one life to one end,
                             // the higher is the living one
  WorkerState state = WorkerState::unknown;
  ModelInfo model{};  // name and version always; the rest once it is loaded (always to a shard)
  std::uint32_t executors = 1;
  std::uint32_t credit = 1;  // requests the shard may have outstanding on this worker
  Findings findings{};       // once it is ready
  // To a shard: the configuration that it serves by as JSON, completed from the model; empty: not
  // said.
  std::string config{};
  std::vector<OutputLabels> labels{};  // to a shard: of the outputs that have some
  std::uint64_t bundle_bytes = 0;      // to a shard: the largest bundle it accepts; 0: not said

  friend bool operator==(const Hello&, const Hello&) = default;
};

// Control → worker or node, shard → worker: the link is attached.
struct Welcome {
  std::string gateway_id{};  // required; new with every life of the gateway process
  std::string boot_id{};
  Duration heartbeat_interval{};               // required; of both directions of this link
  std::vector<std::string> shard_endpoints{};  // from control, to workers: dial each
  std::uint64_t bundle_bytes = 0;              // from a shard: as in Hello

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

// Both ways, every interval of the welcome. The gateway's carries the sequence alone.
struct Heartbeat {
  std::uint64_t sequence = 0;  // from 1 for each attach
  WorkerState state = WorkerState::unknown;
  std::uint32_t credit = 0;      // as in Header; 0: not said
  std::uint32_t queued = 0;      // waiting in the worker now
  std::uint32_t running = 0;     // executors at work now
  std::uint64_t progress = 0;    // executions begun plus ended: stands still with a stuck executor
  std::uint64_t executed = 0;    // engine runs that ended, well or not
  std::uint64_t requests = 0;    // requests in those runs: more, where some were joined
  std::uint64_t expired = 0;     // refused because their deadline had passed
  std::uint64_t cancelled = 0;   // dropped or stopped at the gateway's word
  std::uint64_t garbage = 0;     // messages that could not be used
  Duration service_time_mean{};  // of one engine run, moving; zero before the first

  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

// Worker → control: its state changed. To shards only `ready` workers speak, and `drain` ends that.
struct StateChange {
  WorkerState state = WorkerState::unknown;  // required
  std::string reason{};                      // of failed: one sentence
  ModelInfo model{};                         // complete from `warming` on
  Findings findings{};                       // with `ready`

  friend bool operator==(const StateChange&, const StateChange&) = default;
};

// Worker → control and shards: it takes nothing new and answers what it has. Control → worker: do
// so and then leave.
struct Drain {
  std::string reason{};

  friend bool operator==(const Drain&, const Drain&) = default;
};

// Shard → draining worker: every answer has arrived, go. Gateway → a peer it does not know (any
// message before a hello): attach anew. Worker → control and shards: it leaves now.
struct Bye {
  std::string reason{};

  friend bool operator==(const Bye&, const Bye&) = default;
};

// Node → control: the first message of a new socket. The answer is a Welcome.
struct NodeHello {
  std::string node_id{};  // required
  std::uint32_t pid = 0;
  std::string boot_id{};
  std::string host{};
  std::uint64_t attach = 0;

  friend bool operator==(const NodeHello&, const NodeHello&) = default;
};

// One worker as its node sees it.
struct WorkerReport {
  std::string worker_id{};  // required
  std::string model{};
  std::int64_t version = 0;
  std::string stamp{};    // as it was assigned; empty: not by an assignment
  std::uint32_t pid = 0;  // 0: no process now
  WorkerState state = WorkerState::unknown;
  std::uint32_t restarts = 0;      // since the node started
  std::uint32_t early_deaths = 0;  // in a row, without once being ready
  // Ends that its node had not asked for, since it was assigned: by SIGKILL, and in other ways.
  std::uint32_t kills = 0;
  std::uint32_t crashes = 0;
  std::string reason{};         // of the last death or of `failed`; empty: none
  Duration restart_in{};        // backing_off: until the next start
  std::uint32_t executors = 0;  // of its process, and threads of each; 0: no process
  std::uint32_t threads = 0;
  std::uint64_t memory = 0;  // bytes that it counts with against the node's limit; 0: none

  friend bool operator==(const WorkerReport&, const WorkerReport&) = default;
};

// Node → control after its welcome, on every change and at least once a heartbeat interval: all of
// its workers. A worker that is missing has left for good.
struct NodeReport {
  std::uint64_t sequence = 0;  // from 1 for each attach
  // Of the Assignment that it follows: a worker of that one, or of one before, which is not here
  // has no process and will get none. 0: none has come by this link.
  std::uint64_t assigned = 0;
  std::vector<WorkerReport> workers{};
  std::uint32_t cpus = 0;          // that its workers share; 0: not said
  std::uint64_t memory_limit = 0;  // bytes that its workers may take together; 0: not said

  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

// Node → control, as soon as the kernel says so: proof that this life of the worker is over.
struct WorkerDied {
  std::string worker_id{};  // required
  std::uint32_t pid = 0;    // of the life that ended: a hello of another pid is not meant
  std::string reason{};     // "killed by signal 9", "exit code 3: model.onnx: no such file"
  std::vector<RequestId> running{};  // what its executors were executing: the suspects
  bool killed = false;  // by SIGKILL: from outside or for want of memory, not by its own fault

  friend bool operator==(const WorkerDied&, const WorkerDied&) = default;
};

// The frame 1 of each kind, as a whole message: header of that kind and a body of one frame.
Message encode(const Hello& message);
Message encode(const Welcome& message);
Message encode(const Heartbeat& message);
Message encode(const StateChange& message);
Message encode(const Drain& message);
Message encode(const Bye& message);
Message encode(const NodeHello& message);
Message encode(const NodeReport& message);
Message encode(const WorkerDied& message);

// A cancel: all header, no body.
Message cancel_message(RequestId id, std::uint32_t attempt);

Result<Hello> decode_hello(const Body& body);
Result<Welcome> decode_welcome(const Body& body);
Result<Heartbeat> decode_heartbeat(const Body& body);
Result<StateChange> decode_state_change(const Body& body);
Result<Drain> decode_drain(const Body& body);
Result<Bye> decode_bye(const Body& body);
Result<NodeHello> decode_node_hello(const Body& body);
Result<NodeReport> decode_node_report(const Body& body);
Result<WorkerDied> decode_worker_died(const Body& body);

// Names the CLOCK_MONOTONIC of this process: the kernel's boot id and the time namespace. Opaque;
// empty when it cannot be read.
std::string this_boot_id();
// Whether two ends read the same clock, so that a header may carry the deadline as its reading.
bool same_clock(std::string_view boot_id, std::string_view other_boot_id) noexcept;

}  // namespace sluice::link
