// A message as JSON, by reflection. protobuf's own printer writes 64-bit integers as strings, which
// clients of this protocol do not expect.

#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include <google/protobuf/descriptor.h>

#include "worker/model/repository/proto_io.h"

namespace sluice::repository {

namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_float(std::string& out, double number) {
  if (std::isfinite(number)) {
    append_number(out, number);
  } else {
    append_text(out, std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
  }
}

class Printer {
 public:
  explicit Printer(std::string& out) : out_(&out) {}

  void message(const pb::Message& message) {
    const pb::Descriptor& type = *message.GetDescriptor();
    const pb::Reflection& reflection = *message.GetReflection();
    *out_ += '{';
    bool first = true;
    for (int i = 0; i < type.field_count(); ++i) {
      const Field& field = *type.field(i);
      // Presence is known of messages and of members of a oneof: absent ones are left out.
      if (field.has_presence() && !reflection.HasField(message, &field)) {
        continue;
      }
      *out_ += first ? "" : ",";
      first = false;
      append_text(*out_, field.name());
      *out_ += ':';
      value_of(message, field);
    }
    *out_ += '}';
  }

 private:
  void value_of(const pb::Message& message, const Field& field) {
    if (field.is_map()) {
      return map(message, field);
    }
    if (!field.is_repeated()) {
      return element(message, field, -1);
    }
    *out_ += '[';
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      *out_ += i == 0 ? "" : ",";
      element(message, field, i);
    }
    *out_ += ']';
  }

  // In the order of the keys, so that the same configuration is always the same text.
  void map(const pb::Message& message, const Field& field) {
    const pb::Reflection& reflection = *message.GetReflection();
    std::map<std::string, const pb::Message*> entries;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const pb::Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      std::string key;
      Printer printer(key);
      printer.element(entry, *entry.GetDescriptor()->map_key(), -1);
      if (key.front() != '"') {
        key = "\"" + key + "\"";
      }
      entries.emplace(std::move(key), &entry);
    }
    *out_ += '{';
    bool first = true;
    for (const auto& [key, entry] : entries) {
      *out_ += (first ? "" : ",") + key + ":";
      first = false;
      element(*entry, *entry->GetDescriptor()->map_value(), -1);
    }
    *out_ += '}';
  }

  // The field's value; of a repeated one that at `i`.
  void element(const pb::Message& m, const Field& field, int i) {
    const pb::Reflection& r = *m.GetReflection();
    const Field* f = &field;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return append_number(*out_, i < 0 ? r.GetInt32(m, f) : r.GetRepeatedInt32(m, f, i));
      case Field::CPPTYPE_INT64:
        return append_number(*out_, i < 0 ? r.GetInt64(m, f) : r.GetRepeatedInt64(m, f, i));
      case Field::CPPTYPE_UINT32:
        return append_number(*out_, i < 0 ? r.GetUInt32(m, f) : r.GetRepeatedUInt32(m, f, i));
      case Field::CPPTYPE_UINT64:
        return append_number(*out_, i < 0 ? r.GetUInt64(m, f) : r.GetRepeatedUInt64(m, f, i));
      case Field::CPPTYPE_DOUBLE:
        return append_float(*out_, i < 0 ? r.GetDouble(m, f) : r.GetRepeatedDouble(m, f, i));
      case Field::CPPTYPE_FLOAT:
        return append_float(*out_, i < 0 ? r.GetFloat(m, f) : r.GetRepeatedFloat(m, f, i));
      case Field::CPPTYPE_BOOL:
        *out_ += (i < 0 ? r.GetBool(m, f) : r.GetRepeatedBool(m, f, i)) ? "true" : "false";
        return;
      case Field::CPPTYPE_ENUM: {
        const int number = i < 0 ? r.GetEnumValue(m, f) : r.GetRepeatedEnumValue(m, f, i);
        const pb::EnumValueDescriptor* known = field.enum_type()->FindValueByNumber(number);
        return known != nullptr ? append_text(*out_, known->name()) : append_number(*out_, number);
      }
      case Field::CPPTYPE_STRING:
        return append_text(*out_, i < 0 ? r.GetString(m, f) : r.GetRepeatedString(m, f, i));
      case Field::CPPTYPE_MESSAGE:
        return message(i < 0 ? r.GetMessage(m, f) : r.GetRepeatedMessage(m, f, i));
    }
  }

  std::string* out_;
};

}  // namespace

std::string message_to_json(const pb::Message& message) {
  std::string out;
  Printer(out).message(message);
  return out;
}

}  // namespace sluice::repository
