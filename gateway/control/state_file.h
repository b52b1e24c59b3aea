// StateFile: where the gateway keeps the fleet's memory. A decision is told to nobody before it is
// in the file, so that a kill at any moment leaves what was decided or what was before.

#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/process/durable_file.h"
#include "gateway/control/deployment_memory.h"

namespace sluice::gateway {

inline constexpr std::size_t kStateFileBytes = 16'777'216;  // thousands of models

class StateFile {
 public:
  // An empty path: nothing is kept and all succeeds.
  explicit StateFile(std::string path);

  // What was kept last; empty when there is no file. A file that cannot be understood is moved to
  // PATH.damaged, said in the log, and nothing is remembered.
  [[nodiscard]] FleetMemory load();

  // Writes it if it has changed since the last try. What goes wrong is said in the log, once.
  void keep(const FleetMemory& memory);
  // Whether the file can be written now, before something is begun that must be kept: unavailable
  // with the file and the system's words.
  Result<void> check();

 private:
  Result<void> write();

  std::string path_;
  DurableFile file_;
  std::optional<FleetMemory> latest_;  // kept or not
  std::string text_;                   // of the latest
  std::string error_;                  // of the last write; empty: it went well
};

}  // namespace sluice::gateway
