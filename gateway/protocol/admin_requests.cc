#include "gateway/protocol/admin_requests.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "common/base/limits.h"
#include "gateway/protocol/json_reader.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
namespace {

using Kind = JsonReader::Kind;

constexpr std::size_t kNoticedMembers = 16;
constexpr std::size_t kShownBytes = 64;  // of an unknown member's name

std::string quoted(std::string_view text) {
  return "'" + std::string(text.substr(0, kShownBytes)) +
         (text.size() > kShownBytes ? "...'" : "'");
}

std::string at_byte(const JsonReader& reader) {
  return " (before byte " + std::to_string(reader.position()) + ")";
}

// The body's one object. `member(key)` reads the value of each member; an empty body has none.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : reader_(body), empty_(body.empty()) {}

  template <class Member>
  Result<void> read(Member member) {
    if (empty_) {
      return {};
    }
    if (!object(member) || !reader_.finish()) {
      return Error{code_, reader_.error().detail};
    }
    return {};
  }

  // A nested object, or `null` for none.
  template <class Member>
  bool object_or_null(Member member) {
    return reader_.peek() == Kind::null ? reader_.skip_value() : object(member);
  }

  bool unknown(std::string_view key, std::string_view known) {
    return reader_.refuse("member " + quoted(key) + at_byte(reader_) + " is not known here; " +
                          std::string(known));
  }
  bool refuse(std::string words) { return reader_.refuse(words + at_byte(reader_)); }
  bool refuse_unsupported(std::string words) {
    code_ = reader_.failed() ? code_ : ErrorCode::unsupported;
    return reader_.refuse(std::move(words));
  }

  bool string(std::string& out) {
    std::string_view text;
    const bool good = reader_.read_string(text);
    out = text;
    return good;
  }
  JsonReader& json() { return reader_; }

 private:
  template <class Member>
  bool object(Member& member) {
    if (!reader_.open_object()) {
      return false;
    }
    std::array<std::string, kNoticedMembers> seen;
    std::size_t count = 0;
    std::string_view key_view;
    while (reader_.next_member(key_view)) {
      const std::string key(key_view);
      if (std::find(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(count), key) !=
          seen.begin() + static_cast<std::ptrdiff_t>(count)) {
        return refuse("member " + quoted(key) + " is given twice");
      }
      if (count < seen.size()) {
        seen[count++] = key;
      }
      if (!member(key)) {
        return false;
      }
    }
    return !reader_.failed();
  }

  JsonReader reader_;
  bool empty_;
  ErrorCode code_ = ErrorCode::invalid_argument;
};

// "to": 3, "3" or "policy".
bool read_target(BodyReader& body, RolloutAsked& asked) {
  if (body.json().peek() != Kind::string) {
    std::uint64_t number = 0;
    if (!body.json().read_uint64(number)) {
      return false;
    }
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return body.refuse("'to' is not a version: " + std::to_string(number));
    }
    asked.to = static_cast<std::int64_t>(number);
    return true;
  }
  std::string text;
  if (!body.string(text)) {
    return false;
  }
  if (text == "policy") {
    return true;
  }
  const auto number =
      parse_digits(text, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!number) {
    return body.refuse("'to' must be a version or \"policy\", not " + quoted(text));
  }
  asked.to = static_cast<std::int64_t>(*number);
  return true;
}

bool read_strategy(BodyReader& body, RolloutAsked& asked) {
  std::string text;
  if (!body.string(text)) {
    return false;
  }
  if (text == "rolling") {
    asked.strategy = RolloutStrategy::rolling;
  } else if (text == "blue-green") {
    asked.strategy = RolloutStrategy::blue_green;
  } else if (text == "recreate") {
    asked.strategy = RolloutStrategy::recreate;
  } else {
    return body.refuse("'strategy' must be \"rolling\", \"blue-green\" or \"recreate\", not " +
                       quoted(text));
  }
  return true;
}

bool read_steps(BodyReader& body, RolloutAsked& asked) {
  JsonReader& json = body.json();
  if (!json.open_array()) {
    return false;
  }
  while (json.next_element()) {
    std::uint64_t percent = 0;
    if (!json.read_uint64(percent)) {
      return false;
    }
    const int last = asked.steps.empty() ? 0 : asked.steps.back();
    if (percent > 100 || static_cast<int>(percent) <= last) {
      return body.refuse("'steps' must rise from 1 to 100, not go from " + std::to_string(last) +
                         " to " + std::to_string(percent));
    }
    asked.steps.push_back(static_cast<int>(percent));
  }
  if (!json.failed() && (asked.steps.empty() || asked.steps.back() != 100)) {
    return body.refuse("the last of 'steps' must be 100");
  }
  return !json.failed();
}

bool read_milliseconds(BodyReader& body, std::string_view name, Duration& out) {
  std::uint64_t count = 0;
  if (!body.json().read_uint64(count)) {
    return false;
  }
  constexpr auto kMost =
      std::chrono::duration_cast<std::chrono::milliseconds>(limits::kRolloutWait).count();
  if (count > static_cast<std::uint64_t>(kMost)) {
    return body.refuse(quoted(name) + " is " + std::to_string(count) + ", at most " +
                       std::to_string(kMost) + " is allowed");
  }
  out = std::chrono::milliseconds(static_cast<std::int64_t>(count));
  return true;
}

}  // namespace

Result<AdminRequest> index_request(std::string_view body) {
  IndexAsked asked;
  BodyReader reader(body);
  SLUICE_TRY(reader.read([&](const std::string& key) {
    return key == "ready" ? reader.json().read_bool(asked.ready_only)
                          : reader.unknown(key, "an index has 'ready'");
  }));
  return AdminRequest(asked);
}

Result<AdminRequest> load_request(std::string model, std::string_view body) {
  LoadAsked asked{.model = std::move(model), .config = {}};
  BodyReader reader(body);
  const auto parameter = [&](const std::string& key) {
    if (key == "config") {
      return reader.string(asked.config);
    }
    if (key.starts_with("file:")) {
      return reader.refuse_unsupported("load parameter " + quoted(key) +
                                       ": files of a model are read from its repository alone");
    }
    return reader.refuse("unrecognized load parameter " + quoted(key));
  };
  SLUICE_TRY(reader.read([&](const std::string& key) {
    return key == "parameters"
               ? reader.object_or_null(parameter)
               : reader.unknown(key, "a load has 'parameters', and in these 'config'");
  }));
  return AdminRequest(std::move(asked));
}

Result<AdminRequest> unload_request(std::string model, std::string_view body) {
  BodyReader reader(body);
  // No model depends on another here, so that either value means the same.
  bool dependents = false;
  const auto parameter = [&](const std::string& key) {
    return key == "unload_dependents"
               ? reader.json().read_bool(dependents)
               : reader.refuse("unrecognized unload parameter " + quoted(key));
  };
  SLUICE_TRY(reader.read([&](const std::string& key) {
    return key == "parameters"
               ? reader.object_or_null(parameter)
               : reader.unknown(key,
                                "an unload has 'parameters', and in these 'unload_dependents'");
  }));
  return AdminRequest(UnloadAsked{std::move(model)});
}

Result<AdminRequest> rollout_request(std::string model, std::string_view body) {
  RolloutAsked asked;
  asked.model = std::move(model);
  bool has_target = false;
  BodyReader reader(body);
  SLUICE_TRY(reader.read([&](const std::string& key) {
    if (key == "to") {
      has_target = true;
      return read_target(reader, asked);
    }
    if (key == "strategy") {
      return read_strategy(reader, asked);
    }
    if (key == "steps") {
      return read_steps(reader, asked);
    }
    if (key == "hold_ms") {
      return read_milliseconds(reader, key, asked.hold);
    }
    if (key == "keep_old_ms") {
      return read_milliseconds(reader, key, asked.keep_old.emplace());
    }
    if (key == "allow_signature_change") {
      return reader.json().read_bool(asked.allow_signature_change);
    }
    return reader.unknown(key,
                          "a rollout has 'to', 'strategy', 'steps', 'hold_ms', 'keep_old_ms' and "
                          "'allow_signature_change'");
  }));
  if (!has_target) {
    return Error{ErrorCode::invalid_argument,
                 "a rollout needs 'to': a version, or \"policy\" to follow the policy again"};
  }
  return AdminRequest(std::move(asked));
}

Result<AdminRequest> verb_request(std::string model, RolloutVerb verb, std::string_view body) {
  BodyReader reader(body);
  SLUICE_TRY(reader.read(
      [&](const std::string& key) { return reader.unknown(key, "this call has no members"); }));
  return AdminRequest(RolloutControl{std::move(model), verb});
}

}  // namespace sluice::gateway
