// GroupNormalization, InstanceNormalization.
// Spec: https://onnx.ai/onnx/operators/onnx__GroupNormalization.html and
// onnx__InstanceNormalization.html (read 2026-11).
// x [N, C, ...]: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, the statistics of one
// image over the places of one channel (Instance) or of C / num_groups channels (Group).
// Types: float32, float64; sums in double.
// Opsets: GroupNormalization 18 has scale and bias for each group, 21 for each channel.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/nn/rows_norm.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct GroupParams {
  double epsilon = 1e-5;
  std::int64_t groups = 0;     // 0: as many as channels
  bool scales_groups = false;  // else channels
};

Result<GroupParams> parse_instance(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const float epsilon, attributes.real("epsilon", 1e-5F));
  if (node.since < 6) {
    attributes.ignore("consumed_inputs");
  }
  SLUICE_TRY(attributes.finish());
  return GroupParams{.epsilon = static_cast<double>(epsilon)};
}

Result<GroupParams> parse_group(const Node& node) {
  Attributes attributes(node);
  GroupParams params{.scales_groups = node.since < 21};
  SLUICE_TRY_ASSIGN(const float epsilon, attributes.real("epsilon", 1e-5F));
  params.epsilon = static_cast<double>(epsilon);
  SLUICE_TRY_ASSIGN(params.groups, attributes.integer("num_groups", 0));
  if (node.since >= 21) {
    attributes.ignore("stash_type");  // the least precision of the statistics
  }
  SLUICE_TRY(attributes.finish());
  if (params.groups < 1) {
    return Error{ErrorCode::data_corrupt, "num_groups is " + std::to_string(params.groups)};
  }
  return params;
}

Result<OutputFacts> infer_group(const GroupParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 2 || (params.groups > 0 && x.dims[1] % params.groups != 0)) {
    return bad_input("input " + to_string(x.dims) + " has no channels in " +
                     std::to_string(params.groups) + " groups");
  }
  const std::int64_t wanted = params.scales_groups ? params.groups : x.dims[1];
  for (std::size_t i = 1; i <= 2; ++i) {
    const InputFact& input = facts.at(i);
    if (input.datatype != x.datatype || input.dims.size() != 1 || input.dims[0] != wanted) {
      return bad_input("scale or bias " + std::string(name_of(input.datatype)) +
                       to_string(input.dims) + " is not " + std::string(name_of(x.datatype)) + "[" +
                       std::to_string(wanted) + "]");
    }
  }
  return infer_same(params, facts);
}

template <class T>
void run_as(const GroupParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  const T* scale = context.input(1).as<T>().data();
  const T* bias = context.input(2).as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const std::int64_t channels = view.dims[1];
  const std::int64_t groups = params.groups > 0 ? params.groups : channels;
  const std::int64_t places = product(view.dims, 2, view.rank());
  const std::int64_t each = channels / groups;  // channels of a group
  const std::int64_t length = each * places;
  parallel_for(
      view.dims[0] * groups, 1 + 16'384 / (length + 1), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const auto [mean, inverse] = statistics_of_row(x + row * length, length, params.epsilon);
          const std::int64_t group = row % groups;
          for (std::int64_t c = 0; c < each; ++c) {
            const std::int64_t at = params.scales_groups ? group : group * each + c;
            const T factor = inverse * scale[at];
            const T* from = x + row * length + c * places;
            T* to = y + row * length + c * places;
            for (std::int64_t i = 0; i < places; ++i) {
              to[i] = (from[i] - mean) * factor + bias[at];
            }
          }
        }
      });
}

constexpr std::int64_t kChannels = 32;  // of a block: its sums stay in the first cache

// Neighbouring channels of one image in channels-last order, each a group of its own.
template <class T>
struct ChannelBlock {
  const T* x;
  const T* scale;
  const T* bias;
  T* y;
  std::int64_t count;  // channels, at most kChannels
  std::int64_t step;   // from one place to the next
};

template <class T>
void normalise(const ChannelBlock<T>& block, std::int64_t places, double epsilon) {
  double mean[kChannels] = {};
  double squares[kChannels] = {};
  const T* x = block.x;
  for (std::int64_t p = 0; p < places; ++p, x += block.step) {
    for (std::int64_t c = 0; c < block.count; ++c) {
      mean[c] += static_cast<double>(x[c]);
    }
  }
  for (double& sum : mean) {
    sum /= static_cast<double>(places);
  }
  x = block.x;
  for (std::int64_t p = 0; p < places; ++p, x += block.step) {
    for (std::int64_t c = 0; c < block.count; ++c) {
      const double off = static_cast<double>(x[c]) - mean[c];
      squares[c] += off * off;
    }
  }
  T centre[kChannels];
  T factor[kChannels];
  for (std::int64_t c = 0; c < block.count; ++c) {
    centre[c] = static_cast<T>(mean[c]);
    const double variance = squares[c] / static_cast<double>(places);
    factor[c] = static_cast<T>(1 / std::sqrt(variance + epsilon)) * block.scale[c];
  }
  x = block.x;
  T* y = block.y;
  for (std::int64_t p = 0; p < places; ++p, x += block.step, y += block.step) {
    for (std::int64_t c = 0; c < block.count; ++c) {
      y[c] = (x[c] - centre[c]) * factor[c] + block.bias[c];
    }
  }
}

// InstanceNormalization alone.
template <class T>
void run_channels_last(const GroupParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  const T* scale = context.input(1).as<T>().data();
  const T* bias = context.input(2).as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const std::int64_t channels = view.dims[1];
  const std::int64_t places = product(view.dims, 2, view.rank());
  const std::int64_t blocks = (channels + kChannels - 1) / kChannels;
  const std::int64_t grain = 1 + 16'384 / (places * kChannels);
  parallel_for(view.dims[0] * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t first = at % blocks * kChannels;
      const std::int64_t offset = at / blocks * places * channels + first;
      normalise<T>({.x = x + offset,
                    .scale = scale + first,
                    .bias = bias + first,
                    .y = y + offset,
                    .count = std::min(kChannels, channels - first),
                    .step = channels},
                   places,
                   params.epsilon);
    }
  });
}

template <class T>
void run_rows_or_last(const GroupParams& params, KernelContext& context) {
  if (context.output(0).layout == Layout::channels_last) {
    run_channels_last<T>(params, context);
  } else {
    run_as<T>(params, context);
  }
}

Result<void> run_group(const GroupParams& params, KernelContext& context) {
  if (context.output(0).count == 0) {
    return {};
  }
  if (context.input(0).datatype == DataType::float32) {
    run_rows_or_last<float>(params, context);
  } else {
    run_rows_or_last<double>(params, context);
  }
  return {};
}

}  // namespace

void register_instance_norm(Registry& registry) {
  registry.add({.name = "GroupNormalization",
                .since = {18, 21},
                .arity = {3, 3, 1},
                .kernel = kernel<parse_group, infer_group, run_group>(),
                .overwrites = {0},
                .tame = true});
  registry.add({.name = "InstanceNormalization",
                .since = {1, 6, 22},
                .arity = {3, 3, 1},
                .kernel = kernel<parse_instance, infer_group, run_group>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
