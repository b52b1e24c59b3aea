// Which operators there are: (domain, name, opset) -> kernel, over the complete lists of
// since-versions, so that a model of a newer opset never runs by an older one's rules.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"

namespace sluice::engine {

// Newest opsets whose since-lists the operators below were written against.
inline constexpr int kNewestOnnxOpset = 24;
inline constexpr int kNewestMlOpset = 5;
inline constexpr std::string_view kMlDomain = "ai.onnx.ml";
inline constexpr std::string_view kTestDomain = "sluice.test";
inline constexpr std::string_view kFusedDomain = "sluice.fused";  // made by the plan alone
inline constexpr const char* kWrittenDomain = "sluice.written";   // by the reader (read/contrib.h)

// How an operator lives with a tensor that is not row-major.
enum class LayoutRule : std::uint8_t {
  plain,          // row-major only
  follow,         // any layout that all inputs share; the output has it too
  reduces,        // likewise, but an output of another rank is row-major
  channels_last,  // wants and gives channels_last where the rank is 3 to 5 and float32
  turns,          // Transpose: between the two layouts it is another name for the same bytes
};

// How an operator lives with float16 and bfloat16.
enum class HalfRule : std::uint8_t {
  widen,   // the kernel sees float32 in their place, and its results are rounded (widen.h)
  native,  // the kernel takes them: it moves elements without looking, or converts by itself
};

inline constexpr std::size_t kAnyNumber = ~std::size_t{0};

// How many inputs and outputs a node may name. The first `inputs_least` must be there, and all of
// them where there may be any number; the first output unless it is one of several to choose from.
struct Arity {
  std::size_t inputs_least = 1;
  std::size_t inputs_most = 1;
  std::size_t outputs_most = 1;
  bool first_output = true;
};

struct OperatorEntry {
  std::string name{};
  std::string domain{};      // "" is ai.onnx
  std::vector<int> since{};  // complete, oldest to newest
  std::vector<int> lacks{};  // of those, the ones without a kernel
  // Where there is a kernel for none of them, why: ends a sentence that begins with the name.
  std::string refusal{};
  Arity arity{};
  Kernel kernel{};
  LayoutRule layout = LayoutRule::plain;
  HalfRule halves = HalfRule::widen;
  std::vector<std::size_t>
      wide_outputs{};                     // float32 whatever the inputs (LayerNormalization's mean)
  std::vector<std::size_t> overwrites{};  // inputs whose memory output 0 may take when it fits
  bool alias = false;                     // output 0 has the bytes of input 0, only other dims
  bool fuses_tail = false;                // takes bias and activation of its consumer
  std::size_t own_bias = 2;  // the input that is one, or that keeps the step from taking another
  bool fuses_residual = false;
  bool tame = false;         // finite inputs give finite outputs, but for overflow (see tame.cc)
  bool spreads_nan = false;  // has kernels for finite inputs alone (BindContext::keep_nan)
  bool pure = true;          // false: never folded (the tests' operators)
  // Where the operator is an activation that its producer can apply: fills it in, true. Null:
  // never.
  bool (*as_activation)(const Box& params, const InputFacts& facts, Tail& tail) = nullptr;
  // The layout rule of a step with one result, for a first input of this datatype, where it hangs
  // on that or on the step's state. Null: `layout` is.
  LayoutRule (*layout_for)(const Box& state, DataType datatype) = nullptr;
  // Asked where output 0 has the datatype and dims of input 0: whether it is input 0 as it is, so
  // that the step has nothing to do. Null: never, but for an alias, which always is.
  bool (*passes_on)(const Box& params, const InputFacts& facts) = nullptr;
};

// For `passes_on`: the same dims are enough.
inline bool always_passes_on(const Box&, const InputFacts&) {
  return true;
}

class Registry {
 public:
  void add(OperatorEntry entry);

  struct Found {
    const OperatorEntry* entry = nullptr;
    int since = 0;
  };
  // unsupported, in words that name the operator and the opset.
  [[nodiscard]] Result<Found> find(std::string_view domain, std::string_view name, int opset) const;
  // Whether it is known and always refused.
  [[nodiscard]] bool refuses(std::string_view domain, std::string_view name) const;

 private:
  std::map<std::pair<std::string, std::string>, OperatorEntry> entries_;
};

}  // namespace sluice::engine
