#include "worker/ops/text/utf8.h"

#include <cstdint>

namespace sluice::engine {
namespace {

// Ranges of letters whose cases lie `distance` apart.
struct Shifted {
  std::uint32_t first;  // upper case
  std::uint32_t last;
  std::uint32_t distance;
};
constexpr Shifted kShifted[] = {
    {'A', 'Z', 32},            // Basic Latin
    {0xC0, 0xD6, 32},          // Latin-1
    {0xD8, 0xDE, 32},          //
    {0x388, 0x38A, 37},        // Greek with accents
    {0x391, 0x3A1, 32},        // Greek
    {0x3A3, 0x3AB, 32},        //
    {0x400, 0x40F, 80},        // Cyrillic
    {0x410, 0x42F, 32},        //
    {0x531, 0x556, 48},        // Armenian
    {0x10A0, 0x10C5, 0x1C60},  // Georgian
    {0x2160, 0x216F, 16},      // Roman numerals
    {0x24B6, 0x24CF, 26},      // circled letters
    {0xFF21, 0xFF3A, 32},      // full width
    {0x10400, 0x10427, 40},    // Deseret
};

// Ranges in which upper and lower case alternate; `first` is upper.
struct Paired {
  std::uint32_t first;
  std::uint32_t last;
};
constexpr Paired kPaired[] = {
    {0x100, 0x12F}, {0x132, 0x137},   {0x139, 0x148},   {0x14A, 0x177},   {0x179, 0x17E},
    {0x1CD, 0x1DC}, {0x1DE, 0x1EF},   {0x1F8, 0x21F},   {0x222, 0x233},   {0x246, 0x24F},
    {0x370, 0x373}, {0x3D8, 0x3EF},   {0x460, 0x481},   {0x48A, 0x4BF},   {0x4C1, 0x4CE},
    {0x4D0, 0x52F}, {0x1E00, 0x1E95}, {0x1EA0, 0x1EFF}, {0xA640, 0xA66D}, {0xA680, 0xA69B},
};

// Single letters: upper, lower.
constexpr std::uint32_t kSingle[][2] = {
    {0x178, 0xFF}, {0x386, 0x3AC}, {0x38C, 0x3CC}, {0x38E, 0x3CD}, {0x38F, 0x3CE}, {0x4C0, 0x4CF}};

std::uint32_t mapped(std::uint32_t letter, LetterCase to) {
  const bool upper = to == LetterCase::upper;
  for (const auto& [first, last, distance] : kShifted) {
    if (!upper && letter >= first && letter <= last) {
      return letter + distance;
    }
    if (upper && letter >= first + distance && letter <= last + distance) {
      return letter - distance;
    }
  }
  for (const auto& [first, last] : kPaired) {
    if (letter >= first && letter <= last) {
      const bool is_upper = (letter - first) % 2 == 0;
      return is_upper == upper ? letter : upper ? letter - 1 : letter + 1;
    }
  }
  for (const auto& pair : kSingle) {
    if (letter == pair[upper ? 1 : 0]) {
      return pair[upper ? 0 : 1];
    }
  }
  return letter == 0x3C2 && upper ? 0x3A3 : letter;  // the final sigma
}

std::uint32_t decode(std::string_view text, std::size_t at, std::size_t size) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i]));
  };
  std::uint32_t letter = size == 1 ? byte(0) : byte(0) & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    letter = letter << 6 | (byte(i) & 0x3FU);
  }
  return letter;
}

void encode(std::uint32_t letter, std::string& to) {
  if (letter < 0x80) {
    to.push_back(static_cast<char>(letter));
    return;
  }
  const int more = letter < 0x800 ? 1 : letter < 0x10000 ? 2 : 3;
  to.push_back(static_cast<char>((0xFF00U >> (more + 1) & 0xFFU) | letter >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) {
    to.push_back(static_cast<char>(0x80U | (letter >> (6 * i) & 0x3FU)));
  }
}

}  // namespace

std::size_t character_size(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t size = first < 0xC2   ? 1
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 1;
  if (at + size > text.size()) {
    return 1;
  }
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0U) != 0x80U) {
      return 1;
    }
  }
  return size;
}

std::size_t character_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += character_size(text, at)) {
    ++count;
  }
  return count;
}

std::string with_case(std::string_view text, LetterCase to) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(text, at);
    const bool is_letter = size > 1 || static_cast<unsigned char>(text[at]) < 0x80;
    const std::uint32_t before = is_letter ? decode(text, at, size) : 0;
    const std::uint32_t after = is_letter ? mapped(before, to) : 0;
    if (after == before) {
      result.append(text.substr(at, size));
    } else {
      encode(after, result);
    }
    at += size;
  }
  return result;
}

}  // namespace sluice::engine
