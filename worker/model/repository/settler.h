// Settler: which of what a scan saw may be acted on. A version, a configuration and the absence of
// either count once nothing in them has changed for a second, so that a folder being copied is left
// alone until it is whole. Pure: fed with scans and times.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/model/repository/scan.h"

namespace sluice::repository {

// A model as it is to be served.
struct SettledModel {
  ModelOnDisk model{};  // its last whole and valid state; with model.error when there was never one
  // What is on disk now cannot be used, and why; `model` is what was there before.
  std::optional<Error> refused{};

  friend bool operator==(const SettledModel&, const SettledModel&) = default;

  // The versions to serve, ascending; none with model.error.
  [[nodiscard]] std::vector<std::int64_t> selected() const;
};

struct SettledView {
  std::vector<SettledModel> models{};  // by name
  // The last scan failed and `models` is what was known before it; or the list of models is wrong
  // and they are those of the one before.
  std::optional<Error> error{};

  friend bool operator==(const SettledView&, const SettledView&) = default;

  [[nodiscard]] const SettledModel* model(std::string_view name) const;
};

class Settler {
 public:
  explicit Settler(Duration settle = limits::kSettleTime) : settle_(settle) {}

  // True when view() is another than before. The first scan believes the file system's dates, so
  // that what has lain there for long is served at once.
  // `of_list`: what is wrong with the list of models, beside what could be read.
  bool on_scan(Result<Scan> scan, TimePoint now, std::optional<Error> of_list = {});

  [[nodiscard]] const SettledView& view() const noexcept { return view_; }

  // When to look again because something has yet to settle, or because the last scan failed;
  // nothing: not before something changes.
  [[nodiscard]] std::optional<TimePoint> next_scan() const noexcept { return next_scan_; }

  // False until a scan has succeeded and everything it saw has settled.
  [[nodiscard]] bool settled() const noexcept { return scanned_ && !next_scan_; }

 private:
  // One thing that counts as a whole. Absent values are gone from the disk.
  template <class Value>
  struct Part {
    std::optional<Value> seen;
    TimePoint since{};  // when `seen` became what it is
    std::optional<Value> settled;
  };
  struct Model {
    Part<ModelOnDisk> head;  // folder and configuration: no versions in it
    std::map<std::int64_t, Part<VersionOnDisk>> versions;
    std::optional<Error> unreadable;
    std::optional<SettledModel> shown;
  };

  template <class Value>
  void update(Part<Value>& part, std::optional<Value> value, Duration quiet, TimePoint now);
  void update_model(Model& model, ModelOnDisk found, TimePoint now);
  void update_gone(Model& model, TimePoint now);
  void wait_until(TimePoint time);
  static void decide(Model& model);
  bool show(std::optional<Error> error);

  Duration settle_;
  std::map<std::string, Model> models_{};
  SettledView view_;
  std::optional<TimePoint> next_scan_{};
  bool scanned_ = false;
};

}  // namespace sluice::repository
