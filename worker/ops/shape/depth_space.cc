// DepthToSpace, SpaceToDepth: blocks of an image from channels, and channels from blocks.
// Spec: https://onnx.ai/onnx/operators/onnx__DepthToSpace.html and its neighbour (read 2026-11).
// Types: all. With b = blocksize:
//
//   DepthToSpace  X [N, C, H, W] -> Y [N, C / b^2, H * b, W * b]; the channel is (row, column,
//   rest)
//                 in mode DCR and (rest, row, column) in mode CRD (since 11)
//   SpaceToDepth  X [N, C, H, W] -> Y [N, C * b^2, H / b, W / b]; the channel is (row, column, C)

#include <algorithm>
#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct BlockParams {
  std::int64_t size = 1;
  bool rest_first = false;  // CRD
};

template <bool kHasMode>
Result<BlockParams> parse_block(const Node& node) {
  Attributes attributes(node);
  BlockParams params;
  SLUICE_TRY_ASSIGN(params.size, attributes.integer("blocksize", 0));
  if (kHasMode && node.since >= 11) {
    SLUICE_TRY_ASSIGN(const std::string mode, attributes.text("mode", "DCR"));
    params.rest_first = mode == "CRD";
    if (!params.rest_first && mode != "DCR") {
      return Error{ErrorCode::unsupported, "mode '" + mode + "'"};
    }
  }
  SLUICE_TRY(attributes.finish());
  constexpr std::int64_t kMostSize = 1 << 10;
  if (params.size < 1 || params.size > kMostSize) {
    return Error{ErrorCode::data_corrupt, "a blocksize of " + std::to_string(params.size)};
  }
  return params;
}

constexpr std::int64_t kMostExtent = std::int64_t{1} << 40;  // times a block's area still a number

Error does_not_fit(const BlockParams& params, Dims dims) {
  return bad_input("blocks of " + std::to_string(params.size) + " do not fit " + to_string(dims));
}

Result<OutputFacts> infer_to_space(const BlockParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const std::int64_t area = params.size * params.size;
  if (x.dims.size() != 4 || x.dims[1] % area != 0 || std::max(x.dims[2], x.dims[3]) > kMostExtent) {
    return does_not_fit(params, x.dims);
  }
  return one_output(
      x.datatype, {x.dims[0], x.dims[1] / area, x.dims[2] * params.size, x.dims[3] * params.size});
}

Result<OutputFacts> infer_to_depth(const BlockParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.dims.size() != 4 || x.dims[2] % params.size != 0 || x.dims[3] % params.size != 0 ||
      x.dims[1] > kMostExtent) {
    return does_not_fit(params, x.dims);
  }
  return one_output(x.datatype,
                    {x.dims[0],
                     x.dims[1] * params.size * params.size,
                     x.dims[2] / params.size,
                     x.dims[3] / params.size});
}

// Both as one box over N, rest of the channel, height, row in a block, width, column in a block;
// `deep` has the blocks in its channels, `wide` in its height and width.
struct Views {
  Shape extents{};
  Shape deep{};
  Shape wide{};
};

Views views_of(const BlockParams& params, Dims deep) {
  const std::int64_t b = params.size;
  const std::int64_t n = deep[0];
  const std::int64_t rest = deep[1] / (b * b);
  const std::int64_t h = deep[2];
  const std::int64_t w = deep[3];
  const std::int64_t plane = h * w;
  const std::int64_t of_rest = params.rest_first ? b * b * plane : plane;
  const std::int64_t of_column = params.rest_first ? plane : rest * plane;
  return {.extents = {n, rest, h, b, w, b},
          .deep = {deep[1] * plane, of_rest, w, of_column * b, 1, of_column},
          .wide = {deep[1] * plane, b * b * plane, b * b * w, b * w, b, 1}};
}

Result<StridedCopy> bind_to_space(const BlockParams& params, BindContext& context) {
  Views views = views_of(params, context.inputs[0].dims);
  return merged({.extents = std::move(views.extents),
                 .from = std::move(views.deep),
                 .to = std::move(views.wide)});
}

Result<StridedCopy> bind_to_depth(const BlockParams& params, BindContext& context) {
  Views views = views_of(params, context.outputs[0].dims);
  return merged({.extents = std::move(views.extents),
                 .from = std::move(views.wide),
                 .to = std::move(views.deep)});
}

Result<void> run_blocks(const BlockParams&, const StridedCopy& box, KernelContext& context) {
  return run_box(box, context);
}

}  // namespace

void register_depth_space(Registry& registry) {
  registry.add(
      {.name = "DepthToSpace",
       .since = {1, 11, 13},
       .kernel = bound_kernel<parse_block<true>, infer_to_space, bind_to_space, run_blocks>(),
       .halves = HalfRule::native,
       .tame = true});
  registry.add(
      {.name = "SpaceToDepth",
       .since = {1, 13},
       .kernel = bound_kernel<parse_block<false>, infer_to_depth, bind_to_depth, run_blocks>(),
       .halves = HalfRule::native,
       .tame = true});
}

}  // namespace sluice::engine
