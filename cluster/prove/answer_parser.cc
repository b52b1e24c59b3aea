#include "cluster/prove/answer_parser.h"

#include <algorithm>
#include <charconv>

#include <strings.h>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

constexpr std::size_t kRoomLeast = 16 * limits::kKiB;

Error corrupt_answer(std::string what) {
  return Error{ErrorCode::data_corrupt, "the server's answer: " + std::move(what)};
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

struct Fields {
  std::optional<std::size_t> length;
  AnswerView answer;
};

Result<void> take_field(std::string_view line, Fields& fields) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return corrupt_answer("a header line without ':'");
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_word(name, "Content-Length")) {
    fields.length = number<std::size_t>(value);
    if (!fields.length || *fields.length > limits::kHttpBodyBytes) {
      return corrupt_answer("Content-Length '" + std::string(value.substr(0, 32)) + "'");
    }
  } else if (same_word(name, "Transfer-Encoding")) {
    return corrupt_answer("Transfer-Encoding, where Content-Length was expected");
  } else if (same_word(name, "Connection")) {
    fields.answer.last = same_word(value, "close");
  } else if (same_word(name, "Sluice-Model")) {
    fields.answer.served_by = value;
  } else if (same_word(name, "Inference-Header-Content-Length")) {
    fields.answer.json_size = number<std::size_t>(value);
    if (!fields.answer.json_size) {
      return corrupt_answer("Inference-Header-Content-Length '" + std::string(value.substr(0, 32)) +
                            "'");
    }
  }
  return {};
}

}  // namespace

std::span<char> AnswerParser::room() {
  if (used_ == filled_) {
    used_ = 0;
    filled_ = 0;
  } else if (used_ > 0) {
    memory_.erase(0, used_);
    filled_ -= used_;
    used_ = 0;
  }
  const std::size_t least = std::max(filled_ + kRoomLeast, wanted_);
  if (memory_.size() < least) {
    memory_.resize(least);
  }
  return std::span(memory_).subspan(filled_);
}

void AnswerParser::received(std::size_t count) {
  SLUICE_CHECK(count <= memory_.size() - filled_);
  filled_ += count;
}

void AnswerParser::clear() noexcept {
  used_ = 0;
  filled_ = 0;
  wanted_ = 0;
}

Result<std::optional<AnswerParser::Head>> AnswerParser::read_head(std::string_view bytes) const {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (std::min(end, bytes.size()) > limits::kHttpHeadBytes) {
    return corrupt_answer("a head of more than 32 KiB");
  }
  if (end == std::string_view::npos) {
    return std::optional<Head>();
  }
  std::string_view lines = bytes.substr(0, end);
  const std::string_view first = lines.substr(0, lines.find("\r\n"));
  const auto status = first.starts_with("HTTP/1.1 ") && first.size() >= 12
                          ? number<int>(first.substr(9, 3))
                          : std::nullopt;
  if (!status || *status < 100) {
    return corrupt_answer("not HTTP/1.1");
  }
  Fields fields;
  lines.remove_prefix(std::min(first.size() + 2, lines.size()));
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    SLUICE_TRY(take_field(line, fields));
    lines.remove_prefix(std::min(line.size() + 2, lines.size()));
  }
  const bool no_body = *status < 200 || *status == 204 || *status == 304;
  if (!fields.length && !no_body) {
    return corrupt_answer("neither body nor Content-Length");
  }
  fields.answer.status = *status;
  return std::optional(Head{end + 4, no_body ? 0 : *fields.length, fields.answer});
}

Result<std::optional<AnswerView>> AnswerParser::next() {
  while (true) {
    const std::string_view bytes = std::string_view(memory_).substr(used_, filled_ - used_);
    SLUICE_TRY_ASSIGN(const std::optional<Head> head, read_head(bytes));
    if (!head) {
      return std::optional<AnswerView>();
    }
    const std::size_t whole = head->size + head->body_size;
    if (bytes.size() < whole) {
      wanted_ = whole;
      return std::optional<AnswerView>();
    }
    wanted_ = 0;
    used_ += whole;
    if (head->answer.status >= 200) {  // what is below only announces another
      AnswerView answer = head->answer;
      answer.body = bytes.substr(head->size, head->body_size);
      return std::optional(answer);
    }
  }
}

}  // namespace sluice::cluster
