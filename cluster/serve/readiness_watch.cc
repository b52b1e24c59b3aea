#include "cluster/serve/readiness_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cluster/serve/curl_line.h"
#include "common/process/lines.h"

namespace sluice::cluster {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAskEvery = milliseconds(50);
constexpr auto kAnswerWithin = seconds(2);
constexpr auto kTellAfter = seconds(2);
constexpr auto kTellEvery = seconds(5);
constexpr std::size_t kCurlLines = 3;

// Where a client on this host reaches a listener of any interface.
HttpAddress reachable(const std::string& bound) {
  const std::size_t colon = bound.rfind(':');
  std::string host = bound.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "0.0.0.0") {
    host = "127.0.0.1";
  } else if (host == "::") {
    host = "::1";
  }
  return {.host = host, .port = static_cast<std::uint16_t>(std::stoi(bound.substr(colon + 1)))};
}

std::string url_of(const HttpAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
}

}  // namespace

ReadinessWatch::ReadinessWatch(const ServeOptions& options,
                               const std::string& http,
                               std::function<void(const std::string&)> print,
                               TimePoint now)
    : options_(&options),
      address_(reachable(http)),
      url_(url_of(address_)),
      print_(std::move(print)),
      ask_at_(now),
      tell_at_(now + kTellAfter),
      began_(now) {
  for (const ExpectedModel& model : options.expected) {
    if (model.broken) {
      subjects_.try_emplace(model.name, Subject{.state = "broken", .failed = true});
    }
    for (const std::int64_t version : model.versions) {
      subjects_.try_emplace(model.name + "/" + std::to_string(version));
    }
  }
}

void ReadinessWatch::on_line(std::string_view line, TimePoint now) {
  const SplitLine event = split_line(line);
  const SplitLine about = split_line(event.rest);
  const std::string name(about.word);
  if (event.word == "problem") {
    print_("model " + name + ": " + std::string(about.rest));
    return;
  }
  Subject& subject = subjects_.try_emplace(name, Subject{.expected = false}).first->second;
  if (event.word == "state") {
    on_state(subject, about.rest, now);
  } else if (event.word == "died") {
    print_("model " + name + ": its worker died: " + std::string(about.rest));
  } else if (event.word == "failed") {
    subject.failed = true;
    subject.state = "failed";
    print_("model " + name + " cannot be served: " + std::string(about.rest));
  }
}

void ReadinessWatch::on_state(Subject& subject, std::string_view state, TimePoint now) {
  subject.state = state;
  subject.was_ready = subject.was_ready || state == "ready";
  subject.failed = false;
  if (state == "ready") {
    ask_at_ = std::min(ask_at_, now);
  }
}

bool ReadinessWatch::hopeless() const noexcept {
  bool any = false;
  for (const auto& [name, subject] : subjects_) {
    if (subject.expected && (!subject.failed || subject.was_ready)) {
      return false;
    }
    any = any || subject.expected;
  }
  return any;
}

bool ReadinessWatch::take_gateway_answered() noexcept {
  return std::exchange(answered_, false);
}

void ReadinessWatch::ask(TimePoint now) {
  const std::string path = step_ == Step::health ? std::string("/v2/health/ready")
                                                 : "/v2/models/" + options_->expected[model_].name;
  Result<HttpGet> get = HttpGet::start(address_, path);
  ask_at_ = now + kAskEvery;
  if (get) {
    get_ = *std::move(get);
    give_up_at_ = now + kAnswerWithin;
  }
}

void ReadinessWatch::on_io(TimePoint now) {
  if (!get_) {
    return;
  }
  const Result<bool> complete = get_->advance();
  if (!complete) {
    get_.reset();  // nobody there yet
    return;
  }
  if (*complete) {
    const HttpReply reply = get_->reply();
    get_.reset();
    answered_ = true;
    on_answer(reply, now);
  }
}

void ReadinessWatch::on_answer(const HttpReply& reply, TimePoint now) {
  if (step_ == Step::health) {
    on_health(reply, now);
    return;
  }
  if (reply.status == 200) {
    const Result<std::string> line = curl_line(url_, options_->expected[model_].name, reply.body);
    if (line) {
      curl_lines_.push_back(*line);
    }
  }
  ++model_;
  ask_next_model(now);
}

void ReadinessWatch::ask_next_model(TimePoint now) {
  if (model_ == std::min(options_->expected.size(), kCurlLines)) {
    step_ = Step::done;
    announce();
    return;
  }
  ask(now);
}

void ReadinessWatch::on_health(const HttpReply& reply, TimePoint now) {
  if (reply.status == 200) {
    step_ = Step::metadata;
    ask_next_model(now);
  }
}

void ReadinessWatch::announce() {
  // One may have failed, without strict readiness, or be unloaded or pinned away by what operators
  // asked for in an earlier life: it is not served.
  std::string names;
  for (const auto& [name, subject] : subjects_) {
    // What is still loading when nobody waits for it is not served either.
    const bool served = options_->strict_readiness || subject.was_ready;
    if (served && !subject.failed && subject.state != "ended" && subject.state != "not started") {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  if (names.empty()) {
    print_("ready: " + url_ + " serves no model yet. Load one: curl -s -X POST " + url_ +
           "/v2/repository/models/MODEL/load");
    return;
  }
  std::string text = "ready: " + url_ + " serves " + names + ". Try:";
  for (const std::string& line : curl_lines_) {
    text += "\n  " + line;
  }
  print_(text);
}

void ReadinessWatch::tell_progress(TimePoint now) {
  const auto waited = std::chrono::duration_cast<seconds>(now - began_).count();
  std::string text = "waiting since " + std::to_string(waited) + " s:";
  bool first = true;
  for (const auto& [name, subject] : subjects_) {
    if (subject.expected && subject.state != "ready") {
      text += (first ? " " : ", ") + name + " " + subject.state;
      first = false;
    }
  }
  print_(first ? text + " the gateway is meeting the workers" : text);
}

void ReadinessWatch::due(TimePoint now) {
  if (step_ == Step::done) {
    return;
  }
  if (get_ && now >= give_up_at_) {
    get_.reset();
  }
  if (!get_ && now >= ask_at_) {
    ask(now);
  }
  if (now >= tell_at_) {
    tell_at_ = now + kTellEvery;
    tell_progress(now);
  }
}

std::optional<TimePoint> ReadinessWatch::next_due() const {
  if (step_ == Step::done) {
    return std::nullopt;
  }
  return std::min(tell_at_, get_ ? give_up_at_ : ask_at_);
}

}  // namespace sluice::cluster
