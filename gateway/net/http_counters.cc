#include "gateway/net/http_counters.h"

namespace sluice::gateway {

std::string_view name_of(HttpRefusal reason) noexcept {
  switch (reason) {
    case HttpRefusal::bad_request:
      return "bad_request";
    case HttpRefusal::head_too_large:
      return "head_too_large";
    case HttpRefusal::body_too_large:
      return "body_too_large";
    case HttpRefusal::memory_full:
      return "memory_full";
    case HttpRefusal::too_many_connections:
      return "too_many_connections";
    case HttpRefusal::head_timeout:
      return "head_timeout";
    case HttpRefusal::body_timeout:
      return "body_timeout";
    case HttpRefusal::write_timeout:
      return "write_timeout";
    case HttpRefusal::idle_timeout:
      return "idle_timeout";
    case HttpRefusal::truncated:
      return "truncated";
  }
  return "unknown";
}

}  // namespace sluice::gateway
