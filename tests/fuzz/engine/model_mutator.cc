// libFuzzer's mutations, of models as models: bytes that are changed blindly are seldom a message,
// and a message that is changed blindly seldom a graph. Any field of any message inside is set to
// what has broken readers before, repeated ones lose, double and swap elements, names become other
// names of the model, and nodes move from one model into another. The same seed and bytes give the
// same model.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::array<std::int64_t, 26> kIntegers{0,
                                                 1,
                                                 -1,
                                                 2,
                                                 -2,
                                                 3,
                                                 4,
                                                 5,
                                                 7,
                                                 8,
                                                 11,
                                                 13,
                                                 16,
                                                 17,
                                                 22,
                                                 32,
                                                 64,
                                                 255,
                                                 65'536,
                                                 std::int64_t{1} << 31,
                                                 std::numeric_limits<std::int32_t>::max(),
                                                 std::int64_t{1} << 40,
                                                 std::int64_t{1} << 61,
                                                 std::int64_t{1} << 62,
                                                 std::numeric_limits<std::int64_t>::max(),
                                                 std::numeric_limits<std::int64_t>::min()};
constexpr std::array<float, 10> kReals{0.0F,
                                       -0.0F,
                                       1.0F,
                                       -1.0F,
                                       0.5F,
                                       1e-45F,
                                       3e38F,
                                       std::numeric_limits<float>::infinity(),
                                       -std::numeric_limits<float>::infinity(),
                                       std::numeric_limits<float>::quiet_NaN()};

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  void change(onnx::ModelProto& model);
  // Takes something of `other` over.
  void cross(onnx::ModelProto& model, const onnx::ModelProto& other);

 private:
  std::size_t below(std::size_t count) {
    return count == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  bool once_in(std::size_t count) { return below(count) == 0; }
  template <class Elements>
  const auto& any_of(const Elements& elements) {
    return elements[below(std::size(elements))];
  }
  template <class Repeated>
  auto* any_in(Repeated* repeated) {
    return repeated->empty() ? nullptr
                             : repeated->Mutable(static_cast<int>(
                                   below(static_cast<std::size_t>(repeated->size()))));
  }

  void look(Message& message);
  void look_at_model(onnx::ModelProto& model);
  void change_field(Message& message, const FieldDescriptor& field);
  void change_repeated(Message& message, const FieldDescriptor& field);
  void set_one(Message& message, const FieldDescriptor& field, int index);
  void set_message(Message& message, const FieldDescriptor& field);
  std::int64_t integer_near(std::int64_t now);
  std::string text_for(const FieldDescriptor& field, std::string now);
  void change_bytes(std::string& bytes);
  void rewire(onnx::GraphProto& graph);
  void take_node(onnx::ModelProto& model, const onnx::ModelProto& other);

  std::mt19937 random_;
  std::vector<Message*> messages_;   // of the model, it too
  std::vector<std::string> names_;   // of values
  std::vector<std::string> others_;  // operators, attributes and what else is text
};

// Every message inside; tensors' elements are no messages, so that they do not outnumber the rest.
void Mutator::look(Message& message) {
  messages_.push_back(&message);
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
        field->type() != FieldDescriptor::TYPE_BYTES) {
      const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      auto& pool = field->is_repeated() ? names_ : others_;
      for (int i = 0; i < count; ++i) {
        pool.push_back(field->is_repeated() ? reflection.GetRepeatedString(message, field, i)
                                            : reflection.GetString(message, field));
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        look(field->is_repeated() ? *reflection.MutableRepeatedMessage(&message, field, i)
                                  : *reflection.MutableMessage(&message, field));
      }
    }
  }
}

void Mutator::look_at_model(onnx::ModelProto& model) {
  messages_.clear();
  names_.assign(1, "");
  others_.assign(1, "");
  look(model);
}

std::int64_t Mutator::integer_near(std::int64_t now) {
  switch (below(4)) {
    case 0:
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) + 1);
    case 1:
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) - 1);
    default:
      return any_of(kIntegers);
  }
}

void Mutator::change_bytes(std::string& bytes) {
  switch (below(4)) {
    case 0:
      bytes.resize(below(bytes.size() + 1));
      return;
    case 1:
      bytes.append(1 + below(8), '\xff');
      return;
    default:
      break;
  }
  // An element becomes a number: of 8 bytes, as shapes and axes are, or of 4 as weights.
  const std::int64_t number = any_of(kIntegers);
  const float real = any_of(kReals);
  const bool wide = once_in(2);
  const std::size_t width = wide ? sizeof(number) : sizeof(real);
  if (bytes.size() >= width) {
    const auto* from = wide ? reinterpret_cast<const char*>(&number)  // NOLINT: bytes of a number
                            : reinterpret_cast<const char*>(&real);   // NOLINT: the same
    std::copy_n(from,
                width,
                bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() / width) * width));
  }
}

std::string Mutator::text_for(const FieldDescriptor& field, std::string now) {
  if (field.type() == FieldDescriptor::TYPE_BYTES) {
    change_bytes(now);
    return now;
  }
  if (once_in(8)) {
    change_bytes(now);
    return now;
  }
  return once_in(4) ? any_of(others_) : any_of(field.is_repeated() ? names_ : others_);
}

// Sets a field that is no message; index -1: not repeated.
void Mutator::set_one(Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool many = index >= 0;
  const auto real = [&] { return any_of(kReals); };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64: {
      const std::int64_t value =
          integer_near(many ? reflection.GetRepeatedInt64(message, &field, index)
                            : reflection.GetInt64(message, &field));
      many ? reflection.SetRepeatedInt64(&message, &field, index, value)
           : reflection.SetInt64(&message, &field, value);
      return;
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto value = static_cast<std::int32_t>(
          integer_near(many ? reflection.GetRepeatedInt32(message, &field, index)
                            : reflection.GetInt32(message, &field)));
      many ? reflection.SetRepeatedInt32(&message, &field, index, value)
           : reflection.SetInt32(&message, &field, value);
      return;
    }
    case FieldDescriptor::CPPTYPE_UINT64:
      many ? reflection.SetRepeatedUInt64(
                 &message, &field, index, static_cast<std::uint64_t>(any_of(kIntegers)))
           : reflection.SetUInt64(&message, &field, static_cast<std::uint64_t>(any_of(kIntegers)));
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      many ? reflection.SetRepeatedFloat(&message, &field, index, real())
           : reflection.SetFloat(&message, &field, real());
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      many ? reflection.SetRepeatedDouble(&message, &field, index, static_cast<double>(real()))
           : reflection.SetDouble(&message, &field, static_cast<double>(real()));
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnumValue(&message, &field, static_cast<int>(below(24)));
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      many ? reflection.SetRepeatedString(
                 &message,
                 &field,
                 index,
                 text_for(field, reflection.GetRepeatedString(message, &field, index)))
           : reflection.SetString(
                 &message, &field, text_for(field, reflection.GetString(message, &field)));
      return;
    default:
      return;  // ONNX has no others
  }
}

// A message becomes another of its kind in the model, or goes.
void Mutator::set_message(Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const Message*> alike;
  for (const Message* each : messages_) {
    if (each->GetDescriptor() == field.message_type()) {
      alike.push_back(each);
    }
  }
  if (alike.empty() || once_in(4)) {
    field.is_repeated() ? static_cast<void>(reflection.AddMessage(&message, &field))
                        : reflection.ClearField(&message, &field);
    return;
  }
  const Message& from = *any_of(alike);
  std::string copy;  // `message` may be inside of it
  from.SerializePartialToString(&copy);
  Message* to = field.is_repeated() ? reflection.AddMessage(&message, &field)
                                    : reflection.MutableMessage(&message, &field);
  static_cast<void>(to->ParsePartialFromString(copy));
}

void Mutator::change_repeated(Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  const auto count = static_cast<std::size_t>(reflection.FieldSize(message, &field));
  const auto at = static_cast<int>(below(count));
  const bool messages = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  switch (count == 0 ? 0 : below(messages ? 3 : 5)) {
    case 0:
      if (messages) {
        set_message(message, field);
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
        reflection.AddInt64(&message, &field, any_of(kIntegers));
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
        reflection.AddFloat(&message, &field, any_of(kReals));
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        reflection.AddString(&message, &field, text_for(field, {}));
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
        reflection.AddInt32(&message, &field, static_cast<std::int32_t>(any_of(kIntegers)));
      }
      return;
    case 1:
      reflection.SwapElements(&message, &field, at, static_cast<int>(count) - 1);
      reflection.RemoveLast(&message, &field);
      return;
    case 2:
      reflection.SwapElements(&message, &field, at, static_cast<int>(below(count)));
      return;
    default:
      set_one(message, field, at);
      return;
  }
}

void Mutator::change_field(Message& message, const FieldDescriptor& field) {
  if (field.is_repeated()) {
    change_repeated(message, field);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    set_message(message, field);
  } else if (once_in(8)) {
    message.GetReflection()->ClearField(&message, &field);
  } else {
    set_one(message, field, -1);
  }
}

// A node reads another value, or another one is answered.
void Mutator::rewire(onnx::GraphProto& graph) {
  auto* node = any_in(graph.mutable_node());
  if (node != nullptr && node->output_size() > 0 && graph.output_size() > 0 && once_in(3)) {
    any_in(graph.mutable_output())->set_name(*any_in(node->mutable_output()));
  } else if (node != nullptr && node->input_size() > 0) {
    *any_in(node->mutable_input()) = any_of(names_);
  }
}

void Mutator::change(onnx::ModelProto& model) {
  for (std::size_t left = 1 + below(3); left > 0; --left) {
    look_at_model(model);
    if (once_in(6)) {
      rewire(*model.mutable_graph());
      continue;
    }
    Message& message = *any_of(messages_);
    const auto& descriptor = *message.GetDescriptor();
    // Mostly what is there, sometimes what is not.
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    if (fields.empty() || once_in(6)) {
      change_field(message,
                   *descriptor.field(static_cast<int>(
                       below(static_cast<std::size_t>(descriptor.field_count())))));
    } else {
      change_field(message, *any_of(fields));
    }
  }
}

// A node of the other model, its weights with it, in the middle of this one or at its end.
void Mutator::take_node(onnx::ModelProto& model, const onnx::ModelProto& other) {
  onnx::GraphProto& graph = *model.mutable_graph();
  onnx::NodeProto node = other.graph().node(
      static_cast<int>(below(static_cast<std::size_t>(other.graph().node_size()))));
  const std::string tag = "_" + std::to_string(random_() % 10'000);
  for (std::string& input : *node.mutable_input()) {
    const auto& constants = other.graph().initializer();
    const auto constant = std::ranges::find(constants, input, &onnx::TensorProto::name);
    if (constant != constants.end()) {
      onnx::TensorProto& copy = *graph.add_initializer();
      copy = *constant;
      input += tag;
      copy.set_name(input);
    } else if (!input.empty()) {
      input = any_of(names_);
    }
  }
  for (std::string& output : *node.mutable_output()) {
    output += tag;
  }
  if (node.output_size() > 0 && graph.output_size() > 0 && !once_in(3)) {
    any_in(graph.mutable_output())->set_name(node.output(0));
  } else if (node.output_size() > 0 && graph.node_size() > 0) {
    onnx::NodeProto& reader = *any_in(graph.mutable_node());
    if (reader.input_size() > 0) {
      *any_in(reader.mutable_input()) = node.output(0);
    }
  }
  *graph.add_node() = std::move(node);
  for (const auto& import : other.opset_import()) {
    if (std::ranges::find(model.opset_import(),
                          import.domain(),
                          &onnx::OperatorSetIdProto::domain) == model.opset_import().end()) {
      *model.add_opset_import() = import;
    }
  }
}

void Mutator::cross(onnx::ModelProto& model, const onnx::ModelProto& other) {
  look_at_model(model);
  const onnx::GraphProto& from = other.graph();
  onnx::GraphProto& to = *model.mutable_graph();
  switch (below(4)) {
    case 0:  // an input's datatype and shape
      if (from.input_size() > 0 && to.input_size() > 0) {
        const auto at = static_cast<int>(below(static_cast<std::size_t>(from.input_size())));
        *any_in(to.mutable_input())->mutable_type() = from.input(at).type();
      }
      return;
    case 1:  // a node's operator or its attributes
      if (from.node_size() > 0 && to.node_size() > 0) {
        const auto& node =
            from.node(static_cast<int>(below(static_cast<std::size_t>(from.node_size()))));
        onnx::NodeProto& changed = *any_in(to.mutable_node());
        changed.set_op_type(node.op_type());
        changed.set_domain(node.domain());
        if (once_in(2)) {
          *changed.mutable_attribute() = node.attribute();
        }
      }
      return;
    default:
      if (from.node_size() > 0) {
        take_node(model, other);
      }
      return;
  }
}

bool parse(std::span<const std::uint8_t> bytes, onnx::ModelProto& model) {
  const google::protobuf::LogSilencer silent;
  return model.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// 0 where the model is too large.
std::size_t write(const onnx::ModelProto& model, std::span<std::uint8_t> to) {
  const std::size_t size = model.ByteSizeLong();
  return size <= to.size() && model.SerializePartialToArray(to.data(), static_cast<int>(size))
             ? size
             : 0;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t most,
                                               unsigned seed) {
  onnx::ModelProto model;
  if (seed % 16 == 0 || !parse({data, size}, model)) {
    return LLVMFuzzerMutate(data, size, most);
  }
  Mutator(seed).change(model);
  const std::size_t made = write(model, {data, most});
  return made != 0 ? made : LLVMFuzzerMutate(data, size, most);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first,
                                                 std::size_t first_size,
                                                 const std::uint8_t* second,
                                                 std::size_t second_size,
                                                 std::uint8_t* out,
                                                 std::size_t most,
                                                 unsigned seed) {
  onnx::ModelProto model;
  onnx::ModelProto other;
  if (!parse({first, first_size}, model) || !parse({second, second_size}, other)) {
    return 0;
  }
  Mutator(seed).cross(model, other);
  return write(model, {out, most});
}
