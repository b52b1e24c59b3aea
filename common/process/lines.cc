#include "common/process/lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace sluice {

Result<LinePipe> make_line_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error{ErrorCode::unavailable,
                 std::string("cannot make a pipe: ") + ::strerrordesc_np(errno)};
  }
  LinePipe pipe;
  pipe.reader = UniqueFd(ends[0]);
  pipe.writer = UniqueFd(ends[1]);
  ::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

void write_line(int fd, std::string_view word, std::string_view rest) {
  if (fd < 0) {
    return;
  }
  std::string line(word);
  if (!rest.empty()) {
    line += ' ';
    line += rest.substr(0, limits::kReasonBytes);
  }
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  // Below PIPE_BUF: whole or not at all.
  while (::write(fd, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

SplitLine split_line(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  return {.word = line.substr(0, space), .rest = line.substr(std::min(space + 1, line.size()))};
}

LineReader::State LineReader::read(int fd, const Take& take) {
  char part[4 * limits::kKiB];
  for (int turn = 0; turn < 16; ++turn) {
    const ssize_t count = ::read(fd, part, sizeof part);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && errno == EAGAIN) {
      return State::open;
    }
    if (count <= 0) {
      if (!pending_.empty()) {
        take(pending_);
        pending_.clear();
      }
      return State::ended;
    }
    pending_.append(part, static_cast<std::size_t>(count));
    cut(take);
  }
  return State::more;
}

void LineReader::cut(const Take& take) {
  std::size_t begin = 0;
  while (begin < pending_.size()) {
    const std::string_view rest = std::string_view(pending_).substr(begin);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos && rest.size() < limits::kChildLineBytes) {
      break;
    }
    const std::size_t size = std::min(std::min(end, rest.size()), limits::kChildLineBytes);
    take(rest.substr(0, size));
    begin += size + (size == end ? 1 : 0);
  }
  pending_.erase(0, begin);
}

}  // namespace sluice
