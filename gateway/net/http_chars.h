// Character classes of RFC 9110, section 5.5 and 5.6.2, as tables.

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sluice::gateway {

namespace detail {

consteval std::array<bool, 256> token_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}

// HTAB, visible ASCII with space, and bytes from 0x80 on (obs-text).
consteval std::array<bool, 256> value_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    table[c] = c == '\t' || (c >= 0x20 && c != 0x7F);
  }
  return table;
}

// Visible ASCII without '#'.
consteval std::array<bool, 256> target_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x21; c < 0x7F; ++c) {
    table[c] = c != '#';
  }
  return table;
}

// What a registered name, an IPv4 or a bracketed IPv6 address and a port are made of.
consteval std::array<bool, 256> host_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("-._~%!$&'()*+;=:[]0123456789"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}

inline constexpr auto kToken = token_table();
inline constexpr auto kValue = value_table();
inline constexpr auto kTarget = target_table();
inline constexpr auto kHost = host_table();

}  // namespace detail

constexpr bool is_token_char(char c) noexcept {
  return detail::kToken[static_cast<unsigned char>(c)];
}
constexpr bool is_value_char(char c) noexcept {
  return detail::kValue[static_cast<unsigned char>(c)];
}
constexpr bool is_target_char(char c) noexcept {
  return detail::kTarget[static_cast<unsigned char>(c)];
}
constexpr bool is_host_char(char c) noexcept {
  return detail::kHost[static_cast<unsigned char>(c)];
}

// Without the spaces and tabs around it (OWS).
constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace sluice::gateway
