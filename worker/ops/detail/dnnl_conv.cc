#include "worker/ops/detail/dnnl_conv.h"

#include <optional>
#include <utility>

#include "worker/ops/detail/dnnl_common.h"

namespace sluice::engine::detail {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

Tag channels_last_tag(std::size_t rank) {
  return rank == 3 ? Tag::nwc : rank == 4 ? Tag::nhwc : Tag::ndhwc;
}

Tag weight_tag(std::size_t rank, bool grouped) {
  constexpr Tag kPlain[] = {Tag::oiw, Tag::oihw, Tag::oidhw};
  constexpr Tag kGrouped[] = {Tag::goiw, Tag::goihw, Tag::goidhw};
  return (grouped ? kGrouped : kPlain)[rank - 3];
}

// [M, C/g, k...] as [g, M/g, C/g, k...] where there are groups.
Shape weight_dims(const ConvSpec& spec) {
  Shape dims = spec.w_dims;
  if (spec.group > 1) {
    dims[0] /= spec.group;
    dims.insert(dims.begin(), spec.group);
  }
  return dims;
}

dnnl::convolution_forward::primitive_desc describe_convolution(const ConvSpec& spec,
                                                               const Desc& weights) {
  const Tag tag = channels_last_tag(spec.x_dims.size());
  const Desc x(spec.x_dims, kF32, tag);
  const Desc y(spec.y_dims, kF32, tag);
  const Desc bias(Shape{spec.w_dims[0]}, kF32, Tag::a);
  Shape dilations = spec.dilations;
  for (std::int64_t& dilation : dilations) {
    --dilation;  // oneDNN counts the skipped places
  }
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::desc wanted =
      spec.has_bias ? dnnl::convolution_forward::desc(kKind,
                                                      kAlgorithm,
                                                      x,
                                                      weights,
                                                      bias,
                                                      y,
                                                      spec.strides,
                                                      dilations,
                                                      spec.pads_begin,
                                                      spec.pads_end)
                    : dnnl::convolution_forward::desc(kKind,
                                                      kAlgorithm,
                                                      x,
                                                      weights,
                                                      y,
                                                      spec.strides,
                                                      dilations,
                                                      spec.pads_begin,
                                                      spec.pads_end);
  return {wanted, attributes_for(spec.tail), cpu_engine()};
}

}  // namespace

struct PackedFilter::Impl {
  Desc desc;
  dnnl::memory memory;
};

std::shared_ptr<const PackedFilter> PackedFilter::make(const ConvSpec& typical, const float* w) {
  try {
    const Shape dims = weight_dims(typical);
    const auto chosen = describe_convolution(typical, Desc(dims, kF32, Tag::any));
    const Desc desc = chosen.weights_desc();
    const Desc plain(dims, kF32, weight_tag(typical.w_dims.size(), typical.group > 1));
    auto filter = std::make_shared<PackedFilter>();
    filter->impl_ = std::make_shared<Impl>(Impl{.desc = desc, .memory = reordered(w, plain, desc)});
    return filter;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

struct Convolution::Impl {
  std::optional<BoundPrimitive> primitive;
  std::shared_ptr<const PackedFilter> filter;
  dnnl::memory own_filter;  // where the shared order does not fit
  void* weights = nullptr;
  bool has_bias = false;
  std::size_t scratch_size = 0;
};

std::shared_ptr<Convolution> Convolution::make(const ConvSpec& spec,
                                               std::shared_ptr<const PackedFilter> filter) {
  try {
    auto impl = std::make_shared<Impl>();
    impl->filter = std::move(filter);
    const PackedFilter::Impl& packed = impl->filter->impl();
    auto chosen = describe_convolution(spec, Desc(weight_dims(spec), kF32, Tag::any));
    impl->weights = packed.memory.get_data_handle();
    if (chosen.weights_desc() != packed.desc) {
      impl->own_filter = reordered(impl->weights, packed.desc, chosen.weights_desc());
      impl->weights = impl->own_filter.get_data_handle();
    }
    std::vector<BoundPrimitive::Argument> arguments{
        {DNNL_ARG_SRC, chosen.src_desc()},
        {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
        {DNNL_ARG_DST, chosen.dst_desc()},
        {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}};
    if (spec.has_bias) {
      arguments.push_back({DNNL_ARG_BIAS, chosen.bias_desc()});
    }
    impl->has_bias = spec.has_bias;
    impl->scratch_size = chosen.scratchpad_desc().get_size();
    impl->primitive.emplace(dnnl::convolution_forward(chosen), arguments);
    auto convolution = std::make_shared<Convolution>();
    convolution->impl_ = std::move(impl);
    return convolution;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

std::size_t Convolution::scratch_size() const {
  return impl_->scratch_size;
}

void Convolution::run(const float* x, const float* bias, float* y, std::byte* scratch) {
  // oneDNN takes inputs as void*, and only reads them.
  void* const addresses[] = {
      const_cast<float*>(x), impl_->weights, y, scratch, const_cast<float*>(bias)};
  impl_->primitive->run(std::span(addresses).first(impl_->has_bias ? 5 : 4));
}

}  // namespace sluice::engine::detail
