// FlatReader: reads FlatBuffers that nobody has verified, every access checked against the buffer,
// nothing dereferenced at an alignment it may not have.
//
// Instead of the generated verifier, because that one demands a NUL behind every string: Go clients
// of GraphPipe write the elements of string tensors without, and it refuses such a request whenever
// the following byte happens not to be zero.
//
// The first broken offset or length makes it fail; from then on everything reads as absent. Check
// failed() once before using what was read.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::gateway {

// Default-constructed: absent.
struct FlatTable {
  std::size_t at = 0;
  std::size_t vtable = 0;
  std::size_t vtable_size = 0;  // bytes; 0 when absent

  [[nodiscard]] bool present() const noexcept { return vtable_size > 0; }
};

struct FlatVector {
  std::size_t at = 0;     // of the first element
  std::size_t count = 0;  // elements
  bool present = false;
};

class FlatReader {
 public:
  explicit FlatReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  FlatTable root() noexcept;

  // Fields by their position in the schema, from 0.
  std::uint8_t byte_field(const FlatTable& table, std::size_t field) noexcept;
  FlatTable table_field(const FlatTable& table, std::size_t field) noexcept;
  FlatVector vector_field(const FlatTable& table,
                          std::size_t field,
                          std::size_t element_size) noexcept;

  // Elements; `index` below the count.
  std::int64_t int64_at(const FlatVector& vector, std::size_t index) noexcept;
  FlatTable table_at(const FlatVector& vector, std::size_t index) noexcept;
  // Of a vector of strings (or of byte vectors): by length, terminated or not.
  std::string_view text_at(const FlatVector& vector, std::size_t index) noexcept;

  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  template <class Number>
  Number number(std::size_t at) noexcept;
  std::size_t field_place(const FlatTable& table, std::size_t field) noexcept;  // 0: absent
  std::size_t follow(std::size_t at) noexcept;                                  // 0: failed
  FlatTable table(std::size_t at) noexcept;
  FlatVector vector(std::size_t at, std::size_t element_size) noexcept;

  std::span<const std::byte> bytes_;
  bool failed_ = false;
};

}  // namespace sluice::gateway
