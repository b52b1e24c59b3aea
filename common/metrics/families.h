// Every metric of the gateway: name, help, kind and labels, in one list. Operators build on these:
// renaming one is a breaking change. Label values come from small closed sets or from the models
// that are served, never from what a client sent (an unknown model is counted with model="").

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::metrics {

enum class Kind : std::uint8_t { counter, gauge, histogram };

inline constexpr std::size_t kMaxLabels = 4;

struct Family {
  std::string_view name;
  std::string_view help;
  Kind kind = Kind::counter;
  std::array<std::string_view, kMaxLabels> labels{};  // unused ones are empty, at the end
};

// One terminal answer each. protocol: an adapter's name ("kserve_v2"); code: "ok" or the name of an
// ErrorCode.
inline constexpr Family kRequestsTotal{"sluice_requests_total",
                                       "Inference requests answered.",
                                       Kind::counter,
                                       {"model", "version", "protocol", "code"}};

// kind: what went wrong and was counted, whether or not a client saw it ("late_reply",
// "queue_full", "quarantined", ...).
inline constexpr Family kErrorsTotal{
    "sluice_errors_total", "Things that went wrong, by kind.", Kind::counter, {"kind"}};

inline constexpr Family kQueueDepth{"sluice_queue_depth",
                                    "Requests waiting in the gateway for a worker.",
                                    Kind::gauge,
                                    {"model", "version"}};

inline constexpr Family kInFlight{"sluice_in_flight",
                                  "Requests handed to workers and not yet answered.",
                                  Kind::gauge,
                                  {"model", "version"}};

// state: a state of a worker as `sluice status` shows it.
inline constexpr Family kWorkerState{
    "sluice_worker_state", "Workers in each state.", Kind::gauge, {"model", "version", "state"}};

inline constexpr Family kWorkerRestartsTotal{"sluice_worker_restarts_total",
                                             "Workers started again after a death.",
                                             Kind::counter,
                                             {"model", "version"}};

// phase: one of kPhases.
inline constexpr Family kRequestSeconds{"sluice_request_seconds",
                                        "Time of a request in each phase, in seconds.",
                                        Kind::histogram,
                                        {"model", "version", "phase"}};

// parse: last byte received until it is an internal request. queue: in the gateway. wait: handed to
// the worker until its execution began. compute: the engine call. reply: result received until the
// answer's first byte was written.
inline constexpr std::array<std::string_view, 5> kPhases{
    "parse", "queue", "wait", "compute", "reply"};

}  // namespace sluice::metrics
