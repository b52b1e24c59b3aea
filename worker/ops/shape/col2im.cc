// Col2Im: columns of blocks laid back over images, added where they overlap.
// Spec: https://onnx.ai/onnx/operators/onnx__Col2Im.html (read 2026-11).
// Types: all numbers. X [N, C * product(block), L] -> Y [N, C, image...], any number of spatial
// axes; L counts the places of the block in the padded image, row-major:
//
//   places[d] = (image[d] + pads - (dilation[d] * (block[d] - 1) + 1)) / stride[d] + 1

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/known.h"
#include "worker/ops/math/arithmetic.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct Col2ImParams {
  std::vector<std::int64_t> dilations{};
  std::vector<std::int64_t> pads{};
  std::vector<std::int64_t> strides{};
};

Result<Col2ImParams> parse_col2im(const Node& node) {
  Attributes attributes(node);
  Col2ImParams params;
  SLUICE_TRY_ASSIGN(params.dilations, attributes.integers("dilations"));
  SLUICE_TRY_ASSIGN(params.pads, attributes.integers("pads"));
  SLUICE_TRY_ASSIGN(params.strides, attributes.integers("strides"));
  SLUICE_TRY(attributes.finish());
  return params;
}

struct Blocks {
  Shape image{};
  Shape block{};
  Shape dilations{};
  Shape before{};  // pads in front
  Shape strides{};
  Shape places{};
};

bool are_at_least(const std::vector<std::int64_t>& numbers, std::int64_t least) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  return std::ranges::all_of(
      numbers, [&](std::int64_t number) { return number >= least && number < kMost; });
}

Result<std::optional<Blocks>> blocks_of(const Col2ImParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(KnownIntegers image, known_integers(facts, 1));
  SLUICE_TRY_ASSIGN(KnownIntegers block, known_integers(facts, 2));
  if (!image || !block) {
    return std::optional<Blocks>();
  }
  const std::size_t rank = image->size();
  Blocks blocks{.image = *std::move(image),
                .block = *std::move(block),
                .dilations = params.dilations,
                .before = params.pads,
                .strides = params.strides};
  blocks.dilations.resize(std::max(rank, params.dilations.size()), 1);
  blocks.before.resize(std::max(2 * rank, params.pads.size()), 0);
  blocks.strides.resize(std::max(rank, params.strides.size()), 1);
  if (rank == 0 || blocks.block.size() != rank || blocks.dilations.size() != rank ||
      blocks.before.size() != 2 * rank || blocks.strides.size() != rank ||
      !are_at_least(blocks.image, 0) || !are_at_least(blocks.block, 1) ||
      !are_at_least(blocks.dilations, 1) || !are_at_least(blocks.before, 0) ||
      !are_at_least(blocks.strides, 1)) {
    return bad_input("image " + to_string(blocks.image) + ", block " + to_string(blocks.block) +
                     " and its attributes do not fit each other");
  }
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t room = blocks.image[d] + blocks.before[d] + blocks.before[d + rank] -
                              (blocks.dilations[d] * (blocks.block[d] - 1) + 1);
    blocks.places.push_back(room < 0 ? 0 : room / blocks.strides[d] + 1);
  }
  blocks.before.resize(rank);
  return std::optional(std::move(blocks));
}

Result<OutputFacts> infer_col2im(const Col2ImParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::optional<Blocks> blocks, blocks_of(params, facts));
  if (!blocks) {
    return data_dependent(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::int64_t size, element_count(blocks->block));
  SLUICE_TRY_ASSIGN(const std::int64_t places, element_count(blocks->places));
  if (x.dims.size() != 3 || x.dims[1] % size != 0 || x.dims[2] != places) {
    return bad_input("its input is " + to_string(x.dims) + ", the blocks want [N,C*" +
                     std::to_string(size) + "," + std::to_string(places) + "]");
  }
  Shape dims{x.dims[0], x.dims[1] / size};
  dims.insert(dims.end(), blocks->image.begin(), blocks->image.end());
  return one_output(x.datatype, std::move(dims));
}

Result<Blocks> bind_col2im(const Col2ImParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(std::optional<Blocks> blocks, blocks_of(params, {.inputs = facts}));
  SLUICE_CHECK(blocks.has_value());
  return *std::move(blocks);
}

// The offset in the image of element `in_block` of the block at `place`; nullopt in the padding.
std::optional<std::int64_t> offset_of(const Blocks& blocks,
                                      std::int64_t in_block,
                                      std::int64_t place) {
  std::int64_t offset = 0;
  std::int64_t stride = 1;
  for (std::size_t d = blocks.image.size(); d > 0; --d) {
    const std::int64_t at = place % blocks.places[d - 1] * blocks.strides[d - 1] +
                            in_block % blocks.block[d - 1] * blocks.dilations[d - 1] -
                            blocks.before[d - 1];
    if (at < 0 || at >= blocks.image[d - 1]) {
      return std::nullopt;
    }
    offset += at * stride;
    stride *= blocks.image[d - 1];
    place /= blocks.places[d - 1];
    in_block /= blocks.block[d - 1];
  }
  return offset;
}

Result<void> run_col2im(const Col2ImParams&, const Blocks& blocks, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const std::int64_t size = product(blocks.block, 0, blocks.block.size());
  const std::int64_t places = x.dims[2];
  const std::int64_t plane = product(blocks.image, 0, blocks.image.size());
  dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const T* from = x.as<T>().data();
    T* to = y.mut<T>().data();
    // A plane of the result is nobody else's.
    parallel_for(y.dims[0] * y.dims[1], 1, [&](std::int64_t begin, std::int64_t end) {
      std::fill(to + begin * plane, to + end * plane, T{0});
      for (std::int64_t row = begin * size; row < end * size; ++row) {
        T* image = to + row / size * plane;
        for (std::int64_t place = 0; place < places; ++place) {
          if (const auto at = offset_of(blocks, row % size, place)) {
            image[*at] = arithmetic<Arithmetic::add>(image[*at], from[row * places + place]);
          }
        }
      }
    });
  });
  return {};
}

}  // namespace

void register_col2im(Registry& registry) {
  registry.add({.name = "Col2Im",
                .since = {18},
                .arity = {3, 3, 1},
                .kernel = bound_kernel<parse_col2im, infer_col2im, bind_col2im, run_col2im>(),
                .tame = true});
}

}  // namespace sluice::engine
