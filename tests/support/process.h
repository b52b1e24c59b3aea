// Process: a child process of a test: started with its output in files, signalled, waited for with
// a deadline, and never left behind.

#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "tests/support/temp_dir.h"

namespace sluice::test {

struct ProcessSpec {
  std::vector<std::string> arguments;                            // [0] is the program's path
  std::vector<std::pair<std::string, std::string>> environment;  // added to this process' own
  std::vector<std::pair<int, int>> descriptors;  // ours → its number in the child; all else closes
};

struct ExitStatus {
  int code = -1;   // when it exited
  int signal = 0;  // when it was killed

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

class Process {
 public:
  explicit Process(const ProcessSpec& spec);  // ends the test program when it cannot be started
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // SIGKILL and wait, when it still runs

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;
  // Its end, when that comes within `limit`.
  std::optional<ExitStatus> wait(std::chrono::milliseconds limit = std::chrono::seconds(10));
  [[nodiscard]] bool running();

  // What it has written so far.
  [[nodiscard]] std::string out() const { return read_file(dir_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(dir_ / "err"); }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<ExitStatus> status_;
};

// A pipe; both ends close-on-exec.
struct Pipe {
  Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe();
  void close_write();

  int read = -1;
  int write = -1;
};

}  // namespace sluice::test
