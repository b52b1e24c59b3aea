// ClassLabels: what the classes of a version's outputs are called, as its worker has told. Made
// when the worker attaches; then only read.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/link/infer.h"

namespace sluice::gateway {

// Of one output.
class LabelList {
 public:
  explicit LabelList(std::string lines);

  // Empty where the class has none.
  [[nodiscard]] std::string_view at(std::size_t index) const;

 private:
  std::string lines_;
  std::vector<std::uint32_t> ends_;  // of each line, its '\n' not counted
};

class ClassLabels {
 public:
  ClassLabels() = default;
  explicit ClassLabels(std::span<const OutputLabels> told);

  // Null: the output has none.
  [[nodiscard]] const LabelList* of(std::string_view output) const;

 private:
  struct Output {
    std::string name;
    LabelList labels;
  };
  std::vector<Output> outputs_;
};

}  // namespace sluice::gateway
