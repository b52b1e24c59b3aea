#include "bench/engine/ort_model.h"

#include <array>
#include <cstring>
#include <utility>

namespace sluice::bench {
namespace {

using model::Feedback;
using model::InputSet;

constexpr int kTensor = 1;  // OrtSession: kinds of values

struct TypeRow {
  int onnx;  // TensorProto.DataType
  DataType datatype;
};
constexpr std::array<TypeRow, 14> kTypes{{{1, DataType::float32},
                                          {2, DataType::uint8},
                                          {3, DataType::int8},
                                          {4, DataType::uint16},
                                          {5, DataType::int16},
                                          {6, DataType::int32},
                                          {7, DataType::int64},
                                          {8, DataType::string},
                                          {9, DataType::boolean},
                                          {10, DataType::float16},
                                          {11, DataType::float64},
                                          {12, DataType::uint32},
                                          {13, DataType::uint64},
                                          {16, DataType::bfloat16}}};

DataType datatype_of(int onnx) {
  for (const TypeRow& row : kTypes) {
    if (row.onnx == onnx) {
      return row.datatype;
    }
  }
  return DataType::undefined;
}

int onnx_of(DataType datatype) {
  for (const TypeRow& row : kTypes) {
    if (row.datatype == datatype) {
      return row.onnx;
    }
  }
  return 0;
}

// Releases an object of the library at the end of a scope.
template <class Object>
struct Releaser {
  const OrtLibrary* library = nullptr;
  OrtSlot slot{};
  void operator()(Object* object) const { library->release(slot, object); }
};
template <class Object>
using Owned = std::unique_ptr<Object, Releaser<Object>>;
using Value = Owned<OrtValue>;

class OrtModel final : public model::BenchModel {
 public:
  OrtModel(const OrtLibrary& library, OrtAllocator* allocator, OrtMemoryInfo* memory)
      : library_(&library),
        allocator_(allocator),
        memory_(memory),
        session_(nullptr, {library_, OrtSlot::release_session}) {}

  Result<void> load(OrtEnv* env, const std::string& path, int threads) {
    OrtSessionOptions* made = nullptr;
    SLUICE_TRY(library_->call(OrtSlot::create_options, &made));
    const Owned<OrtSessionOptions> options(made, {library_, OrtSlot::release_options});
    SLUICE_TRY(library_->call(OrtSlot::set_optimization, made, kAllOptimizations));
    SLUICE_TRY(library_->call(OrtSlot::set_intra_threads, made, threads));
    SLUICE_TRY(library_->call(OrtSlot::set_inter_threads, made, 1));
    OrtSession* session = nullptr;
    SLUICE_TRY(library_->call(OrtSlot::create_session, env, path.c_str(), made, &session));
    session_.reset(session);
    SLUICE_TRY(read(
        OrtSlot::input_count, OrtSlot::input_name, OrtSlot::input_type, info_.inputs, &symbols_));
    SLUICE_TRY(read(
        OrtSlot::output_count, OrtSlot::output_name, OrtSlot::output_type, info_.outputs, nullptr));
    for (const ValueInfo& input : info_.inputs) {
      input_names_.push_back(input.name.c_str());
    }
    for (const ValueInfo& output : info_.outputs) {
      output_names_.push_back(output.name.c_str());
    }
    return {};
  }

  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<std::vector<std::string>> symbols() const override { return symbols_; }

  Result<void> use(std::vector<InputSet> sets) override {
    sets_ = std::move(sets);
    for (const InputSet& set : sets_) {
      std::vector<Value>& values = values_.emplace_back();
      for (const NamedTensor& tensor : set) {
        SLUICE_TRY_ASSIGN(OrtValue * value, value_of(tensor));
        values.emplace_back(value, releaser());
      }
    }
    return {};
  }

  Result<void> run(std::size_t set) override { return run_into(values_[set], dropped_); }

  Result<void> step(std::size_t set, const std::vector<Feedback>& feedback) override {
    if (set > 0) {
      for (const Feedback& pair : feedback) {
        values_[set][pair.input] = std::move(kept_[pair.output]);
      }
    }
    if (set > 1) {
      values_[set - 1].clear();  // as our engine's steps do
    }
    return run_into(values_[set], kept_);
  }

  Result<std::vector<NamedTensor>> outputs(std::size_t set) override {
    std::vector<Value> values;
    SLUICE_TRY(run_into(values_[set], values));
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0; i < values.size(); ++i) {
      int kind = 0;
      SLUICE_TRY(library_->call(OrtSlot::kind_of_value, values[i].get(), &kind));
      if (kind == kTensor) {
        SLUICE_TRY_ASSIGN(NamedTensor tensor, tensor_of(values[i].get()));
        tensor.name = info_.outputs[i].name;
        tensors.push_back(std::move(tensor));
      }
    }
    return tensors;
  }

 private:
  static constexpr int kAllOptimizations = 99;

  [[nodiscard]] Releaser<OrtValue> releaser() const { return {library_, OrtSlot::release_value}; }

  // Names, datatypes and extents of all inputs, or outputs.
  Result<void> read(OrtSlot count_slot,
                    OrtSlot name_slot,
                    OrtSlot type_slot,
                    std::vector<ValueInfo>& values,
                    std::vector<std::vector<std::string>>* symbols) {
    std::size_t count = 0;
    SLUICE_TRY(library_->call(count_slot, session_.get(), &count));
    for (std::size_t i = 0; i < count; ++i) {
      ValueInfo& value = values.emplace_back();
      char* name = nullptr;
      SLUICE_TRY(library_->call(name_slot, session_.get(), i, allocator_, &name));
      value.name = name;
      SLUICE_TRY(library_->call(OrtSlot::free_memory, allocator_, static_cast<void*>(name)));
      OrtTypeInfo* type = nullptr;
      SLUICE_TRY(library_->call(type_slot, session_.get(), i, &type));
      const Owned<OrtTypeInfo> owned(type, {library_, OrtSlot::release_type});
      SLUICE_TRY_ASSIGN(std::vector<std::string> names, read_type(type, value));
      if (symbols != nullptr) {
        symbols->push_back(std::move(names));
      }
    }
    return {};
  }

  // Fills in datatype and shape of a tensor; the names of its extents.
  Result<std::vector<std::string>> read_type(const OrtTypeInfo* type, ValueInfo& value) const {
    std::vector<std::string> names;
    int kind = 0;
    SLUICE_TRY(library_->call(OrtSlot::kind_of_type, type, &kind));
    if (kind != kTensor) {
      return names;
    }
    const OrtTensorInfo* tensor = nullptr;
    SLUICE_TRY(library_->call(OrtSlot::tensor_info_of_type, type, &tensor));
    SLUICE_TRY(read_tensor_info(tensor, value.datatype, value.shape));
    std::vector<const char*> texts(value.shape.size(), nullptr);
    SLUICE_TRY(library_->call(OrtSlot::symbols, tensor, texts.data(), texts.size()));
    for (const char* text : texts) {
      names.emplace_back(text == nullptr ? "" : text);
    }
    return names;
  }

  Result<void> read_tensor_info(const OrtTensorInfo* info, DataType& datatype, Shape& shape) const {
    int type = 0;
    SLUICE_TRY(library_->call(OrtSlot::element_type, info, &type));
    datatype = datatype_of(type);
    std::size_t rank = 0;
    SLUICE_TRY(library_->call(OrtSlot::rank, info, &rank));
    shape.resize(rank);
    return library_->call(OrtSlot::dims, info, shape.data(), rank);
  }

  // Names the tensor's memory, which must stay; strings are copied.
  Result<OrtValue*> value_of(const NamedTensor& tensor) {
    OrtValue* value = nullptr;
    if (tensor.datatype == DataType::string) {
      return strings_of(tensor);
    }
    MutableBuffer& copy = memory_of_inputs_.emplace_back(tensor.data.size());  // aligned
    if (tensor.data.size() > 0) {
      std::memcpy(copy.data(), tensor.data.data(), tensor.data.size());
    }
    SLUICE_TRY(library_->call(OrtSlot::create_tensor_with_data,
                              memory_,
                              static_cast<void*>(copy.data()),
                              copy.size(),
                              tensor.shape.data(),
                              tensor.shape.size(),
                              onnx_of(tensor.datatype),
                              &value));
    return value;
  }

  Result<OrtValue*> strings_of(const NamedTensor& tensor) {
    OrtValue* value = nullptr;
    SLUICE_TRY(library_->call(OrtSlot::create_tensor,
                              allocator_,
                              tensor.shape.data(),
                              tensor.shape.size(),
                              onnx_of(DataType::string),
                              &value));
    std::vector<std::string> texts;
    const std::byte* at = tensor.data.data();
    for (const std::byte* end = at + tensor.data.size(); at < end;) {
      std::uint32_t length = 0;
      std::memcpy(&length, at, sizeof length);
      std::string& text = texts.emplace_back(length, '\0');
      std::memcpy(text.data(), at + sizeof length, length);
      at += sizeof length + length;
    }
    std::vector<const char*> pointers;
    pointers.reserve(texts.size());
    for (const std::string& text : texts) {
      pointers.push_back(text.c_str());
    }
    SLUICE_TRY(library_->call(OrtSlot::fill_strings, value, pointers.data(), pointers.size()));
    return value;
  }

  Result<NamedTensor> tensor_of(OrtValue* value) const {
    OrtTensorInfo* info = nullptr;
    SLUICE_TRY(library_->call(OrtSlot::tensor_info, value, &info));
    const Owned<OrtTensorInfo> owned(info, {library_, OrtSlot::release_tensor_info});
    NamedTensor tensor;
    SLUICE_TRY(read_tensor_info(info, tensor.datatype, tensor.shape));
    SLUICE_TRY_ASSIGN(const std::int64_t elements, element_count(tensor.shape));
    const auto count = static_cast<std::size_t>(elements);
    if (tensor.datatype != DataType::string) {
      void* data = nullptr;
      SLUICE_TRY(library_->call(OrtSlot::tensor_data, value, &data));
      tensor.data = Buffer::copy_of(
          std::span(static_cast<const std::byte*>(data), count * element_size(tensor.datatype)));
      return tensor;
    }
    std::size_t bytes = 0;
    SLUICE_TRY(library_->call(OrtSlot::string_length, value, &bytes));
    std::string text(bytes, '\0');
    std::vector<std::size_t> offsets(count + 1, bytes);
    SLUICE_TRY(library_->call(OrtSlot::string_content,
                              value,
                              static_cast<void*>(text.data()),
                              bytes,
                              offsets.data(),
                              count));
    std::string encoded;
    for (std::size_t i = 0; i < count; ++i) {
      const auto length = static_cast<std::uint32_t>(offsets[i + 1] - offsets[i]);
      for (std::size_t k = 0; k < sizeof length; ++k) {
        encoded.push_back(static_cast<char>(length >> (8 * k) & 0xFF));
      }
      encoded.append(text, offsets[i], length);
    }
    tensor.data = Buffer::copy_of(encoded);
    return tensor;
  }

  // `outputs` lose what they had.
  Result<void> run_into(const std::vector<Value>& inputs, std::vector<Value>& outputs) {
    given_.clear();
    for (const Value& input : inputs) {
      given_.push_back(input.get());
    }
    outputs.clear();
    made_.assign(output_names_.size(), nullptr);
    const void* options = nullptr;
    SLUICE_TRY(library_->call(OrtSlot::run,
                              session_.get(),
                              options,
                              input_names_.data(),
                              given_.data(),
                              given_.size(),
                              output_names_.data(),
                              output_names_.size(),
                              made_.data()));
    for (OrtValue* value : made_) {
      outputs.emplace_back(value, releaser());
    }
    return {};
  }

  const OrtLibrary* library_;
  OrtAllocator* allocator_;
  OrtMemoryInfo* memory_;
  Owned<OrtSession> session_;
  ModelInfo info_;
  std::vector<std::vector<std::string>> symbols_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  std::vector<InputSet> sets_;
  std::vector<MutableBuffer> memory_of_inputs_;
  std::vector<std::vector<Value>> values_;  // of the sets
  std::vector<Value> kept_;
  std::vector<Value> dropped_;
  std::vector<const OrtValue*> given_;
  std::vector<OrtValue*> made_;
};

class OrtEngine final : public model::BenchEngine {
 public:
  explicit OrtEngine(const OrtLibrary& library) : library_(&library) {}

  Result<void> open() {
    constexpr int kFatal = 4;  // what is logged; errors are returned
    SLUICE_TRY(library_->call(OrtSlot::create_env, kFatal, "bench", &env_));
    SLUICE_TRY(library_->call(OrtSlot::default_allocator, &allocator_));
    constexpr int kDevice = 0;
    constexpr int kDefault = 0;
    return library_->call(OrtSlot::create_memory_info, kDevice, kDefault, &memory_);
  }

  Result<std::unique_ptr<model::BenchModel>> load(const std::string& path, int threads) override {
    auto loaded = std::make_unique<OrtModel>(*library_, allocator_, memory_);
    SLUICE_TRY(loaded->load(env_, path, threads));
    return std::unique_ptr<model::BenchModel>(std::move(loaded));
  }

 private:
  const OrtLibrary* library_;
  // Until the process ends.
  OrtEnv* env_ = nullptr;
  OrtAllocator* allocator_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<model::BenchEngine>> ort_engine(const OrtLibrary& library) {
  auto engine = std::make_unique<OrtEngine>(library);
  SLUICE_TRY(engine->open());
  return std::unique_ptr<model::BenchEngine>(std::move(engine));
}

}  // namespace sluice::bench
