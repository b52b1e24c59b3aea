#include "worker/model/repository/settler.h"

#include <algorithm>
#include <utility>

namespace sluice::repository {

namespace {

bool is_pending(const auto& part) {
  return part.seen != part.settled;
}

// The model without what settles by itself.
ModelOnDisk head_of(ModelOnDisk model) {
  model.versions.clear();
  model.config_quiet = {};
  model.error.reset();
  return model;
}

}  // namespace

std::vector<std::int64_t> SettledModel::selected() const {
  return model.error ? std::vector<std::int64_t>() : model.selected();
}

const SettledModel* SettledView::model(std::string_view name) const {
  const auto found = std::ranges::find_if(
      models, [name](const SettledModel& settled) { return settled.model.name == name; });
  return found == models.end() ? nullptr : &*found;
}

void Settler::wait_until(TimePoint time) {
  next_scan_ = next_scan_ ? std::min(*next_scan_, time) : time;
}

template <class Value>
void Settler::update(Part<Value>& part, std::optional<Value> value, Duration quiet, TimePoint now) {
  if (part.seen != value) {
    part.seen = std::move(value);
    part.since = scanned_ ? now : now - quiet;
  }
  if (!is_pending(part)) {
    return;
  }
  if (now - part.since >= settle_) {
    part.settled = part.seen;
  } else {
    wait_until(part.since + settle_);
  }
}

void Settler::update_model(Model& model, ModelOnDisk found, TimePoint now) {
  model.unreadable = found.unreadable ? found.config_error : std::nullopt;
  const bool known = model.head.settled.has_value();
  if (found.unreadable && known) {
    return;
  }
  for (auto& [number, part] : model.versions) {
    if (found.version(number) == nullptr) {
      update<VersionOnDisk>(part, std::nullopt, {}, now);
    }
  }
  for (VersionOnDisk& version : found.versions) {
    Part<VersionOnDisk>& part = model.versions[version.number];
    if (version.unreadable && part.settled && !part.settled->error) {
      continue;  // what is there is not known: what was there stands
    }
    const Duration quiet = std::exchange(version.quiet, {});
    update<VersionOnDisk>(part, std::move(version), quiet, now);
  }
  // Without a file there is no date: its absence counts at once when it was absent at the start.
  const bool dated = found.config_stamp != 0 || found.warm_up_stamp != 0;
  const Duration quiet = dated ? found.config_quiet : settle_;
  update<ModelOnDisk>(model.head, head_of(std::move(found)), quiet, now);
}

void Settler::update_gone(Model& model, TimePoint now) {
  model.unreadable.reset();
  update<ModelOnDisk>(model.head, std::nullopt, {}, now);
  for (auto& [number, part] : model.versions) {
    update<VersionOnDisk>(part, std::nullopt, {}, now);
  }
}

// What is to be shown of a model, now that its parts have been updated.
void Settler::decide(Model& model) {
  if (!model.head.settled) {
    if (!model.head.seen) {
      model.shown.reset();
    }
    return;
  }
  ModelOnDisk candidate = *model.head.settled;
  bool pending = is_pending(model.head);
  for (const auto& [number, part] : model.versions) {
    pending = pending || is_pending(part);
    if (part.settled) {
      candidate.versions.push_back(*part.settled);
    }
  }
  judge(candidate);
  if (!candidate.error) {
    model.shown = SettledModel{.model = std::move(candidate), .refused = model.unreadable};
    return;
  }
  const bool served = model.shown && !model.shown->model.error;
  if (pending && (served || candidate.available().empty())) {
    return;  // it may still become whole
  }
  if (served && !candidate.versions.empty()) {
    model.shown->refused = std::move(candidate.error);
    return;
  }
  model.shown = SettledModel{.model = std::move(candidate), .refused = {}};
}

bool Settler::show(std::optional<Error> error) {
  SettledView next{.models = {}, .error = std::move(error)};
  for (const auto& [name, model] : models_) {
    if (model.shown) {
      next.models.push_back(*model.shown);
    }
  }
  const bool changed = next != view_;
  view_ = std::move(next);
  return changed;
}

bool Settler::on_scan(Result<Scan> scan, TimePoint now, std::optional<Error> of_list) {
  next_scan_.reset();
  if (!scan) {
    wait_until(now + settle_);
    return show(std::move(scan).error());
  }
  for (auto& [name, model] : models_) {
    if (scan->model(name) == nullptr) {
      update_gone(model, now);
    }
  }
  for (ModelOnDisk& found : scan->models) {
    Model& model = models_[found.name];
    update_model(model, std::move(found), now);
  }
  scanned_ = true;
  for (auto& [name, model] : models_) {
    std::erase_if(model.versions,
                  [](const auto& entry) { return !entry.second.seen && !entry.second.settled; });
    decide(model);
  }
  std::erase_if(models_, [](const auto& entry) {
    return !entry.second.head.seen && !entry.second.head.settled;
  });
  return show(std::move(of_list));
}

}  // namespace sluice::repository
