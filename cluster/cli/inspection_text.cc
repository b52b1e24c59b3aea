#include "cluster/cli/inspection_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cluster/cli/text_table.h"

namespace sluice::cluster {
namespace {

constexpr std::size_t kNodesShown = 5;
constexpr double kMega = 1e6;

using Symbols = std::vector<std::vector<std::string>>;

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) {
    digits.insert(at - 3, ",");
  }
  return digits;
}

// A file's names may hold anything: control characters become spaces.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return text;
}

std::string name_of_domain(const std::string& domain) {
  return domain.empty() ? "ai.onnx" : domain;
}

// "" where the extent has no name.
const std::string& symbol_of(const Symbols& symbols, std::size_t value, std::size_t axis) {
  static const std::string none;
  return value < symbols.size() && axis < symbols[value].size() ? symbols[value][axis] : none;
}

std::string shape_text(const ValueInfo& value, const Symbols& symbols, std::size_t place) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < value.shape.size(); ++axis) {
    const std::string& symbol = symbol_of(symbols, place, axis);
    text += (axis == 0 ? "" : ", ") + (value.shape[axis] >= 0 ? std::to_string(value.shape[axis])
                                       : symbol.empty()       ? "?"
                                                              : one_line(symbol));
  }
  return text + "]";
}

void append_values(std::string& out,
                   const char* title,
                   const std::vector<ValueInfo>& values,
                   const Symbols& symbols) {
  std::vector<TextRow> rows;
  for (std::size_t i = 0; i < values.size(); ++i) {
    rows.push_back({one_line(values[i].name),
                    std::string(name_of(values[i].datatype)),
                    shape_text(values[i], symbols, i)});
  }
  out += "\n";
  append_table(out, {title, "DATATYPE", "SHAPE"}, rows);
}

nlohmann::ordered_json values_json(const std::vector<ValueInfo>& values, const Symbols& symbols) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto shape = nlohmann::ordered_json::array();
    for (std::size_t axis = 0; axis < values[i].shape.size(); ++axis) {
      const std::string& symbol = symbol_of(symbols, i, axis);
      if (values[i].shape[axis] < 0 && !symbol.empty()) {
        shape.push_back(symbol);
      } else {
        shape.push_back(values[i].shape[axis]);
      }
    }
    list.push_back({{"name", values[i].name},
                    {"datatype", std::string(name_of(values[i].datatype))},
                    {"shape", std::move(shape)}});
  }
  return list;
}

// Most nodes first.
std::vector<std::pair<std::string, std::size_t>> by_count(const engine::FileFacts& facts) {
  std::vector<std::pair<std::string, std::size_t>> sorted(facts.operators.begin(),
                                                          facts.operators.end());
  std::ranges::stable_sort(sorted, std::ranges::greater(), &decltype(sorted)::value_type::second);
  return sorted;
}

std::string nodes_text(const std::vector<std::string>& nodes) {
  std::string text;
  for (std::size_t i = 0; i < std::min(nodes.size(), kNodesShown); ++i) {
    text += (i == 0 ? "'" : ", '") + one_line(nodes[i]) + "'";
  }
  return nodes.size() > kNodesShown
             ? text + " and " + std::to_string(nodes.size() - kNodesShown) + " more"
             : text;
}

std::string head_text(const std::string& file, const engine::Inspection& found) {
  std::string out = file + ": ONNX IR " + std::to_string(found.facts.ir_version);
  for (const auto& [domain, version] : found.facts.opsets) {
    out += ", " + one_line(name_of_domain(domain)) + " " + std::to_string(version);
  }
  out += found.facts.producer.empty() ? "" : ", by " + one_line(found.facts.producer);
  char megabytes[32];
  static_cast<void>(std::snprintf(
      megabytes, sizeof megabytes, "%.1f MB", static_cast<double>(found.parameter_bytes) / kMega));
  return out + "\n" + grouped(found.parameters) + " parameters, " + megabytes + "\n";
}

}  // namespace

std::string inspection_text(const std::string& file, const engine::Inspection& found) {
  std::string out = head_text(file, found);
  append_values(out, "INPUT", found.info.inputs, found.input_symbols);
  append_values(out, "OUTPUT", found.info.outputs, found.output_symbols);
  std::vector<TextRow> operators;
  for (const auto& [name, count] : by_count(found.facts)) {
    operators.push_back({one_line(name), std::to_string(count)});
  }
  out += "\n";
  append_table(out, {"OPERATOR", "NODES"}, operators);
  if (!found.missing.empty()) {
    std::vector<TextRow> missing;
    for (const engine::MissingOperator& each : found.missing) {
      missing.push_back({one_line(each.what), nodes_text(each.nodes)});
    }
    out += "\n";
    append_table(out, {"UNSUPPORTED", "NODES"}, missing);
  }
  return out + "\n" +
         (found.refusal.empty() ? "it can be loaded"
                                : "it cannot be loaded: " + one_line(found.refusal)) +
         "\n";
}

std::string inspection_json(const std::string& file, const engine::Inspection& found) {
  nlohmann::ordered_json opsets = nlohmann::ordered_json::object();
  for (const auto& [domain, version] : found.facts.opsets) {
    opsets[name_of_domain(domain)] = version;
  }
  nlohmann::ordered_json operators = nlohmann::ordered_json::object();
  std::size_t nodes = 0;
  for (const auto& [name, count] : by_count(found.facts)) {
    operators[name] = count;
    nodes += count;
  }
  auto missing = nlohmann::ordered_json::array();
  for (const engine::MissingOperator& each : found.missing) {
    missing.push_back({{"operator", each.what}, {"nodes", each.nodes}});
  }
  const nlohmann::ordered_json json = {
      {"file", file},
      {"ir_version", found.facts.ir_version},
      {"producer", found.facts.producer},
      {"opsets", opsets},
      {"inputs", values_json(found.info.inputs, found.input_symbols)},
      {"outputs", values_json(found.info.outputs, found.output_symbols)},
      {"parameters", found.parameters},
      {"parameter_bytes", found.parameter_bytes},
      {"nodes", nodes},
      {"operators", operators},
      {"unsupported", missing},
      {"loads", found.refusal.empty()},
      {"reason", found.refusal}};
  // A model's names may be no UTF-8; the line still has to be.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace sluice::cluster
