#include "cluster/cli/event_stream.h"

#include <utility>

namespace sluice::cluster {
namespace {

constexpr std::size_t kEventBytes = std::size_t{16} << 20;

}  // namespace

Result<std::vector<StreamEvent>> EventStream::on(std::string_view bytes) {
  std::vector<StreamEvent> events;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > kEventBytes) {
      return Error{ErrorCode::resource_exhausted, "the server sends an event without an end"};
    }
    if (end == std::string_view::npos) {
      break;
    }
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) {
      line_.pop_back();
    }
    on_line(std::exchange(line_, {}), events);
  }
  return events;
}

void EventStream::on_line(std::string_view line, std::vector<StreamEvent>& events) {
  if (line.empty()) {
    if (has_data_) {
      events.push_back({name_.empty() ? "message" : std::move(name_), std::move(data_)});
    }
    name_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  value.remove_prefix(value.starts_with(' ') ? 1 : 0);
  if (field == "event") {
    name_ = value;
  } else if (field == "data") {
    data_ += has_data_ ? "\n" : "";
    data_ += value;
    has_data_ = true;
  }
}

}  // namespace sluice::cluster
