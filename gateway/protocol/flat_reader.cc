#include "gateway/protocol/flat_reader.h"

#include <cstring>

#include "common/base/check.h"

namespace sluice::gateway {

// Zero, and failed, when it does not lie inside.
template <class Number>
Number FlatReader::number(std::size_t at) noexcept {
  Number value = 0;
  if (at > bytes_.size() || bytes_.size() - at < sizeof value) {
    failed_ = true;
    return 0;
  }
  std::memcpy(&value, bytes_.data() + at, sizeof value);
  return value;
}

// Offsets count from where they stand and point forward.
std::size_t FlatReader::follow(std::size_t at) noexcept {
  const std::size_t offset = number<std::uint32_t>(at);
  if (failed_ || offset == 0 || offset >= bytes_.size() - at) {
    failed_ = true;
    return 0;
  }
  return at + offset;
}

FlatTable FlatReader::root() noexcept {
  return table(follow(0));
}

FlatTable FlatReader::table(std::size_t at) noexcept {
  if (failed_) {
    return {};
  }
  const auto back = static_cast<std::int64_t>(number<std::int32_t>(at));
  const std::int64_t vtable = static_cast<std::int64_t>(at) - back;
  if (failed_ || vtable < 0) {
    failed_ = true;
    return {};
  }
  FlatTable table{.at = at, .vtable = static_cast<std::size_t>(vtable), .vtable_size = 0};
  const std::size_t size = number<std::uint16_t>(table.vtable);
  // Two size words at least, and whole entries.
  if (failed_ || size < 4 || size % 2 != 0 || size > bytes_.size() - table.vtable) {
    failed_ = true;
    return {};
  }
  table.vtable_size = size;
  return table;
}

std::size_t FlatReader::field_place(const FlatTable& table, std::size_t field) noexcept {
  const std::size_t entry = 4 + 2 * field;
  if (failed_ || entry + 2 > table.vtable_size) {
    return 0;
  }
  const std::size_t offset = number<std::uint16_t>(table.vtable + entry);
  return offset == 0 ? 0 : table.at + offset;
}

FlatVector FlatReader::vector(std::size_t at, std::size_t element_size) noexcept {
  if (failed_) {
    return {};
  }
  const std::size_t count = number<std::uint32_t>(at);
  if (failed_ || count > (bytes_.size() - at - 4) / element_size) {
    failed_ = true;
    return {};
  }
  return {.at = at + 4, .count = count, .present = true};
}

std::uint8_t FlatReader::byte_field(const FlatTable& table, std::size_t field) noexcept {
  const std::size_t place = field_place(table, field);
  return place == 0 ? std::uint8_t{0} : number<std::uint8_t>(place);
}

FlatTable FlatReader::table_field(const FlatTable& table, std::size_t field) noexcept {
  const std::size_t place = field_place(table, field);
  return place == 0 ? FlatTable{} : this->table(follow(place));
}

FlatVector FlatReader::vector_field(const FlatTable& table,
                                    std::size_t field,
                                    std::size_t element_size) noexcept {
  const std::size_t place = field_place(table, field);
  return place == 0 ? FlatVector{} : vector(follow(place), element_size);
}

std::int64_t FlatReader::int64_at(const FlatVector& vector, std::size_t index) noexcept {
  SLUICE_CHECK(index < vector.count);
  return number<std::int64_t>(vector.at + 8 * index);
}

FlatTable FlatReader::table_at(const FlatVector& vector, std::size_t index) noexcept {
  SLUICE_CHECK(index < vector.count);
  return table(follow(vector.at + 4 * index));
}

std::string_view FlatReader::text_at(const FlatVector& vector, std::size_t index) noexcept {
  SLUICE_CHECK(index < vector.count);
  const FlatVector text = this->vector(follow(vector.at + 4 * index), 1);
  if (!text.present) {
    return {};
  }
  // NOLINTNEXTLINE: the bytes of a string are characters.
  return {reinterpret_cast<const char*>(bytes_.data() + text.at), text.count};
}

}  // namespace sluice::gateway
