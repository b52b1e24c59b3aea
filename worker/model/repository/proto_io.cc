#include "worker/model/repository/proto_io.h"

#include <algorithm>
#include <set>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include "common/base/limits.h"
#include "worker/model/repository/utf8.h"

namespace sluice::repository {

namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;
using Places = pb::TextFormat::ParseInfoTree;

// "config.pbtxt 3:12", people's counting.
std::string place(std::string_view file, int line, int column) {
  return std::string(file) + " " + std::to_string(line + 1) + ":" + std::to_string(column + 1);
}

class FirstError final : public pb::io::ErrorCollector {
 public:
  explicit FirstError(std::string_view file) : file_(file) {}

  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (error_.detail.empty()) {
      error_ = {ErrorCode::invalid_argument,
                (line < 0 ? std::string(file_) : place(file_, line, column)) + ": " + message};
    }
  }

  [[nodiscard]] Error take() && {
    if (error_.detail.empty()) {
      error_ = {ErrorCode::invalid_argument, std::string(file_) + ": cannot be read"};
    }
    return std::move(error_);
  }

 private:
  std::string_view file_;
  Error error_;
};

Result<void> read_text(std::string_view content,
                       std::string_view file,
                       pb::Message& message,
                       Places& places) {
  FirstError errors(file);
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&places);
  parser.SetRecursionLimit(static_cast<int>(limits::kModelConfigDepth));
  if (!parser.ParseFromString(std::string(content), &message)) {
    return std::move(errors).take();
  }
  return {};
}

Result<void> read_json(std::string_view content, std::string_view file, pb::Message& message) {
  pb::util::JsonParseOptions options;
  options.case_insensitive_enum_parsing = true;
  const auto status = pb::util::JsonStringToMessage(
      pb::StringPiece(content.data(), static_cast<pb::StringPiece::size_type>(content.size())),
      &message,
      options);
  if (!status.ok()) {
    return Error{ErrorCode::invalid_argument,
                 std::string(file) + ": " + std::string(status.message())};
  }
  return {};
}

// Walks what is set. A path has no indices ("input.dims") and finds the rule; a name has them
// ("input[1].dims") and is for people.
class Walk {
 public:
  Walk(std::string_view file, std::span<const FieldRule> rules, std::vector<std::string>& notes)
      : file_(file), rules_(rules), notes_(&notes) {}

  Result<void> visit(const pb::Message& message,
                     const std::string& path,
                     const std::string& name,
                     const Places* places) {
    std::vector<const Field*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const Field* field : set) {
      SLUICE_TRY(visit_field(message, *field, joined(path, *field), joined(name, *field), places));
    }
    return {};
  }

 private:
  static std::string joined(const std::string& before, const Field& field) {
    return (before.empty() ? "" : before + ".") + field.name();
  }

  [[nodiscard]] std::string where(const Field& field, int index, const Places* places) const {
    if (places != nullptr) {
      const auto at = places->GetLocation(&field, field.is_repeated() ? index : -1);
      if (at.line >= 0) {
        return place(file_, at.line, at.column) + ": ";
      }
    }
    return std::string(file_) + ": ";
  }

  Result<void> visit_field(const pb::Message& message,
                           const Field& field,
                           const std::string& path,
                           const std::string& name,
                           const Places* places) {
    const FieldRule* rule = find_rule(rules_, path);
    const FieldAction action = rule == nullptr ? FieldAction::refuse : rule->action;
    switch (action) {
      case FieldAction::refuse:
        return Error{ErrorCode::unsupported,
                     where(field, 0, places) + name + " is refused" +
                         (rule == nullptr ? "" : ": " + std::string(rule->why))};
      case FieldAction::note:
        note(path + " has no effect: " + std::string(rule->why));
        return check_text(message, field, name, places);
      case FieldAction::take:
        return check_text(message, field, name, places);
      case FieldAction::enter:
        return enter(message, field, path, name, places);
    }
    return {};
  }

  void note(std::string text) {
    if (std::ranges::find(*notes_, text) == notes_->end()) {
      notes_->push_back(std::move(text));
    }
  }

  Result<void> enter(const pb::Message& message,
                     const Field& field,
                     const std::string& path,
                     const std::string& name,
                     const Places* places) {
    const pb::Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) {
      return visit(reflection.GetMessage(message, &field), path, name, nested(places, field, -1));
    }
    const bool map = field.is_map();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      SLUICE_TRY(visit(reflection.GetRepeatedMessage(message, &field, i),
                       path,
                       map ? name : name + "[" + std::to_string(i) + "]",
                       nested(places, field, i)));
    }
    return {};
  }

  static const Places* nested(const Places* places, const Field& field, int index) {
    return places == nullptr ? nullptr : places->GetTreeForNested(&field, index);
  }

  // Every string below `field` is UTF-8, and no map has a key twice.
  Result<void> check_text(const pb::Message& message,
                          const Field& field,
                          const std::string& name,
                          const Places* places) {
    const pb::Reflection& reflection = *message.GetReflection();
    const int count = field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
    std::set<std::string> keys;
    for (int i = 0; i < count; ++i) {
      const int index = field.is_repeated() ? i : -1;
      if (field.type() == Field::TYPE_STRING && !is_utf8(text_of(message, field, index))) {
        return Error{ErrorCode::invalid_argument, where(field, i, places) + name + " is not UTF-8"};
      }
      if (field.cpp_type() != Field::CPPTYPE_MESSAGE) {
        continue;
      }
      const pb::Message& below = index < 0 ? reflection.GetMessage(message, &field)
                                           : reflection.GetRepeatedMessage(message, &field, index);
      if (field.is_map() && !keys.insert(key_of(below)).second) {
        return Error{ErrorCode::invalid_argument,
                     where(field, i, places) + name + " has the key '" + key_of(below) + "' twice"};
      }
      SLUICE_TRY(check_all(below, name, nested(places, field, index)));
    }
    return {};
  }

  Result<void> check_all(const pb::Message& message,
                         const std::string& name,
                         const Places* places) {
    std::vector<const Field*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const Field* field : set) {
      SLUICE_TRY(check_text(message, *field, joined(name, *field), places));
    }
    return {};
  }

  static std::string text_of(const pb::Message& message, const Field& field, int index) {
    const pb::Reflection& reflection = *message.GetReflection();
    return index < 0 ? reflection.GetString(message, &field)
                     : reflection.GetRepeatedString(message, &field, index);
  }

  static std::string key_of(const pb::Message& entry) {
    std::string key;
    const Field* field = entry.GetDescriptor()->map_key();
    if (field->type() == Field::TYPE_STRING) {
      return entry.GetReflection()->GetString(entry, field);
    }
    pb::TextFormat::PrintFieldValueToString(entry, field, -1, &key);
    return key;
  }

  std::string_view file_;
  std::span<const FieldRule> rules_;
  std::vector<std::string>* notes_;
};

}  // namespace

Result<void> read_message(ConfigForm form,
                          std::string_view content,
                          std::string_view file,
                          std::span<const FieldRule> rules,
                          pb::Message& message,
                          std::vector<std::string>& notes) {
  if (content.size() > limits::kModelConfigBytes) {
    return Error{ErrorCode::invalid_argument,
                 std::string(file) + " has " + std::to_string(content.size()) + " bytes, at most " +
                     std::to_string(limits::kModelConfigBytes) + " are allowed"};
  }
  Places places;
  SLUICE_TRY(form == ConfigForm::text ? read_text(content, file, message, places)
                                      : read_json(content, file, message));
  return Walk(file, rules, notes)
      .visit(message, "", "", form == ConfigForm::text ? &places : nullptr);
}

}  // namespace sluice::repository
