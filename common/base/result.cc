#include "common/base/result.h"

namespace sluice {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    using enum ErrorCode;
    case invalid_argument:
      return "invalid_argument";
    case not_found:
      return "not_found";
    case unsupported:
      return "unsupported";
    case resource_exhausted:
      return "resource_exhausted";
    case deadline_exceeded:
      return "deadline_exceeded";
    case unavailable:
      return "unavailable";
    case data_corrupt:
      return "data_corrupt";
    case internal:
      return "internal";
    case cancelled:
      return "cancelled";
  }
  return "unknown";
}

Error with_context(Error error, std::string_view where) {
  error.detail.insert(0, ": ").insert(0, where);
  return error;
}

}  // namespace sluice
