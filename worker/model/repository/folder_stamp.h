// The stamp of a folder or file: what changes when anything in it does.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace sluice::repository {

struct FolderFacts {
  std::uint64_t stamp = 0;  // never 0
  std::uint64_t bytes = 0;  // of all files
  Duration quiet{};         // since the newest change that the file system dates; 0: unknown
  std::vector<std::string> folders{};  // the folder and those in it
};

// The names in `folder` in order, without "." and ".."; errors as of folder_facts.
Result<std::vector<std::string>> names_in(const std::string& folder, std::size_t most);

// Over names, sizes, modification times and inodes of everything in `folder`, links followed.
// not_found when it is not there, resource_exhausted beyond the limits, else unavailable.
Result<FolderFacts> folder_facts(const std::string& folder);

// Of one file, without its folder.
Result<FolderFacts> file_facts(const std::string& path);

struct FileFacts {
  std::string content{};
  std::uint64_t stamp = 0;  // never 0
  Duration quiet{};
};

// Content and stamp of one state of a small file: it is read by one descriptor.
// not_found, unavailable, or resource_exhausted when it is longer than `bytes_most`.
Result<FileFacts> read_stamped(const std::string& path, std::size_t bytes_most);

// True where changes made by other machines are not told to this one, and dates may be another
// machine's. True also when it cannot be found out.
bool is_network_file_system(const std::string& path);

}  // namespace sluice::repository
