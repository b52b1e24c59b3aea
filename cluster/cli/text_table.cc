#include "cluster/cli/text_table.h"

#include <algorithm>
#include <cstddef>

#include <nlohmann/json.hpp>

namespace sluice::cluster {

using Json = nlohmann::json;

namespace {

void append_row(std::string& out, const TextRow& row, const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    out += row[i];
    if (i + 1 < row.size()) {
      out.append(widths[i] - row[i].size() + 2, ' ');
    }
  }
  out += '\n';
}

}  // namespace

void append_table(std::string& out, const TextRow& titles, const std::vector<TextRow>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < titles.size(); ++i) {
    widths.push_back(titles[i].size());
    for (const TextRow& row : rows) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  append_row(out, titles, widths);
  for (const TextRow& row : rows) {
    append_row(out, row, widths);
  }
}

std::string cell(const Json& row, const char* key) {
  const auto found = row.is_object() ? row.find(key) : row.end();
  if (found == row.end() || found->is_null()) {
    return "-";
  }
  std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text.empty() ? "-" : text;
}

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_array() ? *found : none;
}

}  // namespace sluice::cluster
