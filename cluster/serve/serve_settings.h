// What `sluice serve` can be told, by flags or by a TOML file: one table of keys for both.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace sluice::cluster {

// Absent: not said. A flag is its key with '-' for '_'.
struct ServeSettings {
  std::optional<std::string> file;    // a model file (as a flag: the bare argument)
  std::optional<std::string> name;    // of the model in `file`
  std::optional<std::string> models;  // folder of models
  std::optional<std::string> model_list;
  std::optional<std::string> model_control;            // a name of ModelControl
  std::optional<std::vector<std::string>> load_model;  // with model_control "explicit"
  std::optional<std::int64_t> poll_interval;           // seconds
  std::optional<std::string> http;                     // addresses of the listeners
  std::optional<std::string> metrics;
  std::optional<std::string> graphpipe;
  std::optional<std::string> model;  // of graphpipe
  std::optional<std::string> link;   // tcp://ADDRESS:PORT for nodes of other hosts
  std::optional<std::string> run_dir;
  std::optional<std::string> state;  // "": nothing is kept
  std::optional<std::string> engine_library;
  std::optional<std::int64_t> shards;
  std::optional<std::int64_t> threads;
  std::optional<std::int64_t> memory;       // bytes
  std::optional<std::int64_t> body_limit;   // bytes
  std::optional<std::int64_t> drain_limit;  // seconds
  std::optional<std::int64_t> keep_awake;   // microseconds
  std::optional<bool> strict_readiness;
};

// Every key, for the flags, the file and the tests.
struct TextKey {
  const char* key;
  std::optional<std::string> ServeSettings::*member;
  const char* help;
};
struct NumberKey {
  const char* key;
  std::optional<std::int64_t> ServeSettings::*member;
  std::int64_t least;
  std::int64_t most;
  const char* help;
};
struct SwitchKey {
  const char* key;
  std::optional<bool> ServeSettings::*member;
  const char* help;
};
struct ListKey {
  const char* key;
  std::optional<std::vector<std::string>> ServeSettings::*member;
  const char* help;
};
const std::vector<ListKey>& list_keys();
const std::vector<TextKey>& text_keys();
const std::vector<NumberKey>& number_keys();
const std::vector<SwitchKey>& switch_keys();

// `text` is the file's content, `name` its name in errors. invalid_argument with
// "NAME:LINE:COLUMN: what is wrong" for bad TOML, an unknown key, a value of the wrong kind or out
// of range.
Result<ServeSettings> parse_config(std::string_view text, const std::string& name);
// The same from a file; not_found when it cannot be read.
Result<ServeSettings> read_config(const std::string& path);

// What `over` says, and what `under` says where `over` is silent.
ServeSettings merged(const ServeSettings& over, const ServeSettings& under);

}  // namespace sluice::cluster
