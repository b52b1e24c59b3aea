// The parser behind kserve_v2_request.h: one walk over the text, in whatever order its members
// come. Each function reads one value and returns false once the reader has failed.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/protocol/json_reader.h"
#include "gateway/protocol/kserve_v2_request.h"

namespace sluice::gateway::kserve_v2 {

// The members of one object that were already seen, so that none is given twice.
class Seen {
 public:
  explicit Seen(JsonReader& reader) : reader_(reader) {}
  // False, and the reader failed, for the second time.
  bool first(unsigned member, std::string_view name) {
    if ((members_ >> member & 1U) != 0) {
      return reader_.refuse("member '" + std::string(name) + "' is given twice");
    }
    members_ |= 1U << member;
    return true;
  }
  [[nodiscard]] bool has(unsigned member) const { return (members_ >> member & 1U) != 0; }

 private:
  JsonReader& reader_;
  unsigned members_ = 0;
};

class RequestParser {
 public:
  explicit RequestParser(std::string_view json) : reader_(json) {}

  Result<ParsedRequest> parse() {
    if (parse_top() && reader_.finish()) {
      return std::move(parsed_);
    }
    Error error = reader_.error();
    error.code = code_;
    return error;
  }

 private:
  // What an input has said so far.
  struct Said {
    bool name = false;
    bool shape = false;
    bool datatype = false;
    bool data = false;
    std::optional<JsonReader::Mark>
        data_at;  // it came before shape or datatype: read it at the end
    std::optional<std::uint64_t> binary_size;
  };

  bool refuse_unsupported(std::string complaint) {
    code_ = reader_.failed() ? code_ : ErrorCode::unsupported;
    return reader_.refuse(std::move(complaint));
  }

  // Clients made from typed records write null for an optional member that they leave out.
  bool is_null() { return reader_.peek() == JsonReader::Kind::null; }

  bool parse_top();
  bool parse_id();
  bool parse_request_parameters();
  bool parse_request_parameter(std::string_view key);
  bool parse_custom_parameter(const std::string& name);
  bool parse_sequence_parameter(const std::string& name);
  bool parse_timeout();
  bool parse_inputs();
  bool parse_input();
  bool parse_input_member(std::string_view key, NamedTensor& tensor, Said& said);
  bool parse_input_parameters(Said& said);
  bool finish_input(NamedTensor& tensor, Said& said);
  bool parse_shape(NamedTensor& tensor);
  bool parse_datatype(NamedTensor& tensor);
  bool parse_data(NamedTensor& tensor, Said& said);
  bool check_said(const NamedTensor& tensor, const Said& said);
  bool parse_outputs();
  bool parse_output();
  bool parse_output_parameters(OutputForm& form, bool& says_form);
  bool parse_name(std::string& name, std::string_view what);

  JsonReader reader_;
  ParsedRequest parsed_;
  ErrorCode code_ = ErrorCode::invalid_argument;
  bool has_inputs_ = false;
  std::vector<std::size_t> silent_outputs_;  // said nothing of their form
};

}  // namespace sluice::gateway::kserve_v2
