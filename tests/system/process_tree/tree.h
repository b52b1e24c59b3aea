// A process tree under test: `serve` of some program in a run directory of its own, its processes
// found by a mark in their environment, so that none can hide by losing its parent.

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::test {

class Tree {
 public:
  // `model`: content of the model file it serves.
  explicit Tree(std::string program, std::string_view model = "{}");
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree();  // kills whatever is left

  // Before serve().
  void set(std::string name, std::string value) {
    environment_.emplace_back(std::move(name), std::move(value));
  }

  // Starts `serve` on free ports with more arguments after the model file.
  void serve(std::vector<std::string> more = {});
  // A second instance beside it, same run directory.
  [[nodiscard]] std::unique_ptr<Process> second(std::vector<std::string> more = {}) const;
  [[nodiscard]] bool becomes_ready();

  [[nodiscard]] Process& head() { return *head_; }
  // Everything it printed.
  [[nodiscard]] std::string said() const { return head_->out() + head_->err(); }
  // Of the "listening http" line; 0 before it.
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] const std::string& run_dir() const { return run_dir_; }

  // Processes of this tree whose first argument is `part` ("gateway", "node", "worker"), the head
  // and zombies left out.
  [[nodiscard]] std::vector<pid_t> all(std::string_view part) const;
  // The one there is within the limit.
  [[nodiscard]] pid_t one(std::string_view part) const;
  // Within the limit a process of that part that is not `old` is there, and `old` is not.
  [[nodiscard]] pid_t successor(std::string_view part, pid_t old) const;
  // No process of this tree is left within the limit.
  [[nodiscard]] bool ends() const;

 private:
  [[nodiscard]] std::vector<std::string> arguments(std::vector<std::string> more) const;
  [[nodiscard]] bool is_ours(pid_t pid) const;

  TempDir dir_;
  std::string run_dir_;
  std::string program_;
  std::string mark_;
  std::string model_;
  std::vector<std::pair<std::string, std::string>> environment_;
  std::unique_ptr<Process> head_;
};

}  // namespace sluice::test
