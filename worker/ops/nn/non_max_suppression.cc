// NonMaxSuppression.
// Spec: https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html (read 2026-11).
// boxes [B, N, 4] (two corners in any order, or with center_point_box centre and size), scores [B,
// C, N]: for each image and class the boxes above score_threshold are taken from the best down (of
// equal scores the first), those that overlap a taken one by more than iou_threshold are dropped,
// and at most max_output_boxes_per_class are kept. The result is int64 [taken, 3]: image, class,
// box. Types: float32. A score that is NaN is above no threshold. Opsets 10 and 11 are the same
// here.

#include <algorithm>
#include <array>
#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct SuppressionParams {
  bool by_centre = false;
};

Result<SuppressionParams> parse_suppression(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t centre, attributes.integer("center_point_box", 0));
  SLUICE_TRY(attributes.finish());
  if (centre != 0 && centre != 1) {
    return Error{ErrorCode::data_corrupt, "center_point_box is " + std::to_string(centre)};
  }
  return SuppressionParams{centre == 1};
}

Result<OutputFacts> infer_suppression(const SuppressionParams&, const InputFacts& facts) {
  const InputFact& boxes = facts.at(0);
  const InputFact& scores = facts.at(1);
  if (boxes.datatype != DataType::float32 || scores.datatype != DataType::float32) {
    return unsupported_type(boxes.datatype != DataType::float32 ? boxes.datatype : scores.datatype);
  }
  if (boxes.dims.size() != 3 || scores.dims.size() != 3 || boxes.dims[2] != 4 ||
      boxes.dims[0] != scores.dims[0] || boxes.dims[1] != scores.dims[2]) {
    return bad_input("boxes " + to_string(boxes.dims) + " and scores " + to_string(scores.dims) +
                     " do not fit");
  }
  for (std::size_t i = 2; i < facts.inputs.size(); ++i) {
    const DataType wanted = i == 2 ? DataType::int64 : DataType::float32;
    if (facts.has(i) && (facts.at(i).datatype != wanted ||
                         product(facts.at(i).dims, 0, facts.at(i).dims.size()) != 1)) {
      return bad_input("input " + std::to_string(i) + " is " +
                       std::string(name_of(facts.at(i).datatype)) + to_string(facts.at(i).dims) +
                       ", not one " + std::string(name_of(wanted)));
    }
  }
  return data_dependent(DataType::int64);
}

struct Box {
  float top = 0;
  float left = 0;
  float bottom = 0;
  float right = 0;

  [[nodiscard]] float area() const { return (bottom - top) * (right - left); }
};

Box box_of(const SuppressionParams& params, const float* box) {
  if (params.by_centre) {  // x, y, width, height
    return {.top = box[1] - box[3] / 2,
            .left = box[0] - box[2] / 2,
            .bottom = box[1] + box[3] / 2,
            .right = box[0] + box[2] / 2};
  }
  return {.top = std::min(box[0], box[2]),
          .left = std::min(box[1], box[3]),
          .bottom = std::max(box[0], box[2]),
          .right = std::max(box[1], box[3])};
}

// Intersection over union is above `most`.
bool overlaps(const Box& a, const Box& b, float most) {
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0) || !(width > 0)) {
    return false;
  }
  const float both = height * width;
  return both / (a.area() + b.area() - both) > most;
}

using Taken = std::array<std::int64_t, 3>;

Result<void> run_suppression(const SuppressionParams& params, KernelContext& context) {
  const TensorView& boxes = context.input(0);
  const TensorView& scores = context.input(1);
  const std::int64_t most = context.has_input(2) ? context.input(2).as<std::int64_t>()[0] : 0;
  const float overlap = context.has_input(3) ? context.input(3).as<float>()[0] : 0.0F;
  if (!(overlap >= 0 && overlap <= 1)) {
    return bad_input("iou_threshold is " + std::to_string(overlap));
  }
  const std::int64_t count = boxes.dims[1];
  const std::int64_t classes = scores.dims[1];
  std::vector<Taken> taken;
  std::vector<std::int64_t> order;
  std::vector<Box> kept;
  for (std::int64_t line = 0; line < scores.dims[0] * classes && most > 0; ++line) {
    const float* score = scores.as<float>().data() + line * count;
    const float* box = boxes.as<float>().data() + line / classes * count * 4;
    order.clear();
    kept.clear();
    for (std::int64_t i = 0; i < count; ++i) {
      const bool counts =
          context.has_input(4) ? score[i] > context.input(4).as<float>()[0] : score[i] == score[i];
      if (counts) {
        order.push_back(i);
      }
    }
    std::ranges::stable_sort(order, [&](auto a, auto b) { return score[a] > score[b]; });
    for (const std::int64_t i : order) {
      if (static_cast<std::int64_t>(kept.size()) >= most) {
        break;
      }
      const Box candidate = box_of(params, box + i * 4);
      const bool free = std::ranges::none_of(
          kept, [&](const Box& other) { return overlaps(candidate, other, overlap); });
      if (free) {
        kept.push_back(candidate);
        taken.push_back({line / classes, line % classes, i});
      }
    }
    if (context.stopped()) {
      return Error{ErrorCode::cancelled, "the run was stopped"};
    }
  }
  SLUICE_TRY_ASSIGN(TensorView* const y,
                    context.allocate_output(0, {static_cast<std::int64_t>(taken.size()), 3}));
  std::int64_t* to = y->mut<std::int64_t>().data();
  for (const Taken& each : taken) {
    to = std::ranges::copy(each, to).out;
  }
  return {};
}

}  // namespace

void register_non_max_suppression(Registry& registry) {
  registry.add({.name = "NonMaxSuppression",
                .since = {10, 11},
                .arity = {2, 5, 1},
                .kernel = kernel<parse_suppression, infer_suppression, run_suppression>()});
}

}  // namespace sluice::engine
