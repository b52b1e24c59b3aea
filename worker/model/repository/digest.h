// A digest that is the same on every machine and in every run; not one that withstands attackers.

#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::repository {

// FNV-1a in 64 bits.
class Digest {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
    add(std::uint64_t{bytes.size()});  // so that "ab","c" is not "a","bc"
  }
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      value_ = (value_ ^ ((number >> shift) & 0xffU)) * 0x100000001b3ULL;
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_ == 0 ? 1 : value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace sluice::repository
