#include "cluster/cli/models_table.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cluster/cli/rollout_view.h"
#include "cluster/cli/text_table.h"

namespace sluice::cluster {

using Json = nlohmann::json;

namespace {

// "stable, canary": the labels that lead to the version.
std::string labels_of(const Json& model, const std::string& version) {
  std::string labels;
  for (const Json& label : list_of(model, "labels")) {
    if (cell(label, "version") == version) {
      labels += (labels.empty() ? "" : ", ") + cell(label, "label");
    }
  }
  return labels.empty() ? "-" : labels;
}

std::string workers_of(const Json& version) {
  const auto found = version.is_object() ? version.find("workers") : version.end();
  return found == version.end() || !found->is_object()
             ? "-"
             : cell(*found, "ready") + "/" + cell(*found, "wanted");
}

std::string share_of(const Json& version) {
  const std::string weight = cell(version, "weight");
  return weight == "-" || weight == "0" ? "-" : weight + " %";
}

std::string versions_text(const Json& versions) {
  std::string text;
  for (const Json& version : versions) {
    text += (text.empty() ? "" : ", ") +
            (version.is_string() ? version.get<std::string>() : version.dump());
  }
  return text;
}

std::string pin_note(const std::string& name, const Json& model) {
  const auto pin = model.find("pin");
  if (pin == model.end() || !pin->is_array()) {
    return {};
  }
  if (pin->empty()) {
    return name + ": not loaded (sluice load " + name + " loads it)\n";
  }
  return name + ": pinned to " + versions_text(*pin) + " by an operator (sluice rollout " + name +
         " --to policy lifts it)\n";
}

std::string label_notes(const std::string& name, const Json& model) {
  std::string notes;
  std::string resolved;
  for (const Json& label : list_of(model, "labels")) {
    const std::string at = cell(label, "version");
    if (at != "-") {
      resolved += (resolved.empty() ? "" : ", ") + cell(label, "label") + " is version " + at;
    }
    if (const std::string reason = cell(label, "reason"); reason != "-") {
      notes += name + ": label " + cell(label, "label") + " should be version " +
               cell(label, "wants") + ": " + reason + "\n";
    }
  }
  return (resolved.empty() ? "" : name + ": label " + resolved + "\n") + notes;
}

std::string rollout_note(const std::string& name, const Json& model) {
  const auto rollout = model.find("rollout");
  if (rollout == model.end() || !rollout->is_object()) {
    return {};
  }
  const auto state = parse_rollout(rollout->dump());
  if (!state || state->phase == "none") {
    return {};
  }
  return name + ": " + (state->ended() ? "last rollout: " : "rollout: ") + rollout_words(*state) +
         "\n";
}

}  // namespace

std::string deployment_notes(const Json& model) {
  if (!model.is_object()) {
    return {};
  }
  const std::string name = cell(model, "name");
  std::string notes;
  if (const std::string problem = cell(model, "problem"); problem != "-") {
    notes += name + ": cannot be used: " + problem + "\n";
  }
  notes += pin_note(name, model) + label_notes(name, model) + rollout_note(name, model);
  for (const Json& note : list_of(model, "notes")) {
    notes += name + ": note: " + cell(Json{{"note", note}}, "note") + "\n";
  }
  return notes;
}

Result<std::string> models_table(std::string_view text) {
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("models")) {
    return Error{ErrorCode::data_corrupt, "the server's answer is not a list of models"};
  }
  std::vector<TextRow> rows;
  std::string notes;
  for (const Json& model : list_of(document, "models")) {
    const std::string name = cell(model, "name");
    for (const Json& version : list_of(model, "versions")) {
      const std::string number = cell(version, "version");
      rows.push_back({name,
                      number,
                      cell(version, "state"),
                      share_of(version),
                      workers_of(version),
                      labels_of(model, number),
                      cell(version, "reason")});
    }
    if (list_of(model, "versions").empty()) {
      rows.push_back({name, "-", "-", "-", "-", "-", "-"});
    }
    notes += deployment_notes(model);
  }
  if (rows.empty()) {
    return std::string("no models\n");
  }
  std::string out;
  append_table(out, {"MODEL", "VERSION", "STATE", "REQUESTS", "WORKERS", "LABELS", "REASON"}, rows);
  return notes.empty() ? out : out + "\n" + notes;
}

}  // namespace sluice::cluster
