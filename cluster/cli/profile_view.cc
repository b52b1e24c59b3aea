#include "cluster/cli/profile_view.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "cluster/cli/text_table.h"

namespace sluice::cluster {
namespace {

using model::ProfiledStep;
using nlohmann::json;

constexpr std::size_t kShownSteps = 25;

// What a step, or all of an operator, does in one run.
struct Work {
  std::size_t steps = 0;
  double ms = 0;
  double operations = 0;
  double bytes = 0;

  void add(const Work& other) {
    steps += other.steps;
    ms += other.ms;
    operations += other.operations;
    bytes += other.bytes;
  }
  [[nodiscard]] double gflops() const { return ms > 0 ? operations / ms / 1e6 : 0; }
  [[nodiscard]] double gb_per_s() const { return ms > 0 ? bytes / ms / 1e6 : 0; }
};

double as_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Work work_of(const ProfiledStep& step, int runs) {
  return {.steps = 1,
          .ms = as_ms(step.total) / std::max(runs, 1),
          .operations = step.operations,
          .bytes = step.bytes};
}

std::string number(double value, int digits) {
  char text[32];
  static_cast<void>(std::snprintf(text, sizeof(text), "%.*f", digits, value));
  return text;
}

std::string name_of(const ProfiledStep& step) {
  return step.node.empty() ? "(the engine's)" : step.node;
}

// Nothing but the share that counts: of the arithmetic where there is some, else of the memory.
std::string of_peak(const Work& work, const engine::MachinePeak& peak) {
  const bool computes = work.operations > 0;
  const double most = computes ? peak.gflops : peak.gb_per_s;
  const double share = most > 0 ? (computes ? work.gflops() : work.gb_per_s()) / most : 0;
  return most > 0 ? number(100 * share, 0) + " %" : "-";
}

TextRow cells_of(const Work& work, double total_ms, const engine::MachinePeak& peak) {
  return {number(work.ms, 4),
          number(total_ms > 0 ? 100 * work.ms / total_ms : 0, 1),
          work.operations > 0 ? number(work.gflops(), 1) : "-",
          number(work.gb_per_s(), 1),
          of_peak(work, peak)};
}

TextRow joined(TextRow row, const TextRow& more) {
  row.insert(row.end(), more.begin(), more.end());
  return row;
}

}  // namespace

std::string profile_text(const model::StepProfile& profile, const engine::MachinePeak& peak) {
  Work all;
  std::map<std::string, Work> by_operator;
  std::vector<std::pair<const ProfiledStep*, Work>> steps;
  for (const ProfiledStep& step : profile.steps()) {
    const Work work = work_of(step, profile.runs());
    all.add(work);
    by_operator[step.op_type].add(work);
    steps.emplace_back(&step, work);
  }
  std::vector<std::pair<std::string, Work>> operators(by_operator.begin(), by_operator.end());
  const auto longer = [](const auto& a, const auto& b) { return a.second.ms > b.second.ms; };
  std::ranges::stable_sort(operators, longer);
  std::ranges::stable_sort(steps, longer);

  std::string text = std::to_string(steps.size()) + " steps, " + std::to_string(profile.runs()) +
                     " runs, " + number(all.ms, 4) +
                     " ms of a run in steps; one core: " + number(peak.gflops, 1) +
                     " GFLOP/s of float32, " + number(peak.gb_per_s, 1) + " GB/s\n\n";
  const TextRow measures = {"MS", "%", "GFLOP/S", "GB/S", "OF PEAK"};
  std::vector<TextRow> rows;
  for (const auto& [op_type, work] : operators) {
    rows.push_back(joined({op_type, std::to_string(work.steps)}, cells_of(work, all.ms, peak)));
  }
  append_table(text, joined({"OPERATOR", "STEPS"}, measures), rows);
  rows.clear();
  for (const auto& [step, work] : steps) {
    if (rows.size() == kShownSteps) {
      break;
    }
    TextRow row = joined({name_of(*step), step->op_type}, cells_of(work, all.ms, peak));
    row.push_back(step->implementation.empty() ? "-" : step->implementation);
    row.push_back(step->shapes);
    rows.push_back(std::move(row));
  }
  text += '\n';
  TextRow titles = joined({"NODE", "OPERATOR"}, measures);
  titles.push_back("BY");
  titles.push_back("SHAPES");
  append_table(text, titles, rows);
  if (steps.size() > kShownSteps) {
    text +=
        "and " + std::to_string(steps.size() - kShownSteps) + " shorter steps; --json has all\n";
  }
  return text;
}

std::string profile_json(const model::StepProfile& profile, const engine::MachinePeak& peak) {
  json steps = json::array();
  for (const ProfiledStep& step : profile.steps()) {
    const Work work = work_of(step, profile.runs());
    steps.push_back({{"node", step.node},
                     {"operator", step.op_type},
                     {"implementation", step.implementation},
                     {"shapes", step.shapes},
                     {"ms", work.ms},
                     {"operations", work.operations},
                     {"bytes", work.bytes}});
  }
  return json{{"runs", profile.runs()},
              {"peak", {{"gflops", peak.gflops}, {"gb_per_s", peak.gb_per_s}}},
              {"steps", std::move(steps)}}
      .dump(1, ' ', false, json::error_handler_t::replace);
}

std::string trace_json(const model::StepProfile& profile) {
  const auto microseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  json events = json::array();
  for (const ProfiledStep& step : profile.steps()) {
    events.push_back({{"name", name_of(step)},
                      {"cat", step.op_type},
                      {"ph", "X"},
                      {"ts", microseconds(step.begin)},
                      {"dur", microseconds(step.end - step.begin)},
                      {"pid", 1},
                      {"tid", 1},
                      {"args",
                       {{"operator", step.op_type},
                        {"implementation", step.implementation},
                        {"shapes", step.shapes}}}});
  }
  return json{{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}}.dump(
      1, ' ', false, json::error_handler_t::replace);
}

}  // namespace sluice::cluster
