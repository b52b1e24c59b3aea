// What is on disk: models, versions and configurations, with a stamp of each by which a change is
// seen. One bad model never hides the others. Reads the file system; decides nothing but names.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/model/repository/model_config.h"
#include "worker/model/repository/server_config.h"

namespace sluice::repository {

// A digest over names, sizes, modification times and inodes; equal stamps: nothing has changed.
// 0: nothing is there.
using Stamp = std::uint64_t;

struct VersionOnDisk {
  std::int64_t number = 0;
  std::string folder{};     // absolute
  std::string file{};       // the model file to load; empty with `error`
  std::uint64_t bytes = 0;  // of all files in the folder
  Stamp stamp = 0;
  Duration quiet{};  // how long nothing has changed, as the file system dates it; 0: not known
  std::optional<Error> error{};  // why it cannot be served: no model file, too many files
  bool unreadable = false;       // `error` is the disk's: what is there is not known

  friend bool operator==(const VersionOnDisk&, const VersionOnDisk&) = default;
};

struct ModelOnDisk {
  std::string name{};
  std::string folder{};                   // absolute
  ParsedConfig config{};                  // of config.pbtxt; without one, of the name alone
  Stamp config_stamp = 0;                 // of config.pbtxt; 0: there is none
  Stamp warm_up_stamp = 0;                // of the folder `warmup`; 0: there is none
  Stamp label_files_stamp = 0;            // of the files of labels; 0: none is named
  Duration config_quiet{};                // of all of these, as of a version
  std::optional<Error> config_error{};    // name or configuration is wrong, or there are two
  std::vector<VersionOnDisk> versions{};  // ascending
  std::vector<std::string> notes{};  // folders that are no versions; config.notes has the config's
  std::vector<std::string> no_versions{};  // the names of these folders
  std::string misplaced{};                 // a model file outside of a version folder
  bool unreadable = false;                 // config_error is the disk's: what is there is not known

  // Made by judge(): why the model cannot be served as a whole.
  std::optional<Error> error{};

  friend bool operator==(const ModelOnDisk&, const ModelOnDisk&) = default;

  [[nodiscard]] const VersionOnDisk* version(std::int64_t number) const;
  // Numbers of the versions without error, ascending.
  [[nodiscard]] std::vector<std::int64_t> available() const;
  // Those that the policy chooses, ascending.
  [[nodiscard]] std::vector<std::int64_t> selected() const;
};

// Sets model.error from config, versions, policy and labels: its config's error; no version; none
// that the policy chooses; more than can be served; a label to a version that is not there.
void judge(ModelOnDisk& model);

// 16 hexadecimal digits that change when anything changes that a worker of this version reads: its
// files, the model's files of labels and warm-ups, or of the configuration what acts in the worker
// (not policy, version labels, replicas, queues).
std::string worker_stamp(const ModelOnDisk& model, const VersionOnDisk& version);

// 16 hexadecimal digits of what of the configuration acts in a worker.
std::string worker_part_stamp(const ModelConfig& config);

struct Scan {
  std::vector<ModelOnDisk> models{};   // by name
  std::vector<std::string> folders{};  // whose entries matter: what a watch follows

  friend bool operator==(const Scan&, const Scan&) = default;

  [[nodiscard]] const ModelOnDisk* model(std::string_view name) const;
};

// A version that is one file. An empty name: the file's without its extension. Several of one name
// are versions of one model; all of them are served.
struct SingleFile {
  std::string path{};
  std::string name{};
  std::int64_t version = 1;

  friend bool operator==(const SingleFile&, const SingleFile&) = default;
};

struct ScanOptions {
  std::vector<std::string> roots{};  // <root>/<model>/<version>/model.onnx
  std::vector<SingleFile> files{};
  ModelList listed{};         // of a model list, each with its own folder of versions
  std::string config_name{};  // use configs/NAME.pbtxt where a model has it

  friend bool operator==(const ScanOptions&, const ScanOptions&) = default;
};

// unavailable or not_found when a root cannot be read; resource_exhausted beyond the limits. Then
// nothing is known, and nothing may be unloaded for it. A model that stands in two places is served
// from neither. Every model has been judged.
Result<Scan> scan(const ScanOptions& options);

// scan() of one root.
Result<Scan> scan_repository(const std::string& root);

// The number of a version folder: digits without a leading zero, from 1, in 64 bits.
std::optional<std::int64_t> parse_version(std::string_view name);
// As TensorFlow Serving has it: leading zeros are fine.
std::optional<std::int64_t> parse_padded_version(std::string_view name);

}  // namespace sluice::repository
