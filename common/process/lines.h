// Short lines over a pipe between a child and its parent: a worker's states to its node, the
// states of all workers to the head of the tree, a child's stderr.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice {

struct LinePipe {
  UniqueFd reader;  // does not block
  UniqueFd writer;  // inherited by the child, closed by the parent after the spawn
};

// Both ends close-on-exec. unavailable when the process is out of descriptors.
Result<LinePipe> make_line_pipe();

// Writes "WORD REST\n" in one piece: line breaks in `rest` become spaces, and it is cut at
// limits::kReasonBytes. A reader that is gone is not an error: the lifeline tells that. -1: no
// effect.
void write_line(int fd, std::string_view word, std::string_view rest = {});

// A line's first word and what follows the space after it.
struct SplitLine {
  std::string_view word;
  std::string_view rest;
};
SplitLine split_line(std::string_view line);

// Cuts what arrives on a descriptor that does not block into lines, without their line breaks. A
// line over limits::kChildLineBytes is handed out in pieces of that size.
class LineReader {
 public:
  using Take = std::function<void(std::string_view line)>;

  enum class State { open, more, ended };

  // Reads at most 64 KiB. `more`: there may be more, come again; `ended`: no writer is left, and
  // the last unfinished line has been handed out.
  State read(int fd, const Take& take);

 private:
  void cut(const Take& take);

  std::string pending_;
};

}  // namespace sluice
