#include "worker/ops/math/einsum_equation.h"

#include <algorithm>
#include <string>

#include "worker/ops/types.h"

namespace sluice::engine::einsum {
namespace {

Error corrupt(std::string_view text, const char* why) {
  return {ErrorCode::data_corrupt, "equation '" + std::string(text) + "' " + why};
}

bool has(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) != labels.end();
}

Result<Labels> parse_term(std::string_view term, std::string_view text) {
  Labels labels;
  while (!term.empty()) {
    const char c = term.front();
    if (term.starts_with("...")) {
      if (has(labels, kEllipsis)) {
        return corrupt(text, "has two ellipses in one operand");
      }
      labels.push_back(kEllipsis);
      term.remove_prefix(3);
      continue;
    }
    if (c >= 'A' && c <= 'Z') {
      labels.push_back(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      labels.push_back(c - 'a' + 26);
    } else if (c != ' ') {
      return corrupt(text, "has something else than letters, ellipses and an arrow");
    }
    term.remove_prefix(1);
  }
  return labels;
}

// Letters that are there once, behind the ellipsis.
Labels implicit_output(const std::vector<Labels>& inputs) {
  Labels output;
  Labels all;
  for (const Labels& labels : inputs) {
    all.insert(all.end(), labels.begin(), labels.end());
  }
  if (has(all, kEllipsis)) {
    output.push_back(kEllipsis);
  }
  for (Label label = 0; label < kLetters; ++label) {
    if (std::ranges::count(all, label) == 1) {
      output.push_back(label);
    }
  }
  return output;
}

// An operand's labels with those of its ellipsis in place, the last of `most` ones.
Labels spread(const Labels& labels, std::size_t ellipsis, std::size_t most) {
  Labels made;
  for (const Label label : labels) {
    if (label != kEllipsis) {
      made.push_back(label);
      continue;
    }
    for (std::size_t i = most - ellipsis; i < most; ++i) {
      made.push_back(kLetters + static_cast<Label>(i));
    }
  }
  return made;
}

}  // namespace

Result<Equation> parse_equation(std::string_view text) {
  Equation equation;
  const std::size_t arrow = text.find("->");
  std::string_view inputs = text.substr(0, arrow);
  for (bool more = true; more;) {
    const std::size_t comma = inputs.find(',');
    SLUICE_TRY_ASSIGN(Labels labels, parse_term(inputs.substr(0, comma), text));
    equation.inputs.push_back(std::move(labels));
    more = comma != std::string_view::npos;
    inputs.remove_prefix(more ? comma + 1 : inputs.size());
  }
  equation.implicit = arrow == std::string_view::npos;
  if (equation.implicit) {
    equation.output = implicit_output(equation.inputs);
    return equation;
  }
  SLUICE_TRY_ASSIGN(equation.output, parse_term(text.substr(arrow + 2), text));
  for (const Label label : equation.output) {
    if (std::ranges::count(equation.output, label) > 1) {
      return corrupt(text, "names an axis of the result twice");
    }
    const bool known = std::ranges::any_of(
        equation.inputs, [&](const Labels& labels) { return has(labels, label); });
    if (!known && label != kEllipsis) {
      return corrupt(text, "names an axis of the result that no operand has");
    }
  }
  return equation;
}

Result<Axes> resolve(const Equation& equation, const std::vector<Dims>& operands) {
  if (operands.size() != equation.inputs.size()) {
    return bad_input("its equation has " + std::to_string(equation.inputs.size()) +
                     " operands, the node " + std::to_string(operands.size()));
  }
  std::vector<std::size_t> ellipses;
  std::size_t most = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Labels& labels = equation.inputs[i];
    const bool open = has(labels, kEllipsis);
    const std::size_t named = labels.size() - (open ? 1 : 0);
    if (open ? operands[i].size() < named : operands[i].size() != named) {
      return bad_input("operand " + to_string(operands[i]) + " does not have the " +
                       std::to_string(named) + " axes of its equation");
    }
    ellipses.push_back(operands[i].size() - named);
    most = std::max(most, open ? ellipses.back() : 0);
  }
  if (most > 0 && !has(equation.output, kEllipsis)) {
    return bad_input("its result has no ellipsis for those of its operands");
  }
  Axes axes{.extents = Shape(kLetters + most, 1)};
  for (std::size_t i = 0; i < operands.size(); ++i) {
    axes.inputs.push_back(spread(equation.inputs[i], ellipses[i], most));
    for (std::size_t d = 0; d < operands[i].size(); ++d) {
      std::int64_t& extent = axes.extents[static_cast<std::size_t>(axes.inputs[i][d])];
      if (extent != operands[i][d] && extent != 1 && operands[i][d] != 1) {
        return bad_input("operand " + to_string(operands[i]) + " does not fit an extent of " +
                         std::to_string(extent) + " of another");
      }
      extent = operands[i][d] == 1 ? extent : operands[i][d];
    }
  }
  axes.output = spread(equation.output, most, most);
  return axes;
}

}  // namespace sluice::engine::einsum
