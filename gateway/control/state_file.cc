#include "gateway/control/state_file.h"

#include <cstdio>
#include <utility>

#include "common/base/log.h"
#include "gateway/control/memory_json.h"

namespace sluice::gateway {

StateFile::StateFile(std::string path) : path_(std::move(path)), file_(path_, kStateFileBytes) {}

FleetMemory StateFile::load() {
  if (path_.empty()) {
    return {};
  }
  const Result<std::optional<std::string>> text = file_.read();
  if (text && !*text) {
    return {};
  }
  Result<FleetMemory> memory = text ? parse_memory(**text) : Result<FleetMemory>(text.error());
  if (memory) {
    text_ = **text;
    return *std::move(memory);
  }
  const std::string aside = path_ + ".damaged";
  const bool moved = std::rename(path_.c_str(), aside.c_str()) == 0;
  log_error("state_file_damaged",
            {{"file", path_}, {"reason", memory.error().detail}, {"moved_to", moved ? aside : ""}});
  return {};
}

void StateFile::keep(const FleetMemory& memory) {
  if (path_.empty() || (latest_ && *latest_ == memory)) {
    return;
  }
  latest_ = memory;
  text_ = memory_json(memory);
  static_cast<void>(write());
}

Result<void> StateFile::check() {
  return path_.empty() ? Result<void>() : write();
}

Result<void> StateFile::write() {
  Result<void> written = file_.write(text_);
  const std::string error = written ? "" : written.error().detail;
  if (error != error_) {
    if (error.empty()) {
      log_info("state_kept_again", {{"file", path_}});
    } else {
      log_error("state_not_kept", {{"file", path_}, {"reason", error}});
    }
    error_ = error;
  }
  if (!written) {
    return Error{ErrorCode::unavailable, "what is decided cannot be kept: " + error};
  }
  return {};
}

}  // namespace sluice::gateway
