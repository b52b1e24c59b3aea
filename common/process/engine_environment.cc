#include "common/process/engine_environment.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <unistd.h>

#include "common/process/spawn.h"

namespace sluice {

std::vector<std::string> engine_environment(int threads) {
  return {"OMP_NUM_THREADS=" + std::to_string(std::max(threads, 1)),
          "OPENBLAS_NUM_THREADS=1",
          "GOMP_SPINCOUNT=2000"};
}

Result<void> enter_engine_environment(int threads, const std::vector<std::string>& arguments) {
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
  const std::string self = own_executable();
  std::vector<std::string> words = {self.substr(self.find_last_of('/') + 1)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execv(self.c_str(), argv.data());
  return Error{ErrorCode::unavailable,
               std::string("cannot execute itself again: ") + ::strerrordesc_np(errno)};
}

}  // namespace sluice
