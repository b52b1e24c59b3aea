#include "tests/tidy/rules.h"

#include <algorithm>
#include <charconv>

#include <fnmatch.h>

namespace sluice::tidy {

namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kTextColumns = 120;  // of documents and scripts
constexpr std::size_t kLines = 400;

struct Banned {
  std::string_view word;
  std::string_view instead;
};

// In code, not in comments.
constexpr Banned kBanned[] = {
    {"std::thread", "a loop (common/actor/loop.h)"},
    {"std::jthread", "a loop (common/actor/loop.h)"},
    {"std::async", "a message"},
    {"std::mutex", "a message, or one owner"},
    {"std::condition_variable", "a message"},
    {"shared_ptr", "one owner, or Buffer for bytes"},
    {"sleep_for", "a timer of the loop"},
    {"usleep(", "a timer of the loop"},
    {"system_clock", "Clock (common/base/time.h)"},
    {"CLOCK_REALTIME", "Clock (common/base/time.h)"},
    {"reinterpret_cast", "std::memcpy or std::as_bytes"},
    {"const_cast", "a const interface"},
    {"using namespace", "the full name"},
    {"std::regex", "a parser of ten lines"},
    {"std::function", "a template parameter or a message"},
    {"std::format", "std::to_chars (GCC 12 has no std::format)"},
    {"source_location", "__FILE__ in a macro (clang 14 lacks it)"},
    {"ranges::equal_range", "std::ranges::lower_bound (clang 14 cannot use the subrange)"},
    {"ranges::unique", "std::unique (clang 14 cannot use the subrange)"},
    {"views::", "a range algorithm with a projection (clang 14)"},
    {"co_await", "a message (docs/adr/0003-no-coroutines.md)"},
    {"volatile", "std::atomic"},
    {"getenv", "an option"},
    {"<iostream>", "<cstdio>"},
    {"NOLINT(", "NOLINTNEXTLINE(check): reason"},
};

// Headers that are slow to compile or leak their types; each has few doors.
constexpr std::string_view kDoors[] = {
    "<CLI/",      "<boost/", "<cblas.h",    "<curl/",   "<dlfcn.h", "<dnnl",      "flatbuffers",
    "_generated", ".pb.h",   "<google/",    "<hwy/",    "<msgpack", "<nlohmann/", "<omp.h",
    "<onnx/",     "<png.h",  "<simdjson.h", "<spdlog/", "<zmq",
};

struct Direction {
  std::string_view from;
  std::string_view to;
};

// Files under `from` never include files under `to`.
constexpr Direction kForbidden[] = {
    {"common/", "gateway/"},
    {"common/", "worker/"},
    {"common/", "cluster/"},
    {"gateway/", "worker/"},
    {"gateway/", "cluster/"},
    {"worker/", "gateway/"},
    {"worker/", "cluster/"},
    {"cluster/", "worker/ops/"},
    {"worker/engine/", "worker/serve/"},
    {"worker/ops/", "worker/serve/"},
};

bool is_code(std::string_view path) {
  return path.ends_with(".cc") || path.ends_with(".h");
}

// Characters, not bytes.
std::size_t columns_of(std::string_view line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    visit(number, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view without_comment(std::string_view line) {
  const std::size_t first = line.find_first_not_of(' ');
  if (first != std::string_view::npos && line[first] == '/' && line.substr(first, 2) == "//") {
    return {};
  }
  return line.substr(0, line.find(" //"));
}

// What the quotes or angle brackets of an #include hold, with them; empty for other lines.
std::string_view included(std::string_view line) {
  constexpr std::string_view kInclude = "#include ";
  return line.starts_with(kInclude) ? line.substr(kInclude.size()) : std::string_view();
}

void check_include(const std::string& path,
                   std::string_view header,
                   const Allowed& allowed,
                   const auto& report) {
  for (const std::string_view door : kDoors) {
    if (header.find(door) != std::string_view::npos && !allowed.allows(door, path)) {
      report("includes " + std::string(header) + ", which only its doors may (allowed.txt)");
    }
  }
  if (header.front() != '"') {
    return;
  }
  const std::string_view target = header.substr(1);
  if (target.find('/') == std::string_view::npos || target.starts_with("../")) {
    report("includes " + std::string(header) + ": write the path from the repository's root");
  }
  for (const Direction& direction : kForbidden) {
    if (path.starts_with(direction.from) && target.starts_with(direction.to)) {
      report(std::string(direction.from) + " never includes " + std::string(direction.to));
    }
  }
}

void check_code_line(const std::string& path,
                     std::string_view line,
                     const Allowed& allowed,
                     const auto& report) {
  const std::string_view header = included(line);
  if (!header.empty()) {
    check_include(path, header, allowed, report);
  }
  const std::string_view code = without_comment(line);
  for (const Banned& banned : kBanned) {
    const std::string_view where = banned.word == "NOLINT(" ? line : code;
    if (banned.word == "using namespace" && code.ends_with("_literals;")) {
      continue;  // there is no other way to write 250ms
    }
    if (where.find(banned.word) != std::string_view::npos && !allowed.allows(banned.word, path)) {
      report("'" + std::string(banned.word) + "': use " + std::string(banned.instead));
    }
  }
}

bool todo_without_number(std::string_view line) {
  const std::size_t at = line.find("TODO");
  return at != std::string_view::npos && !line.substr(at).starts_with("TODO(#");
}

// Documents may be wide where breaking a line would change it.
bool any_width(const std::string& path, std::string_view line, bool fenced) {
  if (path.ends_with("CMakeLists.txt")) {
    return true;  // generator expressions cannot be broken
  }
  return path.ends_with(".md") &&
         (fenced || line.starts_with('|') || line.find("://") != std::string_view::npos);
}

void check_line(const std::string& path,
                std::string_view line,
                const Allowed& allowed,
                const auto& report) {
  if (line.ends_with(' ') || line.ends_with('\r')) {
    report("blanks at its end");
  }
  if (todo_without_number(line) && !allowed.allows("TODO", path)) {
    report("a TODO without issue: TODO(#n): ...");
  }
  for (const std::string_view word : {"/home/", "/root/", "/Users/"}) {
    if (line.find(word) != std::string_view::npos && !allowed.allows("machine path", path)) {
      report("a path of somebody's machine");
    }
  }
  if (is_code(path)) {
    check_code_line(path, line, allowed, report);
  }
}

void check_opening(const std::string& path, std::string_view text, std::vector<Violation>& found) {
  // What Highway compiles for each instruction set, an -inl.h, is included as often.
  const bool once = path.ends_with(".h") && !path.ends_with("-inl.h");
  if (once && text.find("\n#pragma once\n") == std::string_view::npos) {
    found.push_back({path, 0, "has no #pragma once after its opening comment"});
  }
  if (path.ends_with("_actor.h")) {
    const std::string_view opening = text.substr(0, text.find("\n#"));
    for (const std::string_view word : {"// Runs on:", "// Receives:", "// Sends:"}) {
      if (opening.find(word) == std::string_view::npos) {
        found.push_back({path, 0, "an actor's file opens with '" + std::string(word) + "'"});
      }
    }
  }
}

bool is_file_name_of_ours(std::string_view word) {
  constexpr std::string_view kTops[] = {
      "bench/", "cluster/", "common/", "docs/", "gateway/", "schema/", "tests/", "worker/"};
  constexpr std::string_view kEnds[] = {".cc", ".h", ".md", ".fbs", ".py", ".txt", ".cmake"};
  const auto begins = [word](std::string_view top) { return word.starts_with(top); };
  const auto ends = [word](std::string_view end) { return word.ends_with(end); };
  return std::ranges::any_of(kTops, begins) && std::ranges::any_of(kEnds, ends) &&
         word.find_first_of(" <>*{}$") == std::string_view::npos;
}

// The text between `open` and `close`, for each pair in `line`.
template <class Visit>
void for_each_between(std::string_view line,
                      std::string_view open,
                      std::string_view close,
                      Visit visit) {
  for (std::size_t at = line.find(open); at != std::string_view::npos;) {
    const std::size_t begin = at + open.size();
    const std::size_t end = line.find(close, begin);
    if (end == std::string_view::npos) {
      return;
    }
    visit(line.substr(begin, end - begin));
    at = line.find(open, end + close.size());
  }
}

// "docs/adr/../style.md" -> "docs/style.md".
std::string normal(std::string path) {
  for (std::size_t at = path.find("/../"); at != std::string::npos; at = path.find("/../")) {
    const std::size_t parent = at == 0 ? std::string::npos : path.rfind('/', at - 1);
    path.erase(parent == std::string::npos ? 0 : parent + 1,
               at + 4 - (parent == std::string::npos ? 0 : parent + 1));
  }
  return path;
}

bool is_in_tree(const Tree& tree, const std::string& path) {
  const auto found = tree.lower_bound(path);  // a folder is the beginning of some file's path
  return found != tree.end() && (found->first == path ||
                                 found->first.starts_with(path.ends_with('/') ? path : path + "/"));
}

void check_document(const Tree& tree,
                    const std::string& path,
                    std::string_view text,
                    std::vector<Violation>& found) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    for_each_between(line, "](", ")", [&](std::string_view link) {
      const std::string_view file = link.substr(0, link.find('#'));
      if (!file.empty() && file.find("://") == std::string_view::npos &&
          !is_in_tree(tree, normal(folder + std::string(file)))) {
        found.push_back({path, number, "dead link " + std::string(link)});
      }
    });
    for_each_between(line, "`", "`", [&](std::string_view word) {
      if (is_file_name_of_ours(word) && !is_in_tree(tree, std::string(word))) {
        found.push_back({path, number, "names " + std::string(word) + ", which is not there"});
      }
    });
  });
}

bool is_in_a_target(const Tree& tree, const std::string& path) {
  const auto macros = tree.find("common/cmake/targets.cmake");
  if (macros != tree.end() && macros->second.find(path) != std::string::npos) {
    return true;
  }
  for (std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    const auto list = tree.find(path.substr(0, slash + 1) + "CMakeLists.txt");
    if (list != tree.end() && list->second.find(path.substr(slash + 1)) != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

Allowed::Allowed(std::string_view text) {
  for_each_line(text, [this](std::size_t, std::string_view line) {
    const std::size_t first = line.find(" | ");
    const std::size_t second = line.find(" | ", first + 3);
    if (!line.starts_with('#') && first != std::string_view::npos &&
        second != std::string_view::npos) {
      entries_.push_back({std::string(line.substr(0, first)),
                          std::string(line.substr(first + 3, second - first - 3))});
    }
  });
}

bool Allowed::allows(std::string_view what, const std::string& path) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.what == what && ::fnmatch(entry.pattern.c_str(), path.c_str(), 0) == 0;
  });
}

std::size_t Allowed::lines(const std::string& path) const {
  constexpr std::string_view kKey = "lines ";
  std::size_t most = kLines;
  for (const Entry& entry : entries_) {
    if (entry.what.starts_with(kKey) && allows(entry.what, path)) {
      std::from_chars(entry.what.data() + kKey.size(), entry.what.data() + entry.what.size(), most);
    }
  }
  return most;
}

void check_file(const std::string& path,
                std::string_view text,
                const Allowed& allowed,
                std::vector<Violation>& found) {
  const bool document = path.ends_with(".md");
  const std::size_t columns_most = is_code(path) ? kColumns : kTextColumns;
  std::size_t lines = 0;
  std::size_t titles = 0;
  bool fenced = false;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    const auto report = [&](std::string what) { found.push_back({path, number, std::move(what)}); };
    lines = number;
    fenced = fenced != line.starts_with("```");
    titles += static_cast<std::size_t>(document && !fenced && line.starts_with("# "));
    if (columns_of(line) > columns_most && !any_width(path, line, fenced)) {
      report(std::to_string(columns_of(line)) + " columns");
    }
    check_line(path, line, allowed, report);
  });
  if (document && titles != 1) {
    found.push_back({path, 0, std::to_string(titles) + " titles, a document has one"});
  }
  if (is_code(path)) {
    check_opening(path, text, found);
    if (lines > allowed.lines(path)) {
      found.push_back({path, 0, std::to_string(lines) + " lines: one idea per file"});
    }
  }
}

void check_tree(const Tree& tree, std::vector<Violation>& found) {
  for (const auto& [path, text] : tree) {
    if (path.ends_with(".cc") && !is_in_a_target(tree, path)) {
      found.push_back({path, 0, "is in no target of its folder's CMakeLists.txt"});
    }
    if (path.ends_with(".md")) {
      check_document(tree, path, text, found);
    }
  }
}

}  // namespace sluice::tidy
