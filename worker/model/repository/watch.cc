#include "worker/model/repository/watch.h"

#include <algorithm>
#include <utility>

#include "worker/model/repository/folder_stamp.h"

namespace sluice::repository {

RepositoryWatch::RepositoryWatch(WatchOptions options)
    : options_(std::move(options)), settler_(options_.settle) {
  if (!options_.list_file.empty()) {
    list_.emplace(options_.list_file, options_.settle);
  }
  if (options_.explicit_only) {
    return;
  }
  if (options_.poll) {
    polling_reason_ = "as it was asked to";
  } else if (auto opened = folders_.open(); !opened) {
    polling_reason_ = opened.error().detail;
  }
}

void RepositoryWatch::on_readable() {
  changed_ = folders_.drain() || changed_;
  if (changed_ && !options_.explicit_only) {
    const TimePoint soon = looked_ ? *looked_ + limits::kScanPause : TimePoint::min();
    next_ = next_ ? std::min(*next_, soon) : soon;
  }
}

std::optional<TimePoint> RepositoryWatch::next_tick() const noexcept {
  return next_;
}

bool RepositoryWatch::tick(TimePoint now) {
  return next_ && *next_ <= now && look(now);
}

bool RepositoryWatch::look_now(TimePoint now) {
  return look(now);
}

void RepositoryWatch::follow(ScanOptions what) {
  options_.what = std::move(what);
  next_ = TimePoint::min();
}

bool RepositoryWatch::look(TimePoint now) {
  changed_ = false;
  looked_ = now;
  if (list_) {
    if (auto list = list_->look(now)) {
      options_.what.listed = *std::move(list);
    }
  }
  Result<Scan> found = scan(options_.what);
  if (found && list_) {
    found->folders.push_back(list_->folder());
  }
  bool told = false;
  if (found && polling_reason_.empty() && !options_.explicit_only) {
    const auto blind = std::ranges::find_if(found->folders, &is_network_file_system);
    if (blind != found->folders.end()) {
      polling_reason_ = *blind + " is on a network file system";
    } else if (auto watched = folders_.follow(found->folders); !watched) {
      polling_reason_ = watched.error().detail;
    } else {
      told = true;
      changed_ = *watched;  // what happened before the watch was not told: look once more
    }
  }
  const bool changed =
      settler_.on_scan(std::move(found), now, list_ ? list_->error() : std::nullopt);
  next_ = settler_.next_scan();
  if (list_ && list_->next_look()) {
    next_ = std::min(next_.value_or(TimePoint::max()), *list_->next_look());
  }
  if (changed_) {
    next_ = std::min(next_.value_or(TimePoint::max()), now + limits::kScanPause);
  }
  if (!told && !options_.explicit_only) {
    next_ = std::min(next_.value_or(TimePoint::max()), now + options_.poll_interval);
  }
  return changed;
}

}  // namespace sluice::repository
