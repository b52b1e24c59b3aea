// MessagePack maps with text keys, written and read field by field; the door to msgpack. Pure.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/tensor/buffer.h"
#include "common/tensor/shape.h"

namespace sluice::link {

// Writes one map whose number of entries is known before. finish() checks that all were written.
class MapWriter {
 public:
  explicit MapWriter(std::uint32_t entries);
  MapWriter(const MapWriter&) = delete;
  MapWriter& operator=(const MapWriter&) = delete;
  ~MapWriter();

  void put(std::string_view key, std::string_view value);
  void put(std::string_view key, const char* value) = delete;
  void put(std::string_view key, std::uint64_t value);
  void put(std::string_view key, std::int64_t value);
  void put(std::string_view key, bool value);
  void put(std::string_view key, Duration value);  // nanoseconds
  void put(std::string_view key, const std::vector<std::string>& values);
  void put(std::string_view key, const std::vector<std::uint64_t>& values);
  void put(std::string_view key, const Shape& values);
  // A map as value: `entries` puts follow, which belong to it.
  void begin_map(std::string_view key, std::uint32_t entries);
  // An array of `count` maps as value: `count` times begin_element and its puts follow.
  void begin_maps(std::string_view key, std::size_t count);
  void begin_element(std::uint32_t entries);

  [[nodiscard]] Buffer finish() &&;

 private:
  void key(std::string_view key);
  struct Packer;
  std::unique_ptr<Packer> packer_;
};

class MapReader;

// A parsed map with all that is in it. The first thing wrong with it, at parsing or at a field, is
// kept and makes all later reads do nothing, so that a decoder is a list of fields and one check.
class MapDocument {
 public:
  // Limits: `size_max` bytes in all, kMapDepth levels, kMapItems a map or array.
  explicit MapDocument(Buffer bytes, std::size_t size_max = limits::kControlMessageBytes);
  MapDocument(const MapDocument&) = delete;
  MapDocument& operator=(const MapDocument&) = delete;
  ~MapDocument();

  [[nodiscard]] MapReader root();
  // data_corrupt with what was wrong first, naming the key.
  [[nodiscard]] Result<void> result() const;

 private:
  friend class MapReader;
  void fail(std::string detail);
  struct Parsed;
  Buffer bytes_;  // the texts of parsed_ are in here
  std::unique_ptr<Parsed> parsed_;
  std::string failure_;
};

inline constexpr std::size_t kMapDepth = 8;
inline constexpr std::size_t kMapItems = 4'096;

// One map of a document. A field that is missing leaves the value as it is; one of the wrong type
// or out of the value's range is a failure of the document.
class MapReader {
 public:
  void get(std::string_view key, std::string& value, std::size_t size_max);
  void get(std::string_view key, std::uint64_t& value);
  void get(std::string_view key, std::uint32_t& value);
  void get(std::string_view key, std::uint8_t& value);
  void get(std::string_view key, std::int64_t& value);
  void get(std::string_view key, bool& value);
  void get(std::string_view key, Duration& value);  // not negative
  void get(std::string_view key, std::vector<std::uint64_t>& values, std::size_t count_max);
  void get(std::string_view key, Shape& values, std::size_t count_max);
  void get(std::string_view key,
           std::vector<std::string>& values,
           std::size_t count_max,
           std::size_t size_max);
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  // A failure when the key is missing.
  void require(std::string_view key);
  // The maps in the array at `key`; none when it is missing.
  [[nodiscard]] std::vector<MapReader> maps(std::string_view key, std::size_t count_max);
  // The map at `key`; an empty one when it is missing.
  [[nodiscard]] MapReader map(std::string_view key);

 private:
  friend class MapDocument;
  MapReader(MapDocument* document, const void* object) : document_(document), object_(object) {}
  [[nodiscard]] const void* find(std::string_view key) const;
  void wrong(std::string_view key, std::string_view wanted);

  MapDocument* document_;
  const void* object_;  // of msgpack; null: an empty map
};

}  // namespace sluice::link
