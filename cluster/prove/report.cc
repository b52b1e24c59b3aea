#include "cluster/prove/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <map>

#include <nlohmann/json.hpp>

namespace sluice::cluster {

namespace {

using OrderedJson = nlohmann::ordered_json;

double ms_of(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

__attribute__((format(printf, 2, 3))) void add(std::string& text, const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  static_cast<void>(std::vsnprintf(line, sizeof line, format, arguments));
  va_end(arguments);
  text += line;
}

unsigned long long wide(std::uint64_t number) {
  return number;
}

Histogram quiet_of(const Findings& findings) {
  Histogram quiet = findings.quiet_a;
  quiet.merge(findings.quiet_b);
  return quiet;
}

std::size_t swaps_done(const Findings& findings) {
  return static_cast<std::size_t>(
      std::ranges::count(findings.swaps, true, [](const SwapRecord& swap) { return swap.done; }));
}

Duration swap_time(const Findings& findings, double share) {
  std::vector<Duration> times;
  for (const SwapRecord& swap : findings.swaps) {
    times.push_back(swap.took);
  }
  if (times.empty()) {
    return {};
  }
  std::ranges::sort(times);
  return times[std::min(times.size() - 1,
                        static_cast<std::size_t>(share * static_cast<double>(times.size())))];
}

void add_row(std::string& text,
             const char* name,
             const Histogram& latencies,
             std::optional<std::uint64_t> failed) {
  add(text,
      "  %-10s %10llu %9.3f %9.3f %9.3f",
      name,
      wide(latencies.count()),
      ms_of(latencies.quantile(0.5)),
      ms_of(latencies.quantile(0.99)),
      ms_of(latencies.max()));
  if (failed) {
    add(text, " %9llu", wide(*failed));
  }
  text += '\n';
}

void add_counts(std::string& text, const Totals& totals) {
  add(text, "sent          %llu requests, each with its own id\n", wide(totals.sent));
  add(text, "answered      %llu ok", wide(totals.ok));
  for (const auto& [version, count] : totals.by_version) {
    add(text,
        "%s%llu by version %lld",
        version == totals.by_version.begin()->first ? ": " : ", ",
        wide(count),
        static_cast<long long>(version));
  }
  add(text,
      "\nfailed        %llu by an error, %llu lost, %llu never sent, %llu connections refused\n",
      wide(totals.errors_in_all()),
      wide(totals.lost),
      wide(totals.unsent),
      wide(totals.refused));
  for (const auto& [status, count] : totals.errors) {
    add(text, "              status %d: %llu\n", status, wide(count));
  }
  add(text,
      "wrong         %llu version, %llu id; %llu duplicated; %llu over 50 ms past their deadline\n",
      wide(totals.wrong_version),
      wide(totals.wrong_id),
      wide(totals.duplicated),
      wide(totals.late));
  for (const auto& [words, count] : totals.words) {
    add(text, "              %llu times: %.400s\n", wide(count), words.c_str());
  }
}

// What others did while only the load was wanted.
void add_seen(std::string& text, const Findings& findings) {
  if (findings.swaps.empty()) {
    return;
  }
  add_row(text, "rollouts", findings.during, findings.failed_during);
  for (const SwapRecord& swap : findings.swaps) {
    add(text,
        "seen          a rollout from version %lld to %lld: ",
        static_cast<long long>(swap.from),
        static_cast<long long>(swap.to));
    if (swap.done) {
      add(text, "done in %.0f ms\n", ms_of(swap.took));
    } else {
      add(text, "rolled back: %.400s\n", swap.reason.c_str());
    }
  }
}

// What grows from swap to swap leaks.
void add_memory_by_version(std::string& text, const Findings& findings) {
  std::map<std::int64_t, std::vector<double>> megabytes;
  for (const SwapRecord& swap : findings.swaps) {
    if (swap.done && swap.memory) {
      megabytes[swap.to].push_back(static_cast<double>(swap.memory->pss_kb) / 1024);
    }
  }
  for (const auto& [version, seen] : megabytes) {
    add(text,
        "              with version %lld: %.1f MB after the first swap to it, %.1f after the last, "
        "%.1f at most\n",
        static_cast<long long>(version),
        seen.front(),
        seen.back(),
        *std::ranges::max_element(seen));
  }
}

void add_memory(std::string& text, const Findings& findings) {
  if (!findings.before || !findings.after) {
    text += "memory        left out: " + findings.memory_left_out + "\n";
    return;
  }
  add(text,
      "memory        PSS %.1f MB before (%zu processes), %.1f MB after (%zu)\n",
      static_cast<double>(findings.before->pss_kb) / 1024,
      findings.before->processes,
      static_cast<double>(findings.after->pss_kb) / 1024,
      findings.after->processes);
  add_memory_by_version(text, findings);
}

OrderedJson latency_json(const Histogram& latencies) {
  return {{"answers", latencies.count()},
          {"p50_ms", ms_of(latencies.quantile(0.5))},
          {"p99_ms", ms_of(latencies.quantile(0.99))},
          {"max_ms", ms_of(latencies.max())}};
}

OrderedJson totals_json(const Totals& totals) {
  OrderedJson errors = OrderedJson::object();
  for (const auto& [status, count] : totals.errors) {
    errors[std::to_string(status)] = count;
  }
  OrderedJson versions = OrderedJson::object();
  for (const auto& [version, count] : totals.by_version) {
    versions[std::to_string(version)] = count;
  }
  return {{"sent", totals.sent},
          {"ok", totals.ok},
          {"errors", errors},
          {"errors_untyped", totals.untyped},
          {"wrong_version", totals.wrong_version},
          {"wrong_id", totals.wrong_id},
          {"lost", totals.lost},
          {"duplicated", totals.duplicated},
          {"late", totals.late},
          {"connections_refused", totals.refused},
          {"unsent", totals.unsent},
          {"ok_by_version", versions},
          {"words", totals.words}};
}

OrderedJson memory_json(const std::optional<MemoryUse>& use) {
  return use ? OrderedJson{{"pss_kb", use->pss_kb}, {"processes", use->processes}} : OrderedJson();
}

}  // namespace

std::vector<std::string> objections(const Findings& findings) {
  std::vector<std::string> found;
  const Totals& totals = findings.totals;
  if (!totals.clean()) {
    found.emplace_back("not every request was answered rightly, once and in time");
  }
  if (const std::size_t done = swaps_done(findings);
      findings.swaps_wanted > 0 && done < findings.swaps.size()) {
    found.push_back(std::to_string(findings.swaps.size() - done) + " of " +
                    std::to_string(findings.swaps.size()) + " swaps were rolled back");
  }
  if (findings.swaps.size() < findings.swaps_wanted) {
    found.push_back(std::to_string(findings.swaps.size()) + " of " +
                    std::to_string(findings.swaps_wanted) + " swaps were made");
  }
  if (findings.swaps_wanted > 0 && !findings.comparison.judged) {
    found.push_back("too few answers to judge latency: each kind of window needs " +
                    std::to_string(kAnswersLeast));
  }
  if (findings.comparison.judged && !findings.comparison.within()) {
    found.emplace_back("latency during swaps is above what is allowed");
  }
  for (const std::string& more : {findings.trouble, findings.not_put_back}) {
    if (!more.empty()) {
      found.push_back(more);
    }
  }
  return found;
}

std::string report_text(const Findings& findings) {
  std::string text;
  add(text, "prove-swap    %s at %s\n", findings.model.c_str(), findings.url.c_str());
  add(text,
      "load          %.0f requests/s, open loop, %zu connections, %zu bytes a request",
      findings.rate,
      findings.connections,
      findings.request_bytes);
  text += '\n';
  if (findings.capacity > 0) {
    add(text,
        "capacity      %.0f requests/s, closed loop; the load is half of it unless told\n",
        findings.capacity);
  }
  add_counts(text, findings.totals);
  text += "latency, ms, from the scheduled moment\n";
  text += "                answers       p50       p99       max    failed\n";
  add_row(text, "quiet", quiet_of(findings), findings.failed_quiet);
  if (findings.swaps_wanted > 0) {
    add_row(text, "swap", findings.during, findings.failed_during);
    add_row(text, "quiet A", findings.quiet_a, std::nullopt);
    add_row(text, "quiet B", findings.quiet_b, std::nullopt);
    const Comparison& comparison = findings.comparison;
    if (comparison.judged) {
      add(text,
          "p99           swap / quiet %.2f, allowed %.2f; control B / A %.2f, 95 %% bound %.2f\n",
          comparison.ratio,
          comparison.allowed,
          comparison.control,
          comparison.control_bound);
    }
    add(text,
        "swaps         %zu of %zu between versions %lld and %lld",
        swaps_done(findings),
        findings.swaps_wanted,
        static_cast<long long>(findings.versions.front()),
        static_cast<long long>(findings.versions.back()));
    if (!findings.swaps.empty()) {
      add(text,
          "; order to done p50 %.0f ms, max %.0f ms",
          ms_of(swap_time(findings, 0.5)),
          ms_of(swap_time(findings, 1)));
    }
    text += '\n';
    for (const SwapRecord& swap : findings.swaps) {
      if (!swap.done) {
        add(text,
            "              to version %lld was rolled back: %.400s\n",
            static_cast<long long>(swap.to),
            swap.reason.c_str());
      }
    }
  } else {
    add_seen(text, findings);
  }
  add_memory(text, findings);
  const std::vector<std::string> against = objections(findings);
  text += against.empty() ? "verdict       passed\n" : "verdict       not passed\n";
  for (const std::string& objection : against) {
    text += "              " + objection + "\n";
  }
  return text;
}

std::string report_json(const Findings& findings) {
  OrderedJson json = {{"model", findings.model},
                      {"url", findings.url},
                      {"versions", findings.versions},
                      {"connections", findings.connections},
                      {"request_bytes", findings.request_bytes},
                      {"capacity_per_s", findings.capacity},
                      {"rate_per_s", findings.rate},
                      {"requests", totals_json(findings.totals)}};
  json["latency"] = {{"quiet", latency_json(quiet_of(findings))},
                     {"swap", latency_json(findings.during)},
                     {"quiet_a", latency_json(findings.quiet_a)},
                     {"quiet_b", latency_json(findings.quiet_b)}};
  const Comparison& comparison = findings.comparison;
  json["p99"] = {{"judged", comparison.judged},
                 {"swap_over_quiet", comparison.ratio},
                 {"allowed", comparison.allowed},
                 {"control_b_over_a", comparison.control},
                 {"control_bound_95", comparison.control_bound}};
  json["swaps_wanted"] = findings.swaps_wanted;
  json["swaps"] = OrderedJson::array();
  for (const SwapRecord& swap : findings.swaps) {
    json["swaps"].push_back({{"from", swap.from},
                             {"to", swap.to},
                             {"done", swap.done},
                             {"reason", swap.reason},
                             {"ms", ms_of(swap.took)},
                             {"memory", memory_json(swap.memory)}});
  }
  json["memory"] = {{"before", memory_json(findings.before)},
                    {"after", memory_json(findings.after)},
                    {"left_out", findings.memory_left_out}};
  json["started_monotonic_s"] = findings.started_s;
  json["seconds"] = OrderedJson::array();
  for (const Second& second : findings.seconds) {
    json["seconds"].push_back({{"sent", second.sent},
                               {"ok", second.ok},
                               {"failed", second.failed},
                               {"max_ms", ms_of(second.latency_max)}});
  }
  json["interrupted"] = findings.interrupted;
  json["objections"] = objections(findings);
  json["passed"] = objections(findings).empty();
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace sluice::cluster
