// What became of every request: prove-swap's books. Pure; told what was sent and what came, and
// when.
//
// Each request that was sent ends in exactly one of: ok, an error by its status, wrong, lost.

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/prove/answer_parser.h"
#include "cluster/prove/histogram.h"
#include "cluster/prove/routes.h"
#include "common/base/time.h"

namespace sluice::cluster {

// What goes on while a request is scheduled. quiet_a and quiet_b: the two sets of the A/A control.
enum class WindowKind : std::uint8_t { other, quiet_a, quiet_b, swap };

struct Window {
  WindowKind kind = WindowKind::other;
  TimePoint start;
  Histogram latencies{};     // of ok answers, from the scheduled moment
  std::uint64_t failed = 0;  // everything that is not ok
};

// One second of the run.
struct Second {
  std::uint64_t sent = 0;
  std::uint64_t ok = 0;
  std::uint64_t failed = 0;
  Duration latency_max{};  // of ok answers, by the moment of the answer
};

struct Totals {
  std::uint64_t sent = 0;
  std::uint64_t ok = 0;
  std::map<int, std::uint64_t> errors{};  // by status
  std::uint64_t untyped = 0;              // of the errors: without {"error": ...}
  std::uint64_t wrong_version = 0;        // by Routes, or the answer does not say its version
  std::uint64_t wrong_id = 0;             // an answer to something else
  std::uint64_t lost = 0;                 // no answer
  std::uint64_t duplicated = 0;           // answers beyond the first; counted besides the above
  std::uint64_t late = 0;                 // answers, of any kind, over 50 ms past the deadline
  std::uint64_t refused = 0;              // connections; nothing was sent on them
  std::uint64_t unsent = 0;               // due, and never sent
  std::map<std::int64_t, std::uint64_t> by_version{};  // ok answers
  std::map<std::string, std::uint64_t> words{};        // what was said of failures; at most 16

  [[nodiscard]] std::uint64_t errors_in_all() const;
  [[nodiscard]] std::uint64_t outstanding() const;
  // Of words, what was said most often; "" when nothing was.
  [[nodiscard]] std::string most_said() const;
  // Everything that was sent, and due, is ok, once.
  [[nodiscard]] bool clean() const;
};

class Ledger {
 public:
  // `deadline`: of each request, as the server knows it.
  Ledger(std::string model, std::int64_t served, Duration deadline, TimePoint start);

  // What is scheduled from `start` on belongs to this window. Starts never go back.
  void open_window(WindowKind kind, TimePoint start);

  // The id to send it with.
  std::uint64_t on_sent(TimePoint scheduled, TimePoint now);
  // The answer that took the place of request `id` on its connection.
  void on_answer(std::uint64_t id, const AnswerView& answer, TimePoint now);
  void on_lost(std::uint64_t id, std::string_view why, TimePoint now);
  // An answer where no request was outstanding.
  void on_unasked(TimePoint now);
  void on_refused(std::string_view why);
  void on_unsent(std::uint64_t count) { totals_.unsent += count; }

  // What looks at the rollouts said, as Routes has them; answers that had to wait are judged.
  void on_same(TimePoint sent);
  void on_joined(std::int64_t to, TimePoint sent);
  void on_switched(std::int64_t to, TimePoint sent, TimePoint received);
  void on_back(std::int64_t to, TimePoint sent, TimePoint received);
  // No look will come any more: what is still undecided is wrong.
  void close(TimePoint now);

  // The version that takes the requests, as far as looks have told.
  [[nodiscard]] std::int64_t served() const noexcept { return routes_.served(); }
  [[nodiscard]] Duration deadline() const noexcept { return deadline_; }
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }
  [[nodiscard]] const std::deque<Window>& windows() const noexcept { return windows_; }
  [[nodiscard]] const std::vector<Second>& seconds() const noexcept { return seconds_; }
  // Histograms of all windows of a kind.
  [[nodiscard]] std::vector<Histogram> latencies_of(WindowKind kind) const;

 private:
  struct Sent {
    TimePoint scheduled;
    TimePoint sent;
    std::size_t window = 0;
  };
  struct Undecided {
    Sent request;
    std::int64_t version = 0;
    TimePoint answered;
  };
  void judge(const Sent& request, std::int64_t version, TimePoint answered);
  void judge_undecided();
  void fail(const Sent& request, std::string_view why, TimePoint now);
  void say(std::string_view why);
  Second& second_at(TimePoint now);

  std::string model_;
  Duration deadline_;
  TimePoint start_;
  Routes routes_;
  Totals totals_;
  std::deque<Window> windows_;
  std::vector<Second> seconds_;  // from start_; the last one takes what comes beyond the limit
  std::unordered_map<std::uint64_t, Sent> outstanding_;
  std::vector<Undecided> undecided_;
  std::uint64_t next_id_ = 1;
};

}  // namespace sluice::cluster
