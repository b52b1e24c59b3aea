// Result<T>: a value or an Error with a closed list of codes and one sentence for the caller.
//
// For everything that comes from outside (bytes, files, peers, models, configuration). Invariants
// of our own use SLUICE_CHECK. Member names follow std::expected, so that it can become an alias.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace sluice {

// On the wire (link messages, metrics): append only, never renumber.
enum class ErrorCode : std::uint8_t {
  invalid_argument = 1,    // the caller's request is wrong; the same request will fail again
  not_found = 2,           // no such model, version, path or file
  unsupported = 3,         // understood, but not something this server does
  resource_exhausted = 4,  // a bound was reached: queue full, body too large
  deadline_exceeded = 5,   // the request's time ran out
  unavailable = 6,         // nobody ready to serve it now; a later try may succeed
  data_corrupt = 7,        // a file or a peer's bytes are not what they claim to be
  internal = 8,            // our fault
  cancelled = 9,           // the caller went away
};

// Every code, in order: tables keyed by code are tested against this list.
inline constexpr ErrorCode kAllErrorCodes[] = {
    ErrorCode::invalid_argument,
    ErrorCode::not_found,
    ErrorCode::unsupported,
    ErrorCode::resource_exhausted,
    ErrorCode::deadline_exceeded,
    ErrorCode::unavailable,
    ErrorCode::data_corrupt,
    ErrorCode::internal,
    ErrorCode::cancelled,
};

// "invalid_argument" and so on: the label in metrics and logs.
std::string_view name_of(ErrorCode code) noexcept;

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;  // one sentence in the caller's words; no pointers, secrets or paths of ours

  friend bool operator==(const Error&, const Error&) = default;
};

// Prefixes the sentence: "load resnet: no such file". The code is kept.
Error with_context(Error error, std::string_view where);

template <class T>
class [[nodiscard]] Result {
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  // Implicit on purpose: `return value;` and `return Error{...};`.
  // NOLINTNEXTLINE(google-explicit-constructor): see above.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  template <class U = Stored>
  requires(!std::is_void_v<T> && std::is_constructible_v<Stored, U&&> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result>)
      // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload): above.
      Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  Result() requires std::is_void_v<T> : state_(std::in_place_index<0>) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  Stored& operator*() & { return value(); }
  const Stored& operator*() const& { return value(); }
  Stored&& operator*() && { return std::move(value()); }
  Stored* operator->() { return &value(); }
  const Stored* operator->() const { return &value(); }

  const Error& error() const& {
    const Error* error = std::get_if<1>(&state_);
    SLUICE_CHECK(error != nullptr);
    return *error;
  }
  Error&& error() && {
    Error* error = std::get_if<1>(&state_);
    SLUICE_CHECK(error != nullptr);
    return std::move(*error);
  }

 private:
  Stored& value() {
    Stored* value = std::get_if<0>(&state_);
    SLUICE_CHECK(value != nullptr);
    return *value;
  }
  const Stored& value() const {
    const Stored* value = std::get_if<0>(&state_);
    SLUICE_CHECK(value != nullptr);
    return *value;
  }

  std::variant<Stored, Error> state_;
};

}  // namespace sluice

#define SLUICE_CONCAT_INNER_(a, b) a##b
#define SLUICE_CONCAT_(a, b) SLUICE_CONCAT_INNER_(a, b)

// Returns the error of a Result<void> expression to the caller.
#define SLUICE_TRY(expression)                           \
  do {                                                   \
    if (auto sluice_try_ = (expression); !sluice_try_) { \
      return std::move(sluice_try_).error();             \
    }                                                    \
  } while (false)

// SLUICE_TRY_ASSIGN(auto x, f()): x is the value, or the function returns the error.
#define SLUICE_TRY_ASSIGN(declaration, expression)                      \
  auto SLUICE_CONCAT_(sluice_result_, __LINE__) = (expression);         \
  if (!SLUICE_CONCAT_(sluice_result_, __LINE__)) {                      \
    return std::move(SLUICE_CONCAT_(sluice_result_, __LINE__)).error(); \
  }                                                                     \
  declaration = *std::move(SLUICE_CONCAT_(sluice_result_, __LINE__))
