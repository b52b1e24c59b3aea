// Every bound of the system in one place, with unit and reason. Reaching one is a normal answer
// (resource_exhausted or invalid_argument), counted and tested. Configurable ones are defaults.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

// --- HTTP ------------------------------------------------------------------------------------
inline constexpr std::size_t kHttpHeadBytes = 32 * kKiB;
inline constexpr std::size_t kHttpRequestLineBytes = 8 * kKiB;  // as nginx
inline constexpr std::size_t kHttpHeaderCount = 100;
inline constexpr auto kHttpHeadTime = 10s;    // first byte of a request to the end of its head
inline constexpr auto kHttpBodyStall = 30s;   // without progress of the body
inline constexpr auto kHttpWriteStall = 30s;  // without progress of an answer
inline constexpr auto kHttpIdleTime = 120s;   // without a request; nginx closes after 75 s
inline constexpr std::size_t kHttpBodyBytes = 256 * kMiB;
inline constexpr std::size_t kBufferedBodyBytes = 2 * kGiB;  // all connections of a shard together
inline constexpr std::size_t kPipelinedRequests = 16;
inline constexpr std::size_t kChunkCount = 65'536;        // non-empty chunks of one body, as Triton
inline constexpr std::size_t kChunkLineBytes = 1 * kKiB;  // size and extensions of a chunk
inline constexpr std::size_t kChunkExtensionBytes = 16 * kKiB;  // of all chunks of a body
inline constexpr std::size_t kTrailerBytes = 8 * kKiB;          // read and thrown away
inline constexpr std::size_t kConnectionsPerShard = 10'000;
// Of a streamed answer, not taken by its client yet; then the connection is cut.
inline constexpr std::size_t kStreamBacklog = 256 * kKiB;
// After an early refusal: what is still read and thrown away, so that the client sees the answer.
inline constexpr auto kLingerTime = 1s;
inline constexpr std::size_t kLingerBytes = 1 * kMiB;

// --- requests ----------------------------------------------------------------------------------
inline constexpr std::size_t kTensorsPerRequest = 1'024;
inline constexpr std::size_t kTensorRank = 32;
inline constexpr std::size_t kNameBytes = 1'024;  // of a model, tensor or request id
inline constexpr std::size_t kJsonDepth = 100;    // as Triton
inline constexpr std::size_t kClassificationElements = 1'000'000;  // of one output, as Triton
inline constexpr auto kDefaultDeadline = 30s;
inline constexpr auto kMaxDeadline = 24h;
inline constexpr auto kKeepAwake = 300us;  // from a lone request on: longer than a quick one takes

// --- the worker link ---------------------------------------------------------------------------
inline constexpr std::size_t kLinkFrames = 64;  // of one message; small tensors share one
inline constexpr std::size_t kSmallTensorBytes = 8 * kKiB;
inline constexpr std::size_t kBundleBytes = 64 * kKiB;  // of several small messages in one frame
inline constexpr std::size_t kDescriptionBytes = 4 * kMiB;  // frame 1 of the data plane
inline constexpr std::size_t kControlMessageBytes = 1 * kMiB;
inline constexpr std::int64_t kLinkMessageBytes = 512 * static_cast<std::int64_t>(kMiB);
inline constexpr auto kHeartbeatOnHost = 250ms;
inline constexpr auto kHeartbeatBetweenHosts = 1s;
inline constexpr auto kHeartbeatLeast = 1ms;  // of what a welcome may ask for
inline constexpr auto kHeartbeatMost = 60s;
inline constexpr int kMissedHeartbeats = 3;  // then the link is closed and opened anew
inline constexpr std::size_t kIpcPathBytes = 107;
inline constexpr std::size_t kFailureDetailBytes = 4 * kKiB;  // of an error's sentence; then cut
inline constexpr std::size_t kWorkerIdBytes = 128;            // of a worker's or node's id
inline constexpr std::size_t kShards = 256;         // the shard is a request id's top byte
inline constexpr std::size_t kModelNameBytes = 64;  // of a served model
inline constexpr std::size_t kNodeIdBytes = 40;     // with model and version it fits a worker's id
inline constexpr std::size_t kWorkersPerNode = 1'024;
// What a worker takes besides its model, most of it libraries: `sluice status` of a small one.
inline constexpr std::size_t kWorkerBytes = 40 * kMiB;
inline constexpr std::size_t kMeasuredBuilds = 4'096;  // whose memory a node remembers
inline constexpr std::size_t kExecutorsPerWorker = 256;
inline constexpr std::size_t kWorkerQueueRequests =
    1'024;  // waiting in a worker: credit is far less

// --- models on disk, as nodes and control speak of them ------------------------------------------
inline constexpr std::size_t kModelsPerNode = 1'024;         // reported; more is a problem, told
inline constexpr std::size_t kConfigNoteBytes = 512;         // of one note; longer ones are cut
inline constexpr std::size_t kRolloutSteps = 100;            // whole percents
inline constexpr std::size_t kStampBytes = 16;               // of a version's stamp
inline constexpr std::size_t kConfigJsonBytes = 256 * kKiB;  // of one model's configuration
// All models of a node, and all that it is assigned: 1,024 with 8 KiB of configuration each.
inline constexpr std::size_t kRepositoryBytes = 8 * kMiB;
inline constexpr std::size_t kAssignmentBytes = 8 * kMiB;
inline constexpr std::size_t kServingPlanBytes = 1 * kMiB;  // what one worker is told at its start
inline constexpr std::size_t kPreferredBatchSizes = 64;
// Of the label files of a version's outputs: names of 20,000 classes; a plan and a hello hold them
// beside what else they may say.
inline constexpr std::size_t kClassLabelBytes = 512 * kKiB;
inline constexpr std::size_t kPathBytes = 4'096;  // PATH_MAX of Linux

// --- queue, retry, quarantine --------------------------------------------------------------------
inline constexpr std::size_t kQueueRequests = 512;  // per model and shard
inline constexpr std::size_t kQueueBytes = 512 * kMiB;
inline constexpr std::size_t kRequestsPerShard = 65'536;  // accepted and not yet answered
inline constexpr std::size_t kLinksPerShard = 1'024;      // workers attached to one shard
inline constexpr std::size_t kModelsPerShard = 4'096;     // names known from workers and control
inline constexpr std::size_t kVersionsPerModel = 64;
inline constexpr int kRetriesAfterDeath = 2;  // of a request that was running at a proven death
inline constexpr double kSuspicionRetryShare = 0.10;
inline constexpr int kSuspicionRetryFloor = 10;
inline constexpr std::size_t kQuarantineEntries = 1'024;
inline constexpr auto kQuarantineTime = 10min;  // then the same request may be tried again

// --- versions of models
// ---------------------------------------------------------------------------
// Of a rollout: for a node that serves the old version and has not got the new one.
inline constexpr auto kNodeWithoutVersion = 60s;
inline constexpr auto kSilentNode = 1h;  // then what it had is forgotten, if no worker of it lives
inline constexpr auto kLookTime = 10s;  // an operator's command waits for nodes to read their disks
inline constexpr std::size_t kWaitingCommands = 256;  // of operators, not answered yet
inline constexpr std::size_t kFleetEvents = 4'096;    // not taken yet; then the oldest is dropped
// Server errors of a new version beside the old one: with fewer answers nothing is said; with this
// many errors a share that is higher by so much, and twice as high, rolls back.
inline constexpr std::uint64_t kGuardAnswers = 50;
inline constexpr std::uint64_t kGuardErrors = 5;
inline constexpr double kGuardErrorShare = 0.02;

// --- processes -----------------------------------------------------------------------------------
inline constexpr auto kDrainTime = 30s;
inline constexpr auto kByeTime = 1s;   // a draining worker waits this long for the gateway's bye
inline constexpr auto kGoodLife = 1s;  // ready for this long: restart at once
inline constexpr auto kBackoffFirst = 1s;  // doubles
inline constexpr auto kBackoffLast = 32s;
inline constexpr std::size_t kConfigBytes = 1 * kMiB;        // of the configuration file
inline constexpr std::size_t kStatusReplyBytes = 16 * kMiB;  // what `sluice status` reads
inline constexpr std::size_t kReasonBytes = 1 * kKiB;        // of a worker's last words
inline constexpr double kWorkerLinesPerSecond = 100;  // of a worker's stderr that are passed on
inline constexpr double kWorkerLinesBurst = 1'000;
inline constexpr auto kKeptDeaths = 5s;  // told again to a gateway that attaches the node meanwhile
inline constexpr std::size_t kChildLineBytes = 4 * kKiB;  // longer lines of a child are cut
inline constexpr int kEarlyDeaths = 5;  // in a row without once being ready: the version failed

inline constexpr std::size_t kEventStreams = 64;  // clients that follow events, of one gateway
inline constexpr auto kEventBeat = 15s;  // a sign of life to each, so that who is gone is noticed
inline constexpr std::size_t kAdminBodyBytes = 1 * kMiB;  // of an operator's call
inline constexpr auto kRolloutWait = 30 * 24h;            // a hold or a warm old version, at most

// --- prove-swap ----------------------------------------------------------------------------------
inline constexpr std::size_t kProveConnections = 1'024;
inline constexpr std::size_t kProveSwaps = 10'000;    // three histograms each
inline constexpr std::size_t kProveSeconds = 86'400;  // of its record by seconds

// --- log and metrics -----------------------------------------------------------------------------
inline constexpr std::size_t kLogLineBytes = 2 * kKiB;  // below PIPE_BUF: one line is one write
inline constexpr std::size_t kLogValueBytes = 512;      // of one text value, before its quotes
inline constexpr std::size_t kLogQueueLines = 1'024;    // then the oldest is dropped
inline constexpr std::size_t kMetricSeries = 4'096;     // of one writer; more share one "other"
inline constexpr std::size_t kMetricLabelBytes = 256;   // of one label's value
// Of a configuration: they stand in every line of its model.
inline constexpr std::size_t kMetricTags = 16;
inline constexpr std::size_t kMetricTagKeyBytes = 64;

// --- actors
// ----------------------------------------------------------------------------------------
inline constexpr int kMailboxDrain = 256;  // messages a loop takes from one mailbox in one turn
inline constexpr int kSocketDrain = 256;   // the same for a socket to another process

// --- the model repository ------------------------------------------------------------------------
inline constexpr std::size_t kModelConfigBytes = 1 * kMiB;  // of a config.pbtxt or model list
inline constexpr std::size_t kModelConfigDepth = 32;        // nested messages; the schema needs 6
inline constexpr std::size_t kModelsPerRepository = 4'096;  // as kModelsPerShard
inline constexpr std::size_t kVersionsOnDisk = 1'024;       // of one model, served or not
inline constexpr std::size_t kFolderEntries = 10'000;       // of a root, a model, or a version
inline constexpr std::size_t kFolderDepth = 8;              // below a version
inline constexpr std::size_t kFileNameBytes = 255;          // that a configuration may give
inline constexpr std::size_t kWatchedFolders = 8'192;       // then it polls; Linux grants as many
inline constexpr auto kSettleTime = 1s;          // without change, then a version is acted on
inline constexpr auto kScanPause = 200ms;        // between two looks at a repository that changes
inline constexpr auto kFirstLook = 2s;           // then a node tells what has settled until then
inline constexpr auto kLookAnswer = 10s;         // the same of a look that it is asked for
inline constexpr auto kPollInterval = 5s;        // where changes are not told
inline constexpr std::size_t kConfigNotes = 64;  // of one model
inline constexpr std::size_t kLabelsPerModel = 64;
inline constexpr std::size_t kPriorityLevels = 64;
inline constexpr std::size_t kReplicas = 64;         // worker processes of one version
inline constexpr std::size_t kWarmUps = 64;          // samples of one model
inline constexpr std::uint32_t kWarmUpRuns = 1'000;  // of one sample
// Of one run of a model that is not ready yet: longer is stuck. A CPU's other work does not count.
inline constexpr auto kFirstRunTime = 60s;
inline constexpr std::size_t kKnownAnswers = 16;  // recorded sets that a worker compares, the first
inline constexpr std::size_t kJoinedRequests = 64;  // of one run
inline constexpr std::size_t kSuspects = 4'096;     // that a node reads after a worker's death

// --- models --------------------------------------------------------------------------------------
inline constexpr int kModelDepth = 64;  // nested messages on the way to a tensor (4 a subgraph)
inline constexpr std::size_t kModelNodes = 1'000'000;
inline constexpr std::size_t kInlineModelBytes = 2 * kGiB;  // protobuf's own; larger: external data
inline constexpr std::size_t kBoundShapes = 32;             // of one execution; least recent goes
inline constexpr std::size_t kUncheckedBytes = 64 * kMiB;   // larger: held against what is free
inline constexpr std::size_t kArenaBytes = 16 * kGiB;       // intermediate results of one run
inline constexpr std::size_t kFoldedBytes = 64 * kMiB;      // a constant made by expanding others

}  // namespace sluice::limits
