#include "cluster/cli/status_table.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include "cluster/cli/models_table.h"
#include "cluster/cli/text_table.h"
#include "common/base/limits.h"

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
                                     {"EXECUTORS", "executors"},
                                     {"THREADS", "threads"},
                                     {"RESTARTS", "restarts"},
                                     {"IN FLIGHT", "in_flight"},
                                     {"EXECUTED", "executed"},
                                     {"REASON", "reason"}};

template <std::size_t N>
void append_rows(std::string& out, const Column (&columns)[N], const Json& rows) {
  TextRow titles;
  for (const Column& column : columns) {
    titles.emplace_back(column.title);
  }
  std::vector<TextRow> table;
  for (const Json& row : rows) {
    TextRow& cells = table.emplace_back();
    for (const Column& column : columns) {
      cells.push_back(cell(row, column.key));
    }
  }
  append_table(out, titles, table);
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

std::uint64_t number(const Json& row, const char* key) {
  const auto found = row.is_object() ? row.find(key) : row.end();
  return found != row.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// "node     h, CPUs 8, memory 120 of 16000 MB".
std::string node_line(const Json& node) {
  std::string line = "node     " + cell(node, "id") + ", CPUs " + cell(node, "cpus") + ", memory " +
                     std::to_string(number(node, "memory_taken") / limits::kMiB);
  if (const std::uint64_t limit = number(node, "memory_limit"); limit != 0) {
    line += " of " + std::to_string(limit / limits::kMiB);
  }
  return line + " MB\n";
}

}  // namespace

Result<std::string> status_table(std::string_view json) {
  const Json status = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!status.is_object()) {
    return Error{ErrorCode::data_corrupt, "the server's status is not a JSON object"};
  }
  std::string out = gateway_line(status);
  for (const Json& node : list_of(status, "nodes")) {
    out += node_line(node);
  }
  const Json& models = list_of(status, "models");
  const Json& workers = list_of(status, "workers");
  out += '\n';
  if (models.empty()) {
    out += "no models\n";
  } else {
    append_rows(out, kModelColumns, models);
  }
  for (const Json& deployment : list_of(status, "deployments")) {
    out += deployment_notes(deployment);
  }
  out += '\n';
  if (workers.empty()) {
    out += "no workers\n";
  } else {
    append_rows(out, kWorkerColumns, workers);
  }
  return out;
}

}  // namespace sluice::cluster
