#include "worker/model/repository/folder_stamp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/process/unique_fd.h"
#include "worker/model/repository/digest.h"

namespace sluice::repository {

namespace {

Error failed(const std::string& path, int code) {
  const bool absent = code == ENOENT || code == ENOTDIR;
  return {absent ? ErrorCode::not_found : ErrorCode::unavailable,
          path + ": " + std::strerror(code)};
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::int64_t wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now);
}

void add_file(Digest& digest, const struct stat& status) {
  digest.add(static_cast<std::uint64_t>(status.st_size));
  digest.add(static_cast<std::uint64_t>(nanoseconds(status.st_mtim)));
  digest.add(static_cast<std::uint64_t>(status.st_ino));
}

std::int64_t changed_at(const struct stat& status) {
  return std::max(nanoseconds(status.st_mtim), nanoseconds(status.st_ctim));
}

Duration quiet_since(const std::string& path, std::int64_t changed) {
  if (is_network_file_system(path)) {
    return {};  // its dates are another machine's
  }
  return Duration(std::max<std::int64_t>(0, wall_clock() - changed));
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

class Walker {
 public:
  Result<void> folder(const std::string& path, std::size_t depth) {
    if (depth > limits::kFolderDepth) {
      return Error{
          ErrorCode::resource_exhausted,
          path + " is more than " + std::to_string(limits::kFolderDepth) + " folders deep"};
    }
    SLUICE_TRY_ASSIGN(const auto names, names_in(path, limits::kFolderEntries - entries_));
    entries_ += names.size();
    facts_.folders.push_back(path);
    for (const std::string& name : names) {
      SLUICE_TRY(entry(path + "/" + name, name, depth));
    }
    digest_.add(std::string_view("/"));
    return {};
  }

  FolderFacts take() && {
    facts_.stamp = digest_.value();
    facts_.quiet = quiet_since(facts_.folders.front(), newest_);
    return std::move(facts_);
  }

  void saw(const struct stat& status) { newest_ = std::max(newest_, changed_at(status)); }

 private:
  Result<void> entry(const std::string& path, const std::string& name, std::size_t depth) {
    struct stat status {};
    digest_.add(name);
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) {
        return {};  // gone meanwhile, or a link to nowhere: its name counts
      }
      return failed(path, errno);
    }
    saw(status);
    if (S_ISDIR(status.st_mode)) {
      return folder(path, depth + 1);
    }
    add_file(digest_, status);
    facts_.bytes += static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size));
    return {};
  }

  FolderFacts facts_;
  Digest digest_;
  std::size_t entries_ = 0;
  std::int64_t newest_ = 0;
};

}  // namespace

Result<std::vector<std::string>> names_in(const std::string& folder, std::size_t most) {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(folder.c_str()));
  if (!dir) {
    return failed(folder, errno);
  }
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) {
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    if (names.size() == most) {
      return Error{ErrorCode::resource_exhausted,
                   folder + " has more than " + std::to_string(most) + " entries"};
    }
    names.emplace_back(name);
  }
  if (errno != 0) {
    return failed(folder, errno);
  }
  std::ranges::sort(names);
  return names;
}

Result<FolderFacts> folder_facts(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    return failed(folder, errno);
  }
  Walker walker;
  walker.saw(status);
  SLUICE_TRY(walker.folder(folder, 0));
  return std::move(walker).take();
}

Result<FolderFacts> file_facts(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return failed(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::not_found, path + " is not a file"};
  }
  Digest digest;
  add_file(digest, status);
  return FolderFacts{.stamp = digest.value(),
                     .bytes = static_cast<std::uint64_t>(status.st_size),
                     .quiet = quiet_since(path, changed_at(status)),
                     .folders = {}};
}

Result<FileFacts> read_stamped(const std::string& path, std::size_t bytes_most) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    return failed(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::unavailable, path + " is not a file"};
  }
  FileFacts facts;
  std::array<char, 16 * limits::kKiB> chunk{};
  while (true) {
    const ssize_t count = ::read(file.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return failed(path, errno);
    }
    if (count == 0) {
      break;
    }
    facts.content.append(chunk.data(), static_cast<std::size_t>(count));
    if (facts.content.size() > bytes_most) {
      return Error{ErrorCode::resource_exhausted,
                   path + " has more than " + std::to_string(bytes_most) + " bytes"};
    }
  }
  Digest digest;
  digest.add(facts.content);
  add_file(digest, status);
  facts.stamp = digest.value();
  facts.quiet = quiet_since(path, changed_at(status));
  return facts;
}

bool is_network_file_system(const std::string& path) {
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0) {
    return true;
  }
  constexpr std::array<std::uint32_t, 11> kNetwork = {
      0x6969,      // NFS
      0x517b,      // SMB
      0xff534d42,  // CIFS
      0xfe534d42,  // SMB2
      0x65735546,  // FUSE: sshfs, s3fs, gcsfuse and the like
      0x00c36400,  // Ceph
      0x01021997,  // 9p
      0x5346414f,  // AFS
      0x73757245,  // Coda
      0x0bd00bd0,  // Lustre
      0x47504653,  // GPFS
  };
  return std::ranges::find(kNetwork, static_cast<std::uint32_t>(system.f_type)) != kNetwork.end();
}

}  // namespace sluice::repository
