#include "worker/model/repository/list_file.h"

#include <filesystem>
#include <utility>

#include "worker/model/repository/folder_stamp.h"

namespace sluice::repository {

ListFile::ListFile(std::string path, Duration settle) : path_(std::move(path)), settle_(settle) {}

std::string ListFile::folder() const {
  return std::filesystem::absolute(path_).parent_path().string();
}

std::optional<ModelList> ListFile::look(TimePoint now) {
  const Result<FileFacts> file = read_stamped(path_, limits::kModelConfigBytes);
  const std::uint64_t stamp = file ? file->stamp : 0;
  if (stamp != seen_ || !taken_) {
    seen_ = stamp;
    since_ = now;
  }
  next_look_.reset();
  if (taken_ == seen_) {
    return std::nullopt;
  }
  if (taken_ && now - since_ < settle_) {
    next_look_ = since_ + settle_;
    return std::nullopt;
  }
  taken_ = seen_;
  Result<ModelList> list = file ? parse_any_model_list(file->content, path_) : file.error();
  if (!list) {
    error_ = std::move(list).error();
    while (error_->detail.ends_with('.')) {
      error_->detail.pop_back();  // protobuf's own sentences have one
    }
    error_->detail += "; the list before it holds";
    return std::nullopt;
  }
  error_.reset();
  return *std::move(list);
}

}  // namespace sluice::repository
