// `sluice infer`: one request to a running server, for a person at a terminal.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/infer/http_client.h"
#include "cluster/infer/input_spec.h"
#include "cluster/infer/print.h"
#include "cluster/infer/v2_client.h"
#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

// What a server may take beyond the request's own deadline before the client gives up waiting.
constexpr auto kGrace = std::chrono::seconds(5);

struct InferOptions {
  std::string model;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string url = "http://127.0.0.1:8000";
  std::optional<std::int64_t> version;
  std::optional<std::int64_t> timeout_ms;
  bool json = false;
};

Result<HttpAnswer> expect_success(Result<HttpAnswer> answer) {
  if (answer && answer->status != 200) {
    return decode_error(answer->status, answer->body.text());
  }
  return answer;
}

Result<std::string> infer(const InferOptions& options) {
  InferRequest request;
  request.model = options.model;
  request.version = options.version;
  request.outputs = options.outputs;
  if (options.timeout_ms) {
    request.timeout = std::chrono::milliseconds(*options.timeout_ms);
  }
  SLUICE_TRY_ASSIGN(
      HttpClient client,
      HttpClient::open(options.url, request.timeout.value_or(limits::kDefaultDeadline) + kGrace));
  const std::string path = model_path(options.model, options.version);
  SLUICE_TRY_ASSIGN(const HttpAnswer metadata, expect_success(client.get(path)));
  SLUICE_TRY_ASSIGN(const ModelInfo model, decode_metadata(metadata.body.text()));
  SLUICE_TRY_ASSIGN(request.inputs, read_inputs(options.inputs, model));
  SLUICE_TRY(validate(request, model));
  const EncodedRequest encoded = encode_request(request);
  SLUICE_TRY_ASSIGN(const HttpAnswer answer,
                    expect_success(client.post(path + "/infer", encoded.body, encoded.json_size)));
  SLUICE_TRY_ASSIGN(const InferResponse response, decode_response(answer.body, answer.json_size));
  return options.json ? print_json(response) : print_text(response);
}

}  // namespace

void add_infer_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<InferOptions>();
  CLI::App* command = app.add_subcommand("infer", "Send one request and print the answer");
  command->add_option("model", options->model, "The model's name")->required();
  command
      ->add_option(
          "--input",
          options->inputs,
          "[NAME=]VALUE or [NAME=]@FILE, once for each input. VALUE: JSON, such as 3 or "
          "[[1,2],[3,4]]. FILE: .json (a value or a v2 request), .npy, .pb, .png. The name may "
          "be left out when the model has one input")
      ->required()
      ->allow_extra_args(false)
      ->type_name("INPUT");
  command
      ->add_option("--output", options->outputs, "An output to ask for (repeatable; default: all)")
      ->allow_extra_args(false)
      ->type_name("NAME");
  command->add_option("--url", options->url, "Where the server listens")->capture_default_str();
  command->add_option("--version", options->version, "Ask this version only")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--timeout", options->timeout_ms, "Deadline in milliseconds (default: 30000)")
      ->check(CLI::Range(std::int64_t{1},
                         std::int64_t{std::chrono::milliseconds(limits::kMaxDeadline).count()}));
  command->add_flag("--json", options->json, "Print the whole answer as JSON");
  command->footer("Exits with 0 when the server answered, 1 otherwise.");
  command->callback([options, &exit_code] {
    const Result<std::string> text = infer(*options);
    if (!text) {
      static_cast<void>(std::fprintf(stderr, "sluice infer: %s\n", text.error().detail.c_str()));
      exit_code.value = kExitFailure;
      return;
    }
    if (std::fputs(text->c_str(), stdout) < 0) {
      exit_code.value = kExitFailure;
    }
  });
}

}  // namespace sluice::cluster
