#include "worker/model/repository/label_files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/limits.h"
#include "worker/model/repository/digest.h"
#include "worker/model/repository/folder_stamp.h"
#include "worker/model/repository/utf8.h"

namespace sluice::repository {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Error unusable(const TensorConfig& output, std::string_view why) {
  return {ErrorCode::invalid_argument,
          "output '" + output.name + "': label_filename '" + output.label_filename +
              "': " + std::string(why)};
}

// Without the folders, which are nobody's business who asks for the model.
std::string_view words_without(const std::string& path, std::string_view detail) {
  detail.remove_prefix(detail.starts_with(path) ? path.size() : 0);
  detail.remove_prefix(std::min(detail.find_first_not_of(": "), detail.size()));
  return detail;
}

// The lines without the ends that Windows gives them.
std::string plain_lines(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::string lines;
  lines.reserve(text.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    lines += line;
    if (end < text.size()) {
      lines += '\n';
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

LabelFacts label_facts(const ModelConfig& config, const std::string& model_folder) {
  LabelFacts facts;
  Digest digest;
  bool named = false;
  for (const TensorConfig& output : config.outputs) {
    if (output.label_filename.empty()) {
      continue;
    }
    named = true;
    const std::string path = model_folder + "/" + output.label_filename;
    const auto file = file_facts(path);
    digest.add(file ? file->stamp : 0);
    if (file) {
      facts.quiet = std::min(facts.quiet, file->quiet);
    }
    const std::string folder = std::filesystem::path(path).parent_path().string();
    std::error_code ignored;
    if (folder != model_folder && std::filesystem::is_directory(folder, ignored)) {
      facts.folders.push_back(folder);
    }
  }
  facts.stamp = named ? digest.value() : 0;
  return facts;
}

Result<std::vector<OutputLabels>> read_labels(const ModelConfig& config,
                                              const std::string& version_folder,
                                              const std::string& model_folder) {
  std::vector<OutputLabels> labels;
  std::size_t size = 0;
  for (const TensorConfig& output : config.outputs) {
    if (output.label_filename.empty()) {
      continue;
    }
    std::string path = version_folder + "/" + output.label_filename;
    auto file = read_stamped(path, limits::kClassLabelBytes);
    if (!file && file.error().code == ErrorCode::not_found) {
      path = model_folder + "/" + output.label_filename;
      file = read_stamped(path, limits::kClassLabelBytes);
    }
    if (!file) {
      return unusable(output, words_without(path, file.error().detail));
    }
    if (!is_utf8(file->content)) {
      return unusable(output, "it is not UTF-8");
    }
    size += file->content.size();
    if (size > limits::kClassLabelBytes) {
      return unusable(output,
                      "with those of the outputs before it has more than " +
                          std::to_string(limits::kClassLabelBytes) + " bytes");
    }
    labels.push_back({output.name, plain_lines(file->content)});
  }
  return labels;
}

}  // namespace sluice::repository
