// A run of shapes that were seen before allocates nothing: dims, memory and primitives are the
// binding's. oneDNN allocates a few times in each of its primitives; those are counted and bounded.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace {

// NOLINTBEGIN: allocation is replaced where a test counts it.
std::atomic<std::size_t> counted{0};
thread_local bool counts = false;

void* allocate(std::size_t size, std::size_t alignment) {
  counted += counts ? 1 : 0;
  const std::size_t whole = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (memory == nullptr) {
    std::abort();
  }
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
// NOLINTEND

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

class OnePlace final : public OutputAllocator {
 public:
  Result<std::span<std::byte>> allocate(std::size_t,
                                        DataType,
                                        const Shape&,
                                        std::size_t size) override {
    return std::span(memory_).first(size);
  }

 private:
  std::vector<std::byte> memory_ = std::vector<std::byte>(1 << 20);
};

// Of the third run of the graph with these inputs.
std::size_t allocations(GraphCase& graph, const std::vector<NamedTensor>& inputs) {
  const auto session = graph.load();
  EXPECT_TRUE(session) << session.error().detail;
  const auto execution = (*session)->new_execution();
  std::vector<InputView> views;
  for (const NamedTensor& input : inputs) {
    views.push_back({.datatype = input.datatype, .shape = input.shape, .data = input.data.bytes()});
  }
  const std::size_t wanted = 0;
  OnePlace place;
  for (int i = 0; i < 3; ++i) {
    counted = 0;
    counts = i == 2;
    const auto done =
        execution->run({.inputs = views, .outputs = std::span(&wanted, 1), .allocator = &place});
    counts = false;
    EXPECT_TRUE(done) << done.error().detail;
  }
  return counted;
}

struct OneNode {
  const char* op;
  std::vector<NamedTensor> inputs;
  std::vector<std::pair<std::size_t, NamedTensor>> constants{};  // by place
  std::vector<Attribute> attributes{};
  int opset = 17;
};

std::size_t allocations(const OneNode& row) {
  GraphCase graph(row.opset);
  std::vector<std::string> names;
  std::size_t given = 0;
  for (std::size_t i = 0; i < row.inputs.size() + row.constants.size(); ++i) {
    names.push_back("i" + std::to_string(i));
    const auto constant =
        std::ranges::find(row.constants, i, [](const auto& entry) { return entry.first; });
    if (constant != row.constants.end()) {
      graph.constant(names.back(), constant->second);
    } else {
      graph.input(names.back(), row.inputs[given++]);
    }
  }
  graph.node(row.op, names, {"y"}, row.attributes).output("y");
  return allocations(graph, row.inputs);
}

const NamedTensor kImage = random_floats({1, 8, 12, 12}, 1);
const NamedTensor kRows = random_floats({4, 24}, 2);

TEST(Allocations, NoneInARunOfKnownShapes) {
  const OneNode rows[] = {
      {"Add", {kRows, random_floats({24}, 3)}},
      {"ArgMax", {kRows}},
      {"AveragePool", {kImage}, {}, {integers("kernel_shape", {3, 3})}},
      {"BatchNormalization",
       {kImage},
       {{1, random_floats({8}, 1)},
        {2, random_floats({8}, 2)},
        {3, random_floats({8}, 3)},
        {4, floats({8}, std::vector<float>(8, 1))}}},
      {"Cast", {kRows}, {}, {integer("to", 11)}},
      {"Clip", {kRows}, {{1, floats({}, {0})}}},
      {"Concat", {kRows, kRows}, {}, {integer("axis", 1)}},
      {"Erf", {kRows}},
      {"Expand", {kRows}, {{1, int64s({3}, {2, 4, 24})}}},
      {"Flatten", {kImage}},
      {"Gather", {kRows, int64s({2}, {1, 3})}},
      {"Gelu", {kRows}, {}, {}, 20},
      {"Gemm", {kRows}, {{1, random_floats({24, 16}, 3)}, {2, random_floats({16}, 4)}}},
      {"GlobalAveragePool", {kImage}},
      {"InstanceNormalization", {kImage}, {{1, random_floats({8}, 1)}, {2, random_floats({8}, 2)}}},
      {"LayerNormalization", {kRows}, {{1, random_floats({24}, 1)}, {2, random_floats({24}, 2)}}},
      {"MatMul", {kRows}, {{1, random_floats({24, 16}, 3)}}},
      {"MaxPool", {kImage}, {}, {integers("kernel_shape", {3, 3})}},
      {"Mul", {kRows, kRows}},
      {"Pad", {kImage}, {{1, int64s({8}, {0, 0, 1, 1, 0, 0, 1, 1})}}},
      {"ReduceMean", {kRows}, {}, {integers("axes", {1})}},
      {"ReduceSum", {kImage}, {{1, int64s({2}, {2, 3})}}},
      {"Relu", {kRows}},
      {"Reshape", {kRows}, {{1, int64s({2}, {24, 4})}}},
      {"Slice", {kRows}, {{1, int64s({1}, {1})}, {2, int64s({1}, {3})}}},
      {"Softmax", {kRows}},
      {"Tanh", {kRows}},
      {"Transpose", {kImage}, {}, {integers("perm", {0, 2, 3, 1})}},
      {"Where", {bools({24}, std::vector<std::uint8_t>(24, 1)), kRows, kRows}},
  };
  for (const OneNode& row : rows) {
    EXPECT_EQ(allocations(row), 0U) << row.op;
  }
}

TEST(Allocations, AFewInEachPrimitiveOfOneDnn) {
  const OneNode rows[] = {
      {"Conv", {kImage}, {{1, random_floats({32, 8, 3, 3}, 2)}}},
      {"MatMul", {random_floats({2, 64, 96}, 1), random_floats({2, 96, 64}, 2)}},
  };
  for (const OneNode& row : rows) {
    const std::size_t found = allocations(row);
    std::printf("%s: %zu allocations in a run\n", row.op, found);
    EXPECT_LE(found, 10U) << row.op;
  }
}

TEST(Allocations, NoneInAChainOfSteps) {
  GraphCase graph(17);
  graph.input("x", kRows)
      .constant("w", random_floats({24, 24}, 3))
      .constant("scale", random_floats({24}, 4))
      .constant("bias", random_floats({24}, 5))
      .node("MatMul", {"x", "w"}, {"a"})
      .node("Add", {"a", "bias"}, {"b"})
      .node("Relu", {"b"}, {"c"})
      .node("Add", {"c", "x"}, {"d"})
      .node("LayerNormalization", {"d", "scale", "bias"}, {"e"})
      .node("Softmax", {"e"}, {"y"})
      .output("y");
  EXPECT_EQ(allocations(graph, {kRows}), 0U);
}

}  // namespace
}  // namespace sluice::engine
