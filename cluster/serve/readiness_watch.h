// Runs on: the parent's loop.
// Receives: what the node says of its workers (lines of its status pipe), the gateway's answers to
//           GET /v2/health/ready and /v2/models/MODEL.
// Prints:   what a person waits for: slow loads, failures, and at last where to ask and how.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/serve/http_get.h"
#include "cluster/serve/serve_options.h"
#include "common/base/time.h"

namespace sluice::cluster {

class ReadinessWatch {
 public:
  // `http` as bound. Text goes to stdout by `print`.
  ReadinessWatch(const ServeOptions& options,
                 const std::string& http,
                 std::function<void(const std::string&)> print,
                 TimePoint now);

  // One line of the node: "state SUBJECT STATE", "died SUBJECT REASON", "failed SUBJECT REASON",
  // "problem MODEL REASON".
  void on_line(std::string_view line, TimePoint now);

  // For poll(2): the open request, if any.
  [[nodiscard]] int fd() const noexcept { return get_ ? get_->fd() : -1; }
  [[nodiscard]] short events() const noexcept { return get_ ? get_->events() : short{0}; }
  void on_io(TimePoint now);

  void due(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_due() const;

  // The gateway has answered since the last call.
  bool take_gateway_answered() noexcept;
  // There are models that are waited for, all have failed for good, and none was ever ready.
  [[nodiscard]] bool hopeless() const noexcept;
  [[nodiscard]] bool ready() const noexcept { return step_ == Step::done; }

 private:
  enum class Step { health, metadata, done };
  struct Subject {
    std::string state = "not started";  // until the node speaks of it
    bool failed = false;
    bool was_ready = false;
    bool expected = true;  // the start waits for it
  };

  void ask(TimePoint now);
  void on_answer(const HttpReply& reply, TimePoint now);
  void on_health(const HttpReply& reply, TimePoint now);
  void on_state(Subject& subject, std::string_view state, TimePoint now);
  void ask_next_model(TimePoint now);
  void announce();
  void tell_progress(TimePoint now);

  const ServeOptions* options_;
  HttpAddress address_;
  std::string url_;
  std::function<void(const std::string&)> print_;
  std::map<std::string, Subject, std::less<>> subjects_;  // "digits/1"; "digits" if it is broken
  Step step_ = Step::health;
  std::size_t model_ = 0;  // whose metadata is being asked for
  std::vector<std::string> curl_lines_;
  std::optional<HttpGet> get_;
  TimePoint give_up_at_{};  // of the open request
  TimePoint ask_at_;
  TimePoint tell_at_;
  TimePoint began_;
  bool answered_ = false;
};

}  // namespace sluice::cluster
