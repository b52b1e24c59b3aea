// Transcripts: an exchange of one protocol as a text file, replayed by replay_test.cc. Each line
// begins with what it is:
//
//   #        comment; the first one says what the transcript shows
//   > LINE   first the request line ("POST /v2/models/add/infer"), then its headers
//   >| TEXT  bytes of the request's body, without a line end
//   >x HEX   the same in hex
//   = LINE   what the request means: a line of the dump of its InferRequest
//   @ NAME DATATYPE SHAPE HEX    an output of the worker's answer
//   < LINE   first the reply's status and content type, then its headers
//   <| TEXT, <x HEX              bytes of its body
//
// A refused request has no '=' and '@' lines.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/link/infer.h"
#include "gateway/protocol/class_labels.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

struct Transcript {
  std::string name;
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::vector<std::string> meaning;
  std::vector<NamedTensor> outputs;
  std::vector<std::string> reply_head;
  std::string reply_body;
};

// Throws std::runtime_error with the line that is no transcript's.
Transcript read_transcript(const std::filesystem::path& file);

// Every *.txt of the folder, by name.
std::vector<Transcript> read_transcripts(const std::filesystem::path& folder);

// The '=' lines.
std::vector<std::string> dump(const InferRequest& request);

std::string hex_of(std::string_view bytes);

// The models that the transcripts speak to: "add", "text", "half", "scalar", "kinds", "image".
const std::vector<ModelInfo>& transcript_models();
const ModelInfo* transcript_model(std::string_view name);
// Of the outputs of any of them: "scores" has labels for its first and third class.
const ClassLabels& transcript_labels();

}  // namespace sluice::gateway
