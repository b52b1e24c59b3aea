#include "tests/system/process_tree/tree.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <utility>

#include <unistd.h>

#include "tests/support/wait_until.h"

namespace sluice::test {

namespace {

constexpr auto kLimit = std::chrono::seconds(20);

// A file of zero-terminated words, as /proc has them.
std::vector<std::string> words_of(const std::string& path) {
  const std::string text = read_file(path);
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

bool is_zombie(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t after_name = stat.rfind(") ");
  return after_name == std::string::npos || stat[after_name + 2] == 'Z' ||
         stat[after_name + 2] == 'X';
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) {
      pids.push_back(pid);
    }
  }
  return pids;
}

}  // namespace

Tree::Tree(std::string program, std::string_view model)
    : run_dir_(dir_ / "run"),
      program_(std::move(program)),
      mark_("SLUICE_TREE_TEST=" + dir_.path()),
      model_(dir_.write("add.onnx", model)) {
  set("SLUICE_TREE_TEST", dir_.path());
  // As if it had lain there for a day: it need not settle.
  namespace fs = std::filesystem;
  fs::last_write_time(model_, fs::file_time_type::clock::now() - std::chrono::hours(24));
}

Tree::~Tree() {
  head_.reset();
  for (const pid_t pid : all_processes()) {
    if (is_ours(pid)) {
      ::kill(pid, SIGKILL);
    }
  }
}

std::vector<std::string> Tree::arguments(std::vector<std::string> more) const {
  std::vector<std::string> words = {program_, "serve", model_, "--run-dir", run_dir_};
  const auto given = [&](const char* option) {
    return std::find(more.begin(), more.end(), option) != more.end();
  };
  for (const char* option : {"--http", "--metrics"}) {
    if (!given(option)) {
      words.insert(words.end(), {option, "127.0.0.1:0"});
    }
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void Tree::serve(std::vector<std::string> more) {
  head_ = std::make_unique<Process>(ProcessSpec{
      .arguments = arguments(std::move(more)), .environment = environment_, .descriptors = {}});
}

std::unique_ptr<Process> Tree::second(std::vector<std::string> more) const {
  return std::make_unique<Process>(ProcessSpec{
      .arguments = arguments(std::move(more)), .environment = environment_, .descriptors = {}});
}

bool Tree::becomes_ready() {
  return wait_until([&] { return head_->out().find("\nready: ") != std::string::npos; }, kLimit);
}

std::uint16_t Tree::port() const {
  constexpr std::string_view kLine = "listening http 127.0.0.1:";
  const std::string out = head_->out();
  const std::size_t at = out.find(kLine);
  std::uint16_t port = 0;
  if (at != std::string::npos) {
    std::from_chars(out.data() + at + kLine.size(), out.data() + out.size(), port);
  }
  return port;
}

bool Tree::is_ours(pid_t pid) const {
  const auto words = words_of("/proc/" + std::to_string(pid) + "/environ");
  return std::find(words.begin(), words.end(), mark_) != words.end() && !is_zombie(pid);
}

std::vector<pid_t> Tree::all(std::string_view part) const {
  std::vector<pid_t> found;
  for (const pid_t pid : all_processes()) {
    const auto words = words_of("/proc/" + std::to_string(pid) + "/cmdline");
    if (words.size() > 1 && words[1] == part && is_ours(pid)) {
      found.push_back(pid);
    }
  }
  return found;
}

pid_t Tree::one(std::string_view part) const {
  return successor(part, 0);
}

pid_t Tree::successor(std::string_view part, pid_t old) const {
  pid_t found = 0;
  static_cast<void>(wait_until(
      [&] {
        const std::vector<pid_t> now = all(part);
        found = now.size() == 1 && now.front() != old ? now.front() : 0;
        return found != 0;
      },
      kLimit));
  return found;
}

bool Tree::ends() const {
  return wait_until(
      [&] {
        const std::vector<pid_t> pids = all_processes();
        return std::none_of(pids.begin(), pids.end(), [&](pid_t pid) { return is_ours(pid); });
      },
      kLimit);
}

}  // namespace sluice::test
