#include "cluster/serve/serve_settings.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <toml++/toml.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/process/unique_fd.h"

namespace sluice::cluster {

namespace {

Error wrong(const std::string& name, const toml::source_region& where, const std::string& what) {
  return {ErrorCode::invalid_argument,
          name + ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column) +
              ": " + what};
}

// An array of texts; nothing when it is another thing.
std::optional<std::vector<std::string>> texts_of(const toml::node& value) {
  const toml::array* array = value.as_array();
  if (array == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (const toml::node& each : *array) {
    const auto text = each.value_exact<std::string>();
    if (!text) {
      return std::nullopt;
    }
    texts.push_back(*text);
  }
  return texts;
}

// Applies one `key = value`. The sentence of what is wrong; empty: nothing.
std::string apply(ServeSettings& settings, std::string_view key, const toml::node& value) {
  const auto named = [&](const auto& entry) { return entry.key == key; };
  const auto quoted = "'" + std::string(key) + "'";
  if (const auto text = std::ranges::find_if(text_keys(), named); text != text_keys().end()) {
    const auto given = value.value_exact<std::string>();
    settings.*(text->member) = given;
    return given ? "" : quoted + " must be a text in quotes";
  }
  if (const auto number = std::ranges::find_if(number_keys(), named);
      number != number_keys().end()) {
    const auto given = value.value_exact<std::int64_t>();
    settings.*(number->member) = given;
    return given && *given >= number->least && *given <= number->most
               ? ""
               : quoted + " must be a whole number from " + std::to_string(number->least) + " to " +
                     std::to_string(number->most);
  }
  if (const auto list = std::ranges::find_if(list_keys(), named); list != list_keys().end()) {
    const auto given = texts_of(value);
    settings.*(list->member) = given;
    return given ? "" : quoted + " must be a list of texts: [\"...\", \"...\"]";
  }
  if (const auto toggle = std::ranges::find_if(switch_keys(), named);
      toggle != switch_keys().end()) {
    const auto given = value.value_exact<bool>();
    settings.*(toggle->member) = given;
    return given ? "" : quoted + " must be true or false";
  }
  return "there is no setting " + quoted;
}

template <class Keys>
void merge_keys(ServeSettings& result, const ServeSettings& under, const Keys& keys) {
  for (const auto& entry : keys) {
    if (!(result.*(entry.member))) {
      result.*(entry.member) = under.*(entry.member);
    }
  }
}

}  // namespace

const std::vector<TextKey>& text_keys() {
  using S = ServeSettings;
  static const std::vector<TextKey> keys = {
      {"file", &S::file, "A model file (.onnx), served as version 1"},
      {"name", &S::name, "The model's name; default: the file's name without its extension"},
      {"models", &S::models, "Folder of models, MODEL/VERSION/model.onnx and config.pbtxt"},
      {"model_list",
       &S::model_list,
       "A list of models with a folder of versions each, in the form of TensorFlow Serving's "
       "--model_config_file or as JSON"},
      {"model_control",
       &S::model_control,
       "Who decides what is loaded: watch (the folder, as it changes), none (the folder at the "
       "start), explicit (who asks) [watch]"},
      {"http", &S::http, "HTTP listener, ADDRESS:PORT [127.0.0.1:8000]; port 0: any free one"},
      {"metrics", &S::metrics, "Prometheus listener [127.0.0.1:8002]; \"\": none"},
      {"graphpipe", &S::graphpipe, "GraphPipe listener for one model at / [none]"},
      {"model", &S::model, "The model of --graphpipe; default: the only one there is"},
      {"link", &S::link, "tcp://ADDRESS:PORT for nodes and workers of other hosts [none]"},
      {"run_dir", &S::run_dir, "Folder of sockets and lock [$XDG_RUNTIME_DIR/sluice]"},
      {"state",
       &S::state,
       "File that keeps what operators have asked for and what serves [one for each source of "
       "models, in run_dir]; \"\": nothing is kept"},
      {"engine_library", &S::engine_library, "The engine [libsluice_engine.so beside sluice]"},
  };
  return keys;
}

const std::vector<NumberKey>& number_keys() {
  using S = ServeSettings;
  static const std::vector<NumberKey> keys = {
      {"shards",
       &S::shards,
       1,
       static_cast<std::int64_t>(limits::kShards),
       "Threads that serve requests [a quarter of the CPUs]"},
      {"threads",
       &S::threads,
       1,
       static_cast<std::int64_t>(limits::kExecutorsPerWorker),
       "Requests a worker executes at once [its share of the CPUs that affinity and cgroups "
       "allow]"},
      {"memory",
       &S::memory,
       1,
       std::numeric_limits<std::int64_t>::max(),
       "Bytes that all workers may take together [what machine and control groups have]"},
      {"body_limit",
       &S::body_limit,
       1,
       std::numeric_limits<std::int64_t>::max(),
       "Largest request body, bytes [268435456]"},
      {"poll_interval",
       &S::poll_interval,
       1,
       86'400,
       "Seconds between two looks at the models where the system does not tell of changes [5]"},
      {"drain_limit", &S::drain_limit, 0, 86'400, "Seconds a drain may take [30]"},
      {"keep_awake",
       &S::keep_awake,
       0,
       1'000'000,
       "Microseconds that a CPU is kept from sleeping after a lone request [300]; 0: never"},
  };
  return keys;
}

const std::vector<ListKey>& list_keys() {
  static const std::vector<ListKey> keys = {
      {"load_model",
       &ServeSettings::load_model,
       "With model_control explicit: a model to load at the start, '*': all; may be given several "
       "times"},
  };
  return keys;
}

const std::vector<SwitchKey>& switch_keys() {
  static const std::vector<SwitchKey> keys = {
      {"strict_readiness",
       &ServeSettings::strict_readiness,
       "false: a model that has failed does not hold readiness up [true]"},
  };
  return keys;
}

Result<ServeSettings> parse_config(std::string_view text, const std::string& name) {
  ServeSettings settings;
  try {
    const toml::table table = toml::parse(text, name);
    for (const auto& [key, value] : table) {
      const std::string problem = apply(settings, key.str(), value);
      if (!problem.empty()) {
        const bool unknown = problem.starts_with("there is no");
        return wrong(name, unknown ? key.source() : value.source(), problem);
      }
    }
  } catch (const toml::parse_error& error) {
    return wrong(name, error.source(), std::string(error.description()));
  }
  return settings;
}

Result<ServeSettings> read_config(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char part[4 * limits::kKiB];
  ssize_t count = -1;
  while (file && (count = ::read(file.get(), part, sizeof part)) > 0) {
    text.append(part, static_cast<std::size_t>(count));
    if (text.size() > limits::kConfigBytes) {
      return Error{ErrorCode::resource_exhausted, path + ": larger than 1 MiB"};
    }
  }
  if (count < 0) {
    return Error{ErrorCode::not_found, path + ": " + ::strerrordesc_np(errno)};
  }
  return parse_config(text, path);
}

ServeSettings merged(const ServeSettings& over, const ServeSettings& under) {
  ServeSettings result = over;
  merge_keys(result, under, text_keys());
  merge_keys(result, under, number_keys());
  merge_keys(result, under, list_keys());
  merge_keys(result, under, switch_keys());
  return result;
}

}  // namespace sluice::cluster
