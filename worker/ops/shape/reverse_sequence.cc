// ReverseSequence: the first part of each sequence of a batch turned round.
// Spec: https://onnx.ai/onnx/operators/onnx__ReverseSequence.html (read 2026-11).
// Types: all; sequence_lens int64 [batch], 0 to the extent of the time axis. batch_axis and
// time_axis are 0 and 1 or 1 and 0.

#include <algorithm>
#include <string>

#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ReverseParams {
  bool time_first = true;
};

Result<ReverseParams> parse_reverse(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t batch, attributes.integer("batch_axis", 1));
  SLUICE_TRY_ASSIGN(const std::int64_t time, attributes.integer("time_axis", 0));
  SLUICE_TRY(attributes.finish());
  if (std::min(batch, time) != 0 || std::max(batch, time) != 1) {
    return Error{ErrorCode::data_corrupt,
                 "batch_axis " + std::to_string(batch) + " and time_axis " + std::to_string(time) +
                     " are not 0 and 1"};
  }
  return ReverseParams{.time_first = time == 0};
}

Result<OutputFacts> infer_reverse(const ReverseParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& lengths = facts.at(1);
  if (x.dims.size() < 2) {
    return bad_input("its input is " + to_string(x.dims) + ", without a batch and a time");
  }
  const std::int64_t batch = x.dims[params.time_first ? 1 : 0];
  if (lengths.datatype != DataType::int64 || lengths.dims.size() != 1 || lengths.dims[0] != batch) {
    return bad_input("its lengths are " + std::string(name_of(lengths.datatype)) + " " +
                     to_string(lengths.dims) + ", not int64 [" + std::to_string(batch) + "]");
  }
  return infer_same(params, facts);
}

Result<void> run_reverse(const ReverseParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const auto lengths = context.input(1).as<std::int64_t>();
  const std::int64_t time = x.dims[params.time_first ? 0 : 1];
  const auto batch = static_cast<std::int64_t>(lengths.size());
  const std::int64_t inner = product(x.dims, 2, x.rank());
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > time) {
      return bad_input("a length of " + std::to_string(length) + " in a time of " +
                       std::to_string(time));
    }
  }
  const std::int64_t time_step = params.time_first ? batch * inner : inner;
  const std::int64_t batch_step = params.time_first ? inner : time * inner;
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    for (std::int64_t b = 0; b < batch; ++b) {
      const std::int64_t length = lengths[static_cast<std::size_t>(b)];
      for (std::int64_t t = 0; t < time; ++t) {
        const std::int64_t source = t < length ? length - 1 - t : t;
        std::copy_n(elements<T>(x) + b * batch_step + source * time_step,
                    inner,
                    elements<T>(y) + b * batch_step + t * time_step);
      }
    }
  });
  return {};
}

}  // namespace

void register_reverse_sequence(Registry& registry) {
  registry.add({.name = "ReverseSequence",
                .since = {10},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_reverse, infer_reverse, run_reverse>(),
                .halves = HalfRule::native,
                .tame = true});
}

}  // namespace sluice::engine
