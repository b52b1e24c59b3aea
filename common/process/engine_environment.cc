#include "common/process/engine_environment.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <unistd.h>

#include "common/process/spawn.h"

namespace sluice {

namespace {

std::vector<std::string> own_command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) {
    words.push_back(word);
  }
  return words;
}

}  // namespace

std::vector<std::string> engine_environment(int threads) {
  return {"OMP_NUM_THREADS=" + std::to_string(std::max(threads, 1)),
          "OPENBLAS_NUM_THREADS=1",
          "GOMP_SPINCOUNT=2000"};
}

Result<void> enter_engine_environment(int threads) {
  bool same = true;
  for (const std::string& setting : engine_environment(threads)) {
    const std::size_t equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    const std::string value = setting.substr(equals + 1);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists.
    const char* present = std::getenv(name.c_str());
    if (present == nullptr || value != present) {
      same = false;
      // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists.
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  if (same) {
    return {};
  }
  std::vector<std::string> words = own_command_line();
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execv(own_executable().c_str(), argv.data());
  return Error{ErrorCode::unavailable,
               std::string("cannot execute itself again: ") + ::strerrordesc_np(errno)};
}

}  // namespace sluice
