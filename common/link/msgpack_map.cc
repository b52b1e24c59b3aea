#include "common/link/msgpack_map.h"

#include <cstddef>
#include <exception>
#include <limits>
#include <utility>

#include <msgpack.hpp>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::link {
namespace {

using msgpack::object;
using msgpack::type::object_type;

const object& as_object(const void* pointer) {
  return *static_cast<const object*>(pointer);
}

}  // namespace

struct MapWriter::Packer {
  msgpack::sbuffer bytes{512};
  msgpack::packer<msgpack::sbuffer> to{bytes};
  std::uint64_t owed = 0;  // entries and elements begun but not written yet
};

MapWriter::MapWriter(std::uint32_t entries) : packer_(std::make_unique<Packer>()) {
  packer_->to.pack_map(entries);
  packer_->owed = entries;
}

MapWriter::~MapWriter() = default;

void MapWriter::key(std::string_view key) {
  SLUICE_CHECK(packer_->owed > 0);
  --packer_->owed;
  packer_->to.pack(key);
}

void MapWriter::put(std::string_view name, std::string_view value) {
  key(name);
  packer_->to.pack(value);
}

void MapWriter::put(std::string_view name, std::uint64_t value) {
  key(name);
  packer_->to.pack(value);
}

void MapWriter::put(std::string_view name, std::int64_t value) {
  key(name);
  packer_->to.pack(value);
}

void MapWriter::put(std::string_view name, bool value) {
  key(name);
  packer_->to.pack(value);
}

void MapWriter::put(std::string_view name, Duration value) {
  key(name);
  packer_->to.pack(static_cast<std::int64_t>(value.count()));
}

void MapWriter::put(std::string_view name, const std::vector<std::string>& values) {
  key(name);
  packer_->to.pack(values);
}

void MapWriter::put(std::string_view name, const std::vector<std::uint64_t>& values) {
  key(name);
  packer_->to.pack(values);
}

void MapWriter::put(std::string_view name, const Shape& values) {
  key(name);
  packer_->to.pack(values);
}

void MapWriter::begin_map(std::string_view name, std::uint32_t entries) {
  key(name);
  packer_->to.pack_map(entries);
  packer_->owed += entries;
}

void MapWriter::begin_maps(std::string_view name, std::size_t count) {
  key(name);
  packer_->to.pack_array(static_cast<std::uint32_t>(count));
  packer_->owed += count;
}

void MapWriter::begin_element(std::uint32_t entries) {
  SLUICE_CHECK(packer_->owed > 0);
  --packer_->owed;
  packer_->to.pack_map(entries);
  packer_->owed += entries;
}

Buffer MapWriter::finish() && {
  SLUICE_CHECK(packer_->owed == 0);
  return Buffer::copy_of(std::string_view(packer_->bytes.data(), packer_->bytes.size()));
}

struct MapDocument::Parsed {
  msgpack::object_handle handle;
};

MapDocument::MapDocument(Buffer bytes, std::size_t size_max) : bytes_(std::move(bytes)) {
  if (bytes_.size() > size_max) {
    fail(std::to_string(bytes_.size()) + " bytes, at most " + std::to_string(size_max));
    return;
  }
  try {
    const msgpack::unpack_limit limit(kMapItems, kMapItems, size_max, 0, 0, kMapDepth);
    const std::string_view text = bytes_.text();
    std::size_t end = 0;
    parsed_ = std::make_unique<Parsed>();
    msgpack::unpack(
        parsed_->handle,
        text.data(),
        text.size(),
        end,
        [](object_type, std::size_t, void*) { return true; },
        nullptr,
        limit);
    if (end != text.size()) {
      fail(std::to_string(text.size() - end) + " bytes are left over after the map");
    } else if (parsed_->handle.get().type != object_type::MAP) {
      fail("not a MessagePack map");
    }
  } catch (const std::exception&) {
    fail("not MessagePack, cut short, or beyond the limits of depth and count");
  }
}

MapDocument::~MapDocument() = default;

void MapDocument::fail(std::string detail) {
  if (failure_.empty()) {
    failure_ = std::move(detail);
  }
}

MapReader MapDocument::root() {
  return {this, failure_.empty() ? &parsed_->handle.get() : nullptr};
}

Result<void> MapDocument::result() const {
  if (!failure_.empty()) {
    return Error{ErrorCode::data_corrupt, "control message: " + failure_};
  }
  return {};
}

const void* MapReader::find(std::string_view key) const {
  if (object_ == nullptr || !document_->failure_.empty()) {
    return nullptr;
  }
  const msgpack::object_map& map = as_object(object_).via.map;
  for (std::uint32_t i = 0; i < map.size; ++i) {
    const object& name = map.ptr[i].key;
    if (name.type == object_type::STR &&
        std::string_view(name.via.str.ptr, name.via.str.size) == key) {
      return &map.ptr[i].val;
    }
  }
  return nullptr;
}

void MapReader::wrong(std::string_view key, std::string_view wanted) {
  document_->fail("'" + std::string(key) + "' is not " + std::string(wanted));
}

void MapReader::require(std::string_view key) {
  if (find(key) == nullptr) {
    document_->fail("'" + std::string(key) + "' is missing");
  }
}

void MapReader::get(std::string_view key, std::string& value, std::size_t size_max) {
  if (const void* found = find(key); found != nullptr) {
    const object& text = as_object(found);
    if (text.type != object_type::STR || text.via.str.size > size_max) {
      wrong(key, "text of at most " + std::to_string(size_max) + " bytes");
      return;
    }
    value.assign(text.via.str.ptr, text.via.str.size);
  }
}

void MapReader::get(std::string_view key, std::uint64_t& value) {
  if (const void* found = find(key); found != nullptr) {
    const object& number = as_object(found);
    if (number.type != object_type::POSITIVE_INTEGER) {
      wrong(key, "a number from 0 on");
      return;
    }
    value = number.via.u64;
  }
}

void MapReader::get(std::string_view key, std::uint32_t& value) {
  std::uint64_t wide = value;
  get(key, wide);
  if (wide > std::numeric_limits<std::uint32_t>::max()) {
    wrong(key, "a number of 32 bits");
    return;
  }
  value = static_cast<std::uint32_t>(wide);
}

void MapReader::get(std::string_view key, std::uint8_t& value) {
  std::uint64_t wide = value;
  get(key, wide);
  if (wide > std::numeric_limits<std::uint8_t>::max()) {
    wrong(key, "a number of 8 bits");
    return;
  }
  value = static_cast<std::uint8_t>(wide);
}

namespace {

bool to_int64(const object& number, std::int64_t& value) {
  if (number.type == object_type::NEGATIVE_INTEGER) {
    value = number.via.i64;
    return true;
  }
  if (number.type == object_type::POSITIVE_INTEGER &&
      number.via.u64 <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    value = static_cast<std::int64_t>(number.via.u64);
    return true;
  }
  return false;
}

}  // namespace

void MapReader::get(std::string_view key, std::int64_t& value) {
  if (const void* found = find(key); found != nullptr && !to_int64(as_object(found), value)) {
    wrong(key, "a number of 64 bits");
  }
}

void MapReader::get(std::string_view key, bool& value) {
  if (const void* found = find(key); found != nullptr) {
    const object& flag = as_object(found);
    if (flag.type != object_type::BOOLEAN) {
      wrong(key, "true or false");
      return;
    }
    value = flag.via.boolean;
  }
}

void MapReader::get(std::string_view key, Duration& value) {
  std::int64_t count = value.count();
  get(key, count);
  if (count < 0) {
    wrong(key, "a time from 0 ns on");
    return;
  }
  value = Duration(count);
}

namespace {

// The array at `found`, or null when it is not one of at most `count_max`.
const msgpack::object_array* array_of(const void* found, std::size_t count_max) {
  const object& array = as_object(found);
  return array.type == object_type::ARRAY && array.via.array.size <= count_max ? &array.via.array
                                                                               : nullptr;
}

std::string array_words(std::size_t count_max, std::string_view what) {
  return "an array of at most " + std::to_string(count_max) + " " + std::string(what);
}

}  // namespace

void MapReader::get(std::string_view key,
                    std::vector<std::uint64_t>& values,
                    std::size_t count_max) {
  const void* found = find(key);
  if (found == nullptr) {
    return;
  }
  const auto* array = array_of(found, count_max);
  for (std::uint32_t i = 0; array != nullptr && i < array->size; ++i) {
    if (array->ptr[i].type != object_type::POSITIVE_INTEGER) {
      array = nullptr;
      break;
    }
    values.push_back(array->ptr[i].via.u64);
  }
  if (array == nullptr) {
    wrong(key, array_words(count_max, "numbers from 0 on"));
  }
}

void MapReader::get(std::string_view key, Shape& values, std::size_t count_max) {
  const void* found = find(key);
  if (found == nullptr) {
    return;
  }
  const auto* array = array_of(found, count_max);
  for (std::uint32_t i = 0; array != nullptr && i < array->size; ++i) {
    std::int64_t value = 0;
    if (!to_int64(array->ptr[i], value)) {
      array = nullptr;
      break;
    }
    values.push_back(value);
  }
  if (array == nullptr) {
    wrong(key, array_words(count_max, "numbers"));
  }
}

void MapReader::get(std::string_view key,
                    std::vector<std::string>& values,
                    std::size_t count_max,
                    std::size_t size_max) {
  const void* found = find(key);
  if (found == nullptr) {
    return;
  }
  const auto* array = array_of(found, count_max);
  for (std::uint32_t i = 0; array != nullptr && i < array->size; ++i) {
    const object& text = array->ptr[i];
    if (text.type != object_type::STR || text.via.str.size > size_max) {
      array = nullptr;
      break;
    }
    values.emplace_back(text.via.str.ptr, text.via.str.size);
  }
  if (array == nullptr) {
    wrong(key, array_words(count_max, "texts of at most " + std::to_string(size_max) + " bytes"));
  }
}

std::vector<MapReader> MapReader::maps(std::string_view key, std::size_t count_max) {
  std::vector<MapReader> readers;
  const void* found = find(key);
  if (found == nullptr) {
    return readers;
  }
  const auto* array = array_of(found, count_max);
  for (std::uint32_t i = 0; array != nullptr && i < array->size; ++i) {
    if (array->ptr[i].type != object_type::MAP) {
      array = nullptr;
      break;
    }
    readers.push_back({document_, &array->ptr[i]});
  }
  if (array == nullptr) {
    wrong(key, array_words(count_max, "maps"));
    readers.clear();
  }
  return readers;
}

MapReader MapReader::map(std::string_view key) {
  const void* found = find(key);
  if (found != nullptr && as_object(found).type != object_type::MAP) {
    wrong(key, "a map");
    found = nullptr;
  }
  return {document_, found};
}

}  // namespace sluice::link
