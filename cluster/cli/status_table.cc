#include "cluster/cli/status_table.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

namespace sluice::cluster {

namespace {

using Json = nlohmann::json;

struct Column {
  const char* title;
  const char* key;
};

constexpr Column kModelColumns[] = {{"MODEL", "name"},
                                    {"VERSION", "version"},
                                    {"STATE", "state"},
                                    {"QUEUED", "queue_depth"},
                                    {"IN FLIGHT", "in_flight"},
                                    {"REASON", "reason"}};
constexpr Column kWorkerColumns[] = {{"WORKER", "id"},
                                     {"NODE", "node"},
                                     {"MODEL", "model"},
                                     {"VERSION", "version"},
                                     {"STATE", "state"},
                                     {"PID", "pid"},
                                     {"RESTARTS", "restarts"},
                                     {"IN FLIGHT", "in_flight"},
                                     {"EXECUTED", "executed"},
                                     {"REASON", "reason"}};

std::string cell(const Json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || found->is_null()) {
    return "-";
  }
  std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  // A reason may hold anything a library said: keep the table's lines whole.
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text.empty() ? "-" : text;
}

void append_padded(std::string& out, const std::string& text, std::size_t width, bool last) {
  out += text;
  if (last) {
    out += '\n';
    return;
  }
  out.append(width - text.size() + 2, ' ');
}

template <std::size_t N>
void append_table(std::string& out, const Column (&columns)[N], const Json& rows) {
  std::vector<std::vector<std::string>> table(1);
  for (const Column& column : columns) {
    table.front().emplace_back(column.title);
  }
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const Column& column : columns) {
      cells.push_back(row.is_object() ? cell(row, column.key) : "-");
    }
    table.push_back(std::move(cells));
  }
  std::size_t widths[N] = {};
  for (const auto& row : table) {
    for (std::size_t i = 0; i < N; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : table) {
    for (std::size_t i = 0; i < N; ++i) {
      append_padded(out, row[i], widths[i], i + 1 == N);
    }
  }
}

const Json& list_of(const Json& status, const char* key) {
  static const Json none = Json::array();
  const auto found = status.find(key);
  return found != status.end() && found->is_array() ? *found : none;
}

std::string whole_seconds(const Json& gateway) {
  const auto found = gateway.find("uptime_s");
  return found != gateway.end() && found->is_number()
             ? std::to_string(static_cast<std::int64_t>(found->get<double>()))
             : "-";
}

std::string gateway_line(const Json& status) {
  const auto found = status.find("gateway");
  if (found == status.end() || !found->is_object()) {
    return "gateway  -\n";
  }
  std::string line =
      "gateway  up " + whole_seconds(*found) + " s, shards " + cell(*found, "shards");
  const auto draining = found->find("draining");
  if (draining != found->end() && draining->is_boolean() && draining->get<bool>()) {
    line += ", draining";
  }
  return line + "\n";
}

}  // namespace

Result<std::string> status_table(std::string_view json) {
  const Json status = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!status.is_object()) {
    return Error{ErrorCode::data_corrupt, "the server's status is not a JSON object"};
  }
  std::string out = gateway_line(status);
  const Json& models = list_of(status, "models");
  const Json& workers = list_of(status, "workers");
  out += '\n';
  if (models.empty()) {
    out += "no models\n";
  } else {
    append_table(out, kModelColumns, models);
  }
  out += '\n';
  if (workers.empty()) {
    out += "no workers\n";
  } else {
    append_table(out, kWorkerColumns, workers);
  }
  return out;
}

}  // namespace sluice::cluster
