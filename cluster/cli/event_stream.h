// EventStream: server-sent events out of the bytes of a stream (the WHATWG's HTML standard, section
// 9.2, without `id` and `retry`, which our server does not send). Pure.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace sluice::cluster {

struct StreamEvent {
  std::string name;  // "message" when the server names none
  std::string data;

  friend bool operator==(const StreamEvent&, const StreamEvent&) = default;
};

class EventStream {
 public:
  // The events that these bytes complete, in any pieces. resource_exhausted: one is too large.
  Result<std::vector<StreamEvent>> on(std::string_view bytes);

 private:
  void on_line(std::string_view line, std::vector<StreamEvent>& events);

  std::string line_;  // its beginning
  std::string name_;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace sluice::cluster
