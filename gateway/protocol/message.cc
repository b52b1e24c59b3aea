#include "gateway/protocol/message.h"

#include <cstddef>

namespace sluice::gateway {

namespace {

// ASCII only: header names are tokens.
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool equal_without_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

std::string_view header_of(const ClientMessage& message, std::string_view name) noexcept {
  for (const HeaderField& field : message.headers) {
    if (equal_without_case(field.name, name)) {
      return field.value;
    }
  }
  return {};
}

}  // namespace sluice::gateway
