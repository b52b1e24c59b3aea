#include "worker/engine/graph/graph.h"

#include <cstdint>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

namespace sluice::engine {
namespace {

bool is_aligned(const std::byte* data, std::size_t alignment) {
  // NOLINTNEXTLINE: the address is what is asked.
  return reinterpret_cast<std::uintptr_t>(data) % alignment == 0;
}

std::string_view name_of_kind(AttributeKind kind) {
  constexpr std::string_view kNames[] = {"an integer",
                                         "a float",
                                         "a string",
                                         "a tensor",
                                         "a graph",
                                         "integers",
                                         "floats",
                                         "strings",
                                         "a type"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace

Result<TensorView> Constant::view() {
  SLUICE_CHECK(!released_);
  if (mapped_.empty()) {
    return owned_.view();
  }
  if (!is_aligned(mapped_.data(), storage_size(datatype_))) {
    SLUICE_TRY(own());
    return owned_.view();
  }
  // Constants are never written: kernels see them as inputs only.
  return TensorView{.datatype = datatype_,
                    .layout = Layout::plain,
                    .dims = dims_,
                    .count = count_,
                    .data = const_cast<std::byte*>(mapped_.data())};
}

Result<void> Constant::own() {
  if (mapped_.empty()) {
    return {};
  }
  SLUICE_TRY_ASSIGN(owned_, Tensor::create(datatype_, dims_));
  const TensorView to = owned_.view();
  SLUICE_CHECK(to.size() == mapped_.size());
  std::memcpy(to.data, mapped_.data(), mapped_.size());
  drop_mapped();
  return {};
}

void Constant::release() {
  if (!mapped_.empty()) {
    drop_mapped();
  }
  owned_ = Tensor();
  released_ = true;
}

std::span<const std::byte> Constant::bytes() const {
  SLUICE_CHECK(!released_);
  return mapped_.empty() ? owned_.view().bytes() : mapped_;
}

void Constant::forget_pages() const {
  if (mapped_.empty()) {
    return;
  }
  // Whole pages inside the tensor; a page shared with a neighbour stays.
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  // NOLINTNEXTLINE: page arithmetic is about addresses.
  const auto begin = (reinterpret_cast<std::uintptr_t>(mapped_.data()) + page - 1) / page * page;
  // NOLINTNEXTLINE: as above.
  const auto end = reinterpret_cast<std::uintptr_t>(mapped_.data() + mapped_.size()) / page * page;
  if (end > begin) {
    // Only a hint: the mapping is private and read-only, so nothing is lost when it fails.
    // NOLINTNEXTLINE: as above.
    static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
  }
}

void Constant::drop_mapped() {
  forget_pages();
  mapped_ = {};
}

std::string describe(const Node& node) {
  const std::string op = node.domain.empty() ? node.op_type : node.domain + "." + node.op_type;
  return "node '" + node.name + "' (" + op + ")";
}

const Attribute* Attributes::find(std::string_view name) {
  for (std::size_t i = 0; i < node_->attributes.size(); ++i) {
    if (node_->attributes[i].name == name) {
      seen_[i] = true;
      return &node_->attributes[i];
    }
  }
  return nullptr;
}

bool Attributes::has(std::string_view name) const {
  for (const Attribute& attribute : node_->attributes) {
    if (attribute.name == name) {
      return true;
    }
  }
  return false;
}

Result<const Attribute*> Attributes::find(std::string_view name, AttributeKind kind) {
  const Attribute* found = find(name);
  if (found != nullptr && found->kind != kind) {
    return Error{ErrorCode::data_corrupt,
                 "attribute '" + std::string(name) + "' is " +
                     std::string(name_of_kind(found->kind)) + ", not " +
                     std::string(name_of_kind(kind))};
  }
  return found;
}

Result<std::int64_t> Attributes::integer(std::string_view name, std::int64_t fallback) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::integer));
  return found != nullptr ? found->integer : fallback;
}

Result<float> Attributes::real(std::string_view name, float fallback) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::real));
  return found != nullptr ? found->real : fallback;
}

Result<std::string> Attributes::text(std::string_view name, std::string_view fallback) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::text));
  return found != nullptr ? found->text : std::string(fallback);
}

Result<std::vector<std::int64_t>> Attributes::integers(std::string_view name) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::integers));
  return found != nullptr ? found->integers : std::vector<std::int64_t>{};
}

Result<std::vector<float>> Attributes::reals(std::string_view name) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::reals));
  return found != nullptr ? found->reals : std::vector<float>{};
}

Result<std::vector<std::string>> Attributes::texts(std::string_view name) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::texts));
  return found != nullptr ? found->texts : std::vector<std::string>{};
}

Result<std::shared_ptr<Constant>> Attributes::tensor(std::string_view name) {
  SLUICE_TRY_ASSIGN(const Attribute* found, find(name, AttributeKind::tensor));
  return found != nullptr ? found->tensor : std::shared_ptr<Constant>{};
}

Result<void> Attributes::finish() const {
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (!seen_[i]) {
      return Error{ErrorCode::unsupported,
                   "has an attribute '" + node_->attributes[i].name +
                       "' that its version (since opset " + std::to_string(node_->since) +
                       ") does not know"};
    }
  }
  return {};
}

}  // namespace sluice::engine
