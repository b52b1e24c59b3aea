#include "gateway/protocol/class_labels.h"

#include <algorithm>
#include <utility>

namespace sluice::gateway {

LabelList::LabelList(std::string lines) : lines_(std::move(lines)) {
  for (std::size_t begin = 0; begin < lines_.size();) {
    const std::size_t end = std::min(lines_.find('\n', begin), lines_.size());
    ends_.push_back(static_cast<std::uint32_t>(end));
    begin = end + 1;
  }
}

std::string_view LabelList::at(std::size_t index) const {
  if (index >= ends_.size()) {
    return {};
  }
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1] + std::size_t{1};
  return std::string_view(lines_).substr(begin, ends_[index] - begin);
}

ClassLabels::ClassLabels(std::span<const OutputLabels> told) {
  for (const OutputLabels& each : told) {
    outputs_.push_back({each.output, LabelList(each.lines)});
  }
}

const LabelList* ClassLabels::of(std::string_view output) const {
  const auto found = std::ranges::find(outputs_, output, &Output::name);
  return found == outputs_.end() ? nullptr : &found->labels;
}

}  // namespace sluice::gateway
